//! Paths as users write them: with a scheme or without, on the default file system, relative to the home directory.

use std::path::Path;

use crate::job::{JobError, JobSpec};

/// The setting that says where paths without a scheme are, and which NameNode `hdfs:///path` means: `hdfs://HOST:PORT`, or
/// `file:///` as long as nobody says otherwise.
pub const DEFAULT_FS: &str = "fs.defaultFS";

/// A NameNode's port, where none is named.
const PORT: u16 = 8020;

/// A path's scheme, and what is behind the colon; none for a local path.
pub fn scheme(path: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = path.split_once(':')?;
    let letters = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(letters)
        && (rest.starts_with("//") || scheme == "hdfs" || scheme == "file");
    is_scheme.then_some((scheme, rest))
}

/// `HOST:PORT` of `hdfs://HOST:PORT/path`, and `/path`; none of what is not [`qualified`].
pub fn hdfs(path: &str) -> Option<(&str, &str)> {
    let ("hdfs", rest) = scheme(path)? else {
        return None;
    };
    let rest = rest.strip_prefix("//")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    (!authority.is_empty()).then_some((authority, path))
}

/// Whether a path is one of this machine's.
pub fn is_local(path: &str) -> bool {
    scheme(path).is_none()
}

/// The same job with each path in full: local ones without a scheme, those of mini-hdfs as `hdfs://HOST:PORT/path`, spelled in one way. `user` is
/// whose home directory relative paths of mini-hdfs are in. What is in full stays as it is, and so does what is of another scheme.
///
/// # Errors
/// Where a path names no NameNode, and there is no default.
pub fn qualified(spec: &JobSpec, user: &str) -> Result<JobSpec, JobError> {
    let mut spec = spec.clone();
    let default = default_fs(&spec)?;
    for path in spec.inputs.iter_mut().chain([&mut spec.output]) {
        let full = full(path, default.as_deref(), user);
        *path = full.map_err(|reason| JobError::Input {
            path: path.clone(),
            reason,
        })?;
    }
    Ok(spec)
}

/// The same job with local paths that mean the same wherever a process stands.
///
/// # Errors
/// Where this process's own place is not known.
pub fn absolute(spec: &JobSpec) -> Result<JobSpec, JobError> {
    let mut spec = spec.clone();
    let paths = spec.inputs.iter_mut().chain([&mut spec.output]);
    for path in paths.filter(|path| is_local(path)) {
        let absolute = std::path::absolute(&*path).map_err(|error| error.to_string());
        let text = absolute.and_then(|absolute| {
            let text = absolute.to_str().map(str::to_owned);
            text.ok_or_else(|| "the path of the current directory is no UTF-8".to_owned())
        });
        *path = text.map_err(|reason| JobError::Input {
            path: path.clone(),
            reason,
        })?;
    }
    Ok(spec)
}

/// The default's NameNode, where it is one.
fn default_fs(spec: &JobSpec) -> Result<Option<String>, JobError> {
    let Some(value) = spec.settings.get(DEFAULT_FS) else {
        return Ok(None);
    };
    match (scheme(value), hdfs(value)) {
        (_, Some((authority, _))) => Ok(Some(with_port(authority))),
        (Some(("file", _)), _) => Ok(None),
        _ => Err(JobError::Setting {
            name: DEFAULT_FS.to_owned(),
            value: value.to_owned(),
            expected: "hdfs://HOST:PORT",
        }),
    }
}

fn full(path: &str, default: Option<&str>, user: &str) -> Result<String, String> {
    match (scheme(path), default) {
        (None, None) => Ok(path.to_owned()),
        (None, Some(authority)) => Ok(on_hdfs(authority, path, user)),
        (Some(("file", rest)), _) => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if !Path::new(path).is_absolute() {
                return Err("file: takes an absolute path, as in file:///dir/name".to_owned());
            }
            Ok(path.to_owned())
        }
        (Some(("hdfs", rest)), _) => match (hdfs(path), default) {
            (Some((authority, path)), _) => Ok(on_hdfs(&with_port(authority), path, user)),
            (None, Some(authority)) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                Ok(on_hdfs(authority, path, user))
            }
            (None, None) => Err(format!(
                "it names no NameNode; write hdfs://HOST:PORT/…, or say -D {DEFAULT_FS}=hdfs://HOST:PORT"
            )),
        },
        // Whoever has the files knows the scheme, or refuses it.
        (Some(_), _) => Ok(path.to_owned()),
    }
}

fn with_port(authority: &str) -> String {
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    if port.is_some_and(|port| port.parse::<u16>().is_ok()) {
        authority.to_owned()
    } else {
        format!("{authority}:{PORT}")
    }
}

/// Without needless slashes; relative ones below `/user/NAME`.
fn on_hdfs(authority: &str, path: &str, user: &str) -> String {
    let home = ["user", user];
    let base: &[&str] = if path.starts_with('/') { &[] } else { &home };
    let parts = base.iter().copied().chain(path.split('/'));
    let mut full = format!("hdfs://{authority}");
    for part in parts.filter(|part| !part.is_empty() && *part != ".") {
        full.push('/');
        full.push_str(part);
    }
    full
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::job::Settings;

    fn check(default: &str, path: &str) -> Result<String, String> {
        let settings = [(DEFAULT_FS.to_owned(), default.to_owned())];
        let settings = settings.into_iter().filter(|_| !default.is_empty());
        let spec = JobSpec {
            program: "wordcount".to_owned(),
            args: Vec::new(),
            inputs: vec![path.to_owned()],
            output: "file:///out".to_owned(),
            reduces: 1,
            settings: Settings(BTreeMap::from_iter(settings)),
        };
        let spec = qualified(&spec, "alice").map_err(|error| error.to_string())?;
        let again = qualified(&spec, "alice").unwrap();
        if default.is_empty() {
            assert_eq!(again, spec, "what is in full stays as it is");
        }
        Ok(spec.inputs[0].clone())
    }

    #[test]
    fn paths_are_made_whole() {
        let ok = |path: &str| Ok(path.to_owned());
        for (default, path, expected) in [
            ("", "text", "text"),
            ("", "/a/b:c", "/a/b:c"),
            ("", "a:b", "a:b"),
            ("", "file:///a/b", "/a/b"),
            ("", "file:/a/b", "/a/b"),
            ("", "hdfs://nn:9000/a//b/", "hdfs://nn:9000/a/b"),
            ("", "hdfs://nn/a", "hdfs://nn:8020/a"),
            ("", "hdfs://[::1]/a", "hdfs://[::1]:8020/a"),
            ("", "hdfs://nn", "hdfs://nn:8020"),
            ("hdfs://nn:9000", "hdfs:///a", "hdfs://nn:9000/a"),
            ("hdfs://nn/", "hdfs:/a", "hdfs://nn:8020/a"),
            ("hdfs://nn", "/a/*.txt", "hdfs://nn:8020/a/*.txt"),
            ("hdfs://nn", "a/./b", "hdfs://nn:8020/user/alice/a/b"),
            ("hdfs://nn", "hdfs://other/a", "hdfs://other:8020/a"),
            ("hdfs://nn", "file:///a", "/a"),
            ("file:///", "a", "a"),
            ("hdfs://nn", "disk://w1/a", "disk://w1/a"),
        ] {
            assert_eq!(check(default, path), ok(expected), "{default} {path}");
        }
    }

    #[test]
    fn what_cannot_be_made_whole_says_why() {
        for (default, path, expected) in [
            ("", "hdfs:///a", "names no NameNode"),
            ("", "file:a", "absolute path"),
            (
                "nn:8020",
                "a",
                "fs.defaultFS=nn:8020 has to be hdfs://HOST:PORT",
            ),
        ] {
            let error = check(default, path).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
