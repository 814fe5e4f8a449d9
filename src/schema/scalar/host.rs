//! Hosts, mail addresses and URLs: what is wrong with one, and how it is written.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{ScalarType, quoted_where_needed};
use crate::finding::{Applicability, Finding};
use crate::syntax::Value;

/// Why a text is no host name; none where it is one. A host has at least two labels.
pub(crate) fn domain_error(text: &str) -> Option<&'static str> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if text.parse::<Ipv4Addr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok() {
        return Some("an IP address is no name: certificates and routes go by names");
    }
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.contains("://") {
        return Some("a host is written without `https://`");
    }
    if text.contains('/') {
        return Some("a host is written without a path");
    }
    if text.contains('@') {
        return Some("a host is what stands behind the `@` of a mail address");
    }
    if text.contains('*') {
        return Some("`*` would be every host below it, and each host is claimed by its name");
    }
    if text.contains(char::is_whitespace) {
        return Some("no blank stands in a host");
    }
    if text.contains(':') {
        return Some("a host is written without a port");
    }
    if text.contains('_') {
        return Some("`_` stands in no host");
    }
    if !text.is_ascii() {
        return Some("letters with accents are written in their `xn--` form");
    }
    if text.chars().any(char::is_uppercase) {
        return Some("hosts are written in small letters");
    }
    if text.len() > 253 {
        return Some("it has more than 253 characters");
    }
    if text.ends_with('.') {
        return Some("a host is written without a dot at its end");
    }
    if !text.contains('.') {
        return Some("a host has at least one dot");
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    (!text.split('.').all(label)).then_some("between dots stand a to z, 0 to 9 and inner hyphens")
}

/// The host that a text spells: in small letters, without a dot at its end, letters with accents in their `xn--` form.
fn plain_host(text: &str) -> Option<String> {
    let host = text.trim().trim_end_matches('.').to_lowercase();
    // What is ASCII already is taken as it is, whatever the tables say of it.
    let host = if host.is_ascii() { host } else { idna::domain_to_ascii_strict(&host).ok()? };
    domain_error(&host).is_none().then_some(host)
}

/// Says what is wrong with a host, and which is meant.
pub(super) fn mend_domain(finding: Finding, value: &Value) -> Finding {
    let text = value.text.trim();
    let finding = finding.why(domain_error(&value.text).unwrap_or_default());
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (host, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let web = scheme.is_none_or(|scheme| ["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme)));
    if let Some(host) = plain_host(host).filter(|_| web && port.is_none_or(is_port)) {
        let lossless = port.is_none() && matches!(path, "" | "/");
        let how = if lossless { Applicability::Safe } else { Applicability::Guess };
        let finding =
            if lossless { finding } else { finding.help("what stands at a path or port of it is decided elsewhere") };
        return finding.fix(how, format!("write `{host}`"), value.span, quoted_where_needed(&host));
    }
    let is_address = host.parse::<Ipv4Addr>().is_ok() || text.contains(':') && !text.contains("://");
    if let Some(below) = text.strip_prefix("*.") {
        return finding.help(format!("write each host, such as `www.{below}`"));
    }
    match text.split_once('@') {
        Some((_, domain)) => finding.help(format!("write `{domain}`")),
        None if is_address => finding.help("write the name by which people reach it, such as `cloud.example.org`"),
        None if !text.contains('.') && plain_host(&format!("{text}.example.org")).is_some() => {
            finding.help(format!("write it with the domain that it is in, such as `{text}.example.org`"))
        }
        None => finding.help("write a name such as `cloud.example.org`"),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Whether a byte may stand before the `@` of a mail address: what no relay reads as a way to another host (`%`, `!`), and no
/// configuration as a sign of its own.
pub(crate) fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".+-_".contains(&byte)
}

fn is_local_part(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(is_local) && text.split('.').all(|part| !part.is_empty())
}

/// Whether a text is a mail address.
pub(crate) fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, host)| is_local_part(local) && domain_error(host).is_none())
}

/// Says which half of a mail address is wrong, and how it is written.
pub(super) fn mend_email(finding: Finding, value: &Value) -> Finding {
    let text = value.text.trim();
    let bare = text.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:")).map_or(text, |_| &text[7..]);
    if let Some((name, address)) = bare.strip_suffix('>').and_then(|bare| bare.split_once('<')) {
        let how = if name.trim().is_empty() { Applicability::Safe } else { Applicability::Guess };
        let finding = finding.why("the address stands alone, without the name of whose it is");
        if is_email(address) {
            return finding.fix(how, format!("write `{address}`"), value.span, quoted_where_needed(address));
        }
        return finding.help("write the address alone, such as `ada@example.org`");
    }
    let Some((local, host)) = bare.rsplit_once('@') else {
        return finding.help("write a name, an `@` and a domain, such as `ada@example.org`");
    };
    if let (true, Some(host)) = (is_local_part(local), plain_host(host)) {
        let address = format!("{local}@{host}");
        let why = if bare == text {
            domain_error(text.rsplit_once('@').map_or("", |(_, host)| host)).unwrap_or("blanks stand around it")
        } else {
            "the address stands alone"
        };
        let mended = quoted_where_needed(&address);
        return finding.why(why).fix(Applicability::Safe, format!("write `{address}`"), value.span, mended);
    }
    if is_local_part(local) {
        let why = domain_error(host).unwrap_or("it is no domain");
        return finding
            .why(format!("of the domain `{host}`: {why}"))
            .help("write a domain such as `example.org` after the `@`");
    }
    if local.contains('@') {
        return finding.why("there is more than one `@` in it").help("write one address, such as `ada@example.org`");
    }
    let odd = local.chars().find(|letter| !u8::try_from(*letter).is_ok_and(is_local));
    let finding = match odd {
        Some(odd) => finding.why(format!("`{odd}` before the `@` is read by some programs as more than a letter")),
        None => finding,
    };
    finding.help("before the `@` stand letters, digits, and `.`, `+`, `-`, `_` inside")
}

/// Whether a text is an absolute address of the web.
pub(super) fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    url_error(rest).is_none()
}

/// Why what follows `https://` is no address; none where it is one.
fn url_error(rest: &str) -> Option<String> {
    if rest.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Some("no blank stands in an address: it is written `%20`".to_owned());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.starts_with('[') {
        return Some("hosts are written by their names, not by IPv6 addresses".to_owned());
    }
    if authority.contains('@') {
        return Some("a user or password has no place in an address: everybody who reads it has them".to_owned());
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    if port.parse::<u16>().is_err() {
        return Some(format!("`{port}` is no port: those are numbers up to 65535"));
    }
    let is_word = !host.contains('.') && super::form::is_word(host);
    if is_word || host.parse::<Ipv4Addr>().is_ok() {
        return None;
    }
    domain_error(host)
        .map(|why| if host.is_empty() { "it names no host".to_owned() } else { format!("of its host `{host}`: {why}") })
}

/// Says what is wrong with an address, and how it is written.
pub(super) fn mend_url(finding: Finding, value: &Value) -> Finding {
    let text = value.text.trim();
    let quoted = |text: &str| format!("{text:?}");
    let Some((scheme, rest)) = text.split_once("://") else {
        let rest = text.trim_start_matches('/');
        if is_url(&format!("https://{rest}")) {
            let (title, whole) = ("put `https://` in front", format!("https://{rest}"));
            return finding.help("addresses start with `https://`").fix(
                Applicability::Guess,
                title,
                value.span,
                quoted(&whole),
            );
        }
        return finding.help("write it whole, with `https://`, as a browser shows it");
    };
    let scheme = scheme.to_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return finding
            .why(format!("only `https://` and `http://` are fetched here, not `{scheme}://`"))
            .help("write where the same is found by `https://`");
    }
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = authority.find(':').map_or((authority, ""), |at| authority.split_at(at));
    let mended = plain_host(host).map(|host| format!("{scheme}://{host}{port}{path}"));
    let mended = mended.or_else(|| Some(format!("{scheme}://{rest}"))).filter(|mended| is_url(mended));
    let finding = match url_error(rest) {
        Some(why) => finding.why(why),
        None => finding.why("`https://` is written in small letters, and nothing stands before it"),
    };
    if let Some(mended) = mended {
        return finding.fix(Applicability::Safe, format!("write `{mended}`"), value.span, quoted(&mended));
    }
    let encoded = format!("{scheme}://{}", rest.replace(' ', "%20"));
    if rest.contains(' ') && is_url(&encoded) {
        return finding.fix(Applicability::Guess, format!("write `{encoded}`"), value.span, quoted(&encoded));
    }
    finding.help(format!("write {}", ScalarType::Url.describe()))
}
