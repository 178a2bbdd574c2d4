//! Who may call the page's server. Any web page that is open in the same browser, and any program on the same machine, could
//! call it too; so every call needs the token that stands in the address that the lab printed, must be
//! addressed to this host by name (else a foreign name could be made to point here), and must not come from
//! another page.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// The header in which a call says its token.
pub(super) const TOKEN_HEADER: &str = "x-lab-token";

/// Knows the token, and this host's names.
#[derive(Debug)]
pub(super) struct Guard {
    token: String,
    address: SocketAddr,
}

impl Guard {
    /// A guard with a new token of a server that listens on `address`.
    pub(super) fn new(address: SocketAddr) -> anyhow::Result<Guard> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).context("the system gives no random bytes for a token")?;
        Ok(Guard {
            token: secret.iter().map(|byte| format!("{byte:02x}")).collect(),
            address,
        })
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// How this machine itself calls the server: `127.0.0.1:PORT` where it listens everywhere.
    pub(super) fn host(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::from([127, 0, 0, 1]));
        }
        address.to_string()
    }

    /// Whether `host` is one of ours. A number cannot be made to point elsewhere than where it points: who listens everywhere is
    /// called by any number.
    fn is_ours(&self, host: &[u8]) -> bool {
        let Ok(host) = std::str::from_utf8(host) else {
            return false;
        };
        // A browser leaves the port of HTTP out.
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port),
            _ => (host, "80"),
        };
        if port != self.address.port().to_string() {
            return false;
        }
        let ip: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
        let everywhere = self.address.ip().is_unspecified();
        match ip {
            Some(ip) => everywhere || ip == self.address.ip(),
            None => name == "localhost" && (everywhere || self.address.ip().is_loopback()),
        }
    }

    /// Why a request with these headers is not from the lab's own page, if it is not.
    fn objection(&self, headers: &HeaderMap) -> Option<&'static str> {
        let bytes = |name| headers.get(name).map(HeaderValue::as_bytes);
        if !bytes(header::HOST).is_some_and(|host| self.is_ours(host)) {
            return Some("this address is not one of the lab's");
        }
        // Programs that are not browsers send no origin; they need the token all the same.
        let origin = bytes(header::ORIGIN)?;
        let host = origin.strip_prefix(b"http://");
        let same = host.is_some() && host == bytes(header::HOST);
        (!same).then_some("another page may not use the lab")
    }
}

pub(super) async fn same_site(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    match guard.objection(request.headers()) {
        Some(objection) => refuse(objection),
        None => next.run(request).await,
    }
}

#[derive(Deserialize)]
pub(super) struct Token {
    token: Option<String>,
}

pub(super) async fn needs_token(
    State(guard): State<Arc<Guard>>,
    Query(query): Query<Token>,
    request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(TOKEN_HEADER);
    let header = header.and_then(|value| value.to_str().ok());
    // What changes something says its token in a header, which no form and no link can; a stream and a
    // download are opened by the browser, which sends only an address.
    let said = match *request.method() {
        Method::GET => header.or(query.token.as_deref()),
        _ => header,
    };
    if said != Some(guard.token.as_str()) {
        return refuse("the token is wrong; use the address that the lab printed");
    }
    next.run(request).await
}

fn refuse(why: &str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(address: &str) -> Guard {
        Guard::new(address.parse().unwrap()).unwrap()
    }

    #[test]
    fn only_our_own_names_are_ours() {
        let here = guard("127.0.0.1:7000");
        for (host, ours) in [
            ("127.0.0.1:7000", true),
            ("localhost:7000", true),
            ("localhost:7001", false),
            ("localhost", false),
            ("10.0.0.1:7000", false),
            ("evil.example:7000", false),
            ("127.0.0.1.evil.example:7000", false),
            ("[::1]:7000", false),
            ("", false),
        ] {
            assert_eq!(here.is_ours(host.as_bytes()), ours, "{host}");
        }
        let everywhere = guard("0.0.0.0:80");
        for (host, ours) in [
            ("10.0.0.1", true),
            ("10.0.0.1:80", true),
            ("[fe80::1]", true),
            ("localhost", true),
            ("evil.example", false),
            ("10.0.0.1:81", false),
        ] {
            assert_eq!(everywhere.is_ours(host.as_bytes()), ours, "{host}");
        }
        assert_eq!(everywhere.host(), "127.0.0.1:80");
    }

    #[test]
    fn another_page_is_refused_even_if_it_calls_us_by_name() {
        let guard = guard("127.0.0.1:7000");
        let objection = |host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            guard.objection(&headers)
        };
        assert_eq!(objection("127.0.0.1:7000", None), None);
        let ours = Some("http://127.0.0.1:7000");
        assert_eq!(objection("127.0.0.1:7000", ours), None);
        assert!(objection("localhost:7000", ours).is_some());
        for origin in ["null", "https://127.0.0.1:7000", "http://evil.example"] {
            assert!(
                objection("127.0.0.1:7000", Some(origin)).is_some(),
                "{origin}"
            );
        }
        assert!(objection("evil.example", None).is_some());
    }
}
