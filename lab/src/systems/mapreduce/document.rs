//! What the page is shown: the state document, with lamps and figures.

use serde_json::{Map, Value, json};

use super::report::{JobReport, TaskReport};
use super::watch::View;
use crate::lab::{Condition, Lab, NodeView};

/// So many jobs are shown: those that run, and the newest.
const JOBS_SHOWN: usize = 4;

/// The members of the document.
pub(super) fn members(
    view: &View,
    nodes: &[NodeView],
    workers: &[String],
) -> [(&'static str, Value); 6] {
    [
        ("nodes", Value::Object(shown_nodes(view, nodes))),
        ("jobs", jobs(view)),
        ("crossed", crossed(view)),
        ("runs", json!(view.runs)),
        ("lamps", lamps(view, nodes, workers)),
        ("figures", figures(view)),
    ]
}

/// The attempts that run on a machine, and the map outputs that it holds for jobs that run.
fn on(view: &View, host: &str) -> (Vec<Value>, usize) {
    let (mut running, mut outputs) = (Vec::new(), 0);
    for (id, job) in view.report.jobs.iter().filter(|(_, job)| !job.is_over()) {
        for (kind, tasks) in [("m", &job.maps), ("r", &job.reduces)] {
            for (n, task) in tasks.iter().enumerate() {
                let here = task.attempts.iter().filter(|attempt| attempt.host == host);
                running.extend(here.map(|attempt| {
                    json!({"job": id, "task": format!("{kind}{n}"), "again": attempt.again, "progress": percent(attempt.progress)})
                }));
                let is_output = kind == "m" && task.done.as_ref().is_some_and(|on| on == host);
                outputs += usize::from(is_output);
            }
        }
    }
    (running, outputs)
}

/// In hundredths, so that it does not change too often.
fn percent(fraction: f64) -> f64 {
    (fraction * 100.0).round()
}

fn shown_nodes(view: &View, nodes: &[NodeView]) -> Map<String, Value> {
    let mut shown = Lab::nodes_document(nodes);
    for node in nodes {
        let Some(entry) = shown.get_mut(&node.name) else {
            continue;
        };
        if node.role != "worker" {
            let running = view.report.jobs.values().filter(|job| !job.is_over());
            let running = running.count();
            entry["facts"] = json!(format!(
                "{running} jobs run, {} workers",
                view.report.workers.len()
            ));
            continue;
        }
        let (running, outputs) = on(view, &node.name);
        entry["facts"] = json!(format!("holds {outputs} map outputs"));
        entry["attempts"] = json!(running);
        if view.answers && !view.report.workers.contains(&node.name) {
            entry["state"] = json!("lost");
        }
    }
    shown
}

fn jobs(view: &View) -> Value {
    let all = view.report.jobs.iter().rev();
    let shown = all.clone().filter(|(_, job)| !job.is_over());
    let over = all.filter(|(_, job)| job.is_over());
    let shown = shown.chain(over).take(JOBS_SHOWN);
    let shown = shown.map(|(id, job)| {
        let title = view.runs.iter().find(|run| run.output == job.output);
        let title = title.map(|run| run.title.as_str());
        (format!("job_{id:04}"), shown_job(job, title))
    });
    Value::Object(shown.collect())
}

fn shown_job(job: &JobReport, title: Option<&str>) -> Value {
    let tasks = |kind: &str, tasks: &[TaskReport]| {
        let shown = tasks.iter().enumerate();
        let shown = shown.map(|(n, task)| (format!("{kind}{n}"), shown_task(task)));
        Value::Object(shown.collect())
    };
    json!({
        "program": job.program, "title": title, "state": job.state, "reason": job.reason, "shuffle": percent(job.shuffle),
        "maps": tasks("m", &job.maps), "reduces": tasks("r", &job.reduces),
    })
}

fn shown_task(task: &TaskReport) -> Value {
    let running = task.attempts.iter().map(|attempt| {
        json!({"on": attempt.host, "progress": percent(attempt.progress), "near": attempt.near != Some(false)})
    });
    let running: Vec<Value> = running.collect();
    match &task.done {
        Some(host) => {
            json!({"state": "done", "on": host, "near": task.near != Some(false), "tries": task.tries})
        }
        None if running.is_empty() => json!({"state": "waiting", "tries": task.tries}),
        None => json!({"state": "running", "running": running, "tries": task.tries}),
    }
}

fn crossed(view: &View) -> Value {
    let links = view.crossed.links.iter();
    let links = links.map(|((from, to), bytes)| (sim::link_key(from, to), json!(bytes)));
    Value::Object(links.collect())
}

/// Whether something holds; none where nobody can tell.
type Holds = (Option<bool>, String);

fn lamps(view: &View, nodes: &[NodeView], workers: &[String]) -> Value {
    let mut lamps = Map::new();
    let mut lamp = |id: &str, sentence: &str, (holds, reason): Holds| {
        let order = lamps.len() + 1;
        let shown = json!({"order": order, "sentence": sentence, "holds": holds, "reason": reason});
        lamps.insert(id.to_owned(), shown);
    };
    let absent =
        |found: &Option<String>| (Some(found.is_none()), found.clone().unwrap_or_default());
    lamp(
        "workers",
        "Every worker is there",
        all_there(view, nodes, workers),
    );
    lamp(
        "outputs",
        "Each output is what a sequential program makes of the input, each part once",
        absent(&view.wrong),
    );
    lamp("jobs", "No job has failed", absent(&view.failed));
    Value::Object(lamps)
}

fn all_there(view: &View, nodes: &[NodeView], workers: &[String]) -> Holds {
    if !view.answers {
        return (Some(false), "the coordinator does not answer".to_owned());
    }
    let is_missing = |name: &&String| {
        let node = nodes.iter().find(|node| node.name == **name);
        let is_up = node.is_some_and(|node| node.process == Condition::Up);
        !is_up || !view.report.workers.contains(name)
    };
    match workers.iter().find(is_missing) {
        None => (Some(true), String::new()),
        Some(name) => (Some(false), format!("{name} is not")),
    }
}

fn figures(view: &View) -> Value {
    let figure = |order: u32, label: &str, unit: &str, value: u64| json!({"order": order, "label": label, "unit": unit, "value": value});
    let running: Vec<&JobReport> = view
        .report
        .jobs
        .values()
        .filter(|job| !job.is_over())
        .collect();
    let sum =
        |of: &dyn Fn(&JobReport) -> usize| running.iter().map(|job| of(job)).sum::<usize>() as u64;
    let (nodes, racks) = view.crossed.total();
    let mut figures: Map<String, Value> = view.load.figures().collect();
    let own = [
        (
            "maps",
            "maps done, of jobs that run",
            "",
            sum(&|job| job.done().0),
        ),
        (
            "reduces",
            "reduces done, of jobs that run",
            "",
            sum(&|job| job.done().1),
        ),
        ("nodes", "crossed between machines", "B", nodes),
        ("racks", "of that, between racks", "B", racks),
    ];
    for ((id, label, unit, value), order) in own.into_iter().zip(10..) {
        figures.insert(id.to_owned(), figure(order, label, unit, value));
    }
    Value::Object(figures)
}
