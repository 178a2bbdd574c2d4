//! The ring: each node's spans in its colour, and outside of them what moves when the membership changes.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{colour, document, percent, rect, text};
use crate::partitioner::NodeId;
use crate::ring::lookup::Span;
use crate::ring::moves::Move;
use crate::ring::{Point, Ring};

/// As many points a picture can show.
pub const POINTS_MAX: usize = 20_000;
/// As many nodes have a line beside the ring.
const NAMED_MAX: usize = 18;

const CENTRE: (f64, f64) = (230.0, 232.0);
/// The middle of the band of owners, and its width.
const OWNERS: (f64, f64) = (150.0, 44.0);
/// The same of the band of what moves.
const MOVES: (f64, f64) = (192.0, 18.0);
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// The part of all positions that each member owns: of all of them in one way around the ring.
pub fn shares(ring: &Ring) -> BTreeMap<NodeId, f64> {
    let members = ring.members().nodes().iter();
    let mut owned: BTreeMap<NodeId, u128> = members.map(|node| (node.id, 0)).collect();
    // Of two points at the same position only the first one owns anything.
    let mut points = ring.points();
    points.dedup_by_key(|point| point.position);
    let mut after = points.last().map_or(0, |point| point.position);
    for Point { position, node } in points {
        let until = position;
        *owned.entry(node).or_default() += Span { after, until }.len();
        after = until;
    }
    let part = |(node, positions)| (node, positions as f64 / TURN);
    owned.into_iter().map(part).collect()
}

/// The part of all positions that these spans are.
pub fn part<'a>(spans: impl Iterator<Item = &'a Span>) -> f64 {
    let positions: u128 = spans.map(Span::len).sum();
    positions as f64 / TURN
}

/// Draws `ring`, and, where `after` is given, what moves from one to the other. `title` says what is to be seen.
pub fn draw(title: &str, ring: &Ring, after: Option<&Ring>) -> String {
    let nodes = names(ring, after);
    let mut body = String::new();
    text(&mut body, "t", (CENTRE.0, 22.0), "middle", title);
    let shown = after.unwrap_or(ring);
    for (index, node) in nodes.iter().enumerate() {
        let (class, width) = colour('a', index);
        arcs(
            &mut body,
            &class,
            (OWNERS.0, OWNERS.1 * width),
            &ring_spans(ring, *node),
        );
    }
    let moves = after.map_or(Vec::new(), |after| ring.moves(after));
    if after.is_some() {
        for (index, node) in nodes.iter().enumerate() {
            let (class, width) = colour('a', index);
            let to_it = moves.iter().filter(|step| step.to == *node);
            let spans: Vec<Span> = to_it.map(|step| step.span).collect();
            arcs(&mut body, &class, (MOVES.0, MOVES.1 * width), &spans);
        }
        let _ = writeln!(
            body,
            "<circle class=\"w\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"177.5\"/>",
            CENTRE.0, CENTRE.1
        );
    }
    middle(&mut body, ring, shown, &moves, after.is_some());
    legend(&mut body, &nodes, ring, after);
    let description = describe(ring, after, &moves);
    document(title, &description, 460, &body)
}

/// Those who are there before or after, by number.
fn names(ring: &Ring, after: Option<&Ring>) -> Vec<NodeId> {
    let members = ring.members().nodes().iter();
    let joined = after
        .map_or(&[][..], |after| after.members().nodes())
        .iter();
    let mut names: Vec<NodeId> = members.chain(joined).map(|node| node.id).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn ring_spans(ring: &Ring, node: NodeId) -> Vec<Span> {
    let mut spans = ring.owned(node);
    spans.sort_unstable_by_key(|span| span.until);
    // What lies side by side is drawn in one.
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if last.until == span.after => last.until = span.until,
            _ => joined.push(span),
        }
    }
    joined
}

/// Spans as arcs of a band.
fn arcs(out: &mut String, class: &str, (radius, width): (f64, f64), spans: &[Span]) {
    if spans.is_empty() {
        return;
    }
    let mut path = String::new();
    for span in spans {
        // An arc of half a circle or more would be ambiguous.
        let parts = span.len().div_ceil(1 << 62).max(1);
        for part in 0..parts {
            let along = |part: u128| {
                let way = span.len() * part / parts;
                span.after.wrapping_add(u64::try_from(way).unwrap_or(0))
            };
            let (from, to) = (
                on_circle(along(part), radius),
                on_circle(along(part + 1), radius),
            );
            let _ = write!(
                path,
                "M{:.1} {:.1}A{radius:.0} {radius:.0} 0 0 1 {:.1} {:.1}",
                from.0, from.1, to.0, to.1
            );
        }
    }
    let _ = writeln!(
        out,
        "<path class=\"{class}\" stroke-width=\"{width:.0}\" d=\"{path}\"/>"
    );
}

/// Where a position is: 0 at the top, and clockwise.
fn on_circle(position: u64, radius: f64) -> (f64, f64) {
    let quarter = position >> 62;
    let rest = (position << 2) as f64 / TURN * std::f64::consts::FRAC_PI_2;
    let (sin, cos) = sin_cos(rest);
    let (x, y) = match quarter {
        0 => (sin, -cos),
        1 => (cos, sin),
        2 => (-sin, cos),
        _ => (-cos, -sin),
    };
    (CENTRE.0 + radius * x, CENTRE.1 + radius * y)
}

/// Sine and cosine of an angle from 0 to π/2, by their series, and so the same everywhere; good to eight digits.
fn sin_cos(angle: f64) -> (f64, f64) {
    let (mut sin, mut cos, mut term) = (0.0, 0.0, 1.0);
    for n in 0..18 {
        match n % 4 {
            0 => cos += term,
            1 => sin += term,
            2 => cos -= term,
            _ => sin -= term,
        }
        term *= angle / f64::from(n + 1);
    }
    (sin, cos)
}

/// What stands inside the circle.
fn middle(out: &mut String, ring: &Ring, shown: &Ring, moves: &[Move], changes: bool) {
    let points = ring.points().len();
    let line = |out: &mut String, class, y, what: &str| {
        text(out, class, (CENTRE.0, CENTRE.1 + y), "middle", what);
    };
    let nodes = ring.members().len();
    line(out, "t", -24.0, &format!("{nodes} nodes"));
    line(out, "s", -6.0, &format!("{points} virtual nodes"));
    if changes {
        let moved = percent(part(moves.iter().map(|step| &step.span)));
        line(out, "t", 20.0, &format!("{moved} move"));
        line(
            out,
            "s",
            38.0,
            &format!("to be {} nodes", shown.members().len()),
        );
    }
}

/// Each node's name and share, beside the circle.
fn legend(out: &mut String, nodes: &[NodeId], ring: &Ring, after: Option<&Ring>) {
    let (left, mut y) = (470.0, 52.0);
    let before = shares(ring);
    let after = after.map(shares);
    let shown = |shares: &BTreeMap<NodeId, f64>, node: &NodeId| {
        let share = shares.get(node).copied();
        share.map_or("-".to_owned(), percent)
    };
    let heading = match after {
        Some(_) => "share of all positions, before and after",
        None => "share of all positions",
    };
    text(out, "s", (left, y - 12.0), "start", heading);
    for (index, node) in nodes.iter().take(NAMED_MAX).enumerate() {
        let (class, width) = colour('f', index);
        let height = 14.0 * width;
        let at = (left, y + (14.0 - height) / 2.0);
        rect(out, &class, at, (22.0, height));
        text(
            out,
            "t",
            (left + 32.0, y + 12.0),
            "start",
            &node.to_string(),
        );
        let of_node = shown(&before, node);
        text(out, "t", (left + 140.0, y + 12.0), "end", &of_node);
        if let Some(after) = &after {
            let of_node = shown(after, node);
            text(out, "t", (left + 220.0, y + 12.0), "end", &of_node);
        }
        y += 21.0;
    }
    if let Some(more) = nodes.len().checked_sub(NAMED_MAX + 1) {
        text(
            out,
            "s",
            (left, y + 12.0),
            "start",
            &format!("and {} more", more + 1),
        );
        y += 21.0;
    }
    if after.is_some() {
        let line = |out: &mut String, y, what| text(out, "s", (left, y), "start", what);
        line(out, y + 20.0, "inner band: who owns a position now");
        line(out, y + 36.0, "outer band: what moves, by its new owner");
    }
}

fn describe(ring: &Ring, after: Option<&Ring>, moves: &[Move]) -> String {
    let shares: Vec<String> = (shares(ring).into_iter())
        .take(NAMED_MAX)
        .map(|(node, share)| format!("{node} {}", percent(share)))
        .collect();
    let mut description = format!(
        "A circle of all positions, cut by {} virtual nodes. Of it own: {}.",
        ring.points().len(),
        shares.join(", ")
    );
    if after.is_some() {
        let moved = percent(part(moves.iter().map(|step| &step.span)));
        let _ = write!(
            description,
            " {} ranges move, {moved} of all positions.",
            moves.len()
        );
    }
    description
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partitioner::{Node, Partitioner};

    #[test]
    fn the_series_are_sine_and_cosine() {
        for step in 0..=64 {
            let angle = f64::from(step) / 64.0 * std::f64::consts::FRAC_PI_2;
            let (sin, cos) = sin_cos(angle);
            assert!((sin - angle.sin()).abs() < 1e-8 && (cos - angle.cos()).abs() < 1e-8);
        }
    }

    #[test]
    fn quarters_are_where_a_clock_has_them() {
        let at = |position| {
            let (x, y) = on_circle(position, 10.0);
            ((x - CENTRE.0).round(), (y - CENTRE.1).round())
        };
        let quarters = [0, 1 << 62, 1 << 63, 3 << 62].map(at);
        assert_eq!(
            quarters,
            [(0.0, -10.0), (10.0, 0.0), (0.0, 10.0), (-10.0, 0.0)]
        );
    }

    #[test]
    fn one_point_is_a_whole_circle_and_none_is_nothing() {
        let mut ring = Ring::new(1, 0);
        assert!(!draw("nothing", &ring, None).contains("<path"));
        ring.add(Node::new(1)).unwrap();
        let picture = draw("one <node>", &ring, None);
        assert!(picture.contains("100.0 %") && picture.contains("one &lt;node&gt;"));
        assert_eq!(picture.matches("A150").count(), 4, "four arcs of a quarter");
    }

    #[test]
    fn shares_are_what_is_owned_and_add_up() {
        let mut ring = Ring::new(40, 3);
        ring.add_all(&[1, 2, 3, 4, 5].map(Node::new)).unwrap();
        let shares = shares(&ring);
        assert!((shares.values().sum::<f64>() - 1.0).abs() < 1e-12);
        for (node, share) in shares {
            assert_eq!(share, part(ring.owned(node).iter()), "{node}");
        }
        assert_eq!(super::shares(&Ring::new(1, 0)), BTreeMap::new());
    }
}
