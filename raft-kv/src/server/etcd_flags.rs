//! etcd's flags that [`Options`](super::settings::Options) lacks, so that a command line written for etcd starts a member here, too. What
//! would change nothing is left out, with a word; what asks for something that is not here is refused, since whoever asks for TLS must not
//! get a server without. Flags may have one dash or two, as Go's.

use std::ffi::OsString;

use thiserror::Error;

/// Flags that need no value (`--pre-vote`), and may have one behind `=` alone.
const SWITCHES: &[&str] = &[
    "auto-tls",
    "client-cert-auth",
    "debug",
    "enable-log-rotation",
    "enable-pprof",
    "enable-v2",
    "experimental-compact-hash-check-enabled",
    "experimental-enable-lease-checkpoint",
    "experimental-enable-lease-checkpoint-persist",
    "experimental-initial-corrupt-check",
    "experimental-memory-mlock",
    "experimental-peer-skip-client-san-verification",
    "experimental-txn-mode-write-with-shared-buffer",
    "force-new-cluster",
    "initial-election-tick-advance",
    "peer-auto-tls",
    "peer-client-cert-auth",
    "pre-vote",
    "socket-reuse-address",
    "socket-reuse-port",
    "strict-reconfig-check",
    "unsafe-no-fsync",
];

/// Without effect: what they ask for is so anyway (`--pre-vote`, `--strict-reconfig-check`), or is about parts that are built differently.
const IDLE: &[&str] = &[
    "auth-token",
    "auth-token-ttl",
    "backend-batch-interval",
    "backend-batch-limit",
    "bcrypt-cost",
    "cipher-suites",
    "cors",
    "debug",
    "discovery-fallback",
    "enable-log-rotation",
    "enable-pprof",
    "enable-v2",
    "experimental-backend-bbolt-freelist-type",
    "experimental-compact-hash-check-enabled",
    "experimental-compaction-batch-limit",
    "experimental-compaction-sleep-interval",
    "experimental-corrupt-check-time",
    "experimental-initial-corrupt-check",
    "experimental-max-learners",
    "experimental-memory-mlock",
    "experimental-peer-skip-client-san-verification",
    "experimental-txn-mode-write-with-shared-buffer",
    "experimental-warning-apply-duration",
    "experimental-warning-unary-request-duration",
    "grpc-keepalive-interval",
    "grpc-keepalive-min-time",
    "grpc-keepalive-timeout",
    "host-whitelist",
    "initial-election-tick-advance",
    "log-format",
    "log-level",
    "log-output",
    "log-outputs",
    "log-package-levels",
    "log-rotation-config-json",
    "logger",
    "max-snapshots",
    "max-wals",
    "metrics",
    "pre-vote",
    "proxy-dial-timeout",
    "proxy-failure-wait",
    "proxy-read-timeout",
    "proxy-refresh-interval",
    "proxy-write-timeout",
    "socket-reuse-address",
    "socket-reuse-port",
    "strict-reconfig-check",
    "unsafe-no-fsync",
    "v2-deprecation",
];

const NO_TLS: &str = "this server has no TLS";
const NO_DISCOVERY: &str = "members are not discovered here; name them all with --initial-cluster";

/// What is not here, and why.
const ABSENT: &[(&str, &str)] = &[
    ("auto-tls", NO_TLS),
    ("cert-file", NO_TLS),
    ("client-cert-allowed-hostname", NO_TLS),
    ("client-cert-auth", NO_TLS),
    ("client-crl-file", NO_TLS),
    (
        "config-file",
        "settings are read from flags and the environment alone",
    ),
    ("discovery", NO_DISCOVERY),
    ("discovery-proxy", NO_DISCOVERY),
    ("discovery-srv", NO_DISCOVERY),
    ("discovery-srv-name", NO_DISCOVERY),
    (
        "experimental-enable-lease-checkpoint",
        "a new leader gives each lease its full TTL again",
    ),
    (
        "experimental-enable-lease-checkpoint-persist",
        "a new leader gives each lease its full TTL again",
    ),
    ("experimental-enable-v2v3", "there is no v2 API"),
    (
        "force-new-cluster",
        "a majority that is lost for good cannot be replaced here",
    ),
    ("key-file", NO_TLS),
    ("peer-auto-tls", NO_TLS),
    ("peer-cert-allowed-cn", NO_TLS),
    ("peer-cert-allowed-hostname", NO_TLS),
    ("peer-cert-file", NO_TLS),
    ("peer-client-cert-auth", NO_TLS),
    ("peer-crl-file", NO_TLS),
    ("peer-key-file", NO_TLS),
    ("peer-trusted-ca-file", NO_TLS),
    ("proxy", "this server is a member, and no proxy"),
    ("trusted-ca-file", NO_TLS),
    ("wal-dir", "the log is in --data-dir"),
];

/// What a flag of etcd's asks for is not here.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("--{flag}: {why}")]
pub struct AbsentFlag {
    flag: &'static str,
    why: &'static str,
}

/// A command line without what only etcd knows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// What is left of it.
    pub words: Vec<OsString>,
    /// Flags that have no effect.
    pub idle: Vec<String>,
}

/// Reads `words`, the first of which are the program and `serve`, and etcd's variables of the environment.
///
/// # Errors
/// The first flag or variable that asks for what is not here.
pub fn accept(
    words: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Accepted, AbsentFlag> {
    let mut accepted = Accepted::default();
    let mut words = words.into_iter().peekable();
    accepted.words.extend(words.by_ref().take(2));
    while let Some(word) = words.next() {
        let Some(text) = word.to_str().and_then(flag) else {
            accepted.words.push(word);
            continue;
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let absent = ABSENT.iter().find(|(absent, _)| *absent == name);
        if absent.is_none() && !IDLE.contains(&name) {
            accepted.words.push(format!("--{text}").into());
            continue;
        }
        let value = match value {
            Some(value) => value,
            None if SWITCHES.contains(&name) => "true".to_owned(),
            None => words.next().unwrap_or_default().to_string_lossy().into(),
        };
        match absent {
            Some(absent) if asked_for(&value) => return Err(refusal(absent)),
            Some(_) => {}
            None => accepted.idle.push(name.to_owned()),
        }
    }
    for absent in ABSENT {
        let variable = format!("ETCD_{}", absent.0.to_uppercase().replace('-', "_"));
        let value = environment(&variable);
        if value.is_some_and(|value| asked_for(&value.to_string_lossy())) {
            return Err(refusal(absent));
        }
    }
    Ok(accepted)
}

fn refusal(&(flag, why): &(&'static str, &'static str)) -> AbsentFlag {
    AbsentFlag { flag, why }
}

/// Without its dashes, if it is a flag with a name, and no `-h`.
fn flag(word: &str) -> Option<&str> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    (name.len() > 1 && name.starts_with(|c: char| c.is_ascii_lowercase())).then_some(name)
}

/// Whether a value differs from etcd's default, which asks for nothing.
fn asked_for(value: &str) -> bool {
    !matches!(value, "" | "false" | "off")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(String, Vec<String>), AbsentFlag> {
        let words = ["raft-kv", "serve"].into_iter().chain(line.split(' '));
        let accepted = accept(words.map(OsString::from), |_| None)?;
        let words: Vec<_> = accepted.words[2..]
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        Ok((words.join(" "), accepted.idle))
    }

    #[test]
    fn etcds_flags_without_effect_are_left_out_with_their_values() {
        let (left, idle) = read(
            "--name m1 --logger zap --pre-vote --log-level=debug --strict-reconfig-check=false --data-dir /d",
        )
        .unwrap();
        assert_eq!(left, "--name m1 --data-dir /d");
        assert_eq!(
            idle,
            ["logger", "pre-vote", "log-level", "strict-reconfig-check"]
        );
    }

    #[test]
    fn a_flag_may_have_one_dash() {
        let (left, _) = read("-name m1 -listen-client-urls=http://h:1 -h -V --nonsense").unwrap();
        assert_eq!(
            left,
            "--name m1 --listen-client-urls=http://h:1 -h -V --nonsense"
        );
    }

    #[test]
    fn what_is_not_here_is_refused_unless_it_is_off() {
        let error = read("--name m1 --cert-file /c").unwrap_err();
        assert_eq!(error.to_string(), "--cert-file: this server has no TLS");
        assert!(read("--client-cert-auth").is_err());
        assert!(read("--wal-dir=/w").is_err());
        let off = "--cert-file= --auto-tls=false --proxy off --force-new-cluster=false";
        assert_eq!(read(off), Ok((String::new(), Vec::new())));
    }

    #[test]
    fn the_environment_may_not_ask_for_it_either() {
        let environment = |name: &str| (name == "ETCD_PEER_AUTO_TLS").then(|| "true".into());
        let words = ["raft-kv", "serve"].map(OsString::from);
        let error = accept(words, environment).unwrap_err();
        assert_eq!(error.to_string(), "--peer-auto-tls: this server has no TLS");
    }
}
