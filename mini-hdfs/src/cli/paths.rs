//! Paths as users write them: `hdfs://HOST:PORT/path`, relative to the home directory, with `*` and `?`.

use mini_hdfs::protocol::FileStatus;
use mini_hdfs::server::dfs_client::{DfsClient, DfsError};
pub(crate) use mini_hdfs::server::user;

/// `HOST:PORT` of a URI, if it is one.
pub(crate) fn authority(word: &str) -> Option<&str> {
    let rest = word.strip_prefix("hdfs://")?;
    let host = rest.split('/').next().unwrap_or_default();
    (!host.is_empty()).then_some(host)
}

/// The full path that a word stands for: without a URI's beginning, below `/user/NAME` where it is relative, without
/// needless slashes. `.` and `..` are taken out as a shell does.
pub(crate) fn absolute(word: &str) -> String {
    let path = match word.strip_prefix("hdfs://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => word.strip_prefix("hdfs:").unwrap_or(word),
    };
    let home = format!("/user/{}", user());
    let mut parts: Vec<&str> = Vec::new();
    let base = if path.starts_with('/') {
        ""
    } else {
        home.as_str()
    };
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The last part of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The directory above a path.
pub(crate) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(slash) => &path[..slash],
    }
}

/// `name` in the directory `parent`.
pub(crate) fn join(parent: &str, name: &str) -> String {
    format!("{}/{name}", parent.trim_end_matches('/'))
}

/// What the word stands for, in the order of paths; nothing where nothing is there.
pub(crate) fn expand(client: &DfsClient, word: &str) -> Result<Vec<FileStatus>, DfsError> {
    let path = absolute(word);
    if !path.contains(['*', '?']) {
        return Ok(client.stat(&path)?.into_iter().collect());
    }
    let mut found: Vec<FileStatus> = client.stat("/")?.into_iter().collect();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for parent in found.into_iter().filter(|status| status.is_directory) {
            if part.contains(['*', '?']) {
                for entry in client.list(&parent.path)? {
                    let entry = entry?;
                    if matches(part.as_bytes(), name(&entry.path).as_bytes()) {
                        next.push(entry);
                    }
                }
            } else {
                next.extend(client.stat(&join(&parent.path, part))?);
            }
        }
        found = next;
    }
    Ok(found)
}

/// Whether `name` is one that `pattern` stands for: `*` for any bytes, `?` for a single one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where the last star was, and from where in the name it has not been tried to end.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((star_at, tried)) => {
                    star = Some((star_at, tried + 1));
                    (p, n) = (star_at + 1, tried + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_paths() {
        assert_eq!(absolute("hdfs://h:1/a/b"), "/a/b");
        assert_eq!(absolute("hdfs://h:1"), "/");
        assert_eq!(absolute("//a/./b/../c/"), "/a/c");
        assert_eq!(absolute("x"), format!("/user/{}/x", user()));
        assert_eq!(authority("hdfs://h:1/a"), Some("h:1"));
        assert_eq!(authority("hdfs:///a"), None);
        assert_eq!(
            (parent("/a"), parent("/a/b"), name("/a/b")),
            ("/", "/a", "b")
        );
        assert_eq!(join("/", "a"), "/a");
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("*.txt", "a.txt.txt", true),
            ("?b", "ab", true),
            ("?", "", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }
}
