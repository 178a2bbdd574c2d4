//! Whether a router is its writer's own: by its text, since no answer tells.

/// What a router may name at the crate's root: the hash, the types of a node, and the contract; and `super`, which leads back there.
const FREE: [&str; 12] = [
    "hash",
    "partitioner",
    "Node",
    "NodeId",
    "MembershipError",
    "capstone",
    "COPIES",
    "Change",
    "Move",
    "Router",
    "router",
    "super",
];

/// The modules of the strategies, half an answer each, and everything.
const FORBIDDEN: [&str; 11] = [
    "*",
    "anchor",
    "bounded",
    "jump",
    "list",
    "maglev",
    "modulo",
    "multi_probe",
    "range",
    "rendezvous",
    "ring",
];

/// What a router's text takes from the crate and should not, as it is written there.
pub(crate) fn borrowed(text: &str) -> Vec<String> {
    let code = without_comments(text);
    let mut borrowed = Vec::new();
    if code.contains("crate as ") {
        borrowed.push("crate as".to_owned());
    }
    // In a module of the router's own `super::super` is the router, whose names may be any but those of what it may not borrow.
    for (at, _) in code.match_indices("super::super::") {
        let names = first_names(&code[at + "super::super::".len()..]);
        let taken = names
            .iter()
            .filter(|name| FORBIDDEN.contains(&name.as_str()));
        borrowed.extend(taken.map(|name| format!("super::super::{name}")));
    }
    for root in ["crate::", "consistent_hash::"] {
        for (at, _) in code.match_indices(root) {
            let names = first_names(&code[at + root.len()..]);
            // `cargo course check` puts a `faultline_…` of its own into the file.
            let is_free = |name: &str| FREE.contains(&name) || name.starts_with("faultline_");
            let others = names.iter().filter(|name| !is_free(name));
            borrowed.extend(others.map(|name| format!("{root}{name}")));
        }
    }
    borrowed
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    code.push_str(rest);
    let without_comment = |line: &str| line.split("//").next().unwrap_or("").to_owned();
    code.lines().map(without_comment).collect()
}

/// The name with which a path goes on, or those of the group in braces.
fn first_names(path: &str) -> Vec<String> {
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_' || *c == '*';
    let name = |path: &str| path.trim().chars().take_while(is_part).collect::<String>();
    let Some(group) = path.trim_start().strip_prefix('{') else {
        return vec![name(path)];
    };
    let (mut names, mut path, mut depth) = (Vec::new(), String::new(), 0);
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&std::mem::take(&mut path))),
            _ if depth == 0 => path.push(c),
            _ => {}
        }
    }
    names.push(name(&path));
    names.retain(|name| !name.is_empty());
    names
}
