//! What is to be seen from outside: the page's JSON, Hadoop's REST API, metrics, traces.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;
use traces::collector::Collector;

use super::{DEADLINE, PROGRAM, Scene};

/// What a server answers: the status, and the body.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

fn json(address: &str, path: &str) -> Value {
    let (status, body) = get(address, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// The value of each series.
fn metrics(address: &str) -> BTreeMap<String, f64> {
    let (status, text) = get(address, "/metrics");
    assert_eq!(status, 200);
    let series = text.lines().filter(|line| !line.starts_with('#'));
    let series = series.filter_map(|line| line.rsplit_once(' '));
    series
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

fn sum<'a>(values: impl IntoIterator<Item = &'a Value>, name: &str) -> u64 {
    let values = values.into_iter();
    values.map(|value| value[name].as_u64().unwrap()).sum()
}

const TASK_COUNTERS: &str = "org.apache.hadoop.mapreduce.TaskCounter";

#[test]
fn pages_and_metrics_tell_of_a_job_that_lost_a_worker() {
    let mut scene = Scene::new(3);
    let page = scene.cluster.page().unwrap().to_owned();
    let idle = metrics(&page);
    assert_eq!(idle["mapreduce_coordinator_jobs{state=\"running\"}"], 0.0);
    // No second attempt can take over what a killed worker was doing: the job cannot be over before the worker is taken for lost.
    let job = scene.submit_with(2, &[("mapreduce.map.speculative", "false")]);
    scene.until_half(job);
    let running = json(&page, "/api/jobs/job_0001");
    assert_eq!(running["state"], "RUNNING");
    assert!(running["progress"]["map"].as_f64().unwrap() > 0.0);
    let busy = metrics(&page);
    assert_eq!(busy["mapreduce_coordinator_workers"], 3.0);
    assert_eq!(busy["mapreduce_coordinator_slots{kind=\"map\"}"], 3.0);
    pause_with_a_map_done_and_one_running(&mut scene, &page);
    scene.cluster.workers[0].kill();
    scene.succeeds(job);

    let over = json(&page, "/api/jobs/job_0001");
    it_is_whole(&over);
    let lost = over["attempts"].as_array().unwrap().iter().filter(|a| {
        a["host"] == "worker1"
            && a["reason"]
                .as_str()
                .is_some_and(|r| r.contains("its worker was lost"))
    });
    assert!(lost.count() > 0, "{over:#}");
    hadoop_would_say_the_same(&page, &over);

    let after = metrics(&page);
    let moved = |name: &str| {
        let (before, now) = (idle.get(name).copied().unwrap_or(0.0), after[name]);
        assert!(now > before, "{name}: {before}, and then {now}");
    };
    moved("mapreduce_coordinator_jobs{state=\"succeeded\"}");
    moved("mapreduce_coordinator_attempts_total{kind=\"map\",outcome=\"succeeded\"}");
    moved("mapreduce_coordinator_attempts_total{kind=\"reduce\",outcome=\"succeeded\"}");
    moved("mapreduce_coordinator_attempts_launched_total{kind=\"map\"}");
    moved("mapreduce_coordinator_map_outputs_lost_total");
    moved("mapreduce_coordinator_shuffle_bytes_total");
    moved("mapreduce_coordinator_spilled_records_total{kind=\"map\"}");
    moved("mapreduce_coordinator_journal_sync_seconds_count");
    assert_eq!(after["mapreduce_coordinator_workers"], 2.0);
    let worker = metrics(scene.cluster.workers[1].address("http").unwrap());
    for name in [
        "mapreduce_worker_attempts_total{kind=\"map\",outcome=\"succeeded\"}",
        "mapreduce_worker_spilled_records_total{kind=\"map\"}",
        "mapreduce_worker_shuffle_fetched_bytes_total",
        "mapreduce_worker_shuffle_served_bytes_total",
        "mapreduce_worker_fetch_seconds_count",
    ] {
        assert!(worker[name] > 0.0, "{name}: {worker:#?}");
    }
    assert_eq!(worker["mapreduce_worker_slots{kind=\"map\"}"], 1.0);
    assert!(worker["mapreduce_worker_heartbeat_age_seconds"] < DEADLINE.as_secs_f64());
}

/// Stops the first worker where it has something to lose of both kinds.
fn pause_with_a_map_done_and_one_running(scene: &mut Scene, page: &str) {
    let worker = &mut scene.cluster.workers[0];
    let begun = Instant::now();
    loop {
        worker.pause().unwrap();
        let job = json(page, "/api/jobs/job_0001");
        let attempts = job["attempts"].as_array().unwrap().iter();
        let maps: Vec<&Value> = attempts
            .filter(|a| a["host"] == "worker1" && a["type"] == "MAP")
            .map(|a| &a["state"])
            .collect();
        if ["SUCCEEDED", "RUNNING"]
            .iter()
            .all(|state| maps.iter().any(|has| *has == state))
        {
            return;
        }
        worker.resume().unwrap();
        assert!(job["state"] == "RUNNING", "it never was so: {job:#}");
        // It gets some way before it is looked at again.
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(
            begun.elapsed() < DEADLINE,
            "not after {DEADLINE:?}: {job:#}"
        );
    }
}

/// The attempts explain the counters, one slot has one attempt at a time, and phases follow each other.
fn it_is_whole(job: &Value) {
    assert_eq!(job["state"], "SUCCEEDED");
    let counters = &job["counters"][TASK_COUNTERS];
    let partitions = job["skew"]["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 2);
    assert_eq!(counters["REDUCE_INPUT_RECORDS"], sum(partitions, "records"));
    assert_eq!(counters["REDUCE_SHUFFLE_BYTES"], sum(partitions, "bytes"));
    assert!(job["skew"]["bytes"]["max_over_mean"].as_f64().unwrap() >= 1.0);
    let attempts = job["attempts"].as_array().unwrap();
    let good = attempts.iter().filter(|a| a["state"] == "SUCCEEDED");
    let maps: Vec<&Value> = good.clone().filter(|a| a["type"] == "MAP").collect();
    let all = job["maps"]["total"].as_u64().unwrap();
    assert_eq!(maps.len() as u64, all);
    assert_eq!(sum(maps, "input_records"), 60_000);
    for reduce in good.filter(|a| a["type"] == "REDUCE") {
        let times = ["started", "shuffled", "merged", "ended"];
        let times = times.map(|name| reduce[name].as_u64().unwrap());
        assert!(times.is_sorted(), "{reduce}");
    }
    let mut lanes: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for a in attempts {
        let lane = format!("{} {} {}", a["worker"], a["type"], a["slot"]);
        let span = (a["started"].as_u64().unwrap(), a["ended"].as_u64().unwrap());
        lanes.entry(lane).or_default().push(span);
    }
    for (lane, mut spans) in lanes {
        spans.sort_unstable();
        let overlap = spans.windows(2).find(|pair| pair[0].1 > pair[1].0);
        assert_eq!(overlap, None, "{lane}");
    }
    let placed = &job["locality"];
    let maps_begun = attempts.iter().filter(|a| a["type"] == "MAP").count();
    assert_eq!(placed["unplaced"], maps_begun, "local files have no hosts");
}

fn hadoop_would_say_the_same(page: &str, job: &Value) {
    let root = "/ws/v1/history/mapreduce/jobs";
    let listed = json(page, &format!("{root}?state=SUCCEEDED"));
    assert_eq!(listed["jobs"]["job"][0]["id"], "job_0001");
    let none = json(page, &format!("{root}?state=FAILED"));
    assert_eq!(none["jobs"]["job"], Value::Array(Vec::new()));
    let one = &json(page, &format!("{root}/job_0001"))["job"];
    assert_eq!(one["mapsCompleted"], job["maps"]["total"]);
    assert_eq!(one["startTime"], job["submitted"]);
    assert_eq!(one["finishTime"], job["ended"]);
    assert_eq!(one["killedMapAttempts"], job["tally"]["map"]["killed"]);
    let counters = &json(page, &format!("{root}/job_0001/counters"))["jobCounters"];
    let mut groups = counters["counterGroup"].as_array().unwrap().iter();
    let group = groups.find(|group| group["counterGroupName"] == TASK_COUNTERS);
    let group = group.unwrap();
    let records = group["counter"].as_array().unwrap().iter();
    let records = records.clone().find(|c| c["name"] == "MAP_INPUT_RECORDS");
    let records = records.unwrap();
    assert_eq!(records["totalCounterValue"], 60_000);
    assert_eq!(records["mapCounterValue"], 60_000);
    assert_eq!(records["reduceCounterValue"], 0);
    let tasks = &json(page, &format!("{root}/job_0001/tasks"))["tasks"]["task"];
    assert_eq!(
        tasks.as_array().unwrap().len(),
        job["tasks"].as_array().unwrap().len()
    );
    let path = format!("{root}/job_0001/tasks/task_0001_r_000000/attempts");
    let attempts = &json(page, &path)["taskAttempts"]["taskAttempt"];
    let won = attempts.as_array().unwrap().iter();
    let won = won.clone().find(|a| a["state"] == "SUCCEEDED").unwrap();
    let part = |name: &str| won[name].as_u64().unwrap();
    let parts = part("elapsedShuffleTime") + part("elapsedMergeTime") + part("elapsedReduceTime");
    assert!(parts <= part("elapsedTime"), "{won}");
    let (status, body) = get(page, &format!("{root}/job_0002"));
    assert!(status == 404 && body.contains("RemoteException"), "{body}");
    let (status, _) = get(page, "/api/jobs/job_2");
    assert_eq!(status, 404);
    let (status, html) = get(page, "/");
    assert!(status == 200 && html.starts_with("<!doctype html>"));
    assert_eq!(get(page, "/healthz"), (200, "ok\n".to_owned()));
}

#[test]
fn a_trace_follows_a_job_through_client_coordinator_workers_and_fetches() {
    let collector = Collector::start().unwrap();
    let dir = TempDir::new().unwrap();
    let command = |words: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(words).envs(collector.environment());
        command.current_dir(dir.path());
        command
    };
    let mut cluster = command(&["cluster", "--workers", "2", "--exit-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(cluster.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let coordinator = ready["coordinator"].as_str().unwrap();
    fs::write(dir.path().join("small"), "b a\na\n").unwrap();
    let words = ["run", "--coordinator", coordinator, "wordcount", "small"];
    let ran = command(&words).arg("counts").output().unwrap();
    assert!(ran.status.success(), "{ran:?}");

    let trace_of = || collector.trace_of(|span| span.name == "command");
    let begun = Instant::now();
    // Spans come in any order, and those of servers a little later.
    let trace = loop {
        let trace = trace_of();
        let has = |service: &str, names: &[&str]| {
            let seen = trace.names(service);
            names.iter().all(|name| seen.contains(name))
        };
        if has("client", &["command"])
            && has("coordinator", &["Submit", "journal_sync", "commit"])
            && has("worker", &["map", "reduce", "shuffle", "fetch", "Fetch"])
        {
            break trace;
        }
        assert!(begun.elapsed() < DEADLINE, "it is not whole: {trace:#?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let served = trace.0.iter().find(|span| span.name == "Fetch").unwrap();
    let above: Vec<&str> = trace.above(served).map(|s| s.name.as_str()).collect();
    assert_eq!(above, ["fetch", "shuffle", "reduce", "Submit", "command"]);
    drop(cluster.stdin.take());
    assert!(cluster.wait().unwrap().success());
}

#[test]
fn a_job_in_one_process_has_the_same_page() {
    let dir = TempDir::new().unwrap();
    super::write_text(&dir.path().join("text"), 200_000);
    let mut run = Command::new(PROGRAM)
        .args([
            "run",
            "--http",
            "127.0.0.1:0",
            "--slots",
            "1",
            "wordcount",
            "-D",
        ])
        .args([
            "mapreduce.input.fileinputformat.split.maxsize=100000",
            "text",
            "out",
        ])
        .current_dir(dir.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let address = first.rsplit("http://").next().unwrap();
    // It may not have been taken yet; and may it never be over before it was looked at.
    let begun = Instant::now();
    let job = loop {
        let all = json(address, "/api/jobs");
        if let Some(job) = all["jobs"].get(0) {
            break job.clone();
        }
        assert!(begun.elapsed() < DEADLINE);
    };
    assert_eq!(job["id"], "job_0001");
    assert_eq!(job["program"], "wordcount");
    assert!(lines.map_while(Result::ok).count() > 0);
    assert!(run.wait().unwrap().success());
}
