//! A violation as a picture: a line for each operation, from its call to its answer, in the order of time.
//!
//! Across the page is not time but order: what is left of something else was before it. What could be explained has its number in
//! the longest order that can; the answer that cannot is red, and says so. The text is real text, colours follow the reader's
//! light or dark scheme, and the same violation makes the same bytes.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::{Operation, Violation};

const ROW: usize = 46;
const TOP: usize = 64;
const LEFT: usize = 96;
/// Between two things that happen one after the other.
const COLUMN: usize = 72;
/// The width of a letter, roughly.
const LETTER: usize = 8;
const MARGIN: usize = 24;

const STYLE: &str = "<style>
.bg { fill: #ffffff; } .t { fill: #1c2430; } .s { fill: #55606f; font-size: 12px; } .l { stroke: #c3cad6; stroke-width: 1; }
.ok { stroke: #0072b2; } .f { fill: #0072b2; } .bad { stroke: #b3261e; } .fb { fill: #b3261e; } .open { stroke-dasharray: 6 4; }
.n { fill: #ffffff; font-size: 11px; font-weight: 600; }
@media (prefers-color-scheme: dark) {
.bg { fill: #161c27; } .t { fill: #eef2f8; } .s { fill: #b7c2d2; } .l { stroke: #3a465a; } .ok { stroke: #6db3f2; } .f { fill: #6db3f2; }
.bad { stroke: #ff8f85; } .fb { fill: #ff8f85; } .n { fill: #161c27; } }
</style>
";

/// Draws a violation under a title.
pub fn draw<I, O>(violation: &Violation<I, O>, title: &str) -> String {
    let times: BTreeSet<u64> = (violation.operations.iter())
        .flat_map(|operation| [Some(operation.called), operation.returned])
        .flatten()
        .collect();
    let text = violation.to_string();
    let last = text.lines().last().unwrap_or_default();
    let longest = violation
        .texts
        .iter()
        .map(|text| text.chars().count())
        .max();
    // A text begins where its line does, at the latest one column before the end.
    let bars = LEFT + times.len() * COLUMN + longest.unwrap_or(0) * LETTER;
    let width = (bars + MARGIN).max(last.chars().count() * LETTER + 2 * MARGIN);
    let height = TOP + violation.operations.len() * ROW + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"t d\" font-family=\"system-ui, sans-serif\" font-size=\"14\">\n<title id=\"t\">{}</title>\n<desc \
         id=\"d\">{}</desc>\n{STYLE}<rect class=\"bg\" width=\"{width}\" height=\"{height}\"/>\n",
        escape(title),
        escape(&text),
    );
    let mut line = |class: &str, x: usize, y: usize, text: &str| {
        // Writing into a string does not fail.
        let _ = writeln!(
            svg,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>",
            escape(text)
        );
    };
    line("t", MARGIN, MARGIN + 6, title);
    line("s", MARGIN, height - MARGIN, last);
    for place in 0..violation.operations.len() {
        row(&mut svg, violation, place, &times);
    }
    svg.push_str("</svg>\n");
    svg
}

fn row<I, O>(svg: &mut String, violation: &Violation<I, O>, place: usize, times: &BTreeSet<u64>) {
    let Operation {
        client,
        called,
        returned,
        ..
    } = violation.operations[place];
    let x = |time: u64| LEFT + times.range(..time).count() * COLUMN;
    let from = x(called);
    let to = returned
        .map_or(LEFT + times.len() * COLUMN, x)
        .max(from + 8);
    let y = TOP + place * ROW;
    let bar = y + 22;
    let (line, fill) = if place == violation.stuck {
        ("bad", "fb")
    } else {
        ("ok", "f")
    };
    let open = if returned.is_some() { "" } else { " open" };
    let number = violation.order.iter().position(|ordered| *ordered == place);
    let mark = match number {
        _ if place == violation.stuck => "✗".to_owned(),
        Some(number) => (number + 1).to_string(),
        None => "–".to_owned(),
    };
    let text = escape(&violation.texts[place]);
    let _ = write!(
        svg,
        "<line class=\"l\" x1=\"{LEFT}\" y1=\"{bar}\" x2=\"{}\" y2=\"{bar}\"/>
<text class=\"s\" x=\"{MARGIN}\" y=\"{}\">client {client}</text>
<line class=\"{line}{open}\" x1=\"{from}\" y1=\"{bar}\" x2=\"{to}\" y2=\"{bar}\" stroke-width=\"4\"/>
<line class=\"{line}\" x1=\"{from}\" y1=\"{}\" x2=\"{from}\" y2=\"{}\" stroke-width=\"2\"/>
",
        LEFT + times.len() * COLUMN,
        bar + 4,
        bar - 7,
        bar + 7,
    );
    if returned.is_some() {
        let _ = writeln!(
            svg,
            "<line class=\"{line}\" x1=\"{to}\" y1=\"{}\" x2=\"{to}\" y2=\"{}\" stroke-width=\"2\"/>",
            bar - 7,
            bar + 7,
        );
    }
    let _ = write!(
        svg,
        "<circle class=\"{fill}\" cx=\"{from}\" cy=\"{bar}\" r=\"9\"/>
<text class=\"n\" x=\"{from}\" y=\"{}\" text-anchor=\"middle\">{mark}</text>
<text class=\"t\" x=\"{}\" y=\"{}\">{text}</text>
",
        bar + 4,
        from + 14,
        y + 14,
    );
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
