//! `one-owner`: in a generation no two members of a group own one partition.

use std::collections::BTreeMap;

pub(crate) const NAME: &str = "one-owner";
pub(crate) const SENTENCE: &str = "In a generation a partition has one owner";

/// Notes what a member was told that it owns.
pub(crate) fn judge(
    owners: &mut BTreeMap<(i32, usize), String>,
    generation: i32,
    member: &str,
    partitions: &[usize],
) -> Result<(), String> {
    for partition in partitions {
        let owner = owners.entry((generation, *partition));
        let owner = owner.or_insert_with(|| member.to_owned());
        if owner != member {
            return Err(format!(
                "in generation {generation} partition {partition} is {owner}'s and {member}'s"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_noticed() {
        let mut owners = BTreeMap::new();
        assert_eq!(judge(&mut owners, 1, "a", &[0, 1]), Ok(()));
        assert_eq!(judge(&mut owners, 1, "b", &[2]), Ok(()));
        assert_eq!(judge(&mut owners, 2, "b", &[1]), Ok(()));
        assert_eq!(judge(&mut owners, 1, "a", &[1]), Ok(()), "told again");
        assert!(judge(&mut owners, 1, "b", &[1]).is_err());
    }
}
