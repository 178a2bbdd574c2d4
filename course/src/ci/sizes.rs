//! How long files and crates are. Short enough to hold in the head is a promise of this repository;
//! what outgrows its budget is named here, and whether that is worth it is for a person to say.

use std::ffi::OsStr;
use std::ops::RangeInclusive;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{Outcome, sources};
use crate::source;
use crate::workspace::{Layer, Workspace};

/// Above this, a file is named.
const FILE_LINES_MAX: usize = 600;

/// What a system may have: lines of code of its core, and of all its sources.
struct Budget {
    package: &'static str,
    core: usize,
    all: usize,
}

const BUDGETS: [Budget; 6] = [
    Budget {
        package: "mini-hdfs",
        core: 3000,
        all: 8000,
    },
    Budget {
        package: "mini-kafka",
        core: 4000,
        all: 8000,
    },
    Budget {
        package: "mini-mapreduce",
        core: 5000,
        all: 10000,
    },
    Budget {
        package: "raft-kv",
        core: 4000,
        all: 10000,
    },
    Budget {
        package: "vector-clocks",
        core: 2500,
        all: 3000,
    },
    Budget {
        package: "consistent-hash",
        core: 2500,
        all: 3500,
    },
];

pub(super) fn report(workspace: &Workspace) -> Result<Outcome> {
    let mut notes = Vec::new();
    for package in &workspace.packages {
        let src = package.dir.join("src");
        let (mut core, mut all) = (0, 0);
        for file in source::rust_files(&package.dir)? {
            let text = sources::read(&file)?;
            let total = text.lines().count();
            if total > FILE_LINES_MAX {
                let file = workspace.display(&file);
                notes.push(format!(
                    "warning: {file} has {total} lines; above {FILE_LINES_MAX}, split it"
                ));
            }
            let below = file.strip_prefix(&src).unwrap_or(&file);
            let is_test = |part: &OsStr| part == "tests" || part == "tests.rs";
            if file.starts_with(&src) && !below.iter().any(is_test) {
                let lines = code_lines(&text)?;
                all += lines;
                core += if sources::is_core(&src, &file) {
                    lines
                } else {
                    0
                };
            }
        }
        let name = &package.name;
        notes.push(if package.layer == Layer::System {
            format!("{name}: {all} lines of code, of which {core} are the core")
        } else {
            format!("{name}: {all} lines of code")
        });
        if let Some(budget) = BUDGETS.iter().find(|budget| budget.package == name) {
            for (what, lines, max) in [("core", core, budget.core), ("sources", all, budget.all)] {
                if lines > max {
                    notes.push(format!(
                        "warning: {name}: {lines} lines of {what}; the budget is {max}"
                    ));
                }
            }
        }
    }
    Ok(Outcome::Passed(notes))
}

/// How many lines of a file are code: neither blank, nor a comment alone, nor in a `#[cfg(test)]` module.
fn code_lines(text: &str) -> Result<usize> {
    let stream: TokenStream = text.parse().map_err(|error| anyhow!("{error}"))?;
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let tests: Vec<RangeInclusive<usize>> = tokens.windows(5).filter_map(test_module).collect();
    let is_code = |number: usize, line: &str| {
        !line.is_empty()
            && !line.starts_with("//")
            && !tests.iter().any(|test| test.contains(&number))
    };
    let lines = (1..).zip(text.lines());
    Ok(lines
        .filter(|(number, line)| is_code(*number, line.trim_start()))
        .count())
}

/// The lines of the test module that begins with these tokens, if one does.
fn test_module(tokens: &[TokenTree]) -> Option<RangeInclusive<usize>> {
    match tokens {
        [
            TokenTree::Punct(hash),
            TokenTree::Group(attribute),
            TokenTree::Ident(keyword),
            TokenTree::Ident(_),
            TokenTree::Group(body),
        ] if hash.as_char() == '#'
            && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
            && keyword == "mod"
            && body.delimiter() == Delimiter::Brace =>
        {
            Some(hash.span().start().line..=body.span_close().end().line)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_no_code() {
        let text = "//! Essay.\n\nfn f() { // why\n}\n\n#[cfg(test)]\nmod tests {\n    // }\n    fn g() {}\n}\n";
        assert_eq!(code_lines(text).unwrap(), 2);
        assert_eq!(code_lines("#[cfg(unix)]\nmod m {\n}\n").unwrap(), 3);
        assert_eq!(code_lines("// #[cfg(test)] mod tests {}\n").unwrap(), 0);
    }
}
