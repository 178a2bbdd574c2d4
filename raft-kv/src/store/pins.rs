//! Who still reads at an old revision. A long read goes in steps, with writes between; what it will come to must stay until then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The revisions that are being read, and by how many.
#[derive(Debug, Default)]
pub(super) struct Pins(Arc<Mutex<BTreeMap<i64, usize>>>);

/// While this lives, all that can be seen at a revision or later stays.
#[derive(Debug)]
pub(super) struct Pin {
    pins: Arc<Mutex<BTreeMap<i64, usize>>>,
    revision: i64,
}

impl Pins {
    pub(super) fn pin(&self, revision: i64) -> Pin {
        let mut pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *pins.entry(revision).or_default() += 1;
        Pin {
            pins: Arc::clone(&self.0),
            revision,
        }
    }

    /// Whether a pin is one of these. It is not where the store was restored meanwhile.
    pub(super) fn holds(&self, pin: &Pin) -> bool {
        Arc::ptr_eq(&self.0, &pin.pins)
    }

    pub(super) fn oldest(&self) -> Option<i64> {
        let pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pins.keys().next().copied()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pins.get_mut(&self.revision) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.revision);
            }
        }
    }
}
