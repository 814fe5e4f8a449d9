//! What a cluster file names is no organisation's to claim: the cluster's domain with everything in it but an organisation's own
//! place, the domains around it, the hosts of services; nor is a name below which everybody has domains.

use std::collections::BTreeSet;

use super::View;
use super::cluster_names::Forbidden;
use super::refused::{ClaimKind, ClaimedName};
use crate::finding::{Code, Finding, Findings};
use crate::name::Name;

/// A host or domain that a cluster file names.
pub(crate) const CLUSTERS: Code = Code::new("E0425");
/// A domain below which everybody has domains.
pub(crate) const SUFFIX: Code = Code::new("E0426");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (name, refused) in &view.refused.all {
        let placed: BTreeSet<&ClaimedName> = refused.placed.iter().map(|(claim, _)| claim).collect();
        let domain = refused.forbidden.iter().find(|(claim, _)| claim.kind == ClaimKind::Domain);
        let is_told = |claim: &ClaimedName| {
            let by_domain = domain.is_some_and(|(told, _)| told != claim && told.span == claim.span);
            by_domain || placed.contains(claim)
        };
        let in_places = refused.placed.iter().map(|(claim, other)| self::placed(view, name, claim, other));
        let others = refused.forbidden.iter().filter(|(claim, _)| !is_told(claim));
        view.tell(name, in_places.chain(others.map(|(claim, why)| forbidden(name, claim, why))), findings);
    }
}

fn forbidden(name: &Name, claim: &ClaimedName, why: &Forbidden) -> Finding {
    let claimed = &claim.name;
    let title = match why {
        Forbidden::Suffix => format!("nobody has `{claimed}`: it is a suffix, not a domain"),
        Forbidden::Special(end) => format!("nobody has `{claimed}`: names below `{end}` are kept for special uses"),
        Forbidden::Owned { owner, .. } => format!("`{claimed}` belongs to `{owner}`, says the file of a cluster"),
        Forbidden::AroundCluster { cluster, .. } => format!("`{claimed}` holds the domain of cluster `{cluster}`"),
        Forbidden::AroundService { cluster, host, .. } => {
            format!("`{claimed}` holds `{}`, an address of cluster `{cluster}`", host.value)
        }
        Forbidden::ClusterDomain { cluster, .. } => format!("`{claimed}` belongs to cluster `{cluster}`"),
        Forbidden::Service { cluster, .. } => format!("`{claimed}` is an address of cluster `{cluster}`"),
    };
    let code = if matches!(why, Forbidden::Suffix | Forbidden::Special(_)) { SUFFIX } else { CLUSTERS };
    let reason = match why {
        Forbidden::Suffix => "whoever had it would have the domains of all others below it",
        Forbidden::Special(_) => {
            "clusters, networks and machines answer such names themselves: whoever had one could answer in their place"
        }
        Forbidden::ClusterDomain { .. } => {
            "below a cluster's domain each organisation has its own place, `NAME.DOMAIN`, and nothing else"
        }
        Forbidden::AroundCluster { .. } => {
            "whoever has a domain has every host inside it, and every organisation has its place there"
        }
        Forbidden::Service { .. } | Forbidden::AroundService { .. } => {
            "whoever had it could answer in the place of what all organisations rely on"
        }
        Forbidden::Owned { .. } => {
            "what the file of a cluster gives to one organisation, with the domains around it, is nobody else's"
        }
    };
    let finding = Finding::refused(code, title, claim.span).why(reason);
    let finding = match why.place() {
        Some((span, text)) => finding.also(span, text),
        None => finding,
    };
    let own = match claim.kind {
        ClaimKind::Host(_) => "write a host of your own domain",
        ClaimKind::Domain | ClaimKind::Sender => "write a domain of your own",
    };
    let finding = match (why.grant(claimed, name), why) {
        (Some(grant), _) => {
            finding.help(own).help(format!("where it is `{name}`'s, the file of the cluster says so: {grant}"))
        }
        (None, Forbidden::Owned { owner, .. }) => {
            finding.help(own).help(format!("`{owner}` can lend it: `delegate {claimed} to={name}`"))
        }
        (None, _) => finding.help(own),
    };
    finding.stops(name.clone())
}

fn placed(view: &View<'_>, name: &Name, claim: &ClaimedName, other: &Name) -> Finding {
    let finding = Finding::refused(CLUSTERS, format!("`{}` is in the place of `{other}`", claim.name), claim.span)
        .why("below a cluster's domain each organisation has its own place, `NAME.DOMAIN`, whoever has the domain");
    let finding = match view.draft(other) {
        Some(draft) => finding.also(draft.organisation.span, format!("`{other}`")),
        None => finding,
    };
    finding.help("write a host of your own domain").stops(name.clone())
}
