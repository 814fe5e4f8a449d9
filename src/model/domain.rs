//! Domains and the hosts inside them.

use crate::model::Organisation;

/// The domain inside which an organisation's hosts lie.
pub(super) fn domain_of(organisation: &Organisation) -> Option<String> {
    let below_cluster = || organisation.cluster.domain.as_ref().map(|domain| format!("{}.{domain}", organisation.name));
    organisation.domain.as_ref().map(|domain| domain.value.clone()).or_else(below_cluster)
}

/// Whether a host is a domain or inside it.
pub(crate) fn below(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Names below which nobody has domains: of special use by RFC 6761 and those after it, kept for networks of one's own by ICANN, or
/// answered by clusters themselves. `example` is one too, and for examples.
const SPECIAL: &[&str] = &[
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "svc",
];

/// Returns the name of special use below which a host or domain lies.
pub(crate) fn special(name: &str) -> Option<&'static str> {
    SPECIAL.iter().find(|special| below(name, special)).copied()
}

/// `b.c` and `c` of `a.b.c`.
pub(super) fn parents(domain: &str) -> impl Iterator<Item = &str> {
    domain.match_indices('.').map(|(at, _)| &domain[at + 1..])
}

/// Returns the namespace of a host that is a cluster's own name: `NAME.NAMESPACE.svc`, with or without the cluster's domain.
pub(crate) fn namespace_in(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    let (_, namespace, own) = (labels.next()?, labels.next()?, labels.next()?);
    (own == "svc" && !namespace.is_empty()).then_some(namespace)
}
