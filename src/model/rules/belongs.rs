//! `belongs DOMAIN to=ORGANISATION` and `domain DOMAIN of=ORGANISATION` of cluster files give a domain to somebody who is there and
//! has it by no other line.

use std::collections::BTreeMap;

use crate::finding::{Code, Finding, Findings};
use crate::model::domain::below;
use crate::model::names::unknown;
use crate::model::rules::View;
use crate::model::rules::cluster_names::{Forbidden, widest};
use crate::model::rules::ownership::ANYHOW;
use crate::model::{Cluster, Organisation};
use crate::name::Name;
use crate::source::{Span, Spanned};

/// A name of an organisation that is not there.
pub(crate) const NOBODY: Code = Code::new("W0446");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let clusters = || view.garden.clusters.values().map(|cluster| &**cluster);
    let lines = clusters().flat_map(|cluster| cluster.claims.owned.iter().map(move |line| (cluster, line)));
    let mut known: BTreeMap<(&str, &Name), Span> = BTreeMap::new();
    for (cluster, line) in lines {
        let (domain, to) = line;
        let first = known.get(&(domain.value.as_str(), to)).copied();
        known.entry((&domain.value, to)).or_insert(domain.span);
        let finding = match (first, view.draft(to)) {
            (Some(first), _) => Some(again(domain, to, first)),
            (None, Some(draft)) if draft.resolved.domain && !settles(view, domain.span) => {
                anyhow(clusters(), cluster, line, &draft.organisation)
            }
            (None, None) if !view.called.contains(to) && !is_cluster_domain(cluster, domain) => {
                let why = "until there is one, nobody may have a host there or send mail as it";
                Some(nobody(view, to, domain.span, &format!("`{}`", domain.value)).why(why))
            }
            _ => None,
        };
        finding.into_iter().for_each(|finding| findings.push(finding));
    }
    for offer in view.garden.offers.values().filter(|offer| offer.complete) {
        for name in offer.only.iter().filter(|name| !view.places.contains_key(*name) && !view.called.contains(*name)) {
            let why = "whoever it is meant for cannot choose it";
            findings.push(nobody(view, name, offer.span, &format!("the offer `{}`", offer.name)).why(why));
        }
    }
}

/// Whether a line is why somebody else's claim does not count.
fn settles(view: &View<'_>, line: Span) -> bool {
    let forbidden = view.refused.all.values().flat_map(|refused| &refused.forbidden);
    { forbidden }.any(|(_, why)| matches!(why, Forbidden::Owned { domain, .. } if domain.span == line))
}

fn again(domain: &Spanned<String>, to: &Name, first: Span) -> Finding {
    let title = format!("`{}` belongs to `{to}` by another line already", domain.value);
    Finding::warning(ANYHOW, title, domain.span)
        .also(first, "this one")
        .why("what one cluster file says of a domain holds on all clusters")
        .help("take one of them away")
}

/// The finding about a domain that its organisation has by its own `domain`, where the line opens nothing else.
fn anyhow<'a>(
    mut clusters: impl Iterator<Item = &'a Cluster>,
    cluster: &Cluster,
    (domain, to): &(Spanned<String>, Name),
    organisation: &Organisation,
) -> Option<Finding> {
    let own = organisation.domain.as_ref().filter(|own| below(&domain.value, &own.value))?;
    // Whoever is given a domain is given those around it, and may have addresses of clusters in it.
    let is_around = !below(widest(&domain.value), &own.value);
    let names_inside = |cluster: &Cluster| {
        let named = cluster.claims.hosts.iter().map(|(host, _)| host).chain(&cluster.claims.domain);
        { named }.any(|name| below(&name.value, &own.value) || below(&own.value, &name.value))
    };
    if is_around
        || is_cluster_domain(cluster, domain)
        || clusters.any(names_inside)
        || crate::model::domain::special(&own.value).is_some()
    {
        return None;
    }
    let title = format!("`belongs {}` changes nothing: `{to}` has that domain by its own line", domain.value);
    let finding = Finding::warning(ANYHOW, title, domain.span)
        .also(own.span, format!("the domain of `{to}`, with all that lies in it"))
        .why("it gives an organisation a further domain beside its own, or one around addresses that the cluster names")
        .help("take it away");
    Some(finding)
}

/// Whether a line is the `domain` of the cluster itself, said to be somebody's.
fn is_cluster_domain(cluster: &Cluster, domain: &Spanned<String>) -> bool {
    cluster.claims.domain.as_ref().is_some_and(|own| own.span == domain.span)
}

fn nobody(view: &View<'_>, name: &Name, place: Span, what: &str) -> Finding {
    let written = Spanned::new(name.to_string(), place);
    let meant = unknown("organisation", &written, view.places.keys().map(Name::as_str));
    let title = format!("{what} is for `{name}`, and there is no such organisation");
    let finding = Finding::warning(NOBODY, title, place).label(meant.primary.text);
    let finding = meant.help.into_iter().fold(finding, Finding::help);
    finding.help("write the name of one that there is, or take the name away")
}
