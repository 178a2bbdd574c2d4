//! Writing the text that a student gets.

use std::io::Write;
use std::ops::Range;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

use super::{Body, MARK, SourceFile, lines};

/// See [`SourceFile::stubbed`].
pub(super) fn stubbed(file: &SourceFile, strip: &dyn Fn(&str) -> bool) -> Result<String> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for region in &file.regions {
        if strip(&region.id) {
            edits.push((region.range.clone(), String::new()));
        } else {
            edits.extend(marker_lines(&file.text, &region.range).map(|line| (line, String::new())));
        }
    }
    let within = |inner: &Range<usize>, outer: &Range<usize>| {
        outer.start <= inner.start && inner.end <= outer.end
    };
    for body in &file.bodies {
        if edits.iter().any(|(range, _)| within(&body.inner, range)) {
            // It goes with the region that it is in.
        } else if strip(&body.id) {
            // Regions inside of it go with it.
            edits.retain(|(range, _)| !within(range, &body.inner));
            edits.push((body.inner.clone(), todo(body)));
        } else {
            edits.push((mark_line(&file.text, body), String::new()));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut text = String::new();
    let mut done = 0;
    for (range, replacement) in edits {
        text.push_str(&file.text[done..range.start]);
        text.push_str(&replacement);
        done = range.end;
    }
    text.push_str(&file.text[done..]);
    formatted(&text).with_context(|| format!("cannot format the stub of {}", file.path.display()))
}

/// The first and the last line of a region.
fn marker_lines(text: &str, range: &Range<usize>) -> [Range<usize>; 2] {
    let region = &text[range.clone()];
    let first = region.find('\n').map_or(region.len(), |at| at + 1);
    let last = region
        .trim_end_matches('\n')
        .rfind('\n')
        .map_or(0, |at| at + 1);
    [
        range.start..range.start + first,
        range.start + last..range.end,
    ]
}

/// The line of a body's mark.
fn mark_line(text: &str, body: &Body) -> Range<usize> {
    let inner = &text[body.inner.clone()];
    let line = lines(inner).find(|line| line.text.starts_with(MARK));
    let range = line.map_or(0..0, |line| line.range);
    body.inner.start + range.start..body.inner.start + range.end
}

/// What stands between the braces of a stub. Binding the parameters keeps the compiler from calling them unused.
fn todo(body: &Body) -> String {
    let bound = match &body.params[..] {
        [] => String::new(),
        [only] => format!("let _ = {only};"),
        params => format!("let _ = ({});", params.join(", ")),
    };
    let text = format!("{}: {}", body.id, body.intent);
    // The text is a format string.
    let text = text.replace('{', "{{").replace('}', "}}");
    format!("\n{bound}\ntodo!({text:?})\n")
}

/// What rustfmt makes of a text: where something was taken out, lines may fit or blank ones may be left over.
pub(super) fn formatted(text: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run rustfmt; `rustup component add rustfmt` installs it")?;
    let mut stdin = rustfmt.stdin.take().context("rustfmt has no input")?;
    let (written, output) = thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(text.as_bytes()));
        let output = rustfmt.wait_with_output();
        (writer.join(), output)
    });
    let output = output?;
    if !output.status.success() || !matches!(written, Ok(Ok(()))) {
        bail!("rustfmt: {}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("rustfmt wrote no UTF-8")
}
