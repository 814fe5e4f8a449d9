//! Which requests come from this machine's own programs: a page in a browser must not reach the sandbox through a name that
//! it points at loopback (DNS rebinding), nor with the user's help from another origin.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ::http::{
    HeaderMap, Uri,
    header::{HOST, ORIGIN},
};

use super::status::Status;

/// Refuses a request whose `Host` is another than the address that it came to, or that a foreign page makes.
pub(crate) fn check(headers: &HeaderMap, uri: &Uri, local: SocketAddr) -> Result<(), Status> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => uri.authority().map(::http::uri::Authority::as_str),
        (Some(_), Some(_)) => None,
    };
    let Some(host) = host.filter(|host| is_local(host, local.ip())) else {
        return Err(refused("the sandbox answers to loopback addresses and its own only, whatever the `Host` says"));
    };
    let mut origins = headers.get_all(ORIGIN).iter();
    let own = |origin: &str| origin.strip_prefix("http://").is_some_and(|origin| origin.eq_ignore_ascii_case(host));
    if origins.any(|origin| !origin.to_str().is_ok_and(own)) {
        return Err(refused("the sandbox answers to no page of another origin"));
    }
    Ok(())
}

/// Whether a host is loopback, or the very address that the connection came to.
fn is_local(host: &str, local: IpAddr) -> bool {
    let Some(name) = without_port(host) else { return false };
    if name.eq_ignore_ascii_case("localhost") {
        return local.is_loopback();
    }
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok_and(|address| {
        let address = address.to_canonical();
        address == local.to_canonical() || address.is_loopback() && local.is_loopback()
    })
}

/// A host without its port; none where it is no host with at most a port.
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => (&host[..at], &host[at + 1..]),
        _ => (host, ""),
    };
    (port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty()).then_some(name)
}

fn refused(why: &str) -> Status {
    Status::plain(403, "Forbidden", why)
}

/// The address that stands for a connection whose own is not known: nothing but loopback is let in.
pub(crate) const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(host: &str, origin: Option<&str>, local: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        check(&headers, &Uri::from_static("/api"), local.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_loopback_and_the_own_address_are_hosts() {
        let loopback = "127.0.0.1:8001";
        for host in ["127.0.0.1:8001", "localhost", "LOCALHOST:8001", "[::1]:8001", "127.0.0.2"] {
            assert!(is_let_in(host, None, loopback), "{host}");
        }
        for host in [
            "attacker.example",
            "attacker.example:8001",
            "localhost.attacker.example",
            "127.0.0.1.attacker.example",
            "10.0.0.1:8001",
            "0.0.0.0:8001",
            "localhost:80@attacker.example",
            "[::1",
            "",
            "127.0.0.1:x",
            "2130706433",
        ] {
            assert!(!is_let_in(host, None, loopback), "{host}");
        }
        assert!(is_let_in("192.0.2.7:8001", None, "192.0.2.7:8001"));
        assert!(!is_let_in("192.0.2.8:8001", None, "192.0.2.7:8001") && !is_let_in("localhost", None, "192.0.2.7:1"));
    }

    #[test]
    fn no_foreign_page_is_let_in() {
        let host = "127.0.0.1:8001";
        assert!(is_let_in(host, Some("http://127.0.0.1:8001"), host));
        for origin in ["null", "http://127.0.0.1:3000", "https://attacker.example", "http://localhost:8001", "file://"]
        {
            assert!(!is_let_in(host, Some(origin), host), "{origin}");
        }
    }
}
