//! Disk faults on demand, for those who want to see what comes of them: with `--chaos ADDRESS` a server takes orders there, and its
//! disks do as they are told.
//!
//! ```text
//! curl http://127.0.0.1:4711/chaos                                     what is wrong now
//! curl -X PUT http://127.0.0.1:4711/chaos -d 'full=0'                  no byte more fits
//! curl -X PUT http://127.0.0.1:4711/chaos -d 'slow_ms=200&fail=syncs'  slow, and syncs fail; no longer full
//! curl -X PUT http://127.0.0.1:4711/chaos -d ''                        all is well
//! ```
//!
//! An order says all that is wrong from then on with every disk of the server, or with the one named by `dir`. It is forgotten when the process ends.
//! Only this machine is listened to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Form, Json, Router};
use node::{DiskFault, DiskFaults, Failing, FileDisk};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tracing::warn;

/// Longer than anybody waits to see a slow disk.
const SLOW_MS_MAX: u64 = 60_000;

/// The disks of a server, by directory, with what is wrong with each.
#[derive(Clone, Debug)]
pub(super) struct Chaos(Arc<BTreeMap<PathBuf, DiskFaults>>);

/// What is to be wrong with a disk, or is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Its directory. In an order, none stands for all.
    dir: Option<PathBuf>,
    /// Bytes that still fit.
    full: Option<u64>,
    /// Milliseconds by which each read, write and sync takes longer.
    #[serde(default)]
    slow_ms: u64,
    #[serde(default)]
    fail: Fail,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fail {
    #[default]
    Nothing,
    Syncs,
    Everything,
}

/// Why an order was not followed.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}

impl Chaos {
    /// Nothing is wrong yet with the disks at `dirs`.
    pub(super) fn new(dirs: &[PathBuf]) -> Chaos {
        let disks = dirs.iter().map(|dir| (dir.clone(), DiskFaults::default()));
        Chaos(Arc::new(disks.collect()))
    }

    /// The disk at `dir`, from now on under orders.
    pub(super) fn break_into(&self, dir: &Path, disk: FileDisk) -> FileDisk {
        match self.0.get(dir) {
            Some(faults) => disk.with_faults(faults.clone()),
            None => disk,
        }
    }

    /// Takes orders at `address`. Returns where that is.
    ///
    /// # Errors
    /// When the address is taken, or can be reached from other machines.
    pub(super) async fn serve(&self, address: &str) -> Result<SocketAddr> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen at --chaos {address}"))?;
        let local = listener.local_addr()?;
        ensure!(
            local.ip().is_loopback(),
            "--chaos {address}: whoever can call this can break the disks, so it must be an address of this machine alone, such as 127.0.0.1:0"
        );
        let routes = Router::new()
            .route("/chaos", get(show).put(order))
            .with_state(self.clone());
        tokio::spawn(axum::serve(listener, routes).into_future());
        Ok(local)
    }

    fn follow(&self, order: &Order) -> Result<(), String> {
        if order.slow_ms > SLOW_MS_MAX {
            return Err(format!("slow_ms is {SLOW_MS_MAX} at most"));
        }
        if let Some(dir) = order.dir.as_ref().filter(|dir| !self.0.contains_key(*dir)) {
            let dirs = self.0.keys().map(|dir| dir.display().to_string());
            let dirs = dirs.collect::<Vec<String>>().join(", ");
            return Err(format!("no disk {}; there are: {dirs}", dir.display()));
        }
        let fault = DiskFault {
            full: order.full,
            slow: Duration::from_millis(order.slow_ms),
            failing: match order.fail {
                Fail::Nothing => Failing::Nothing,
                Fail::Syncs => Failing::Syncs,
                Fail::Everything => Failing::Everything,
            },
        };
        for (dir, faults) in self.0.iter() {
            if order.dir.as_ref().is_none_or(|named| named == dir) {
                warn!("{}: told to be so: {fault:?}", dir.display());
                faults.set(fault);
            }
        }
        Ok(())
    }

    fn now(&self) -> Vec<Order> {
        let order = |(dir, faults): (&PathBuf, &DiskFaults)| {
            let DiskFault {
                full,
                slow,
                failing,
            } = faults.get();
            Order {
                dir: Some(dir.clone()),
                full,
                slow_ms: u64::try_from(slow.as_millis()).unwrap_or(u64::MAX),
                fail: match failing {
                    Failing::Nothing => Fail::Nothing,
                    Failing::Syncs => Fail::Syncs,
                    Failing::Everything => Fail::Everything,
                },
            }
        };
        self.0.iter().map(order).collect()
    }
}

/// A web page could have its own name point to this machine, and then call as if it were the same site.
fn needs_local_name(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let name = host
        .and_then(|host| host.rsplit_once(':'))
        .map(|(name, _)| name);
    match name {
        Some("127.0.0.1" | "localhost" | "[::1]") => Ok(()),
        _ => {
            let why = "call this as 127.0.0.1, localhost or [::1]".to_owned();
            Err(Refusal(StatusCode::FORBIDDEN, why))
        }
    }
}

async fn show(State(chaos): State<Chaos>, headers: HeaderMap) -> Result<Json<Vec<Order>>, Refusal> {
    needs_local_name(&headers)?;
    Ok(Json(chaos.now()))
}

async fn order(
    State(chaos): State<Chaos>,
    headers: HeaderMap,
    Form(order): Form<Order>,
) -> Result<Json<Vec<Order>>, Refusal> {
    needs_local_name(&headers)?;
    let followed = chaos.follow(&order);
    followed.map_err(|why| Refusal(StatusCode::BAD_REQUEST, why))?;
    Ok(Json(chaos.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_all_that_is_wrong_with_one_disk_or_with_all() {
        let dirs = ["/a", "/b"].map(PathBuf::from);
        let chaos = Chaos::new(&dirs);
        let well = Order {
            dir: None,
            full: None,
            slow_ms: 0,
            fail: Fail::Nothing,
        };
        let of = |dir: &Path| chaos.0[dir].get();
        let slow = Order {
            dir: Some(dirs[1].clone()),
            slow_ms: 200,
            ..well.clone()
        };
        chaos.follow(&slow).unwrap();
        assert_eq!(of(&dirs[1]).slow, Duration::from_millis(200));
        assert_eq!(of(&dirs[0]), DiskFault::default());
        assert_eq!(chaos.now()[1], slow);
        let full = Order {
            full: Some(7),
            fail: Fail::Syncs,
            ..well.clone()
        };
        chaos.follow(&full).unwrap();
        let fault = DiskFault {
            full: Some(7),
            failing: Failing::Syncs,
            ..DiskFault::default()
        };
        assert_eq!(of(&dirs[1]), fault);
        let elsewhere = Order {
            dir: Some("/c".into()),
            ..well.clone()
        };
        let refusal = chaos.follow(&elsewhere).unwrap_err();
        assert_eq!(refusal, "no disk /c; there are: /a, /b");
        chaos.follow(&well).unwrap();
        assert_eq!(of(&dirs[1]), DiskFault::default());
    }
}
