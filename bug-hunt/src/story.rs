//! The story of a run, for reading: what arrived where, what failed, and what the NameNode came to believe.

use sim::Record;

use crate::view::FileId;

/// Ends of lines, and parts of them, of which a trace is full and which say little: that a message leaves, a timer
/// rings, a disk syncs, somebody lives.
const DULL_ENDS: [&str; 3] = [" leaves", " rings", " is durable"];
const DULL: [&str; 2] = [" asks for sync ", " Heartbeat "];

/// Tells a trace line by line; with `only`, leaves out what is about other files.
pub fn tell(records: &[Record], only: Option<FileId>) -> String {
    let story = sim::narrate(records);
    let is_dull = |line: &str| {
        DULL_ENDS.iter().any(|end| line.ends_with(end))
            || DULL.iter().any(|part| line.contains(part))
    };
    let lines = story.lines().filter(|line| !is_dull(line));
    let lines = lines.filter(|line| only.is_none_or(|file| is_about(line, file)));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Whether a line names the file, or no file at all.
fn is_about(line: &str, file: FileId) -> bool {
    let is_name = |word: &&str| {
        let digits = word.strip_prefix('f').unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let words = line.split(|c: char| !c.is_alphanumeric());
    let mut files = words.filter(is_name).peekable();
    files.peek().is_none() || files.any(|name| name == file.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_about_the_files_that_it_names() {
        let f3 = FileId(3);
        assert!(is_about("client1 → namenode  Delete { file: f3 }", f3));
        assert!(!is_about("client1 → namenode  Delete { file: f31 }", f3));
        assert!(is_about("datanode1 loses its power, between events", f3));
        assert!(is_about("Report { replicas: {f2: x, f3: y} } arrives", f3));
    }
}
