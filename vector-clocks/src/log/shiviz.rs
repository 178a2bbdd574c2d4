//! The text format of ShiViz, the viewer at <https://bestchai.bitbucket.io/shiviz/>: a regular expression says what an event is.
//!
//! Its groups `event`, `host` and `clock` are needed; the clock is a JSON object of counts. [`DEFAULT`] is what the viewer has when it
//! opens, and what [`write()`] writes. The order of a host's events is that of its own counts, whatever the order of lines. ShiViz takes a
//! log if each host counts its events from 1 without gaps, and every host that a clock names has events. Messages have no ids there; [`Log::run`] finds them in the clocks.
//!
//! Expressions are those of JavaScript as far as the crate `regex` knows them: no look-around, no back-references. Left
//! out: several executions in a file, and the groups beyond the three.

use std::collections::BTreeMap;
use std::fmt::Write;

use regex::RegexBuilder;

use super::json::in_line;
use super::{Event, Kind, Log, ProcessId, ReadError, stamp};

/// The viewer's own expression: the text on one line, host and clock on the next.
pub const DEFAULT: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})";

/// Adds the events of a file to a log.
///
/// # Errors
/// If the expression is none or lacks a group, matches nothing, or a clock is no JSON object of counts.
pub fn read_into(log: &mut Log, file: &str, text: &str, expression: &str) -> Result<(), ReadError> {
    log.files.push(file.to_owned());
    let error = |line: usize, what: String| ReadError {
        file: file.to_owned(),
        line,
        what,
    };
    let mut builder = RegexBuilder::new(&from_javascript(expression));
    let regex = builder.multi_line(true).build().map_err(|e| {
        let what = format!("the regular expression `{expression}` cannot be used: {e}");
        error(0, what)
    })?;
    for group in ["event", "host", "clock"] {
        if !regex.capture_names().flatten().any(|name| name == group) {
            return Err(error(
                0,
                format!("the regular expression `{expression}` has no group (?<{group}>…)"),
            ));
        }
    }
    let (mut line, mut counted_to, mut is_empty) = (1, 0, true);
    for found in regex.captures_iter(text) {
        let group = |name| found.name(name).map_or("", |group| group.as_str());
        let begins = found.get(0).map_or(0, |all| all.start());
        line += text[counted_to..begins].matches('\n').count();
        counted_to = begins;
        is_empty = false;
        let counts: BTreeMap<String, u64> = serde_json::from_str(group("clock")).map_err(|e| {
            let clock = group("clock");
            error(
                line,
                format!(
                    "the clock `{clock}` is no JSON object of counts: {}",
                    in_line(&e)
                ),
            )
        })?;
        let counts = counts.into_iter();
        let clock = counts
            .map(|(name, count)| (log.process(&name), count))
            .collect();
        let event = log.add(group("host"), Kind::Inner);
        event.text = group("event").to_owned();
        event.clock = Some(clock);
        event.line = line;
    }
    sort_hosts(log);
    if is_empty && !text.trim().is_empty() {
        return Err(error(
            0,
            format!(
                "no event matches the regular expression `{expression}`; give the one that fits with --regex"
            ),
        ));
    }
    Ok(())
}

/// Puts the events of the last file into the order of their hosts' own counts, as ShiViz does: lines may be out of order.
fn sort_hosts(log: &mut Log) {
    let file = log.files.len().saturating_sub(1);
    let mut places: BTreeMap<ProcessId, Vec<usize>> = BTreeMap::new();
    for (at, event) in log.events.iter().enumerate() {
        if event.file == file {
            places.entry(event.process).or_default().push(at);
        }
    }
    for (host, places) in places {
        let of_host = places.iter().map(|at| &log.events[*at]);
        let numbers: Vec<usize> = of_host.clone().map(|event| event.number).collect();
        let mut events: Vec<Event> = of_host.cloned().collect();
        events.sort_by_key(|event| event.clock.as_ref().map_or(0, |clock| clock.get(&host)));
        for ((at, number), event) in places.into_iter().zip(numbers).zip(events) {
            log.events[at] = Event { number, ..event };
        }
    }
}

/// JavaScript takes a brace that begins no repetition for itself; `regex` wants it escaped.
fn from_javascript(expression: &str) -> String {
    let is_repetition = |rest: &str| {
        let inside = rest.split_once('}').map_or("", |(inside, _)| inside);
        let mut bounds = inside.splitn(2, ',');
        let first = bounds.next().unwrap_or_default();
        let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        !first.is_empty() && is_number(first) && bounds.next().is_none_or(is_number)
    };
    let mut text = String::new();
    let (mut is_escaped, mut is_class, mut is_open) = (false, false, false);
    for (at, c) in expression.char_indices() {
        if !is_escaped && !is_class {
            let begins = c == '{' && is_repetition(&expression[at + 1..]);
            if !is_open && ((c == '{' && !begins) || c == '}') {
                text.push('\\');
            }
            is_open = begins || (is_open && c != '}');
        }
        if !is_escaped {
            is_class = c == '[' || (is_class && c != ']');
        }
        // `\p{…}` and `\u{…}` keep their braces.
        is_open |= is_escaped
            && matches!(c, 'p' | 'P' | 'u' | 'x')
            && expression[at + 1..].starts_with('{');
        is_escaped = c == '\\' && !is_escaped;
        text.push(c);
    }
    text
}

/// The log in ShiViz's format, in causal order, with the log's own clocks where every event has one, else with clocks made for it.
///
/// # Errors
/// A sentence, if the log can have no clocks, or two processes would be one host there.
pub fn write(log: &Log) -> Result<String, String> {
    let order = log.run().causal_order();
    let circle = |_| {
        "something is received before it is sent, so the events have no order; `check` shows where"
            .to_owned()
    };
    let order = order.map_err(circle)?;
    let made = stamp(log).map_err(circle)?;
    let mut hosts: Vec<String> = Vec::new();
    for name in &log.processes {
        let host = host(name);
        if hosts.contains(&host) {
            return Err(format!(
                "two processes would both be called `{host}`: ShiViz's hosts have no blanks in their names; rename one"
            ));
        }
        hosts.push(host);
    }
    let has_clocks = log.events.iter().all(|event| event.clock.is_some());
    let mut text = String::new();
    for id in order {
        let event = &log.events[id.0];
        let clock = event
            .clock
            .as_ref()
            .filter(|_| has_clocks)
            .unwrap_or(&made[id.0]);
        let counts = clock
            .iter()
            .map(|(process, count)| (hosts[process.0].as_str(), count));
        let counts: BTreeMap<&str, u64> = counts.collect();
        let clock = serde_json::to_string(&counts).unwrap_or_default();
        let _ = writeln!(
            text,
            "{}\n{} {clock}",
            describe(event),
            hosts[event.process.0]
        );
    }
    Ok(text)
}

/// A host's name as the expression can read it.
fn host(name: &str) -> String {
    let blank = |c: char| if c.is_whitespace() { '_' } else { c };
    let host: String = name.chars().map(blank).collect();
    if host.is_empty() {
        "_".to_owned()
    } else {
        host
    }
}

/// The text of an event on one line, which says what it does if the log says nothing.
fn describe(event: &Event) -> String {
    let text: Vec<&str> = event.text.split_whitespace().collect();
    let text = text.join(" ");
    match (&event.kind, text.is_empty()) {
        (Kind::Inner, true) => "-".to_owned(),
        (Kind::Send(message), true) => format!("sends {message}"),
        (Kind::Receive(message), true) => format!("gets {message}"),
        (_, false) => text,
    }
}
