//! The page's server: the page itself, a stream of what happens, and the buttons.
//!
//! It listens on 127.0.0.1. Any web page that is open in the same browser, and any program on the same machine, could
//! call it too; so every call needs the token that stands in the address that the lab printed, must be
//! addressed to this host by name (else a foreign name could be made to point here), and must not come from
//! another page.

mod files;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::hdfs::Hdfs;
use crate::links::Rule;

/// What the handlers need.
struct Page {
    hdfs: Arc<Hdfs>,
    token: String,
    /// What the `Host` of a request may be.
    hosts: [String; 2],
}

type Shared = State<Arc<Page>>;

/// A page server that listens, but does not serve yet.
pub(crate) struct Server {
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    token: String,
}

impl Server {
    /// Listens on `port` of this machine alone; on a free one for 0.
    pub(crate) async fn bind(port: u16) -> anyhow::Result<Server> {
        let bound = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = bound.with_context(|| {
            format!("cannot listen on port {port}; give another one with --port, or 0 for any")
        })?;
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).context("the system gives no random bytes for a token")?;
        Ok(Server {
            address: listener.local_addr()?,
            listener,
            token: secret.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// What to open in a browser.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/?token={}", self.address, self.token)
    }

    /// Serves `hdfs` until the process ends.
    pub(crate) async fn serve(self, hdfs: Arc<Hdfs>) -> io::Result<()> {
        let port = self.address.port();
        let page = Arc::new(Page {
            hdfs,
            token: self.token,
            hosts: ["127.0.0.1", "localhost"].map(|host| format!("{host}:{port}")),
        });
        axum::serve(self.listener, router(page)).await
    }
}

/// The page, which is a part of this program, so that it needs neither files nor a network.
const ASSETS: &[(&str, &str, &str)] = &[
    ("/", "text/html", include_str!("../page/index.html")),
    ("/style.css", "text/css", include_str!("../page/style.css")),
    ("/page.js", SCRIPT, include_str!("../page/page.js")),
    ("/api.js", SCRIPT, include_str!("../page/api.js")),
    ("/dom.js", SCRIPT, include_str!("../page/dom.js")),
    (
        "/systems/hdfs.js",
        SCRIPT,
        include_str!("../page/systems/hdfs.js"),
    ),
];
const SCRIPT: &str = "text/javascript";

fn router(page: Arc<Page>) -> Router {
    let api = Router::new()
        .route("/stream", get(stream))
        .route("/nodes/{name}/{deed}", post(node))
        .route("/links", post(links))
        .route("/heal", post(heal))
        .route(
            "/files",
            get(files::download)
                .post(files::upload)
                .delete(files::delete),
        )
        .route("/files/check", post(files::check))
        .route("/files/sample", post(files::sample))
        .layer(middleware::from_fn_with_state(page.clone(), needs_token));
    let mut router = Router::new();
    for &(path, kind, text) in ASSETS {
        router = router.route(path, get(move || asset(kind, text)));
    }
    router
        .nest("/api", api)
        .layer(middleware::from_fn_with_state(page.clone(), same_site))
        .with_state(page)
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'".to_owned(),
        ),
    ];
    (headers, text).into_response()
}

// ---- who may call

async fn same_site(State(page): Shared, request: Request, next: Next) -> Response {
    match page.objection(request.headers()) {
        Some(objection) => refuse(objection),
        None => next.run(request).await,
    }
}

impl Page {
    /// Why a request with these headers is not from the lab's own page, if it is not.
    fn objection(&self, headers: &HeaderMap) -> Option<&'static str> {
        let ours = |host: &[u8]| self.hosts.iter().any(|ours| ours.as_bytes() == host);
        let bytes = |name| headers.get(name).map(HeaderValue::as_bytes);
        if !bytes(header::HOST).is_some_and(ours) {
            return Some("this address is not one of the lab's");
        }
        // Programs that are not browsers send no origin; they need the token all the same.
        let origin = bytes(header::ORIGIN)?;
        let same = origin.strip_prefix(b"http://").is_some_and(ours);
        (!same).then_some("another page may not use the lab")
    }
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
}

async fn needs_token(
    State(page): Shared,
    Query(query): Query<Token>,
    request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get("x-lab-token");
    let header = header.and_then(|value| value.to_str().ok());
    // What changes something says its token in a header, which no form and no link can; a stream and a
    // download are opened by the browser, which sends only an address.
    let said = match *request.method() {
        Method::GET => header.or(query.token.as_deref()),
        _ => header,
    };
    if said != Some(page.token.as_str()) {
        return refuse("the token is wrong; use the address that the lab printed");
    }
    next.run(request).await
}

fn refuse(why: &str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

// ---- answers

/// Why something was not done. The page shows it as it is.
struct Failure(anyhow::Error);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, format!("{:#}\n", self.0)).into_response()
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.into())
    }
}

type Answer<T> = Result<T, Failure>;

/// Does `deed`, which blocks, where it holds up nobody.
async fn blocking<T: Send + 'static>(
    page: Arc<Page>,
    deed: impl FnOnce(&Arc<Hdfs>) -> anyhow::Result<T> + Send + 'static,
) -> Answer<T> {
    Ok(tokio::task::spawn_blocking(move || deed(&page.hdfs)).await??)
}

/// What is, and what happens: a `state` whenever it changes, and `events` as they come.
async fn stream(State(page): Shared) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut states = page.hdfs.subscribe();
        let mut journal = page.hdfs.lab.journal.subscribe();
        states.mark_changed();
        journal.mark_changed();
        let mut last = 0;
        loop {
            let event = tokio::select! {
                changed = states.changed() => {
                    if changed.is_err() { return; }
                    frame("state", &*states.borrow_and_update().clone())
                }
                changed = journal.changed() => {
                    if changed.is_err() { return; }
                    let events = journal.borrow_and_update().since(last);
                    last = events.last().map_or(last, |event| event.seq);
                    frame("events", &events)
                }
            };
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
        }
    });
    let events = tokio_stream::wrappers::ReceiverStream::new(receiver);
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(5)))
}

fn frame(name: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    match event.json_data(data) {
        Ok(event) => event,
        Err(e) => Event::default().event("error").data(e.to_string()),
    }
}

async fn node(
    State(page): Shared,
    Path((name, deed)): Path<(String, String)>,
) -> Answer<StatusCode> {
    blocking(page, move |hdfs| match deed.as_str() {
        "kill" => hdfs.lab.kill(&name),
        "pause" => hdfs.lab.pause(&name),
        "resume" => hdfs.lab.resume(&name),
        "start" => hdfs.lab.start(&name),
        _ => anyhow::bail!("a node can be killed, paused, resumed and started, and not: {deed}"),
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A rule for a direction, or for both; `*` stands for every other node.
#[derive(Serialize, Deserialize)]
struct LinkOrder {
    from: String,
    to: String,
    #[serde(default)]
    both_ways: bool,
    #[serde(flatten)]
    rule: Rule,
}

impl LinkOrder {
    /// What it does, as a sentence.
    fn text(&self) -> String {
        let name = |end: &str| match end {
            "*" => "everybody else".to_owned(),
            end => end.to_owned(),
        };
        let (from, to) = (name(&self.from), name(&self.to));
        let way = match self.both_ways {
            true => format!("between {from} and {to}"),
            false => format!("from {from} to {to}"),
        };
        let Rule {
            cut,
            delay_ms,
            bytes_per_second,
        } = self.rule;
        match (cut, delay_ms, bytes_per_second) {
            (true, ..) => format!("nothing gets through {way}"),
            (_, 0, 0) => format!("the network is whole {way}"),
            (_, late, 0) => format!("everything takes {late} ms longer {way}"),
            (_, 0, most) => format!("{} KiB/s at most get through {way}", most >> 10),
            (_, late, most) => {
                format!(
                    "{} KiB/s at most get through {way}, {late} ms late",
                    most >> 10
                )
            }
        }
    }
}

async fn links(
    State(page): Shared,
    axum::Json(order): axum::Json<LinkOrder>,
) -> Answer<StatusCode> {
    let command = curl(&page, "links", &serde_json::to_string(&order)?);
    let lab = &page.hdfs.lab;
    lab.set_link(&order.from, &order.to, order.rule)?;
    if order.both_ways {
        lab.set_link(&order.to, &order.from, order.rule)?;
    }
    let subject = [order.from.as_str(), order.to.as_str()];
    let subject = subject.into_iter().find(|end| *end != "*");
    lab.journal.action(subject, order.text(), &command);
    Ok(StatusCode::NO_CONTENT)
}

async fn heal(State(page): Shared) -> Answer<StatusCode> {
    let command = curl(&page, "heal", "");
    page.hdfs.lab.heal();
    let journal = &page.hdfs.lab.journal;
    journal.action(None, "every link is mended", &command);
    Ok(StatusCode::NO_CONTENT)
}

/// What does in a shell what a button did that is the lab's own.
fn curl(page: &Page, what: &str, body: &str) -> String {
    let [host, _] = &page.hosts;
    let token = &page.token;
    let body = match body {
        "" => String::new(),
        body => format!(" -H 'Content-Type: application/json' -d '{body}'"),
    };
    format!("curl -X POST -H 'X-Lab-Token: {token}'{body} http://{host}/api/{what}")
}
