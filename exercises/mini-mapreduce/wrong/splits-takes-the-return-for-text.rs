//! Leaves the CR of a CRLF in the text: a word count of a file from Windows has words that look the same and are not.
//! caught-by: splits::a_carriage_return_before_the_feed_is_no_text

pub fn line_end(unread: &[u8], searched: usize, is_last: bool) -> Option<LineEnd> {
    let feed = unread[searched..].iter().position(|byte| *byte == b'\n');
    let (text, whole) = match feed {
        Some(at) => (searched + at, searched + at + 1),
        None if is_last && !unread.is_empty() => (unread.len(), unread.len()),
        None => return None,
    };
    Some(LineEnd { text, whole })
}
