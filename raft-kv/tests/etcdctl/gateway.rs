//! JSON over HTTP/1, asked as `curl` asks: the same of etcd and of ours.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Paths and bodies. What ends in a number is a stream: so many lines of it are read.
const SCRIPT: &[(&str, &str)] = &[
    ("/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy"}"#),
    (
        "/v3/kv/put",
        r#"{"key":"Zm9v","value":"YmF6","prev_kv":true}"#,
    ),
    ("/v3/kv/range", r#"{"key":"Zm9v"}"#),
    (
        "/v3beta/kv/range",
        r#"{"key":"Zm9v","serializable":true,"count_only":true}"#,
    ),
    (
        "/v3/kv/range",
        r#"{"key":"Zm9v","range_end":"Zm9w","sortOrder":"DESCEND","sort_target":"MOD","limit":"5"}"#,
    ),
    ("/v3/kv/range", r#"{"key":"Zm9v","of_a_later_version":1}"#),
    ("/v3/kv/range", r#"{"key":"Zm9v","revision":"99"}"#),
    ("/v3/kv/range", ""),
    ("/v3/kv/range/", "{}"),
    ("/v3/kv/nothing", "{}"),
    ("/v3alpha/kv/range", "{}"),
    (
        "/v3/kv/txn",
        r#"{"compare":[{"target":"CREATE","key":"Zm9v","createRevision":"2"}],"success":[{"requestPut":{"key":"Zm9v","value":"YmFy"}},{"requestRange":{"key":"Zm9v"}}]}"#,
    ),
    (
        "/v3/kv/txn",
        r#"{"compare":[{"result":"EQUAL","target":"VERSION","key":"Zm9v","version":99}],"failure":[{"request_delete_range":{"key":"Zm9v"}}]}"#,
    ),
    (
        "/v3/watch 2",
        r#"{"create_request":{"key":"Zm9v","start_revision":"2"}}"#,
    ),
    ("/v3/kv/deleterange", r#"{"key":"AA==","range_end":"AA=="}"#),
    ("/v3/kv/compaction", r#"{"revision":"3"}"#),
    ("/v3/kv/compaction", r#"{"revision":"99"}"#),
    (
        "/v3/watch 2",
        r#"{"create_request":{"key":"Zm9v","start_revision":"1"}}"#,
    ),
    ("/v3/lease/grant", r#"{"TTL":"6000","ID":"7"}"#),
    ("/v3/lease/grant", r#"{"TTL":6000,"ID":7}"#),
    ("/v3/lease/keepalive 1", r#"{"ID":"7"}{"ID":"8"}"#),
    ("/v3/lease/leases", "{}"),
    ("/v3/lock/lock", r#"{"name":"bXk=","lease":"7"}"#),
    ("/v3/lock/unlock", r#"{"key":"bXkvNw=="}"#),
    (
        "/v3/election/campaign",
        r#"{"name":"ZWw=","value":"dg==","lease":7}"#,
    ),
    ("/v3/election/leader", r#"{"name":"ZWw="}"#),
    ("/v3/election/leader", r#"{"name":"bm9uZQ=="}"#),
    ("/v3/election/observe 1", r#"{"name":"ZWw="}"#),
    ("/v3/kv/lease/revoke", r#"{"ID":"7"}"#),
    ("/v3/lease/revoke", r#"{"ID":"7"}"#),
    ("/v3/cluster/member/list", "{}"),
    ("/v3/cluster/member/remove", r#"{"ID":"7"}"#),
    ("/v3/cluster/member/add", r#"{"peerURLs":["nonsense"]}"#),
    ("/v3/maintenance/status", "{}"),
    ("/v3/maintenance/alarm", r#"{"action":"GET"}"#),
    ("/v3/maintenance/defragment", "{}"),
    ("/v3/maintenance/hash", "{}"),
    ("/v3/maintenance/transfer-leadership", r#"{"targetID":"7"}"#),
    ("/v3/auth/enable", "{}"),
    ("/v3/auth/user/list", "{}"),
];

/// Bodies that are refused with the same codes, but in Go's words or in ours.
const NONSENSE: &[&str] = &["{", "[]", r#"{"key":"@@"}"#, r#"{"key":5}"#];

/// What is never the same in two runs, or not in two implementations.
const CHANCE: &[&str] = &[
    "raft_term",
    "raftTerm",
    "raftIndex",
    "raftAppliedIndex",
    "dbSize",
    "dbSizeInUse",
    "hash",
];

/// All that is answered, for each step.
pub(crate) fn play(endpoint: &str) -> Vec<String> {
    until_ready(endpoint);
    let mut told = Vec::new();
    for (path, body) in SCRIPT {
        let (path, lines) = path.split_once(' ').unwrap_or((path, "0"));
        let (code, text) = post(endpoint, path, body, lines.parse().unwrap());
        let text: Vec<String> = text.lines().map(normalised).collect();
        told.push(format!("{path} {body}\n{code}: {}", text.join("\n")));
    }
    for body in NONSENSE {
        let (code, text) = post(endpoint, "/v3/kv/range", body, 0);
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(error["error"], error["message"], "{body}: {text}");
        told.push(format!("{body}\n{code}: {}", error["code"]));
    }
    told
}

fn normalised(line: &str) -> String {
    match serde_json::from_str::<Value>(line) {
        Ok(mut value) => {
            forget(&mut value);
            value.to_string()
        }
        Err(_) => line.to_owned(),
    }
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !CHANCE.contains(&name.as_str()));
            fields.values_mut().for_each(forget);
        }
        Value::Array(all) => all.iter_mut().for_each(forget),
        _ => {}
    }
}

fn until_ready(endpoint: &str) {
    let end = Instant::now() + TIMEOUT;
    loop {
        match ask(endpoint, "GET /health", "", 0) {
            Ok((200, _)) => return,
            _ if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
            other => panic!("{endpoint} is not ready: {other:?}"),
        }
    }
}

fn post(endpoint: &str, path: &str, body: &str, lines: usize) -> (u16, String) {
    ask(endpoint, &format!("POST {path}"), body, lines).unwrap()
}

/// The status and the body; of a stream, so many lines of it. HTTP/1.0, so that a body ends with its connection.
fn ask(endpoint: &str, what: &str, body: &str, lines: usize) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let length = body.len();
    write!(
        stream,
        "{what} HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status)?;
    let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut header = String::new();
    while header != "\r\n" {
        header.clear();
        answer.read_line(&mut header)?;
    }
    let mut text = String::new();
    for _ in 0..lines {
        answer.read_line(&mut text)?;
    }
    if lines == 0 {
        answer.read_to_string(&mut text)?;
    }
    Ok((code.unwrap_or(0), text))
}
