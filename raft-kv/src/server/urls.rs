//! URLs as etcd's flags have them: `http://HOST:PORT`, several of them divided by commas.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a server listens or is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Url {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    /// The port; 0 where the system is to choose.
    pub port: u16,
}

/// Why a text is no URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadUrl {
    /// It has another form.
    #[error("{0}: expected http://HOST:PORT")]
    Form(String),
    /// It asks for TLS.
    #[error("{0}: this server has no TLS; use http://")]
    Tls(String),
}

impl Url {
    /// `HOST:PORT`.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Reads URLs that are divided by commas.
    ///
    /// # Errors
    /// What is wrong with the first bad one.
    pub fn list(text: &str) -> Result<Vec<Url>, BadUrl> {
        text.split(',').map(str::parse).collect()
    }
}

impl FromStr for Url {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Url, BadUrl> {
        let bad = || BadUrl::Form(text.to_owned());
        let rest = match text.trim().split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => return Err(BadUrl::Tls(text.to_owned())),
            _ => return Err(bad()),
        };
        let (host, port) = rest
            .trim_end_matches('/')
            .rsplit_once(':')
            .ok_or_else(bad)?;
        let port = port.parse().map_err(|_| bad())?;
        let bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || bare_v6 || host.contains(['/', '@', '?', '#', ' ']) {
            return Err(bad());
        }
        let host = host.to_owned();
        Ok(Url { host, port })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written() {
        for good in [
            "http://127.0.0.1:2379",
            "http://localhost:0",
            "http://[::1]:2380",
        ] {
            assert_eq!(good.parse::<Url>().unwrap().to_string(), good);
        }
        let two = Url::list("http://a:1,http://b:2/").unwrap();
        assert_eq!(two[1].authority(), "b:2");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| text.parse::<Url>().unwrap_err().to_string();
        assert_eq!(
            error("127.0.0.1:2379"),
            "127.0.0.1:2379: expected http://HOST:PORT"
        );
        assert_eq!(
            error("https://a:1"),
            "https://a:1: this server has no TLS; use http://"
        );
        for bad in [
            "http://a",
            "http://:1",
            "http://a:99999",
            "http://::1:1",
            "http://a/b:1",
            "",
        ] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }
}
