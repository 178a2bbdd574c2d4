//! Goes over the bytes itself, and looks back from the feed.

pub fn line_end(unread: &[u8], searched: usize, is_last: bool) -> Option<LineEnd> {
    let mut at = searched;
    while at < unread.len() && unread[at] != b'\n' {
        at += 1;
    }
    let has_feed = at < unread.len();
    if !has_feed && (!is_last || unread.is_empty()) {
        return None;
    }
    let text = if at > 0 && unread[at - 1] == b'\r' { at - 1 } else { at };
    let whole = if has_feed { at + 1 } else { at };
    Some(LineEnd { text, whole })
}

pub fn read_from(offset: u64) -> u64 {
    if offset == 0 { 0 } else { offset - 1 }
}

pub fn is_ours(position: u64, end: u64) -> bool {
    !(position >= end)
}
