//! A last line without a feed is never handed out: whoever ends his file as editors once did loses a record.
//! caught-by: splits::the_last_line_needs_no_feed

pub fn line_end(unread: &[u8], searched: usize, is_last: bool) -> Option<LineEnd> {
    let _ = is_last;
    let at = unread[searched..].iter().position(|byte| *byte == b'\n')?;
    let line = searched + at;
    let text = line - usize::from(unread[..line].ends_with(b"\r"));
    Some(LineEnd {
        text,
        whole: line + 1,
    })
}
