//! The space-time diagram of a log, as SVG: a line down for each process, an arrow for each message, Lamport's picture of 1978.
//!
//! Down the page is not time but order: an event stands one row below the last of those that happened before it. So what could
//! have happened at once stands side by side, however far apart the clocks of the machines were. The text is real text, the
//! colours follow the reader's light or dark scheme, and the same log makes the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use super::{EventId, Kind, Log, Message, ProcessId, Run};
use crate::vector_clock::VectorClock;

const ROW: usize = 44;
const TOP: usize = 96;
const MARGIN: usize = 24;
/// The width of a letter, roughly: of texts, and of stamps.
const LETTER: usize = 7;
/// Longer texts are cut; the whole of them is shown when the pointer rests on the event.
const LETTERS_MAX: usize = 34;

const STYLE: &str = "<style>
.bg { fill: #ffffff; } .box { fill: #f4f6fa; stroke: #44546a; stroke-width: 1.5; } .life { stroke: #8a94a6; stroke-width: 1.5; }
.t { fill: #1c2430; } .s { fill: #55606f; font-size: 12px; } .h { stroke: #ffffff; stroke-width: 4; stroke-linejoin: round; paint-order: stroke; }
.a { stroke: #1f6fb2; stroke-width: 1.8; fill: none; } .ah { fill: #1f6fb2; } .e { fill: #1f6fb2; } .i { fill: #8a94a6; } .lost { stroke: #b3261e; stroke-width: 1.8; fill: none; }
@media (prefers-color-scheme: dark) {
.bg { fill: #161c27; } .box { fill: #202938; stroke: #9fb0c8; } .life { stroke: #78849a; }
.t { fill: #eef2f8; } .s { fill: #b7c2d2; } .h { stroke: #161c27; } .a { stroke: #6db3f2; } .ah { fill: #6db3f2; } .e { fill: #6db3f2; } .i { fill: #78849a; } .lost { stroke: #ff8f85; } }
</style>
<defs><marker id=\"m\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\" markerUnits=\"userSpaceOnUse\"><path class=\"ah\" d=\"M0 0 8 4 0 8z\"/></marker></defs>
";

/// What is drawn besides the events.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The picture's title.
    pub title: String,
    /// Only so many events, the last in causal order; all if there is no number.
    pub last: Option<usize>,
}

/// Where everything stands.
struct Layout {
    /// The row of each event that is shown.
    rows: BTreeMap<EventId, usize>,
    /// Of each process that has events: where its line is.
    columns: Vec<(ProcessId, usize)>,
    messages: Vec<Message>,
    /// Where the events are, from above to below.
    dots: Vec<(i64, i64)>,
    width: usize,
    height: usize,
}

/// Draws a log; `clocks` are those of all its events, which are shown as lists in the order of the columns.
///
/// # Errors
/// A circle of events, which has no order (see [`Run::causal_order`]).
pub fn draw(
    log: &Log,
    clocks: &[VectorClock<ProcessId>],
    options: &Options,
) -> Result<String, Vec<EventId>> {
    let run = log.run();
    let order = run.causal_order()?;
    let layout = layout(log, clocks, run, order, options);
    let mut svg = String::new();
    // Writing into a string does not fail.
    let _ = write_head(&mut svg, log, &layout, &options.title)
        .and_then(|()| write_body(&mut svg, log, clocks, &layout));
    Ok(svg)
}

fn layout(
    log: &Log,
    clocks: &[VectorClock<ProcessId>],
    run: Run,
    mut order: Vec<EventId>,
    options: &Options,
) -> Layout {
    let hidden = options
        .last
        .map_or(0, |last| order.len().saturating_sub(last));
    order.drain(..hidden);
    let is_shown: BTreeSet<EventId> = order.iter().copied().collect();
    let shows =
        |message: &Message| is_shown.contains(&message.send) && is_shown.contains(&message.receive);
    let messages: Vec<Message> = run.messages.into_iter().filter(shows).collect();
    let rows = rows(log, &order, &messages);
    let (columns, right) = columns(log, clocks, &order);
    let rows_count = rows.values().map(|row| row + 1).max().unwrap_or(0);
    let mut layout = Layout {
        rows,
        columns,
        messages,
        dots: Vec::new(),
        width: (right + MARGIN).max(320),
        height: TOP + rows_count * ROW + MARGIN,
    };
    let places = layout.rows.keys().filter_map(|id| layout.place(log, *id));
    let mut dots: Vec<(i64, i64)> = places.map(|(x, y)| (signed(x), signed(y))).collect();
    dots.sort_unstable_by_key(|(_, y)| *y);
    layout.dots = dots;
    layout
}

/// The row of each event: below all that happened before it.
fn rows(log: &Log, order: &[EventId], messages: &[Message]) -> BTreeMap<EventId, usize> {
    let mut before: BTreeMap<EventId, Vec<EventId>> = BTreeMap::new();
    for message in messages {
        before
            .entry(message.receive)
            .or_default()
            .push(message.send);
    }
    let mut rows: BTreeMap<EventId, usize> = BTreeMap::new();
    let mut last_of = vec![None; log.processes.len()];
    for id in order {
        let process = log.events[id.0].process.0;
        let sends = before.get(id).into_iter().flatten();
        let earlier = sends.chain(&last_of[process]);
        let below = earlier
            .filter_map(|earlier| rows.get(earlier))
            .map(|row| row + 1);
        rows.insert(*id, below.max().unwrap_or(0));
        last_of[process] = Some(*id);
    }
    rows
}

/// The line of each process that has events, and where the last column ends. A column is as wide as its longest text or stamp.
fn columns(
    log: &Log,
    clocks: &[VectorClock<ProcessId>],
    order: &[EventId],
) -> (Vec<(ProcessId, usize)>, usize) {
    let process_of = |id: &EventId| log.events[id.0].process;
    let shown: BTreeSet<ProcessId> = order.iter().map(process_of).collect();
    let mut longest: BTreeMap<ProcessId, usize> = BTreeMap::new();
    for id in order {
        let text = text_of(log, *id).chars().count().min(LETTERS_MAX);
        let digits = clocks.get(id.0).map_or(0, |clock| {
            let known = clock.iter().filter(|(process, _)| shown.contains(process));
            known.map(|(_, count)| count.ilog10() as usize).sum()
        });
        let stamp = shown.len() * 2 + digits;
        let most = longest.entry(process_of(id)).or_default();
        *most = text.max(stamp).max(*most);
    }
    let mut columns = Vec::new();
    let mut left = MARGIN;
    for (process, letters) in &longest {
        let name = log.name(*process).chars().count().min(LETTERS_MAX);
        let half = (name * LETTER / 2 + 16).max(40);
        let right = letters * LETTER + 16;
        columns.push((*process, left + half));
        left += half + right.max(half);
    }
    (columns, left)
}

impl Layout {
    fn x(&self, process: ProcessId) -> usize {
        let column = self.columns.iter().find(|(known, _)| *known == process);
        column.map_or(0, |(_, x)| *x)
    }

    /// How far the middle of an arrow has to be pulled down, or up, so that it keeps away from the events of processes between its
    /// ends: it would look like a message to or from them.
    fn sag(&self, (x, y): (usize, usize), (to_x, to_y): (usize, usize)) -> i64 {
        let (x, y, to_x, to_y) = (signed(x), signed(y), signed(to_x), signed(to_y));
        // No curve leaves the rows of its ends by more than this.
        let (top, bottom) = (y.min(to_y) - 128, y.max(to_y) + 128);
        let first = self.dots.partition_point(|(_, dot)| *dot < top);
        let dots = self.dots.iter().skip(first).copied();
        let between: Vec<(i64, i64)> = dots
            .take_while(|(_, dot)| *dot <= bottom)
            .filter(|(dot, _)| x.min(to_x) < *dot && *dot < x.max(to_x))
            .collect();
        let keeps_away = |sag: &i64| {
            between.iter().all(|(dot_x, dot_y)| {
                // Of the way across, in percent; the curve is a parabola over it.
                let t = (dot_x - x) * 100 / (to_x - x);
                let height = y + (to_y - y) * t / 100 + 2 * sag * t * (100 - t) / 10_000;
                (height - dot_y).abs() >= 14
            })
        };
        [0, 36, -36, 72, -72, 108]
            .into_iter()
            .find(keeps_away)
            .unwrap_or(0)
    }

    /// The middle of an event that is shown.
    fn place(&self, log: &Log, id: EventId) -> Option<(usize, usize)> {
        let row = self.rows.get(&id)?;
        Some((self.x(log.events[id.0].process), TOP + row * ROW))
    }
}

/// A coordinate that may be taken away from another one.
fn signed(coordinate: usize) -> i64 {
    i64::try_from(coordinate).unwrap_or(i64::MAX / 4)
}

/// What does not depend on events: the title, the background, a line for each process.
fn write_head(svg: &mut String, log: &Log, layout: &Layout, title: &str) -> fmt::Result {
    let (width, height) = (layout.width, layout.height);
    let title = escape(if title.is_empty() {
        "A space-time diagram"
    } else {
        title
    });
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t d\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title id=\"t\">{title}</title>"
    )?;
    let names: Vec<String> = layout
        .columns
        .iter()
        .map(|(process, _)| escape(&cut(log.name(*process))))
        .collect();
    writeln!(
        svg,
        "<desc id=\"d\">Processes: {}. {} events, {} messages. Each event has its vector clock beside it, in the order of the processes.</desc>",
        names.join(", "),
        layout.rows.len(),
        layout.messages.len()
    )?;
    svg.push_str(STYLE);
    writeln!(
        svg,
        "<rect class=\"bg\" width=\"{width}\" height=\"{height}\"/>"
    )?;
    for (name, (process, x)) in names.iter().zip(&layout.columns) {
        let letters = log.name(*process).chars().count();
        let half = (letters.min(LETTERS_MAX) * LETTER / 2 + 12).max(32);
        let (left, both) = (x - half, 2 * half);
        writeln!(
            svg,
            "<path class=\"life\" d=\"M{x} 52V{}\"/>",
            height - MARGIN / 2
        )?;
        writeln!(
            svg,
            "<rect class=\"box\" x=\"{left}\" y=\"16\" width=\"{both}\" height=\"36\" rx=\"8\"/><text class=\"t\" x=\"{x}\" y=\"39\" text-anchor=\"middle\" font-weight=\"600\">{name}</text>"
        )?;
    }
    Ok(())
}

fn write_body(
    svg: &mut String,
    log: &Log,
    clocks: &[VectorClock<ProcessId>],
    layout: &Layout,
) -> fmt::Result {
    let mut from_the_right = BTreeSet::new();
    for message in &layout.messages {
        if let (Some(from), Some(to)) = (
            layout.place(log, message.send),
            layout.place(log, message.receive),
        ) {
            write_arrow(svg, from, to, layout.sag(from, to))?;
            if from.0 > to.0 {
                from_the_right.insert(message.receive);
            }
        }
    }
    let received: BTreeSet<&str> = (log.events.iter())
        .filter_map(|event| match &event.kind {
            Kind::Receive(message) => Some(message.as_str()),
            _ => None,
        })
        .collect();
    for id in layout.rows.keys().copied() {
        let kind = &log.events[id.0].kind;
        if let Some((x, y)) = layout.place(log, id) {
            // What nobody receives.
            if matches!(kind, Kind::Send(message) if !received.contains(message.as_str())) {
                writeln!(
                    svg,
                    "<path class=\"lost\" d=\"M{x} {y}l-22 18m-5-5l10 10m0-10l-10 10\"/>"
                )?;
            }
            // Beside the head of an arrow that comes from there.
            let left = x + if from_the_right.contains(&id) { 17 } else { 9 };
            write_event(svg, log, clocks, layout, (id, x, y), left)?;
        }
    }
    svg.push_str("</svg>\n");
    Ok(())
}

fn write_arrow(
    svg: &mut String,
    (x, y): (usize, usize),
    (to_x, to_y): (usize, usize),
    sag: i64,
) -> fmt::Result {
    // The head ends at the edge of the event's dot; of a message to oneself the arrow makes a bow.
    match x.cmp(&to_x) {
        std::cmp::Ordering::Equal => writeln!(
            svg,
            "<path class=\"a\" d=\"M{x} {y}q-30 {} -5 {}\" marker-end=\"url(#m)\"/>",
            (to_y - y) / 2,
            to_y - y
        ),
        side => {
            let end = if side.is_lt() { to_x - 5 } else { to_x + 5 };
            let (middle, through) = (x.midpoint(to_x), signed(y.midpoint(to_y)) + sag);
            writeln!(
                svg,
                "<path class=\"a\" d=\"M{x} {y}Q{middle} {through} {end} {to_y}\" marker-end=\"url(#m)\"/>"
            )
        }
    }
}

fn write_event(
    svg: &mut String,
    log: &Log,
    clocks: &[VectorClock<ProcessId>],
    layout: &Layout,
    (id, x, y): (EventId, usize, usize),
    left: usize,
) -> fmt::Result {
    let event = &log.events[id.0];
    let class = if event.kind == Kind::Inner { "i" } else { "e" };
    let text = text_of(log, id);
    let full = format!("{} {text}", log.label(id));
    writeln!(
        svg,
        "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"5\"><title>{}</title></circle>",
        escape(&full)
    )?;
    // Above the arrow that may leave to the right.
    let (above, below) = (y - 17, y - 4);
    writeln!(
        svg,
        "<text class=\"t h\" x=\"{left}\" y=\"{above}\">{}</text>",
        escape(&cut(&text))
    )?;
    if let Some(clock) = clocks.get(id.0) {
        let columns = layout.columns.iter();
        let counts: Vec<String> = columns
            .map(|(process, _)| clock.get(process).to_string())
            .collect();
        writeln!(
            svg,
            "<text class=\"s h\" x=\"{left}\" y=\"{below}\">[{}]</text>",
            counts.join(" ")
        )?;
    }
    Ok(())
}

/// What is written beside an event.
fn text_of(log: &Log, id: EventId) -> String {
    let event = &log.events[id.0];
    match &event.kind {
        Kind::Send(message) if event.text.is_empty() => format!("sends {message}"),
        Kind::Receive(message) if event.text.is_empty() => format!("gets {message}"),
        _ => event.text.clone(),
    }
}

/// A text that is not too long to be shown.
fn cut(text: &str) -> String {
    if text.chars().count() <= LETTERS_MAX {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(LETTERS_MAX - 1).collect();
    cut.push('…');
    cut
}

/// Text as XML can hold it.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
