//! What messages of coordinator and workers mean, where the method alone says too little.

use std::borrow::Cow;

use mini_mapreduce::server::wire::pb;
use prost::Message;

use crate::links::recogniser::Way;

/// Labels a message by what it says, and puts that into a phrase.
pub(super) fn explain(
    method: &str,
    way: Way,
    message: &[u8],
) -> Option<(Cow<'static, str>, String)> {
    let (label, text) = match (method, way) {
        ("Heartbeat", Way::There) => {
            let report = pb::Report::decode(message).ok()?;
            ("heartbeat", heartbeat(&report))
        }
        ("Heartbeat", Way::Back) => {
            let reply = pb::Reply::decode(message).ok()?;
            let orders: Vec<String> = reply.orders.iter().filter_map(order).collect();
            match orders.is_empty() {
                true => ("ok", "heartbeat: nothing to do".to_owned()),
                false => ("order", format!("orders: {}", orders.join(", "))),
            }
        }
        ("Watch", Way::There) => ("watch", "tell me when something is decided".to_owned()),
        ("Watch", Way::Back) => ("news", "something was decided".to_owned()),
        ("Fetch", Way::There) => {
            let asked = pb::FetchRequest::decode(message).ok()?;
            let (map, part) = (attempt(asked.map.as_ref()), asked.partition);
            (
                "fetch",
                format!("fetch the part of r{part} of {map}'s output"),
            )
        }
        ("Fetch", Way::Back) => ("segment", "a piece of a map's output".to_owned()),
        ("Submit", Way::There) => {
            let spec = pb::SubmitRequest::decode(message).ok()?.spec?;
            (
                "submit",
                format!("submit {} to {}", spec.program, spec.output),
            )
        }
        _ => return None,
    };
    Some((label.into(), text))
}

/// An attempt, short enough for a mark: m3, and which try it is unless it is the first.
fn attempt(id: Option<&pb::AttemptId>) -> String {
    let Some(id) = id else {
        return "nothing".to_owned();
    };
    let kind = if id.is_reduce { 'r' } else { 'm' };
    match id.number % 1_000_000 {
        0 => format!("{kind}{}", id.index),
        number => format!("{kind}{}.{number}", id.index),
    }
}

fn heartbeat(report: &pb::Report) -> String {
    use pb::attempt_report::State;
    let attempts = report.attempts.iter();
    let told = attempts.map(|told| {
        let name = attempt(told.attempt.as_ref());
        match &told.state {
            Some(State::Done(_)) => format!("{name} is done"),
            Some(State::Failed(_)) => format!("{name} has failed"),
            Some(State::GivenUp(_)) => format!("{name} is given up"),
            _ => format!("{name} runs"),
        }
    });
    let failures = report.fetch_failures.iter();
    let failures = failures.map(|failed| format!("{} cannot be had", attempt(failed.map.as_ref())));
    let all: Vec<String> = told.chain(failures).collect();
    match all.is_empty() {
        true => "heartbeat: idle".to_owned(),
        false => format!("heartbeat: {}", all.join(", ")),
    }
}

fn order(order: &pb::Order) -> Option<String> {
    use pb::order::Order;
    Some(match order.order.as_ref()? {
        Order::RunMap(run) => format!("run {}", attempt(run.attempt.as_ref())),
        Order::RunReduce(run) => format!("run {}", attempt(run.attempt.as_ref())),
        Order::Kill(id) => format!("stop {}", attempt(Some(id))),
        Order::Accept(id) => format!("keep {}", attempt(Some(id))),
        Order::Forget(job) => format!("forget job_{job:04}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_says_what_runs_and_its_answer_what_to_do() {
        let id = pb::AttemptId {
            job: 1,
            is_reduce: false,
            index: 3,
            number: 1,
        };
        let report = pb::Report {
            attempts: vec![pb::AttemptReport {
                attempt: Some(id),
                state: Some(pb::attempt_report::State::Failed("why".to_owned())),
                counters: Vec::new(),
            }],
            ..Default::default()
        };
        let said = |way, message: &[u8]| explain("Heartbeat", way, message).unwrap();
        let told = said(Way::There, &report.encode_to_vec());
        assert_eq!(
            (told.0.as_ref(), told.1.as_str()),
            ("heartbeat", "heartbeat: m3.1 has failed")
        );
        assert_eq!(said(Way::Back, &[]).0, "ok");
        let order = pb::order::Order::Kill(id);
        let reply = pb::Reply {
            orders: vec![pb::Order { order: Some(order) }],
            ..Default::default()
        };
        assert_eq!(
            said(Way::Back, &reply.encode_to_vec()).1,
            "orders: stop m3.1"
        );
    }
}
