//! A session: a lease that is kept alive as long as this process lives. What is held by it is given back when it does not.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Client, ClientError};

/// Before another try to keep it alive.
const RETRY: Duration = Duration::from_millis(200);

/// A lease that is kept alive until this is dropped or closed.
#[derive(Debug)]
pub struct Session {
    client: Client,
    lease: i64,
    alive: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Session {
    /// Begins one: its lease lasts for `ttl` seconds after the last sign of life.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn begin(client: &Client, ttl: i64) -> Result<Session, ClientError> {
        let asked = Instant::now();
        let (lease, ttl) = client.lease_grant(ttl, 0).await?;
        let (told, alive) = watch::channel(true);
        let keeper = client.clone();
        let ttl = Duration::from_secs(u64::try_from(ttl).unwrap_or(1));
        let task = tokio::spawn(async move {
            keep_alive(&keeper, lease, ttl, asked + ttl).await;
            told.send_replace(false);
        });
        Ok(Session {
            client: client.clone(),
            lease,
            alive,
            task,
        })
    }

    /// The lease's id.
    pub fn lease(&self) -> i64 {
        self.lease
    }

    /// Whether the lease is certainly there.
    pub fn is_alive(&self) -> bool {
        *self.alive.borrow()
    }

    /// Waits until the lease has ended, or may have.
    pub async fn ended(&self) {
        // An error means that the task has ended, too.
        let _ = self.alive.clone().wait_for(|alive| !alive).await;
    }

    /// Ends the lease now, with all that is held by it.
    ///
    /// # Errors
    /// [`ClientError`]; then it ends by itself, later.
    pub async fn close(self) -> Result<(), ClientError> {
        self.task.abort();
        self.client.lease_revoke(self.lease).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps it alive until it ends. Its end is reckoned from when a sign of life was sent, not from when it was answered: so the server never thinks
/// of it as ended before we do.
async fn keep_alive(client: &Client, lease: i64, ttl: Duration, mut ends: Instant) {
    loop {
        tokio::time::sleep_until((ends - ttl * 2 / 3).min(ends)).await;
        loop {
            let asked = Instant::now();
            let kept = tokio::time::timeout_at(ends, client.lease_keep_alive(lease));
            match kept.await {
                Ok(Ok(ttl)) if ttl > 0 => {
                    ends = asked + Duration::from_secs(u64::try_from(ttl).unwrap_or(0));
                    break;
                }
                Ok(Ok(_)) | Err(_) => return,
                Ok(Err(_)) if Instant::now() + RETRY < ends => tokio::time::sleep(RETRY).await,
                Ok(Err(_)) => return tokio::time::sleep_until(ends).await,
            }
        }
    }
}
