//! Links in Markdown: every relative one leads to a file, and to a heading of it where it names one; so does every
//! piece of source that the book includes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{Outcome, none_of};
use crate::workspace::Workspace;

/// Directories whose Markdown is none of ours, or is not finished.
const LEFT_OUT: [&str; 3] = ["target", ".git", "node_modules"];

/// Checks the Markdown of the whole workspace.
pub(super) fn check(workspace: &Workspace) -> Result<Outcome> {
    none_of(&findings(&workspace.root)?)
}

/// What leads nowhere in the Markdown below a directory.
pub(crate) fn findings(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for page in &pages(root)? {
        let shown = page.strip_prefix(root).unwrap_or(page);
        let shown = shown.to_string_lossy().replace('\\', "/");
        for fault in faults(page)? {
            findings.push(format!("{shown}: {fault}"));
        }
    }
    Ok(findings)
}

fn pages(root: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)
            .with_context(|| format!("cannot list {}", directory.display()))?
        {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                if !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                    directories.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// What of a page's links leads nowhere, as sentences.
fn faults(page: &Path) -> Result<Vec<String>> {
    let text = read(page)?;
    let directory = page.parent().unwrap_or(page);
    let mut faults = Vec::new();
    for link in links(&text) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (file, heading) = link
            .split_once('#')
            .map_or((link.as_str(), None), |(file, heading)| {
                (file, Some(heading))
            });
        let target = if file.is_empty() {
            page.to_owned()
        } else {
            directory.join(file)
        };
        if !target.exists() {
            faults.push(format!("{link} leads to no file"));
        } else if let Some(heading) = heading
            && target
                .extension()
                .is_some_and(|extension| extension == "md")
            && !anchors(&read(&target)?).contains_key(heading)
        {
            faults.push(format!("{link} names no heading of its page"));
        }
    }
    faults.extend(includes(&text).filter_map(|include| missing_include(directory, include)));
    Ok(faults)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Where a page's links and images lead.
fn links(text: &str) -> Vec<String> {
    let links = Parser::new_ext(text, Options::all()).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(dest_url.to_string())
        }
        _ => None,
    });
    links.collect()
}

/// The anchors of a page's headings, with how often each would come without its number.
fn anchors(text: &str) -> BTreeMap<String, usize> {
    let mut anchors = BTreeMap::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let anchor = anchor(&heading.take().unwrap_or_default());
                let count: &mut usize = anchors.entry(anchor.clone()).or_default();
                *count += 1;
                if *count > 1 {
                    let numbered = format!("{anchor}-{}", *count - 1);
                    anchors.insert(numbered, 1);
                }
            }
            _ => {}
        }
    }
    anchors
}

/// As mdBook and GitHub make it of a heading's text.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => {
            Some(c.to_lowercase().collect::<String>())
        }
        c if c.is_whitespace() => Some("-".to_owned()),
        _ => None,
    });
    kept.collect()
}

/// What stands behind `#include` in mdBook's double braces.
fn includes(text: &str) -> impl Iterator<Item = &str> {
    let braces = text
        .split("{{#")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"));
    braces.filter_map(|(inside, _)| {
        let (command, what) = inside.split_once(' ')?;
        matches!(command, "include" | "rustdoc_include" | "playground").then(|| what.trim())
    })
}

fn missing_include(directory: &Path, include: &str) -> Option<String> {
    let (file, anchor) = include
        .split_once(':')
        .map_or((include, None), |(file, anchor)| (file, Some(anchor)));
    let Ok(text) = fs::read_to_string(directory.join(file)) else {
        return Some(format!("it includes {file}, which cannot be read"));
    };
    // Numbers of lines would go stale without anybody's noticing.
    let anchor = anchor?;
    let marker = |kind: &str| format!("{kind}: {anchor}");
    let has = |kind: &str| {
        text.lines()
            .any(|line| line.trim_end().ends_with(&marker(kind)))
    };
    (!has("ANCHOR") || !has("ANCHOR_END"))
        .then(|| format!("it includes {include}, and that file has no such anchor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_nowhere_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("a.rs", "// ANCHOR: f\nfn f() {}\n// ANCHOR_END: f\n");
        write("b.md", "# The *idea* of `x`: one\n\n## Twice\n\n## Twice\n");
        write(
            "page.md",
            "[ok](b.md#the-idea-of-x-one) [ok](b.md#twice-1) [ok](https://example.org/x) ![ok](a.rs) [ok](#here)\n\n\
             # Here\n\n{{#include a.rs:f}}\n{{#include a.rs:g}}\n{{#include c.rs}}\n\n`[no](link.md)`\n\n\
             [bad](c.md) [bad](b.md#three) ![bad](x.svg)\n",
        );
        let faults = faults(&dir.path().join("page.md")).unwrap();
        let expected = [
            "c.md leads to no file",
            "b.md#three names no heading of its page",
            "x.svg leads to no file",
            "it includes a.rs:g, and that file has no such anchor",
            "it includes c.rs, which cannot be read",
        ];
        assert_eq!(faults, expected);
    }
}
