//! Where a NameNode is, as people write it.

use std::io;

/// `HOST:PORT`, with HDFS's port where there is none.
pub(super) fn with_port(address: &str) -> io::Result<String> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (address, "8020"),
    };
    let is_host = host.starts_with('[') || !host.contains([':', '/']);
    if host.is_empty() || !is_host || port.parse::<u16>().is_err() {
        let wrong = format!("{address:?}: expected HOST:PORT, such as 127.0.0.1:8020");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
    }
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::with_port;

    #[test]
    fn the_port_may_be_left_out_and_nonsense_is_told() {
        for (written, meant) in [
            ("nn:9000", "nn:9000"),
            ("nn", "nn:8020"),
            ("[::1]", "[::1]:8020"),
            ("[::1]:9000", "[::1]:9000"),
        ] {
            assert_eq!(with_port(written).unwrap(), meant);
        }
        for wrong in ["", ":9000", "nn:", "nn:99999", "::1", "s3://nn:1", "nn/x"] {
            let error = with_port(wrong).unwrap_err().to_string();
            assert!(error.contains("expected HOST:PORT"), "{wrong}: {error}");
        }
    }
}
