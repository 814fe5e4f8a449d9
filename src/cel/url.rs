//! Addresses, read as `net/url` of Go does: what is one for the server is one here.

use super::values::{CelValue, MapKey};

/// A parsed address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    text: String,
    scheme: String,
    host: String,
    path: String,
    query: String,
}

impl Url {
    /// Reads an absolute address or an absolute path; `None` for what is neither.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.is_empty() || text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return None;
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let url = |host: &str, path: &str| Self {
            text: text.to_owned(),
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        };
        if !rest.starts_with('/') {
            return (!scheme.is_empty()).then(|| url("", ""));
        }
        let after = rest.strip_prefix("//").filter(|_| !scheme.is_empty() || !rest.starts_with("///"));
        let Some(after) = after else { return is_escaped(rest).then(|| url("", rest)) };
        let (authority, path) = after.find('/').map_or((after, ""), |at| after.split_at(at));
        let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
        (is_user(user) && is_host(host) && is_escaped(path)).then(|| url(host, path))
    }

    /// The host without port and brackets, and the port.
    fn host_and_port(&self) -> (&str, &str) {
        if let Some(inner) = self.host.strip_prefix('[')
            && let Some((host, port)) = inner.split_once(']')
        {
            return (host, port.trim_start_matches(':'));
        }
        self.host.rsplit_once(':').unwrap_or((&self.host, ""))
    }

    /// What a function of addresses gives; `None` where there is no such function.
    pub(super) fn call(&self, function: &str) -> Option<CelValue> {
        let (host, port) = self.host_and_port();
        Some(match function {
            "getScheme" => CelValue::text(&self.scheme),
            "getHost" => CelValue::text(&self.host),
            "getHostname" => CelValue::text(host),
            "getPort" => CelValue::text(port),
            "getEscapedPath" => CelValue::text(&self.path),
            "getQuery" => self.query(),
            "string" => CelValue::text(&self.text),
            _ => return None,
        })
    }

    fn query(&self) -> CelValue {
        let mut values = std::collections::BTreeMap::<MapKey, Vec<CelValue>>::new();
        for pair in self.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(key), Some(value)) = (decoded(key), decoded(value)) {
                values.entry(MapKey::Text(key.as_str().into())).or_default().push(CelValue::text(&value));
            }
        }
        let values = values.into_iter().map(|(key, values)| (key, CelValue::list(values)));
        CelValue::Map(std::sync::Arc::new(values.collect()))
    }
}

/// The scheme and what follows it; none where there is no scheme. `None` where the address begins with a colon.
fn scheme(text: &str) -> Option<(&str, &str)> {
    for (at, letter) in text.char_indices() {
        match letter {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at > 0 => return Some((&text[..at], &text[at + 1..])),
            ':' => return None,
            _ => break,
        }
    }
    Some(("", text))
}

fn is_user(user: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(letter);
    user.chars().all(plain) && is_escaped(user)
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let Some((address, port)) = inner.rsplit_once(']') else { return false };
        let address = address.split_once("%25").map_or(address, |(address, _)| address);
        return address.parse::<std::net::Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port));
    }
    if let Some((_, port)) = host.rsplit_once(':')
        && !is_port(&format!(":{port}"))
    {
        return false;
    }
    let plain = |letter: char| {
        !letter.is_ascii() || letter.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(letter)
    };
    // Of what is escaped in a host only bytes beyond ASCII may be.
    let mut parts = host.split('%');
    parts.next();
    host.chars().all(plain) && parts.all(|part| hex(part).is_some_and(|byte| byte >= 0x80))
}

fn is_port(port: &str) -> bool {
    port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

fn hex(text: &str) -> Option<u8> {
    text.get(..2)
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
}

fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|part| hex(part).is_some())
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match first {
            b'%' => {
                bytes.push(hex(std::str::from_utf8(after.get(..2)?).ok()?)?);
                rest = &after[2..];
                continue;
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn addresses_are_those_of_go() {
        let good = [
            "https://a.example",
            "https://",
            "http://localhost:8080/x?y=1",
            "/absolute/path",
            "mailto:a@b.example",
            "postgres://user:pass@db:5432/app",
            "http://[::1]:80/",
            "s3://bucket/key",
            "http://a.example:/",
            "x:y",
            "http://user@host/%2F",
            "http://a_b/",
            "HTTP://A",
        ];
        for text in good {
            assert!(Url::read(text).is_some(), "{text} is an address");
        }
        let bad = [
            "",
            "a.example",
            "../x",
            "http://a b/",
            "http://a/%zz",
            "http://[::1",
            "http://a:port/",
            ":80",
            "://x",
            "http://a\n",
        ];
        for text in bad {
            assert!(Url::read(text).is_none(), "{text} is none");
        }
    }

    #[test]
    fn parts_of_an_address_are_given_as_written() {
        let url = Url::read("https://user@[::1]:8443/a%20b?x=1&x=2&y=a+b").unwrap();
        let call = |name: &str| format!("{:?}", url.call(name).unwrap());
        assert_eq!(call("getScheme"), "Text(\"https\")");
        assert_eq!(call("getHost"), "Text(\"[::1]:8443\")");
        assert_eq!(call("getHostname"), "Text(\"::1\")");
        assert_eq!(call("getPort"), "Text(\"8443\")");
        assert_eq!(call("getEscapedPath"), "Text(\"/a%20b\")");
        assert!(call("getQuery").contains("a b"));
    }
}
