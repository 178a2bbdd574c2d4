//! The commands that answer in words.

use std::io::Write;

use anyhow::{Result, anyhow};
use vector_clocks::log::{
    EventId, Kind, Log, check as find_wrong, concurrent as all_pairs, concurrent_with,
    count_concurrent,
};

use super::{Answer, clocks};

/// Says what is wrong, and how much was looked at. Yes if nothing is.
pub(super) fn check(log: &Log, out: &mut dyn Write) -> Answer {
    let findings = find_wrong(log);
    for finding in &findings {
        let kind = if finding.wrong.is_violation() {
            ""
        } else {
            "note: "
        };
        writeln!(
            out,
            "{}: {kind}{}: {}",
            log.place(finding.event),
            told(log, finding.event),
            finding.text
        )?;
    }
    let violations = findings
        .iter()
        .filter(|finding| finding.wrong.is_violation())
        .count();
    let events = log.events.len();
    let messages = log.run().messages.len();
    let clocks = log
        .events
        .iter()
        .filter(|event| event.clock.is_some())
        .count();
    let verdict = match violations {
        0 => "nothing in it is impossible".to_owned(),
        count => counted(count, "violation", "s"),
    };
    writeln!(
        out,
        "{} of {}, {} received, {}: {verdict}",
        counted(events, "event", "s"),
        counted(log.processes.len(), "process", "es"),
        counted(messages, "message", "s"),
        counted(clocks, "clock", "s"),
    )?;
    Ok(violations == 0)
}

/// Says how two events stand to each other. Yes if the first happened before the second.
pub(super) fn before(log: &Log, a: &str, b: &str, out: &mut dyn Write) -> Answer {
    let find = |label| log.find(label).map_err(|why| anyhow!(why));
    let (first, second) = (find(a)?, find(b)?);
    let run = log.run();
    let (forth, back) = (run.chain(first, second), run.chain(second, first));
    match (&forth, &back) {
        (Some(chain), None) => {
            writeln!(out, "{a} happened before {b}:")?;
            tell_chain(log, chain, out)?;
        }
        (None, Some(chain)) => {
            writeln!(out, "{b} happened before {a}:")?;
            tell_chain(log, chain, out)?;
        }
        (Some(chain), Some(_)) => {
            writeln!(
                out,
                "each would have happened before the other: see `vector-clocks check`"
            )?;
            tell_chain(log, chain, out)?;
        }
        (None, None) if first == second => writeln!(out, "{a} and {b} are the same event")?,
        (None, None) => writeln!(
            out,
            "{a} and {b} are concurrent: no chain of messages leads from one to the other"
        )?,
    }
    Ok(forth.is_some() && back.is_none())
}

/// A line for each event at which the chain comes to another process, and for its ends.
fn tell_chain(log: &Log, chain: &[EventId], out: &mut dyn Write) -> Result<()> {
    let process = |at: usize| chain.get(at).map(|id| log.events[id.0].process);
    for (at, id) in chain.iter().enumerate() {
        let before = at.checked_sub(1).and_then(process);
        let is_turn = before != process(at) || process(at + 1) != process(at);
        if is_turn {
            writeln!(out, "  {}", told(log, *id))?;
        }
    }
    Ok(())
}

/// Lists pairs. Yes if there are any.
pub(super) fn concurrent(log: &Log, of: Option<&str>, limit: usize, out: &mut dyn Write) -> Answer {
    let clocks = clocks(log)?;
    let of = of
        .map(|label| log.find(label))
        .transpose()
        .map_err(|why| anyhow!(why))?;
    let (pairs, count): (Box<dyn Iterator<Item = (EventId, EventId)> + '_>, usize) = match of {
        Some(of) => {
            let count = concurrent_with(log, &clocks, of).count();
            let others = concurrent_with(log, &clocks, of);
            let pairs = others.map(move |other| (of.min(other), of.max(other)));
            (Box::new(pairs), count)
        }
        // Of a long log there are more than anybody would wait for, or could be held: they are not counted one by one.
        None => (Box::new(all_pairs(log, &clocks)), count_concurrent(&clocks)),
    };
    for (a, b) in pairs.take(limit.min(count)) {
        writeln!(out, "{}  ||  {}", told(log, a), told(log, b))?;
    }
    if count > limit {
        let more = counted(count - limit, "more pair", "s");
        writeln!(out, "… and {more}; --limit {count} lists them all")?;
    }
    match of {
        Some(of) if count == 0 => {
            writeln!(out, "no event is concurrent with {}", log.label(of))?;
        }
        None if count == 0 => writeln!(out, "no two events are concurrent")?,
        _ => {}
    }
    Ok(count > 0)
}

/// So many of something, with the ending that its name has when it is not one.
fn counted(count: usize, name: &str, ending: &str) -> String {
    let ending = if count == 1 { "" } else { ending };
    format!("{count} {name}{ending}")
}

/// An event in a few words.
fn told(log: &Log, id: EventId) -> String {
    let event = &log.events[id.0];
    let text = if event.text.is_empty() {
        String::new()
    } else {
        format!(" {}", event.text)
    };
    let what = match &event.kind {
        Kind::Inner => String::new(),
        Kind::Send(message) => format!(" [sends {message}]"),
        Kind::Receive(message) => format!(" [gets {message}]"),
    };
    format!("{}{text}{what}", log.label(id))
}
