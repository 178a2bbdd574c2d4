//! The disk of a member, as several parts of it use it.

use std::sync::Arc;

use node::Disk;

/// A disk to be opened several times, and how long work on it is done.
#[derive(Clone)]
pub struct Storage {
    open: Arc<dyn Fn() -> Box<dyn Disk + Send> + Send + Sync>,
    on_threads: bool,
}

impl Storage {
    /// Real files: work on them blocks, so it is done on threads of its own. Each call of `open` opens the same directory.
    pub fn blocking(open: impl Fn() -> Box<dyn Disk + Send> + Send + Sync + 'static) -> Storage {
        Storage {
            open: Arc::new(open),
            on_threads: true,
        }
    }

    /// A disk in memory, of a simulation: work on it takes no time, and is done at once by whoever wants it, so that every run is the same.
    pub fn simulated(open: impl Fn() -> Box<dyn Disk + Send> + Send + Sync + 'static) -> Storage {
        Storage {
            open: Arc::new(open),
            on_threads: false,
        }
    }

    pub(super) fn open(&self) -> Box<dyn Disk + Send> {
        (self.open)()
    }

    pub(super) fn is_blocking(&self) -> bool {
        self.on_threads
    }

    /// Does something that may take a while.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Disk) -> T + Send + 'static,
    ) -> Result<T, std::io::Error> {
        let mut disk = self.open();
        if self.on_threads {
            let done = tokio::task::spawn_blocking(move || work(&mut *disk)).await;
            done.map_err(std::io::Error::other)
        } else {
            // Others have their turn, as they would beside a thread.
            tokio::task::yield_now().await;
            Ok(work(&mut *disk))
        }
    }
}
