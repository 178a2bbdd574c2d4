//! What processes cost: the processor's time and the memory that they have used, as the system counts them.

use std::fs;
use std::ops::{Add, Sub};

/// The processor's time, in seconds, in and outside of the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct CpuSeconds(pub f64);

impl Add for CpuSeconds {
    type Output = CpuSeconds;
    fn add(self, other: CpuSeconds) -> CpuSeconds {
        CpuSeconds(self.0 + other.0)
    }
}

impl Sub for CpuSeconds {
    type Output = CpuSeconds;
    fn sub(self, other: CpuSeconds) -> CpuSeconds {
        CpuSeconds(self.0 - other.0)
    }
}

/// What process `id` has used so far, threads that have ended included. None where the system does not say: this reads
/// Linux's `/proc`.
pub fn cpu(id: u32) -> Option<CpuSeconds> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name stands in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u32>().ok().map(f64::from);
    // Fields 14 and 15 of proc(5), of which the first two stand before the bracket. Linux tells them in hundredths.
    Some(CpuSeconds((ticks(11)? + ticks(12)?) / 100.0))
}

/// The sum over several processes; none where it is not known of one.
pub fn cpu_of(ids: &[u32]) -> Option<CpuSeconds> {
    ids.iter()
        .map(|id| cpu(*id))
        .try_fold(CpuSeconds::default(), |sum, cpu| Some(sum + cpu?))
}

/// Bytes of memory that process `id` takes now (`VmRSS`).
pub fn resident(id: u32) -> Option<u64> {
    memory(id, "VmRSS:")
}

/// Bytes of memory that process `id` has taken at most (`VmHWM`).
pub fn resident_max(id: u32) -> Option<u64> {
    memory(id, "VmHWM:")
}

fn memory(id: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_time_and_memory() {
        let me = std::process::id();
        let before = cpu(me).unwrap();
        let mut x = 1u64;
        while cpu(me).unwrap() <= before {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(resident(me).unwrap() > 1 << 16);
        assert!(resident_max(me).unwrap() > 1 << 16);
        assert_eq!(cpu(0), None);
    }
}
