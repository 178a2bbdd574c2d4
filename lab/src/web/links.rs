//! Links by hand: what a button of the page orders, and the sentence that tells it.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::links::Rule;

use super::{Answer, Shared};

/// A rule for a direction, or for both; `*` stands for every other node.
#[derive(Serialize, Deserialize)]
pub(super) struct LinkOrder {
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

pub(super) async fn set(
    State(page): Shared,
    axum::Json(order): axum::Json<LinkOrder>,
) -> Answer<StatusCode> {
    let command = page.curl("links", &order);
    let lab = &page.run()?.lab;
    lab.set_link(&order.from, &order.to, order.rule)?;
    if order.both_ways {
        lab.set_link(&order.to, &order.from, order.rule)?;
    }
    let subject = [order.from.as_str(), order.to.as_str()];
    let subject = subject.into_iter().find(|end| *end != "*");
    lab.recorder.action(subject, order.text(), &command);
    Ok(StatusCode::NO_CONTENT)
}

/// Who can still talk to whom: those of a group among themselves. Whoever is in none is not touched.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Groups {
    groups: Vec<Vec<String>>,
}

pub(super) async fn partition(
    State(page): Shared,
    axum::Json(order): axum::Json<Groups>,
) -> Answer<StatusCode> {
    let command = page.curl("partition", &order);
    let lab = &page.run()?.lab;
    lab.partition(&order.groups)?;
    let groups = order.groups.iter().map(|group| group.join(" and "));
    let groups = groups.collect::<Vec<String>>().join(" | ");
    let text = format!("nothing gets through between these groups: {groups}");
    lab.recorder.action(None, text, &command);
    Ok(StatusCode::NO_CONTENT)
}
