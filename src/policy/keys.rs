//! Keys of labels and annotations that a hatch may write.

use super::paths::IDENTITY;
use super::{OBEYED, Violation};

/// Domains whose keys nobody obeys: those of examples. That of an organisation is none of them, since whoever writes its file
/// chooses it: a controller's would do as well.
const HARMLESS: &[&str] = &["example.org", "example.com", "example.net", "example"];

/// Keys of other domains that nothing obeys.
const NOTES: &[&str] =
    &["kubernetes.io/description", "kubernetes.io/change-cause", "kubectl.kubernetes.io/restartedAt"];

/// Keys without a domain that a hatch may write. Of all others nobody knows who obeys them: controllers choose such words freely
/// (`k8s-app`, `k8upjob`, `istio-injection`, `loki_rule`, `grafana_dashboard_folder`).
pub(super) const PLAIN: &[&str] = &[
    "app",
    "component",
    "contact",
    "description",
    "environment",
    "instance",
    "keep",
    "name",
    "note",
    "owner",
    "part",
    "purpose",
    "restarted",
    "role",
    "service",
    "team",
    "tier",
    "track",
    "version",
];

/// Settings of ingress controllers that concern the app's own requests alone, with the units of their values and the most: what
/// the controller holds meanwhile is shared by all organisations.
const OF_INGRESSES: &[(&str, &[(&str, u64)], u64)] = &[
    (
        "nginx.ingress.kubernetes.io/proxy-body-size",
        &[("", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30)],
        20 << 30,
    ),
    ("nginx.ingress.kubernetes.io/proxy-read-timeout", &[("", 1)], 3_600),
    ("nginx.ingress.kubernetes.io/proxy-send-timeout", &[("", 1)], 3_600),
];

/// Why a hatch may not write a key of a label or annotation.
pub(super) fn refused(pointer: &str, kind: &str, key: &str, value: &serde_json::Value) -> Option<Violation> {
    let of = key.split_once('/').map_or("", |(domain, _)| domain);
    let is_of = |domain: &str| of == domain || of.strip_suffix(domain).is_some_and(|below| below.ends_with('.'));
    if is_identity(key, of) {
        return Some(Violation {
            pointer: pointer.to_owned(),
            code: super::IDENTITY,
            title: format!("`{key}` is not for writing"),
            why: "by these labels parcelle knows what is its own".to_owned(),
            help: "leave it out, or use a name of your own".to_owned(),
            of_renderer: false,
        });
    }
    let tuned = kind == "Ingress"
        && OF_INGRESSES.iter().any(|(name, units, most)| *name == key && is_amount(value, units, *most));
    let own = if of.is_empty() {
        PLAIN.contains(&key)
    } else {
        tuned || NOTES.contains(&key) || HARMLESS.iter().any(|domain| is_of(domain))
    };
    (!own).then(|| Violation {
        pointer: pointer.to_owned(),
        code: OBEYED,
        title: format!("`{key}` may be obeyed by others"),
        why: "labels and annotations of controllers and operators decide over what reaches beyond the namespace"
            .to_owned(),
        help: format!("use a key of `example.org/`, or one of {}", PLAIN.join(", ")),
        of_renderer: false,
    })
}

fn is_identity(key: &str, domain: &str) -> bool {
    let ours = ["parcelle.dev", "app.kubernetes.io", "applyset.kubernetes.io", "pod-security.kubernetes.io"];
    IDENTITY.contains(&key) || ours.contains(&domain) || domain.ends_with(".parcelle.dev")
}

/// Whether a value is a whole number with one of the units, more than none and not over the most.
fn is_amount(value: &serde_json::Value, units: &[(&str, u64)], most: u64) -> bool {
    let Some(text) = value.as_str() else { return false };
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = units.iter().find(|(unit, _)| *unit == &text[number.len()..]);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let amount = number.parse::<u64>().ok().filter(|_| is_number).zip(unit);
    amount
        .and_then(|(number, (_, factor))| number.checked_mul(*factor))
        .is_some_and(|amount| (1..=most).contains(&amount))
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn settings_of_an_ingress_have_an_end() {
        let is_refused = |key: &str, value: &str| {
            let key = format!("nginx.ingress.kubernetes.io/{key}");
            refused("", "Ingress", &key, &value.into()).is_some()
        };
        for (key, value) in [
            ("proxy-read-timeout", "3600"),
            ("proxy-send-timeout", "1"),
            ("proxy-body-size", "20g"),
            ("proxy-body-size", "512m"),
        ] {
            assert!(!is_refused(key, value), "{key} {value}");
        }
        for (key, value) in [
            ("proxy-read-timeout", "3601"),
            ("proxy-read-timeout", "999999"),
            ("proxy-read-timeout", "0"),
            ("proxy-read-timeout", "60s"),
            ("proxy-read-timeout", "18446744073709551617"),
            ("proxy-body-size", "0"),
            ("proxy-body-size", "21g"),
            ("proxy-body-size", "99999999999g"),
            ("proxy-body-size", "1;"),
            ("proxy-buffer-size", "1m"),
        ] {
            assert!(is_refused(key, value), "{key} {value}");
        }
        assert!(refused("", "Service", "nginx.ingress.kubernetes.io/proxy-body-size", &"1m".into()).is_some());
    }
}
