//! What the client port answers over HTTP/1 beside gRPC: `/health`, `/version`, `/metrics` as etcd's does, and
//! how this member stands: as a page, and for programs at `/status`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::{Code, Status};

use super::auth;
use super::errors;
use super::gateway;
use super::kv::{OVERHEAD_BYTES, too_long};
use super::kv_server::{KvServer, Standing};
use super::metrics;
use super::watch::needs_leader;
use super::{CLUSTER_VERSION, VERSION};
use crate::store::AlarmType;

/// Where the methods of the KV service are.
pub(super) const KV: &str = "/etcdserverpb.KV/";

/// What else looks for a token, in etcd.
const TOKEN_READERS: [&str; 2] = [
    "/etcdserverpb.Lease/LeaseGrant",
    "/etcdserverpb.Lease/LeaseRevoke",
];

#[derive(Clone)]
struct Shown {
    server: Arc<KvServer>,
    prometheus: PrometheusHandle,
}

/// `grpc` with those pages beside its services, and these as JSON, each request measured; one of up to `request_max` bytes is read.
///
/// # Errors
/// When the services are not described.
pub(super) fn router(
    grpc: Router,
    request_max: usize,
    server: Arc<KvServer>,
    prometheus: PrometheusHandle,
) -> anyhow::Result<Router> {
    let measure = axum::middleware::from_fn_with_state(server.clone(), measure);
    let shown = Shown { server, prometheus };
    let pages = Router::new()
        .route("/", get(page))
        .route("/version", get(version))
        .route("/status", get(status))
        .with_state(shown.clone());
    let grpc = grpc.fallback(unknown).layer(measure);
    let gateway = gateway::router(grpc.clone(), request_max)?;
    Ok(grpc.merge(gateway).merge(pages).merge(observed(shown)))
}

/// The pages that `--listen-metrics-urls` has, too.
fn observed(shown: Shown) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(exposition))
        .with_state(shown)
}

/// Serves them alone.
pub(super) async fn serve_metrics(
    server: Arc<KvServer>,
    listener: TcpListener,
    prometheus: PrometheusHandle,
) {
    let served = axum::serve(listener, observed(Shown { server, prometheus })).await;
    if let Err(error) = served {
        tracing::error!("metrics are not served any more: {error}");
    }
}

async fn measure(State(server): State<Arc<KvServer>>, request: Request, next: Next) -> Response {
    measured(&server, request, |request| next.run(request)).await
}

/// Has a request answered, unless it is refused first, and notes how long that takes.
pub(super) async fn measured<T, B: Default, A: Future<Output = Response<B>>>(
    server: &KvServer,
    request: Request<T>,
    answer: impl FnOnce(Request<T>) -> A,
) -> Response<B> {
    let path = request.uri().path().to_owned();
    let began = Instant::now();
    let response = match refused(server, &path, request.headers()) {
        Err(status) => status.into_http(),
        Ok(()) => {
            let most = server.settings.options.max_request_bytes + OVERHEAD_BYTES;
            let response = in_time(patience(request.headers()), answer(request)).await;
            in_gos_words(response, &path, most)
        }
    };
    // Names that are no method's are whatever somebody made up.
    let content = response.headers().get(header::CONTENT_TYPE);
    if !content.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc")) {
        return response;
    }
    // Refusals have it in the head; the end of what went well, or of a stream, is not waited for.
    let code = response
        .headers()
        .get("grpc-status")
        .and_then(|code| code.to_str().ok());
    metrics::grpc(
        &path,
        code.and_then(|code| code.parse().ok()).unwrap_or(0),
        began.elapsed(),
    );
    response
}

async fn in_time<B: Default>(
    patience: Option<Duration>,
    answer: impl Future<Output = Response<B>>,
) -> Response<B> {
    let Some(patience) = patience else {
        return answer.await;
    };
    let answered = tokio::time::timeout(patience, answer).await;
    answered.unwrap_or_else(|_| Status::deadline_exceeded("context deadline exceeded").into_http())
}

/// How long a client waits for an answer, where it says so: a number of up to eight digits, and its unit (gRPC over HTTP/2, "Timeout").
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = said.split_at_checked(said.len().checked_sub(1)?)?;
    let number = match number.len() {
        1..=8 => number.parse().ok()?,
        _ => return None,
    };
    Some(match unit {
        "H" => Duration::from_secs(3600 * number),
        "M" => Duration::from_secs(60 * number),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// What no service hears of, as etcd's interceptors have it: what needs a leader where none is known, and what a learner does not serve.
fn refused(server: &KvServer, path: &str, headers: &HeaderMap) -> Result<(), Status> {
    if needs_leader(headers) && !server.has_leader() {
        return Err(errors::NO_LEADER.into());
    }
    // Of the methods of KV, a learner serves some requests.
    let ours = path.starts_with("/etcdserverpb.") || path.starts_with("/v3");
    let any = path.starts_with(KV) || path == "/etcdserverpb.Maintenance/Status";
    if ours && !any {
        server.refuse_learner()?;
    }
    match path.starts_with(KV) || TOKEN_READERS.contains(&path) {
        true => auth::refuse_token(headers),
        false => Ok(()),
    }
}

/// What the library refuses before a service hears of it, it refuses as the one does that etcd stands on.
fn in_gos_words<B: Default>(response: Response<B>, path: &str, most: usize) -> Response<B> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    let (service, method) = service_and_method(path);
    let status = match (status.code(), status.message()) {
        (Code::Unimplemented, "") => {
            Status::unimplemented(format!("unknown method {method} for service {service}"))
        }
        (Code::OutOfRange, text) => match decoded_len(text) {
            Some(bytes) => too_long(bytes, most),
            None => return response,
        },
        _ => return response,
    };
    status.into_http()
}

/// How long the message was that was too long to be decoded, as that refusal says.
fn decoded_len(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once("decoded message length too large: found ")?;
    rest.split_once(' ')?.0.parse().ok()
}

fn service_and_method(path: &str) -> (&str, &str) {
    let path = path.trim_start_matches('/');
    path.rsplit_once('/').unwrap_or((path, ""))
}

/// No service, no page.
async fn unknown(request: Request) -> Response {
    let content = request.headers().get(header::CONTENT_TYPE);
    if content.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc")) {
        let (service, _) = service_and_method(request.uri().path());
        let text = format!("unknown service {service}");
        return Status::unimplemented(text).into_http::<Body>();
    }
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// Whether this member can do its work: it knows a leader, no alarm is on, and a linearizable read comes back.
async fn health(State(shown): State<Shown>) -> Response {
    let server = &shown.server;
    let alarmed = !server.alarms(0, AlarmType::None).is_empty();
    let led = server.status().leadership.leader.is_some();
    let healthy = led && !alarmed && server.linearizable().await.is_ok();
    metrics::health(healthy);
    let code = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, axum::Json(json!({ "health": healthy.to_string() }))).into_response()
}

async fn version() -> Response {
    axum::Json(json!({ "etcdserver": VERSION, "etcdcluster": CLUSTER_VERSION })).into_response()
}

async fn exposition(State(shown): State<Shown>) -> Response {
    metrics::look(&shown.server);
    shown.prometheus.run_upkeep();
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (text, shown.prometheus.render()).into_response()
}

/// Most of what the page shows, for programs. Ids are hexadecimal, as everywhere where people read them.
async fn status(State(shown): State<Shown>) -> Response {
    let server = &shown.server;
    let status = server.status();
    let members: BTreeMap<String, Value> = server.read(|replica| {
        let known = replica.members.all().map(|member| {
            let at = status.members.get(&member.id);
            let shown = json!({
                "name": member.name,
                "learner": member.is_learner,
                "votes": at.is_some_and(|at| at.has_vote),
                "matched": at.and_then(|at| at.matched),
            });
            (format!("{:x}", member.id), shown)
        });
        known.collect()
    });
    let (revision, compacted, bytes) = server.read(|replica| {
        let store = &replica.store;
        (store.revision(), store.compacted(), store.bytes())
    });
    axum::Json(json!({
        "id": format!("{:x}", status.id),
        "term": status.leadership.term,
        "leader": status.leadership.leader.map(|leader| format!("{leader:x}")),
        "last": status.last_index,
        "committed": status.committed,
        "applied": status.applied,
        "snapshot": status.snapshot.map(|at| at.index),
        "revision": revision,
        "compacted": compacted,
        "bytes": bytes,
        "members": members,
    }))
    .into_response()
}

async fn page(State(shown): State<Shown>) -> Html<String> {
    let ids: Vec<u64> = (shown.server).read(|replica| {
        let members = replica.members.all();
        members.map(|member| member.id).collect()
    });
    let standing = ids.iter().map(|id| shown.server.standing_of(*id));
    let standing = futures::future::join_all(standing).await;
    let standing = ids.into_iter().zip(standing).collect();
    Html(render(&shown.server, &standing))
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}

fn render(server: &KvServer, standing: &BTreeMap<u64, Option<Standing>>) -> String {
    let status = server.status();
    let id = status.id;
    let role = match status.leadership.leader {
        Some(leader) if leader == id => "leads".to_owned(),
        Some(leader) => format!("follows {leader:x}"),
        None => "knows no leader".to_owned(),
    };
    let snapshot = status
        .snapshot
        .map_or("none yet".to_owned(), |at| format!("at index {}", at.index));
    let (revision, compacted, bytes, leases, members) = server.read(|replica| {
        let store = &replica.store;
        let members: Vec<_> = replica.members.all().cloned().collect();
        (
            store.revision(),
            store.compacted(),
            store.bytes(),
            store.leases().count(),
            members,
        )
    });
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>raft-kv {name}</title>\
         <style>body{{font:15px system-ui;margin:2em;max-width:70em}}table{{border-collapse:collapse}}\
         th,td{{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}}td{{font-variant-numeric:tabular-nums}}\
         </style><h1>raft-kv {name}</h1>\
         <p>Member {id:x} of cluster {cluster:x} {role} in term {term}.</p>\
         <p>Log: last index {last}, committed {committed}, applied {applied}; snapshot: {snapshot}.</p>\
         <p>Store: revision {revision}, compacted at {compacted}, {bytes} bytes of {quota}, {leases} leases.</p>",
        name = escape(&server.settings.options.name),
        cluster = server.identity.cluster_id,
        term = status.leadership.term,
        last = status.last_index,
        committed = status.committed,
        applied = status.applied,
        quota = match server.settings.quota_bytes {
            u64::MAX => "any number".to_owned(),
            bytes => bytes.to_string(),
        },
    );
    out.push_str(
        "<h2>Members</h2><table><tr><th>Id<th>Name<th>Vote<th>Term<th>Last index<th>Committed<th>Applied<th>Snapshot\
         <th>Peer URLs<th>Client URLs</tr>",
    );
    for member in members {
        let vote = match status.members.get(&member.id) {
            None => "not yet",
            Some(known) if known.is_learner => "learner",
            Some(_) => "votes",
        };
        let stands = match standing.get(&member.id).copied().flatten() {
            None => "<td colspan=5>does not answer".to_owned(),
            Some(it) => format!(
                "<td>{}<td>{}<td>{}<td>{}<td>{}",
                it.term,
                it.last,
                it.committed,
                it.applied,
                it.snapshot
                    .map_or("none yet".to_owned(), |at| at.to_string())
            ),
        };
        let urls: Vec<String> = member.peer_urls.iter().map(ToString::to_string).collect();
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "<tr><td>{:x}<td>{}<td>{vote}{stands}<td>{}<td>{}</tr>",
            member.id,
            escape(&member.name),
            escape(&urls.join(" ")),
            escape(&member.client_urls.join(" ")),
        );
    }
    out.push_str("</table>");
    for (member, alarm) in server.alarms(0, AlarmType::None) {
        let _ = write!(out, "<p><b>Alarm {alarm:?} of member {member:x}.</b></p>");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_how_long_it_waits() {
        let said = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().ok()?);
            patience(&headers)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(said("2H"), seconds(7_200));
        assert_eq!(said("3M"), seconds(180));
        assert_eq!(said("99999999S"), seconds(99_999_999));
        assert_eq!(said("1500m"), Some(Duration::from_millis(1_500)));
        assert_eq!(said("7u"), Some(Duration::from_micros(7)));
        assert_eq!(said("9n"), Some(Duration::from_nanos(9)));
        for wrong in ["", "S", "5", "-1S", "5x", "999999999S", "1é"] {
            assert_eq!(said(wrong), None, "{wrong}");
        }
        assert_eq!(patience(&HeaderMap::new()), None);
    }
}
