//! Keys of labels and annotations that a hatch may write.

use super::paths::IDENTITY;
use super::{OBEYED, Violation};

/// Domains whose keys nobody obeys: those of examples. That of an organisation is none of them, since whoever writes its file
/// chooses it: a controller's would do as well.
const HARMLESS: &[&str] = &["example.org", "example.com", "example.net", "example"];

/// Keys of other domains that nothing obeys.
const NOTES: &[&str] =
    &["kubernetes.io/description", "kubernetes.io/change-cause", "kubectl.kubernetes.io/restartedAt"];

/// Keys without a domain by which operators and our own network policies know pods.
const CLAIMED: &[&str] = &[
    "k8upjob",
    "k8s-app",
    "istio-injection",
    "pod-template-hash",
    "controller-revision-hash",
    "grafana_dashboard",
    "grafana_datasource",
    "grafana_alert",
    "grafana_notifier",
];

/// Settings of ingress controllers that concern the app's own requests alone, with the form of their values.
const OF_INGRESSES: &[(&str, &[&str])] = &[
    ("nginx.ingress.kubernetes.io/proxy-body-size", &["", "k", "m", "g"]),
    ("nginx.ingress.kubernetes.io/proxy-read-timeout", &[""]),
    ("nginx.ingress.kubernetes.io/proxy-send-timeout", &[""]),
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
    let tuned = kind == "Ingress" && OF_INGRESSES.iter().any(|(name, units)| *name == key && is_amount(value, units));
    let own = if of.is_empty() {
        !CLAIMED.contains(&key)
    } else {
        tuned || NOTES.contains(&key) || HARMLESS.iter().any(|domain| is_of(domain))
    };
    (!own).then(|| Violation {
        pointer: pointer.to_owned(),
        code: OBEYED,
        title: format!("`{key}` may be obeyed by others"),
        why: "labels and annotations of controllers and operators decide over what reaches beyond the namespace"
            .to_owned(),
        help: "use a key without a domain, or one of `example.org/`".to_owned(),
        of_renderer: false,
    })
}

fn is_identity(key: &str, domain: &str) -> bool {
    let ours = ["parcelle.dev", "app.kubernetes.io", "applyset.kubernetes.io", "pod-security.kubernetes.io"];
    IDENTITY.contains(&key) || ours.contains(&domain) || domain.ends_with(".parcelle.dev")
}

/// Whether a value is a whole number with one of the units.
fn is_amount(value: &serde_json::Value, units: &[&str]) -> bool {
    let Some(text) = value.as_str() else { return false };
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    !number.is_empty() && number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit()) && units.contains(&unit)
}
