//! Links of a handout's pages: one to what is not handed out becomes plain text.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag};

/// A page whose links lead somewhere. `is_gone` tells of a path from the workspace's root whether it was left out.
pub(super) fn unlinked(page: &Path, text: &str, is_gone: &dyn Fn(&Path) -> bool) -> String {
    let directory = page.parent().unwrap_or(page);
    let mut cuts: Vec<(Range<usize>, String)> = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::all()).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. }) = event else {
            continue;
        };
        let file = dest_url.split('#').next().unwrap_or_default();
        let is_elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
        if is_elsewhere || !is_gone(&normal(&directory.join(file))) {
            continue;
        }
        let shown = text[range.clone()].strip_prefix('[');
        if let Some((shown, _)) = shown.and_then(|link| link.rsplit_once("](")) {
            cuts.push((range, shown.to_owned()));
        }
    }
    let mut text = text.to_owned();
    for (range, shown) in cuts.into_iter().rev() {
        text.replace_range(range, &shown);
    }
    text
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_what_is_left_out_become_text() {
        let text = "See [the chapter](../instructors.md#top), [`ci`](../../../course/src/ci.rs), [a page](problem.md) and \
                    [the web](https://example.org/instructors.md).\n";
        let is_gone = |path: &Path| {
            path == Path::new("book/src/instructors.md") || path.starts_with("course/src/ci.rs")
        };
        assert_eq!(
            unlinked(Path::new("book/src/hdfs/read.md"), text, &is_gone),
            "See the chapter, `ci`, [a page](problem.md) and [the web](https://example.org/instructors.md).\n"
        );
    }
}
