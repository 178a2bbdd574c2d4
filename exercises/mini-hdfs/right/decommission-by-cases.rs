//! Case by case: what would still be missing, and what is not known.

pub fn is_sufficient(block: &LeavingBlock, limits: &Limits) -> bool {
    let missing = block.expected.saturating_sub(block.live);
    match (missing, block.open) {
        (0, _) => true,
        (_, true) => block.live >= limits.min,
        (_, false) => block.live >= limits.default,
    }
}

pub fn may_leave(node: &LeavingNode) -> bool {
    match node {
        LeavingNode {
            alive: false,
            endangered,
            ..
        } => *endangered == 0,
        LeavingNode {
            reported: true,
            scanned: true,
            waiting: 0,
            ..
        } => true,
        _ => false,
    }
}
