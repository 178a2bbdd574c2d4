//! The page's server: the page itself, a stream of what happens, and the buttons.
//!
//! It listens on this machine alone unless it is told otherwise; `guard.rs` says who may call. Reading order: this file,
//! `guard.rs`, `stream.rs`, `director.rs` (what is on the page), `links.rs`, `assets.rs`.

mod assets;
mod director;
mod guard;
mod links;
mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::lab::quoted;
use crate::run::Run;
use crate::scenes::Mode;
use crate::system::{self, Order};

pub(crate) use director::{Director, Opening};

use guard::Guard;

/// A recording that is shown.
pub(crate) struct Replay {
    /// The file's name.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: axum::body::Bytes,
}

/// What the handlers need.
struct Page {
    director: Arc<Director>,
    replay: Option<Replay>,
    guard: Arc<Guard>,
}

type Shared = State<Arc<Page>>;

/// A page server that listens, but does not serve yet.
pub(crate) struct Server {
    listener: tokio::net::TcpListener,
    guard: Guard,
}

impl Server {
    /// Listens on `port` of `ip`; on a free one for 0.
    pub(crate) async fn bind(ip: IpAddr, port: u16) -> anyhow::Result<Server> {
        let bound = tokio::net::TcpListener::bind(SocketAddr::new(ip, port)).await;
        let listener = bound.with_context(|| {
            format!(
                "cannot listen on port {port} of {ip}; give another one with --port, or 0 for any"
            )
        })?;
        Ok(Server {
            guard: Guard::new(listener.local_addr()?)?,
            listener,
        })
    }

    /// What to open in a browser on this machine.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/?token={}", self.guard.host(), self.token())
    }

    /// What every call must say.
    pub(crate) fn token(&self) -> &str {
        self.guard.token()
    }

    /// Serves what `director` puts on, or a recording, until the process ends.
    pub(crate) async fn serve(
        self,
        director: Arc<Director>,
        replay: Option<Replay>,
    ) -> io::Result<()> {
        let page = Arc::new(Page {
            director,
            replay,
            guard: Arc::new(self.guard),
        });
        axum::serve(self.listener, router(page)).await
    }
}

fn router(page: Arc<Page>) -> Router {
    let guard = page.guard.clone();
    let api = Router::new()
        .route("/stream", get(stream::stream))
        .route("/trace", get(stream::trace))
        .route("/system", get(system_view))
        .route("/deeds/{id}", post(deed))
        .route("/links", post(links::set))
        .route("/partition", post(links::partition))
        .route("/load", post(load))
        .route("/undo", post(undo))
        .route("/open", post(open))
        .route("/scenes/{name}", post(play))
        .route("/scene/{what}", post(scene))
        .route("/{system}/{*path}", axum::routing::any(own))
        .layer(middleware::from_fn_with_state(
            guard.clone(),
            guard::needs_token,
        ));
    Router::new()
        .nest("/api", api)
        .fallback(get(assets::file))
        .layer(middleware::from_fn_with_state(guard, guard::same_site))
        .with_state(page)
}

// ---- answers

/// Why something was not done. The page shows it as it is.
#[derive(Debug)]
pub struct Failure(anyhow::Error);

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

/// What a handler answers.
pub type Answer<T> = Result<T, Failure>;

/// The header of an answer that is to be saved under `name`.
pub fn attachment(name: &str) -> (HeaderName, String) {
    // A name in a header is of few sorts of letters.
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let name = name.replace(|c| !plain(c), "_");
    let value = format!("attachment; filename=\"{name}\"");
    (header::CONTENT_DISPOSITION, value)
}

/// Does `deed`, which blocks, where it holds up nobody.
///
/// # Errors
/// Those of `deed`.
pub async fn blocking<T: Send + 'static>(
    deed: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Answer<T> {
    Ok(tokio::task::spawn_blocking(deed).await??)
}

impl Page {
    fn run(&self) -> anyhow::Result<Arc<Run>> {
        let run = self.director.run();
        run.context("nothing runs here: a recording is shown, or the lab is just being opened")
    }

    /// What does in a shell what a button did that is the lab's own.
    fn curl(&self, what: &str, body: &impl Serialize) -> String {
        let host = self.guard.host();
        let body = match serde_json::to_string(body) {
            Ok(body) if body != "{}" => {
                format!(" -H 'Content-Type: application/json' -d {}", quoted(&body))
            }
            _ => String::new(),
        };
        format!("curl -X POST -H \"X-Lab-Token: $LAB_TOKEN\"{body} http://{host}/api/{what}")
    }
}

// ---- what can be asked for

async fn system_view(State(page): Shared) -> Answer<axum::Json<Value>> {
    let scenes = page.director.systems.iter().flat_map(|s| s.scenes());
    let scenes = scenes.map(|scene| json!({"name": scene.name(), "about": scene.about()}));
    let scenes: Vec<Value> = scenes.collect();
    if page.replay.is_some() {
        return Ok(axum::Json(json!({"replay": true, "scenes": []})));
    }
    let systems = page.director.systems.iter();
    let systems = systems.map(|system| json!({"name": system.name(), "title": system.title()}));
    let systems: Vec<Value> = systems.collect();
    let run = page.run()?;
    let mut deeds = system::common_deeds();
    let mut shell = Vec::new();
    if let Ok(cluster) = run.cluster() {
        deeds.extend(cluster.deeds());
        shell.extend(cluster.shell());
    }
    Ok(axum::Json(json!({
        "system": run.system.name(),
        "title": run.system.title(),
        "replay": false,
        "opening": run.is_opening(),
        "deeds": deeds,
        "scenes": scenes,
        "systems": systems,
        "shell": shell,
    })))
}

async fn deed(
    State(page): Shared,
    Path(id): Path<String>,
    axum::Json(order): axum::Json<Order>,
) -> Answer<StatusCode> {
    blocking(move || {
        let run = page.run()?;
        system::perform(&run.lab, &**run.cluster()?, &id, &order)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    rate: u32,
}

async fn load(State(page): Shared, axum::Json(order): axum::Json<Rate>) -> Answer<StatusCode> {
    let run = page.run()?;
    let load = run.cluster()?.load();
    let load = load.with_context(|| format!("{} has no load", run.system.title()))?;
    load.set_rate(order.rate);
    let text = match order.rate {
        0 => "the load ends".to_owned(),
        rate => format!("the load is {rate} operations a second"),
    };
    let command = page.curl("load", &order);
    run.lab.recorder.action(None, text, &command);
    Ok(StatusCode::NO_CONTENT)
}

async fn undo(State(page): Shared) -> Answer<StatusCode> {
    blocking(move || {
        let run = page.run()?;
        let cluster = run.cluster()?;
        // Processes first: one that is paused follows no order. Both are tried before an error of either is told.
        run.lab.undo().and(cluster.undo())?;
        let command = page.curl("undo", &json!({}));
        let text = "every fault is undone";
        run.lab.recorder.action(None, text, &command);
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What to open; without it, what was there in the beginning.
#[derive(Default, Deserialize)]
#[serde(default)]
struct What {
    system: Option<String>,
}

async fn open(State(page): Shared, what: Option<axum::Json<What>>) -> Answer<StatusCode> {
    let system = what.and_then(|axum::Json(what)| what.system);
    blocking(move || match system {
        Some(system) => page.director.open_other(&system),
        None => page.director.open(),
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct How {
    mode: Mode,
}

async fn play(
    State(page): Shared,
    Path(name): Path<String>,
    how: Option<axum::Json<How>>,
) -> Answer<StatusCode> {
    let How { mode } = how.map(|axum::Json(how)| how).unwrap_or_default();
    blocking(move || page.director.play(&name, mode)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn scene(State(page): Shared, Path(what): Path<String>) -> Answer<StatusCode> {
    let run = page.run()?;
    if !run.script.is_playing() && what != "stop" {
        return Err(anyhow::anyhow!("no scene is being played").into());
    }
    match what.as_str() {
        "step" => run.script.go_on(Mode::Step),
        "run" => run.script.go_on(Mode::Run),
        "stop" => run.script.stop(),
        _ => {
            let what = anyhow::anyhow!("a scene can step, run and stop, and not: {what}");
            return Err(what.into());
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What is the system's own, by its own routes.
async fn own(
    State(page): Shared,
    Path((system, _)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let run = page.run()?;
    if run.system.name() != system {
        let on = run.system.name();
        return Err(anyhow::anyhow!("{on} is on the page, and not {system}").into());
    }
    let routes = run.cluster()?.clone().routes();
    let router = Router::new().nest(&format!("/{system}"), routes);
    let Ok(response) = router.oneshot(request).await;
    Ok(response)
}
