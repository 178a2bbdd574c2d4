//! Where machines stand in the network (`NetworkTopology`): racks are paths such as `/rack1` or
//! `/dc1/rack1`, machines are the leaves below them, and the fewer switches lie between two machines,
//! the nearer they are.

use node::Rng;

use crate::block::DatanodeInfo;

/// A machine's name and the rack in which it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The machine's name.
    pub hostname: &'a str,
    /// The path of its rack.
    pub rack: &'a str,
}

impl<'a> Place<'a> {
    /// Where a DataNode stands.
    pub fn of(info: &'a DatanodeInfo) -> Place<'a> {
        Place {
            hostname: &info.hostname,
            rack: &info.rack,
        }
    }
}

/// Checks that a rack is a path: parts that are not empty, each after a `/`.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn check_rack(rack: &str) -> Result<(), String> {
    let parts = rack.strip_prefix('/');
    if parts.is_some_and(|parts| parts.split('/').all(|part| !part.is_empty())) {
        return Ok(());
    }
    Err(format!(
        "{rack:?} is no rack; a rack looks like /rack1 or /dc1/rack1"
    ))
}

/// How many links of the network lie between two machines: 0 on the same one, 2 in the same rack (up
/// to the rack's switch and down again), and 2 more for each level up to their nearest common ancestor.
pub fn distance(a: Place<'_>, b: Place<'_>) -> usize {
    if a == b {
        return 0;
    }
    let levels = |rack: &str| rack.split('/').count();
    let both = a.rack.split('/').zip(b.rack.split('/'));
    let common = both.take_while(|(a, b)| a == b).count();
    (levels(a.rack) - common + 1) + (levels(b.rack) - common + 1)
}

/// Puts the DataNodes that hold a block into the order in which a reader should try them: those not
/// heard for a while (`true`) last, then by distance from the reader; equal ones in random order, so
/// that readers spread. Where the reader stands outside the cluster, all are equally far.
pub fn sort_for_reader(
    mut replicas: Vec<(DatanodeInfo, bool)>,
    reader: Option<Place<'_>>,
    rng: &mut Rng,
) -> Vec<DatanodeInfo> {
    rng.shuffle(&mut replicas);
    let far = |info: &DatanodeInfo| reader.map_or(0, |reader| distance(reader, Place::of(info)));
    replicas.sort_by_key(|(info, stale)| (*stale, far(info)));
    replicas.into_iter().map(|(info, _)| info).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::DatanodeId;

    fn at(hostname: &'static str, rack: &'static str) -> Place<'static> {
        Place { hostname, rack }
    }

    #[test]
    fn distances_count_links() {
        let here = at("a", "/dc1/r1");
        assert_eq!(distance(here, here), 0);
        assert_eq!(distance(here, at("b", "/dc1/r1")), 2);
        assert_eq!(distance(here, at("b", "/dc1/r2")), 4);
        assert_eq!(distance(here, at("b", "/dc2/r1")), 6);
        assert_eq!(distance(at("a", "/r1"), at("b", "/r2")), 4);
    }

    #[test]
    fn racks_are_paths() {
        assert!(check_rack("/r1").is_ok() && check_rack("/dc1/r1").is_ok());
        for bad in ["", "/", "r1", "/r1/", "//r1"] {
            assert!(check_rack(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_reader_gets_the_nearest_first_and_the_silent_last() {
        let node = |id: u64, hostname: &str, rack: &str| DatanodeInfo {
            id: DatanodeId(id),
            hostname: hostname.to_owned(),
            address: String::new(),
            rack: rack.to_owned(),
        };
        let replicas = vec![
            (node(1, "a", "/r1"), true),
            (node(2, "b", "/r2"), false),
            (node(3, "c", "/r1"), false),
        ];
        let reader = Some(at("a", "/r1"));
        let sorted = sort_for_reader(replicas, reader, &mut Rng::new(1));
        let ids: Vec<u64> = sorted.iter().map(|info| info.id.0).collect();
        assert_eq!(ids, [3, 2, 1]);
    }
}
