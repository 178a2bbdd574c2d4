//! The address at which orders are taken.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Form, Json, Router};
use tokio::net::TcpListener;
use tracing::warn;

use super::{Chaos, Order};

/// Why an order was not followed.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}

impl Chaos {
    /// Takes orders at `address`. Returns where that is.
    ///
    /// # Errors
    /// When the address is taken, or can be reached from other machines.
    pub async fn serve(&self, address: &str) -> Result<SocketAddr> {
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
    warn!("the disks are told: {order:?}");
    let followed = chaos.follow(&order);
    followed.map_err(|why| Refusal(StatusCode::BAD_REQUEST, why))?;
    Ok(Json(chaos.now()))
}
