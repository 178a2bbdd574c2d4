//! Pictures of partitioning, as SVG: [`ring`], the circle with what each node owns and what moves; [`compare`], strategies side by side.
//!
//! They are text: the same input gives the same bytes on every platform, so angles are computed from additions and multiplications alone,
//! and not by the system's `sin`. Colours are Okabe and Ito's, which people who are colour-blind tell apart, and never stand without a
//! name; light and dark follow the reader's system.

pub mod compare;
pub mod ring;

use std::fmt::Write;

/// How many nodes have a colour of their own; of the next as many, what is drawn is narrower.
const COLOURS: usize = 8;

/// Okabe and Ito's palette, the yellow darker, and grey for black, which would not be seen in the dark.
const STYLE: &str = "\
<style>
:root { color-scheme: light dark; }
.t { fill: #1c2430; } .s { fill: #55606f; font-size: 12px; } .l { stroke: #44546a; stroke-width: 1.5; fill: none; }
.e { fill: #e8ecf2; } .w { stroke: #1c2430; stroke-width: 1.5; fill: none; stroke-dasharray: 5 4; }
.f0 { fill: #0072b2; } .a0 { stroke: #0072b2; fill: none; } .f1 { fill: #e69f00; } .a1 { stroke: #e69f00; fill: none; }
.f2 { fill: #009e73; } .a2 { stroke: #009e73; fill: none; } .f3 { fill: #cc79a7; } .a3 { stroke: #cc79a7; fill: none; }
.f4 { fill: #56b4e9; } .a4 { stroke: #56b4e9; fill: none; } .f5 { fill: #d55e00; } .a5 { stroke: #d55e00; fill: none; }
.f6 { fill: #b8a900; } .a6 { stroke: #b8a900; fill: none; } .f7 { fill: #7a7f87; } .a7 { stroke: #7a7f87; fill: none; }
@media (prefers-color-scheme: dark) {
.t { fill: #eef2f8; } .s { fill: #b7c2d2; } .l { stroke: #9fb0c8; } .e { fill: #2a3444; } .w { stroke: #eef2f8; } }
</style>
";

/// The document around a picture of this height, 760 wide.
fn document(title: &str, description: &str, height: u32, body: &str) -> String {
    let (title, description) = (escape(title), escape(description));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" role=\"img\" aria-labelledby=\"t d\" \
         font-family=\"system-ui, sans-serif\" font-size=\"14\">\n<title id=\"t\">{title}</title>\n<desc id=\"d\">{description}</desc>\n\
         {STYLE}{body}</svg>\n"
    )
}

/// Text that may stand in SVG.
fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// The class of a node's colour, as an area (`f`) or as a line (`a`), and the part of the full width in which it is drawn.
fn colour(kind: char, index: usize) -> (String, f64) {
    let class = format!("{kind}{}", index % COLOURS);
    let narrow = !(index / COLOURS).is_multiple_of(2);
    (class, if narrow { 0.5 } else { 1.0 })
}

/// A text at a place. `class` is `t` or `s`, `anchor` `start`, `middle` or `end`.
fn text(out: &mut String, class: &str, at: (f64, f64), anchor: &str, what: &str) {
    let (x, y) = at;
    let what = escape(what);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>"
    );
}

/// A rectangle.
fn rect(out: &mut String, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    );
}

/// A part of the whole, as it is written in pictures and tables.
pub fn percent(part: f64) -> String {
    format!("{:.1} %", 100.0 * part)
}
