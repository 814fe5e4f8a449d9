//! Paths and queries of requests, taken apart.

use std::fmt::Write as _;

/// What a path points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/api`: versions of the core group.
    Core,
    /// `/apis`: the groups.
    Groups,
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`: the resources.
    Version(String, String),
    Objects(ResourcePath),
    /// `/sandbox/…`: what a real server does not have.
    Sandbox(String),
    /// Any other path.
    Other(String),
}

/// Path of objects or of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    /// API group; empty for the core group.
    pub(crate) group: String,
    pub(crate) version: String,
    /// Resource, as in the path.
    pub(crate) plural: String,
    /// Namespace, empty for none.
    pub(crate) namespace: String,
    /// Object name, empty for a collection.
    pub(crate) name: String,
    /// Subresource, empty for none.
    pub(crate) subresource: String,
}

/// Percent decoding; `plus` makes blanks of `+`, as in queries.
fn decoded(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digit: u8| (digit as char).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0);
                bytes.push(u8::try_from(value).unwrap_or(b'?'));
                rest = after;
            }
            (b'+', _) if plus => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent encoding of a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Takes a path apart.
pub(crate) fn target(path: &str) -> Target {
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(|part| decoded(part, false)).collect();
    let words: Vec<&str> = parts.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["api"] => Target::Core,
        ["apis"] => Target::Groups,
        ["apis", group] => Target::Group((*group).to_owned()),
        ["api", version] => Target::Version(String::new(), (*version).to_owned()),
        ["apis", group, version] => Target::Version((*group).to_owned(), (*version).to_owned()),
        ["api", version, rest @ ..] => place("", version, rest, path),
        ["apis", group, version, rest @ ..] => place(group, version, rest, path),
        ["sandbox", rest @ ..] => Target::Sandbox(rest.join("/")),
        _ => Target::Other(path.to_owned()),
    }
}

fn place(group: &str, version: &str, rest: &[&str], path: &str) -> Target {
    let mut place = ResourcePath { group: group.to_owned(), version: version.to_owned(), ..ResourcePath::default() };
    let rest = match rest {
        ["namespaces", namespace, sub] if ["status", "finalize"].contains(sub) => {
            "namespaces".clone_into(&mut place.plural);
            (*namespace).clone_into(&mut place.name);
            (*sub).clone_into(&mut place.subresource);
            return Target::Objects(place);
        }
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
            (*namespace).clone_into(&mut place.namespace);
            rest
        }
        rest => rest,
    };
    match rest {
        [plural] => (*plural).clone_into(&mut place.plural),
        [plural, name] => {
            (*plural).clone_into(&mut place.plural);
            (*name).clone_into(&mut place.name);
        }
        [plural, name, sub @ ..] => {
            (*plural).clone_into(&mut place.plural);
            (*name).clone_into(&mut place.name);
            place.subresource = sub.join("/");
        }
        [] => return Target::Other(path.to_owned()),
    }
    Target::Objects(place)
}

/// The query of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`; stray `&` and `?` (as the kube client sends them) are skipped.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.trim_end_matches('?').split('&');
        let pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key, true), decoded(value, true))
        });
        Self(pairs.collect())
    }

    /// The first value of that name, `None` when absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the value of that name is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| ["true", "1", "True", "TRUE", "t", "T"].contains(&value))
    }

    /// The number of that name, `None` when absent or none.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(path: &str) -> ResourcePath {
        match target(path) {
            Target::Objects(place) => place,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_are_taken_apart() {
        let place = objects("/apis/apps/v1/namespaces/n/deployments/web/scale");
        assert_eq!(
            (&*place.group, &*place.namespace, &*place.name, &*place.subresource),
            ("apps", "n", "web", "scale")
        );
        let place = objects("/api/v1/namespaces/n");
        assert_eq!((&*place.plural, &*place.name, &*place.namespace), ("namespaces", "n", ""));
        let place = objects("/api/v1/namespaces/n/finalize");
        assert_eq!((&*place.plural, &*place.subresource), ("namespaces", "finalize"));
        let place = objects("/api/v1/namespaces/n/configmaps");
        assert_eq!((&*place.plural, &*place.namespace), ("configmaps", "n"));
        assert_eq!(target("/apis/apps/v1"), Target::Version("apps".into(), "v1".into()));
    }

    #[test]
    fn queries_of_the_kube_client_are_read() {
        let query = Query::parse("&dryRun=All&labelSelector=a+in+%28b%29?");
        assert_eq!(query.get("dryRun"), Some("All"));
        assert_eq!(query.get("labelSelector"), Some("a in (b)"));
        assert_eq!(query.get("limit"), None);
    }
}
