//! Addresses from which something in the cluster fetches, as organisations write them: by https, and from outside.

use std::net::Ipv4Addr;

use crate::address::is_outside;
use crate::finding::Finding;
use crate::model::domain::special;
use crate::schema::scalar::MALFORMED;
use crate::syntax::Value as Written;

/// The finding about an address that a server in the cluster would fetch, and nobody else could; `plain` says whether the
/// definition takes `http://`.
pub(super) fn finding(name: &str, written: &Written, plain: bool) -> Option<Finding> {
    let text = written.text.as_str();
    let (scheme, rest) = text.split_once("://")?;
    let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default().to_ascii_lowercase();
    let found = |why: &str| Finding::error(MALFORMED, format!("`{name}` cannot be `{text}`"), written.span).why(why);
    if is_inside(&host) {
        let finding =
            found("a server in the cluster would fetch it, and reach what is meant for its own network or its node");
        return Some(
            finding.help("write the address by which everybody reaches it; what is in the cluster an offer may say"),
        );
    }
    (scheme == "http" && !plain).then(|| {
        let https = format!("https://{rest}");
        found("what is fetched without encryption may be anybody's").help(format!("write `{https}`"))
    })
}

/// Whether a host is a name that networks answer themselves, or a number that is no address of the internet.
fn is_inside(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    // What ends in a number is read as an address, in forms that nobody writes too.
    let is_number = last.strip_prefix("0x").unwrap_or(last).bytes().all(|byte| byte.is_ascii_hexdigit())
        && last.starts_with(|first: char| first.is_ascii_digit());
    if is_number {
        return !host.parse::<Ipv4Addr>().is_ok_and(|address| is_outside(address.into()));
    }
    !host.contains('.') || special(host).is_some() || host.split('.').any(|label| label == "svc")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};
    use crate::syntax::Scalar;

    #[test]
    fn what_is_fetched_lies_outside() {
        let is_refused = |text: &str| {
            let span = Span::new(FileId(0), 0..1);
            finding("x", &Written { scalar: Scalar::Text, text: text.into(), quoted: true, span }, false).is_some()
        };
        for good in ["https://office.example.org/", "https://1.1.1.1/x", "https://a.example:8443/?b=http://localhost"] {
            assert!(!is_refused(good), "{good}");
        }
        for bad in [
            "http://office.example.org/",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/",
            "https://127.0.0.1:8080/",
            "https://127.1/",
            "https://0177.0.0.1/",
            "https://0x7f.0.0.1/",
            "https://1.0x7f000001/",
            "https://2130706433/",
            "https://localhost/",
            "https://web/",
            "https://kubernetes.default.svc/",
            "https://web.other.svc.cluster.local/",
            "https://web.other.svc.k8s.example/",
            "https://metadata.google.internal/",
            "https://METADATA.google.internal/",
            "https://printer.local/",
            "https://100.100.100.200/",
        ] {
            assert!(is_refused(bad), "{bad}");
        }
    }
}
