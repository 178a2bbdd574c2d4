//! Asks which orderings a comparison allows, and whether each key's is among them.

pub fn holds(compare: &Compare, found: &[KeyValue]) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let allowed: &[std::cmp::Ordering] = match compare.result {
        CompareResult::Equal => &[Equal],
        CompareResult::Greater => &[Greater],
        CompareResult::Less => &[Less],
        CompareResult::NotEqual => &[Less, Greater],
    };
    let nothing = [KeyValue::default()];
    let (given, number): (i64, fn(&KeyValue) -> i64) = match &compare.target {
        CompareTarget::Value(value) => {
            let mut orderings = found.iter().map(|kv| kv.value.cmp(value));
            return !found.is_empty() && orderings.all(|ordering| allowed.contains(&ordering));
        }
        CompareTarget::Version(given) => (*given, |kv| kv.version),
        CompareTarget::Create(given) => (*given, |kv| kv.create_revision),
        CompareTarget::Mod(given) => (*given, |kv| kv.mod_revision),
        CompareTarget::Lease(given) => (*given, |kv| kv.lease),
    };
    let kvs = if found.is_empty() {
        &nothing[..]
    } else {
        found
    };
    kvs.iter()
        .all(|kv| allowed.contains(&number(kv).cmp(&given)))
}
