//! Hadoop's REST API of the MapReduce history server, `ws/v1/history/mapreduce`, with its paths and names of fields, so that tools that know Hadoop's jobs
//! know these. Times are milliseconds since 1970, 0 where unknown. Jobs that run are shown too, as its application master would.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use node::Time;
use serde_json::{Value, json};

use super::{ask, job_of, kind_name};
use crate::coordinator::Coordinator;
use crate::coordinator::history::{AttemptRecord, Outcome};
use crate::coordinator::job::{Job, JobState};
use crate::counters::Counters;
use crate::protocol::{AttemptId, TaskId, TaskKind};
use crate::server::host::Host;

pub(super) fn router() -> Router<Arc<Host>> {
    let jobs = Router::new()
        .route("/info", get(info))
        .route("/mapreduce/info", get(info))
        .route("/mapreduce/jobs", get(jobs))
        .route("/mapreduce/jobs/{job}", get(job))
        .route("/mapreduce/jobs/{job}/{what}", get(part))
        .route("/mapreduce/jobs/{job}/tasks/{task}", get(task))
        .route("/mapreduce/jobs/{job}/tasks/{task}/attempts", get(attempts))
        .route(
            "/mapreduce/jobs/{job}/tasks/{task}/attempts/{attempt}",
            get(attempt),
        );
    Router::new().nest("/ws/v1/history", jobs)
}

/// As Hadoop says that something is not there.
fn missing(what: &str) -> Response {
    let body = json!({"RemoteException": {
        "exception": "NotFoundException",
        "message": format!("{what} is not found"),
        "javaClassName": "org.apache.hadoop.yarn.webapp.NotFoundException",
    }});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// Shows what `show` makes of a job; where that is nothing, `what` is missing.
async fn of_job(
    host: Arc<Host>,
    name: String,
    what: String,
    show: impl FnOnce(&Job, Time) -> Option<Value> + Send + 'static,
) -> Response {
    let Some(id) = job_of(&name) else {
        return missing(&format!("job, {name},"));
    };
    let look = move |core: &Coordinator, now| show(core.job(id)?, now);
    match ask(host, look).await {
        Ok(Some(value)) => Json(value).into_response(),
        Ok(None) => missing(&what),
        Err(status) => status.into_response(),
    }
}

async fn info(State(host): State<Arc<Host>>) -> Json<Value> {
    Json(json!({"historyInfo": {
        "startedOn": host.began_at().as_millis(),
        "hadoopVersion": concat!("mini-mapreduce ", env!("CARGO_PKG_VERSION")),
    }}))
}

/// Those in a `state`, no more than `limit`.
async fn jobs(
    State(host): State<Arc<Host>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let limit = query.get("limit").map_or(Ok(usize::MAX), |n| n.parse());
    let Ok(limit) = limit else {
        let body = json!({"RemoteException": {
            "exception": "BadRequestException",
            "message": "limit must be a whole number",
            "javaClassName": "org.apache.hadoop.yarn.webapp.BadRequestException",
        }});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    let wanted = query.get("state").cloned();
    let list = move |core: &Coordinator, _| {
        let jobs = core.jobs();
        let jobs = jobs.filter(|job| wanted.as_deref().is_none_or(|want| want == state(job)));
        jobs.take(limit).map(short).collect::<Vec<_>>()
    };
    match ask(host, list).await {
        Ok(list) => Json(json!({"jobs": {"job": list}})).into_response(),
        Err(status) => status.into_response(),
    }
}

async fn job(State(host): State<Arc<Host>>, Path(name): Path<String>) -> Response {
    let what = format!("job, {name},");
    of_job(host, name, what, |job, _| Some(json!({"job": long(job)}))).await
}

async fn part(
    State(host): State<Arc<Host>>,
    Path((name, part)): Path<(String, String)>,
) -> Response {
    let what = format!("{part} of job, {name},");
    of_job(host, name, what, move |job, now| match part.as_str() {
        "counters" => Some(counters(job)),
        "conf" => Some(conf(job)),
        "tasks" => Some(json!({"tasks": {"task": all_tasks(job, now)}})),
        _ => None,
    })
    .await
}

async fn task(
    State(host): State<Arc<Host>>,
    Path((name, task)): Path<(String, String)>,
) -> Response {
    let what = format!("task, {task},");
    let show = move |job: &Job, now| {
        let id = task_of(job, &task)?;
        Some(json!({"task": one_task(job, id, now)}))
    };
    of_job(host, name, what, show).await
}

async fn attempts(
    State(host): State<Arc<Host>>,
    Path((name, task)): Path<(String, String)>,
) -> Response {
    let what = format!("task, {task},");
    let show = move |job: &Job, now| {
        let id = task_of(job, &task)?;
        let of = job.history.of_task(id);
        let shown: Vec<Value> = of.map(|(a, record)| one_attempt(a, record, now)).collect();
        Some(json!({"taskAttempts": {"taskAttempt": shown}}))
    };
    of_job(host, name, what, show).await
}

async fn attempt(
    State(host): State<Arc<Host>>,
    Path((name, task, attempt)): Path<(String, String, String)>,
) -> Response {
    let what = format!("attempt, {attempt},");
    let show = move |job: &Job, now| {
        let id = task_of(job, &task)?;
        let mut of = job.history.of_task(id);
        let (a, record) = of.find(|(a, _)| a.to_string() == attempt)?;
        Some(json!({"taskAttempt": one_attempt(a, record, now)}))
    };
    of_job(host, name, what, show).await
}

fn state(job: &Job) -> &'static str {
    match job.state {
        JobState::Running | JobState::Committing => "RUNNING",
        JobState::Succeeded => "SUCCEEDED",
        JobState::Failed { .. } => "FAILED",
    }
}

fn at(time: Option<Time>) -> u64 {
    time.map_or(0, Time::as_millis)
}

fn short(job: &Job) -> Value {
    let done = |kind| match job.state {
        JobState::Succeeded => job.tasks(kind).len(),
        _ => job.done(kind),
    };
    json!({
        "id": job.id.to_string(),
        "name": job.spec.program,
        "queue": "default",
        "user": "",
        "state": state(job),
        "submitTime": at(job.submitted),
        "startTime": at(job.submitted),
        "finishTime": at(job.ended),
        "mapsTotal": job.maps.len(),
        "mapsCompleted": done(TaskKind::Map),
        "reducesTotal": job.reduces.len(),
        "reducesCompleted": done(TaskKind::Reduce),
    })
}

fn long(job: &Job) -> Value {
    let mut value = short(job);
    let (maps, reduces) = (
        job.history.tally(TaskKind::Map),
        job.history.tally(TaskKind::Reduce),
    );
    let mean = |kind, part: fn(&AttemptRecord) -> Option<u64>| {
        let of = job.history.attempts();
        let of = of.filter(|(id, a)| id.task.kind == kind && a.outcome == Outcome::Succeeded);
        let parts: Vec<u64> = of.filter_map(|(_, record)| part(record)).collect();
        parts.iter().sum::<u64>() / (parts.len() as u64).max(1)
    };
    let more = json!({
        "uberized": false,
        "diagnostics": match &job.state {
            JobState::Failed { reason } => reason.as_str(),
            _ => "",
        },
        "avgMapTime": mean(TaskKind::Map, |a| span(Some(a.started), a.ended)),
        "avgReduceTime": mean(TaskKind::Reduce, |a| span(a.merged, a.ended)),
        "avgShuffleTime": mean(TaskKind::Reduce, |a| span(Some(a.started), a.shuffled)),
        "avgMergeTime": mean(TaskKind::Reduce, |a| span(a.shuffled, a.merged)),
        "successfulMapAttempts": maps.succeeded,
        "failedMapAttempts": maps.failed,
        "killedMapAttempts": maps.killed,
        "successfulReduceAttempts": reduces.succeeded,
        "failedReduceAttempts": reduces.failed,
        "killedReduceAttempts": reduces.killed,
    });
    extend(&mut value, more);
    value
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (value, more) {
        all.extend(more);
    }
}

/// From one time to another, in milliseconds; none where one of them is not known.
fn span(from: Option<Time>, to: Option<Time>) -> Option<u64> {
    u64::try_from(to?.since(from?).as_millis()).ok()
}

fn conf(job: &Job) -> Value {
    let property = |(name, value): (&String, &String)| json!({"name": name, "value": value});
    let settings = job.spec.settings.0.iter().map(property);
    json!({"conf": {"path": "", "property": settings.collect::<Vec<_>>()}})
}

fn counters(job: &Job) -> Value {
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let (maps, reduces) = (
        job.counters_of(TaskKind::Map),
        job.counters_of(TaskKind::Reduce),
    );
    let all: Counters = job.counters_so_far();
    for (group, name, total) in all.iter() {
        let counter = json!({
            "name": name,
            "totalCounterValue": total,
            "mapCounterValue": maps.get(group, name),
            "reduceCounterValue": reduces.get(group, name),
        });
        groups.entry(group.to_owned()).or_default().push(counter);
    }
    let groups = groups.into_iter();
    let groups =
        groups.map(|(name, counter)| json!({"counterGroupName": name, "counter": counter}));
    json!({"jobCounters": {
        "id": job.id.to_string(),
        "counterGroup": groups.collect::<Vec<_>>(),
    }})
}

fn task_of(job: &Job, name: &str) -> Option<TaskId> {
    let (_, rest) = name.strip_prefix("task_")?.split_once('_')?;
    let (letter, index) = rest.split_once('_')?;
    let kind = match letter {
        "m" => TaskKind::Map,
        "r" => TaskKind::Reduce,
        _ => return None,
    };
    let index: usize = index.parse().ok()?;
    let id = job.task_id(kind, index);
    (index < job.tasks(kind).len() && id.to_string() == name).then_some(id)
}

fn all_tasks(job: &Job, now: Time) -> Vec<Value> {
    let ids = [TaskKind::Map, TaskKind::Reduce].into_iter();
    let ids = ids.flat_map(|kind| (0..job.tasks(kind).len()).map(move |i| job.task_id(kind, i)));
    ids.map(|id| one_task(job, id, now)).collect()
}

fn one_task(job: &Job, id: TaskId, now: Time) -> Value {
    let index = usize::try_from(id.index).unwrap_or(usize::MAX);
    let task = job.tasks(id.kind).get(index);
    let tries = || job.history.of_task(id);
    let started = tries().map(|(_, record)| record.started).min();
    let winner = task.and_then(|task| task.winner);
    let won = winner.map(|winner| AttemptId {
        task: id,
        number: winner.number,
    });
    let ended = won.and_then(|won| job.history.attempt(won)?.ended);
    let furthest = tries().filter(|(_, record)| record.outcome == Outcome::Running);
    let furthest = furthest
        .map(|(_, record)| record.progress)
        .fold(0.0, f64::max);
    let (state, progress) = match (&job.state, task) {
        (JobState::Succeeded, _) => ("SUCCEEDED", 100.0),
        (_, Some(task)) if task.winner.is_some() => ("SUCCEEDED", 100.0),
        (JobState::Failed { .. }, _) => ("KILLED", 0.0),
        (_, Some(task)) if !task.is_pending() => ("RUNNING", furthest * 100.0),
        _ => ("SCHEDULED", 0.0),
    };
    json!({
        "id": id.to_string(),
        "type": kind_name(id.kind),
        "state": state,
        "progress": progress,
        "startTime": at(started),
        "finishTime": at(ended),
        "elapsedTime": span(started, ended.or(Some(now))).unwrap_or(0),
        "successfulAttempt": won.map_or(String::new(), |won| won.to_string()),
    })
}

fn one_attempt(id: AttemptId, record: &AttemptRecord, now: Time) -> Value {
    let mut value = json!({
        "id": id.to_string(),
        "type": kind_name(id.task.kind),
        "state": record.outcome.name(),
        "progress": record.progress * 100.0,
        "startTime": record.started.as_millis(),
        "finishTime": at(record.ended),
        "elapsedTime": span(Some(record.started), record.ended.or(Some(now))),
        "diagnostics": record.outcome.reason().unwrap_or(""),
        "rack": record.rack,
        "nodeHttpAddress": record.host,
        "assignedContainerId": record.worker.to_string(),
    });
    if id.task.kind == TaskKind::Reduce {
        let more = json!({
            "shuffleFinishTime": at(record.shuffled),
            "mergeFinishTime": at(record.merged),
            "elapsedShuffleTime": span(Some(record.started), record.shuffled).unwrap_or(0),
            "elapsedMergeTime": span(record.shuffled, record.merged).unwrap_or(0),
            "elapsedReduceTime": span(record.merged, record.ended).unwrap_or(0),
        });
        extend(&mut value, more);
    }
    value
}
