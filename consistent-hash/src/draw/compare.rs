//! Strategies side by side: for each a strip of keys with their nodes before a node joins and after it, and how even it is.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{colour, document, percent, rect, text};

/// What is drawn of a strategy.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Some keys' nodes before and after, each by its place among all nodes.
    pub keys: Vec<(usize, usize)>,
    /// The part of all keys that move when a node joins.
    pub moved: f64,
    /// The load of the fullest node, in times of the mean.
    pub max_over_mean: f64,
}

const STRIP: (f64, f64) = (110.0, 400.0);
const BARS: (f64, f64) = (560.0, 130.0);
const ROW: f64 = 62.0;

/// Draws rows under each other. `nodes` are the names of all nodes, that which joins among them; `least` is the part of all keys that
/// has to move.
pub fn draw(title: &str, nodes: &[String], least: f64, rows: &[Row]) -> String {
    let mut body = String::new();
    text(&mut body, "t", (380.0, 22.0), "middle", title);
    text(
        &mut body,
        "s",
        (STRIP.0, 50.0),
        "start",
        "some keys: their node before, and after; what moves is marked",
    );
    text(
        &mut body,
        "s",
        (BARS.0, 50.0),
        "start",
        "fullest node / mean",
    );
    let worst = rows.iter().map(|row| row.max_over_mean).fold(2.0, f64::max);
    for (index, row) in (0..).zip(rows) {
        let top = 66.0 + ROW * f64::from(index);
        text(&mut body, "t", (12.0, top + 20.0), "start", &row.name);
        strip(&mut body, top, row);
        let scale = BARS.1 / worst;
        rect(&mut body, "e", (BARS.0, top + 6.0), (BARS.1, 16.0));
        rect(
            &mut body,
            "f0",
            (BARS.0, top + 6.0),
            (row.max_over_mean * scale, 16.0),
        );
        let _ = writeln!(
            body,
            "<path class=\"w\" d=\"M{x:.1} {:.1}V{:.1}\"/>",
            top + 2.0,
            top + 26.0,
            x = BARS.0 + scale
        );
        let value = format!("{:.2}", row.max_over_mean);
        text(
            &mut body,
            "t",
            (BARS.0 + BARS.1 + 8.0, top + 19.0),
            "start",
            &value,
        );
        let moved = format!("{} of all keys move", percent(row.moved));
        text(&mut body, "s", (BARS.0, top + 42.0), "start", &moved);
    }
    let mut bottom = 66.0 + ROW * rows.len() as f64 + 8.0;
    let foot = format!(
        "{} of all keys have to move. The dashed line is the mean.",
        percent(least)
    );
    text(&mut body, "s", (STRIP.0, bottom), "start", &foot);
    bottom += 14.0;
    bottom += legend(&mut body, bottom, nodes);
    let lines = rows.iter().map(|row| {
        let (name, moved) = (&row.name, percent(row.moved));
        format!(
            "{name}: {moved} of all keys move, the fullest node has {:.2} times the mean.",
            row.max_over_mean
        )
    });
    let lines: Vec<String> = lines.collect();
    // A whole number of lines.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a picture's height is small and positive"
    )]
    let height = bottom as u32 + 12;
    document(title, &lines.join(" "), height, &body)
}

/// The keys of a row: before above, after below, and a mark under each that moves. What has the same colour is one path.
fn strip(out: &mut String, top: f64, row: &Row) {
    let width = STRIP.1 / row.keys.len().max(1) as f64;
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |class: String, x: f64, y: f64, height: f64| {
        let path = paths.entry(class).or_default();
        let _ = write!(
            path,
            "M{x:.1} {y:.1}v{height:.1}h{:.1}v-{height:.1}z",
            width - 0.6
        );
    };
    for (at, (before, after)) in row.keys.iter().enumerate() {
        let x = STRIP.0 + at as f64 * width;
        for (y, node) in [(top, before), (top + 20.0, after)] {
            let (class, part) = colour('f', *node);
            add(class, x, y + 17.0 * (1.0 - part), 17.0 * part);
        }
        if before != after {
            add("t".to_owned(), x, top + 40.0, 5.0);
        }
    }
    for (class, path) in paths {
        let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
    }
}

/// The nodes' colours. Returns how much room they take.
fn legend(out: &mut String, top: f64, nodes: &[String]) -> f64 {
    const EACH: f64 = 62.0;
    const IN_A_LINE: usize = 6;
    for (index, node) in nodes.iter().enumerate() {
        let (class, part) = colour('f', index);
        let x = STRIP.0 + (index % IN_A_LINE) as f64 * EACH;
        let y = top + (index / IN_A_LINE) as f64 * 20.0;
        rect(
            out,
            &class,
            (x, y + 14.0 * (1.0 - part)),
            (14.0, 14.0 * part),
        );
        text(out, "s", (x + 19.0, y + 11.0), "start", node);
    }
    nodes.len().div_ceil(IN_A_LINE) as f64 * 20.0
}
