//! How the pairs of a task become a file. Which attempt's file becomes the output is not decided here: a task writes below
//! `_temporary/<attempt>/`, and whoever coordinates has one of them renamed to [`part_name`], and [`SUCCESS`] written last.

/// The file that says that all others are there.
pub const SUCCESS: &str = "_SUCCESS";

/// The directory below the output for what is not committed yet.
pub const TEMPORARY: &str = "_temporary";

/// What a task's file is called: `part-r-00000`, or `part-m-00000` where there are no reduces.
pub fn part_name(is_map: bool, number: u32) -> String {
    let kind = if is_map { 'm' } else { 'r' };
    format!("part-{kind}-{number:05}")
}

/// How pairs become a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// `key TAB value`, a line each: `TextOutputFormat`.
    Text,
    /// Key and value as bytes, with nothing between them: TeraSort's records.
    Plain,
}
