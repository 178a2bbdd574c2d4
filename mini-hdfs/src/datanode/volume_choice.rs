//! Which volume a new replica goes to (`RoundRobinVolumeChoosingPolicy`, `AvailableSpaceVolumeChoosingPolicy`).
//!
//! In turns, so that all disks work: that is the default, and right as long as the disks are alike. After one of them was replaced by
//! a larger, empty one, turns fill the old ones to the brim while it stays nearly empty. The second policy sends more to those with
//! more room. Not all, since then the new disk alone would do all the writing of a machine that has twelve.

use node::Rng;
use thiserror::Error;

use super::volumes::VolumeId;

/// A volume as the choice sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Which one.
    pub volume: VolumeId,
    /// Bytes that a new replica may use.
    pub remaining: u64,
}

/// `dfs.datanode.fsdataset.volume.choosing.policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChoosingPolicy {
    /// In turns.
    #[default]
    RoundRobin,
    /// More to those with more room.
    AvailableSpace {
        /// Volumes whose room differs by less than this are alike
        /// (`dfs.datanode.available-space-volume-choosing-policy.balanced-space-threshold`), in bytes.
        threshold: u64,
        /// How often one with much room is taken rather than one with little, where there are as many of both, in
        /// thousandths (`….balanced-space-preference-fraction`).
        preference_permille: u64,
    },
}

/// No volume can take a replica (`DiskOutOfSpaceException`). The DataNode is well, and other replicas may fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "out of space: the volume with the most room has {most} bytes left, and a replica of this block may need {needed}"
)]
pub struct DiskOutOfSpace {
    /// The most room that any volume has.
    pub most: u64,
    /// What is needed.
    pub needed: u64,
}

/// Chooses, and remembers whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeChooser {
    policy: ChoosingPolicy,
    turn: usize,
    turn_of_low: usize,
    turn_of_high: usize,
}

impl VolumeChooser {
    /// Begins with the first volume.
    pub fn new(policy: ChoosingPolicy) -> VolumeChooser {
        VolumeChooser {
            policy,
            ..VolumeChooser::default()
        }
    }

    /// The volume for a replica that may grow to `needed` bytes.
    ///
    /// # Errors
    /// [`DiskOutOfSpace`] where none has so much room.
    pub fn choose(
        &mut self,
        rooms: &[Room],
        needed: u64,
        rng: &mut Rng,
    ) -> Result<VolumeId, DiskOutOfSpace> {
        let ChoosingPolicy::AvailableSpace {
            threshold,
            preference_permille,
        } = self.policy
        else {
            return in_turn(&mut self.turn, rooms, needed);
        };
        let least = rooms.iter().map(|room| room.remaining).min().unwrap_or(0);
        let is_low = |room: &&Room| room.remaining - least < threshold;
        let (low, high): (Vec<Room>, Vec<Room>) = rooms.iter().partition(is_low);
        if high.is_empty() {
            return in_turn(&mut self.turn, rooms, needed);
        }
        // With many of one kind and few of the other, the few would be overrun, or left idle.
        let high_weight = high.len() as u64 * preference_permille.min(1000);
        let low_weight = low.len() as u64 * (1000 - preference_permille.min(1000));
        let low_fits = low.iter().any(|room| room.remaining >= needed);
        if !low_fits || rng.below((high_weight + low_weight).max(1)) < high_weight {
            in_turn(&mut self.turn_of_high, &high, needed)
        } else {
            in_turn(&mut self.turn_of_low, &low, needed)
        }
    }
}

/// The next volume that has the room, from the one whose turn it is.
fn in_turn(turn: &mut usize, rooms: &[Room], needed: u64) -> Result<VolumeId, DiskOutOfSpace> {
    for step in 0..rooms.len() {
        let at = (*turn + step) % rooms.len();
        if rooms[at].remaining >= needed {
            *turn = at + 1;
            return Ok(rooms[at].volume);
        }
    }
    let most = rooms.iter().map(|room| room.remaining).max().unwrap_or(0);
    Err(DiskOutOfSpace { most, needed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(remaining: &[u64]) -> Vec<Room> {
        let ids = (0..).map(VolumeId);
        let room = |(volume, remaining): (VolumeId, &u64)| Room {
            volume,
            remaining: *remaining,
        };
        ids.zip(remaining).map(room).collect()
    }

    #[test]
    fn volumes_take_turns_and_full_ones_are_passed_over() {
        let (mut chooser, mut rng) = (VolumeChooser::default(), Rng::new(1));
        let mut choose = |remaining: &[u64]| chooser.choose(&rooms(remaining), 10, &mut rng);
        let order: Vec<u16> = (0..5).map(|_| choose(&[50, 9, 10]).unwrap().0).collect();
        assert_eq!(order, [0, 2, 0, 2, 0]);
        let full = DiskOutOfSpace {
            most: 9,
            needed: 10,
        };
        assert_eq!(choose(&[9, 0, 8]), Err(full));
        assert_eq!(
            choose(&[]),
            Err(DiskOutOfSpace {
                most: 0,
                needed: 10
            })
        );
        assert_eq!(choose(&[10]), Ok(VolumeId(0)), "two are gone meanwhile");
    }

    #[test]
    fn more_goes_to_where_there_is_more_room() {
        let policy = ChoosingPolicy::AvailableSpace {
            threshold: 100,
            preference_permille: 750,
        };
        let (mut chooser, mut rng) = (VolumeChooser::new(policy), Rng::new(1));
        let mut count = |remaining: &[u64]| {
            let mut counts = vec![0; remaining.len()];
            for _ in 0..4000 {
                let chosen = chooser.choose(&rooms(remaining), 10, &mut rng).unwrap();
                counts[usize::from(chosen.0)] += 1;
            }
            counts
        };
        assert_eq!(count(&[50, 149]), [2000, 2000], "they are alike");
        let counts = count(&[50, 150]);
        assert!(
            (2800..3200).contains(&counts[1]),
            "three of four: {counts:?}"
        );
        // One large volume among four: 0.75 of 0.75 + 3 × 0.25 is half.
        let counts = count(&[50, 50, 50, 900]);
        assert!((1850..2150).contains(&counts[3]), "half: {counts:?}");
        assert_eq!(count(&[5, 900]), [0, 4000], "the other has no room");
    }
}
