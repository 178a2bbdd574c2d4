//! Fewer faults: the few of a long schedule that a failure really needs.

/// Drops items of a list as long as it still fails: "ddmin" (Zeller and Hildebrandt, "Simplifying and
/// isolating failure-inducing input", 2002). Big pieces are tried first, so that a hundred faults of
/// which two matter cost a few dozen runs. The result fails, and none of its items can be dropped alone.
///
/// `fails` must be true of `items`.
pub fn minimise<T: Clone>(items: &[T], mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut kept = items.to_vec();
    // Perhaps it needs none at all.
    if !kept.is_empty() && fails(&[]) {
        return Vec::new();
    }
    let mut size = kept.len().div_ceil(2);
    while size > 0 {
        let mut dropped_any = false;
        let mut start = 0;
        while start < kept.len() {
            let end = (start + size).min(kept.len());
            let rest = [&kept[..start], &kept[end..]].concat();
            if fails(&rest) {
                kept = rest;
                dropped_any = true;
            } else {
                start = end;
            }
        }
        // Dropping one piece may make another one droppable: only a round without luck ends a size.
        if !dropped_any {
            size /= 2;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_exactly_what_the_failure_needs() {
        let items: Vec<u32> = (0..100).collect();
        let mut runs = 0;
        let needed = minimise(&items, |list| {
            runs += 1;
            list.contains(&17) && list.contains(&83)
        });
        assert_eq!(needed, [17, 83]);
        assert!(runs < 100, "{runs} runs");
    }

    #[test]
    fn knows_when_nothing_is_needed() {
        assert_eq!(minimise(&[1, 2, 3], |_| true), [0; 0]);
        assert_eq!(minimise(&[1, 2, 3], |list| list.len() == 3), [1, 2, 3]);
    }
}
