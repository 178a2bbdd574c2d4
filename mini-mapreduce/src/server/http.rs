//! What a coordinator shows over HTTP: a page for people, which draws what `/api` tells programs; Hadoop's history REST API
//! (`rest`); metrics for Prometheus; a sign of life.

mod rest;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use node::Time;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use super::agent::Agent;
use super::host::Host;
use crate::coordinator::Coordinator;
use crate::coordinator::delay::Locality;
use crate::coordinator::history::{ATTEMPTS_KEPT, AttemptRecord, Outcome, Skew, Tally};
use crate::coordinator::job::{Job, JobState};
use crate::coordinator::status::Status;
use crate::counters::Counters;
use crate::protocol::{AttemptId, JobId, Registration, TaskKind};

/// Prometheus's text format.
const EXPOSITION: &str = "text/plain; version=0.0.4";

/// The page: its script and style stand in it, so that it needs nothing from anywhere.
const PAGE: [&str; 5] = [
    include_str!("http/head.html"),
    include_str!("http/page.css"),
    "</style>\n<body>\n<div id=\"page\"></div>\n<script>",
    include_str!("http/page.js"),
    "</script>\n",
];

/// Serves the pages of `host` at `address` from a task of this runtime, for as long as that lives; where that is.
///
/// # Errors
/// Where nobody can listen there.
pub async fn serve(address: &str, host: Arc<Host>) -> Result<SocketAddr> {
    listen(address, router(host)).await
}

/// Serves a worker's metrics, in the same way.
///
/// # Errors
/// Where nobody can listen there.
pub(super) async fn serve_worker(address: &str, agent: Arc<Agent>) -> Result<SocketAddr> {
    let router = Router::new()
        .route("/metrics", get(worker_metrics))
        .route("/healthz", get(async || "ok\n"))
        .with_state(agent);
    listen(address, router).await
}

async fn listen(address: &str, router: Router) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen at --http {address}"))?;
    let at = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(at)
}

fn router(host: Arc<Host>) -> Router {
    Router::new()
        .route("/", get(async || Html(PAGE.concat())))
        .route("/api/jobs", get(jobs))
        .route("/api/jobs/{job}", get(job))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .merge(rest::router())
        .with_state(host)
}

/// Lets `look` look at the core, on a thread that may wait for whoever has it: a write to the journal takes its time.
async fn ask<T: Send + 'static>(
    host: Arc<Host>,
    look: impl FnOnce(&Coordinator, Time) -> T + Send + 'static,
) -> Result<T, StatusCode> {
    let now = host.now();
    let asked = spawn_blocking(move || host.look(|core| look(core, now))).await;
    let seen = asked.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    // What was decided is not durable: nobody may see it.
    seen.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

async fn jobs(State(host): State<Arc<Host>>) -> Result<Json<Value>, StatusCode> {
    let list = |core: &Coordinator, now: Time| {
        json!({
            "now": now.as_millis(),
            "epoch": core.epoch(),
            "jobs": core.jobs().map(summary).collect::<Vec<_>>(),
            "workers": core.workers().map(|w| worker(core, w, now)).collect::<Vec<_>>(),
        })
    };
    Ok(Json(ask(host, list).await?))
}

async fn job(
    State(host): State<Arc<Host>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Response> {
    let found = job_of(&name);
    let look = move |core: &Coordinator, now| Some(whole(core, core.job(found?)?, now));
    match ask(host, look).await {
        Ok(Some(job)) => Ok(Json(job)),
        Ok(None) => Err((StatusCode::NOT_FOUND, format!("there is no {name}\n")).into_response()),
        Err(status) => Err(status.into_response()),
    }
}

async fn metrics(State(host): State<Arc<Host>>) -> Result<impl IntoResponse, StatusCode> {
    let asked = spawn_blocking(move || host.render_metrics()).await;
    let text = asked.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(header::CONTENT_TYPE, EXPOSITION)], text))
}

async fn worker_metrics(State(agent): State<Arc<Agent>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, EXPOSITION)], agent.render_metrics())
}

/// Through the core's lock and the journal: what workers wait for too.
async fn healthz(State(host): State<Arc<Host>>) -> Result<&'static str, Response> {
    let asked = spawn_blocking(move || host.tick()).await;
    match asked.map(|ticked| ticked.map_err(|error| error.to_string())) {
        Ok(Ok(())) => Ok("ok\n"),
        Ok(Err(error)) => Err((StatusCode::SERVICE_UNAVAILABLE, error).into_response()),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    }
}

/// `job_0001`, as it is named everywhere.
fn job_of(name: &str) -> Option<JobId> {
    let id = JobId(name.strip_prefix("job_")?.parse().ok()?);
    (id.to_string() == name).then_some(id)
}

fn millis(time: Option<Time>) -> Option<u64> {
    time.map(Time::as_millis)
}

fn kind_name(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Map => "MAP",
        TaskKind::Reduce => "REDUCE",
    }
}

fn state_name(state: &JobState) -> &'static str {
    match state {
        JobState::Running => "RUNNING",
        JobState::Committing => "COMMITTING",
        JobState::Succeeded => "SUCCEEDED",
        JobState::Failed { .. } => "FAILED",
    }
}

fn worker(core: &Coordinator, worker: &Registration, now: Time) -> Value {
    let load = |kind| core.load(worker.worker, kind);
    let slots = |kind| load(kind).map(|(slots, busy, _)| json!({"all": slots, "busy": busy}));
    let heard = load(TaskKind::Map).map(|(_, _, heard)| now.since(heard).as_millis());
    json!({
        "id": worker.worker.to_string(),
        "host": worker.host,
        "rack": worker.rack,
        "address": worker.address,
        "map_slots": slots(TaskKind::Map),
        "reduce_slots": slots(TaskKind::Reduce),
        "silent_ms": heard.and_then(|ms| u64::try_from(ms).ok()),
    })
}

/// A job in a line.
fn summary(job: &Job) -> Value {
    let status = Status::of(job);
    let tasks = |kind| {
        let tasks = job.tasks(kind);
        let running = tasks.iter().filter(|task| !task.attempts.is_empty());
        // What earlier coordinators saw done is not remembered task by task.
        let done = match job.state {
            JobState::Succeeded => tasks.len(),
            _ => job.done(kind),
        };
        json!({"total": tasks.len(), "done": done, "running": running.count()})
    };
    let all = |fraction: f64| match job.state {
        JobState::Succeeded => 1.0,
        _ => fraction,
    };
    json!({
        "id": job.id.to_string(),
        "program": job.spec.program,
        "output": job.spec.output,
        "state": state_name(&job.state),
        "reason": match &job.state {
            JobState::Failed { reason } => Some(reason),
            _ => None,
        },
        "submitted": millis(job.submitted),
        "ended": millis(job.ended),
        "maps": tasks(TaskKind::Map),
        "reduces": tasks(TaskKind::Reduce),
        "progress": {"map": all(status.map), "shuffle": all(status.shuffle), "reduce": all(status.reduce)},
        "input_bytes": {"read": status.input_bytes.0, "all": status.input_bytes.1},
    })
}

/// All that is known of a job.
fn whole(core: &Coordinator, job: &Job, now: Time) -> Value {
    let counters = job.counters_so_far();
    let attempts = job.history.attempts();
    let mut value = json!({
        "now": now.as_millis(),
        "args": job.spec.args,
        "inputs": job.spec.inputs,
        "settings": job.spec.settings.0,
        "tasks": tasks(job),
        "attempts": attempts.map(|(id, record)| attempt(id, record)).collect::<Vec<_>>(),
        "attempts_forgotten": job.history.forgotten(),
        "tally": {
            "map": tally(job.history.tally(TaskKind::Map)),
            "reduce": tally(job.history.tally(TaskKind::Reduce)),
        },
        "counters": groups(&counters),
        "skew": skew(job),
        "locality": locality(job),
        "workers": core.workers().map(|w| worker(core, w, now)).collect::<Vec<_>>(),
    });
    if let (Value::Object(all), Value::Object(summary)) = (&mut value, summary(job)) {
        all.extend(summary);
    }
    value
}

fn tasks(job: &Job) -> Vec<Value> {
    let kinds = [TaskKind::Map, TaskKind::Reduce].into_iter();
    let all = kinds.flat_map(|kind| {
        job.tasks(kind)
            .iter()
            .enumerate()
            .map(move |t| (kind, t.0, t.1))
    });
    // As many as attempts: more than that nobody reads, and each look would take the core's time.
    let shown = all.take(ATTEMPTS_KEPT).map(|(kind, index, task)| {
        let id = job.task_id(kind, index);
        let split = (kind == TaskKind::Map).then(|| job.splits.get(index));
        let running = task.attempts.values().map(|attempt| attempt.progress);
        let (state, progress) = match task.winner {
            Some(_) => ("SUCCEEDED", 1.0),
            None if task.is_pending() => ("SCHEDULED", 0.0),
            None => ("RUNNING", running.fold(0.0, f64::max)),
        };
        json!({
            "id": id.to_string(),
            "type": kind_name(kind),
            "state": state,
            "progress": progress,
            "failures": task.failures,
            "attempts": job.history.of_task(id).count(),
            "split": split.flatten().map(|split| json!({
                "path": split.path,
                "offset": split.offset,
                "length": split.length,
                "hosts": split.hosts,
            })),
        })
    });
    shown.collect()
}

fn attempt(id: AttemptId, record: &AttemptRecord) -> Value {
    json!({
        "id": id.to_string(),
        "task": id.task.to_string(),
        "type": kind_name(id.task.kind),
        "worker": record.worker.to_string(),
        "host": record.host,
        "rack": record.rack,
        "slot": record.slot,
        "state": record.outcome.name(),
        "reason": record.outcome.reason(),
        "speculative": record.speculative,
        "locality": record.locality.map(|locality| match locality {
            Locality::Node => "node",
            Locality::Rack => "rack",
            Locality::Any => "any",
        }),
        "started": record.started.as_millis(),
        "shuffled": millis(record.shuffled),
        "merged": millis(record.merged),
        "ended": millis(record.ended),
        "progress": record.progress,
        "input_records": record.input_records,
        "shuffle_bytes": record.shuffle_bytes,
        "spilled_records": record.spilled_records,
        "fetch_failures": record.fetch_failures,
    })
}

fn tally(tally: &Tally) -> Value {
    json!({
        "launched": tally.launched,
        "speculative": tally.speculative,
        "succeeded": tally.succeeded,
        "failed": tally.failed,
        "killed": tally.killed,
        "outputs_lost": tally.outputs_lost,
        "fetch_failures": tally.fetch_failures,
    })
}

fn groups(counters: &Counters) -> Value {
    let mut groups: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (group, name, value) in counters.iter() {
        groups.entry(group).or_default().insert(name, value);
    }
    json!(groups)
}

/// What each reduce has got, of the attempt that counts or is furthest.
fn skew(job: &Job) -> Value {
    let mut best: BTreeMap<u32, &AttemptRecord> = BTreeMap::new();
    let counts = |record: &AttemptRecord| (record.outcome == Outcome::Succeeded, record.progress);
    for (id, record) in job.history.attempts() {
        let lives = matches!(record.outcome, Outcome::Running | Outcome::Succeeded);
        if id.task.kind == TaskKind::Reduce && lives {
            let known = best.entry(id.task.index).or_insert(record);
            if counts(record) >= counts(known) {
                *known = record;
            }
        }
    }
    let of = |load: fn(&AttemptRecord) -> u64| {
        Skew::of(best.values().map(|record| load(record))).map(|skew| {
            json!({"max": skew.max, "mean": skew.mean, "max_over_mean": skew.max_over_mean, "p99": skew.p99})
        })
    };
    let partitions = best.iter().map(|(partition, record)| {
        json!({
            "partition": partition,
            "bytes": record.shuffle_bytes,
            "records": record.input_records,
            "done": record.outcome == Outcome::Succeeded,
        })
    });
    json!({
        "partitions": partitions.collect::<Vec<_>>(),
        "bytes": of(|record| record.shuffle_bytes),
        "records": of(|record| record.input_records),
    })
}

/// How far maps began from their splits: attempts, by where they ran.
fn locality(job: &Job) -> Value {
    let maps = job.history.attempts();
    let maps = maps.filter(|(id, _)| id.task.kind == TaskKind::Map);
    let places: Vec<_> = maps.map(|(_, record)| record.locality).collect();
    let at = |place| places.iter().filter(|at| **at == place).count();
    json!({
        "node": at(Some(Locality::Node)),
        "rack": at(Some(Locality::Rack)),
        "any": at(Some(Locality::Any)),
        "unplaced": at(None),
    })
}
