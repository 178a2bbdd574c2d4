//! Looks for the CR only in what it has not searched before: where CR and LF come in two reads, the CR stays in the text.
//! caught-by: splits::what_was_searched_is_not_searched_again

pub fn line_end(unread: &[u8], searched: usize, is_last: bool) -> Option<LineEnd> {
    let fresh = &unread[searched..];
    let (line, whole) = match fresh.iter().position(|byte| *byte == b'\n') {
        Some(at) => (at, at + 1),
        None if is_last && !unread.is_empty() => (fresh.len(), fresh.len()),
        None => return None,
    };
    let has_return = fresh[..line].ends_with(b"\r");
    Some(LineEnd {
        text: searched + line - usize::from(has_return),
        whole: searched + whole,
    })
}
