//! What an organisation's apps take at their most fits what its offer grants, or else the garden's ceiling.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Code, Finding, Findings};
use crate::model::{Grants, Offer, Organisation};
use crate::name::Name;
use crate::quantity::{Dimension, Quantity};
use crate::render::{Contribution, OrganisationObjects, ResourceName};
use crate::source::Spanned;

/// More than the offer or the garden grants.
pub(crate) const CEILING: Code = Code::new("E0412");

/// How many contributors are pointed at beside the largest.
const SHOWN: usize = 6;

pub(super) fn check(organisation: &Organisation, objects: &OrganisationObjects, findings: &mut Findings) {
    let Grants { cpu, memory, storage } = &organisation.grants;
    for (resource, grant) in
        [(ResourceName::Cpu, cpu), (ResourceName::Memory, memory), (ResourceName::Storage, storage)]
    {
        let Some(grant) = grant else { continue };
        let mut shares: Vec<&Contribution> =
            objects.contributions.iter().filter(|share| share.resource == resource && share.app.is_some()).collect();
        let sum = taken(objects, resource);
        if sum > grant.value.amount {
            // The largest first; of equals the one named first.
            shares.sort_by_key(|share| std::cmp::Reverse(share.amount));
            findings.push(exceeded(organisation, resource, grant, &shares, sum));
        }
    }
}

/// What the apps of an organisation take of a resource at their most: millicores or bytes.
pub(crate) fn taken(objects: &OrganisationObjects, resource: ResourceName) -> u64 {
    let shares = objects.contributions.iter().filter(|share| share.resource == resource && share.app.is_some());
    shares.fold(0, |sum, share| sum.saturating_add(share.amount))
}

fn exceeded(
    organisation: &Organisation,
    resource: ResourceName,
    grant: &Spanned<Quantity>,
    shares: &[&Contribution],
    sum: u64,
) -> Finding {
    let name = &organisation.name;
    let granting = organisation.offer.as_ref().filter(|offer| of_offer(offer, resource) == Some(grant));
    let definitions: BTreeSet<_> = organisation.apps.values().map(|app| app.definition.span.file).collect();
    // People change what they wrote: a line of a definition or of the cluster is pointed at only where there is no other.
    let cluster = organisation.cluster.span.file;
    let of_garden = |share: &&&Contribution| !definitions.contains(&share.origin.file) && share.origin.file != cluster;
    let first = shares.iter().find(of_garden).or(shares.first()).expect("a sum over a ceiling has shares");
    let (limit, says) = match granting {
        Some(offer) => ("its offer grants", format!("{} grants {}", offer.name, grant.value)),
        None => ("the garden's ceiling", format!("the garden's ceiling is {}", grant.value)),
    };
    let title = format!("{name} asks for more {} than {limit}", word(resource));
    let mut finding = Finding::refused(CEILING, title, first.origin).label(label(first, resource));
    let mut pointed = BTreeSet::from([first.origin]);
    for share in shares.iter().filter(of_garden).filter(|share| pointed.insert(share.origin)).take(SHOWN) {
        finding = finding.also(share.origin, label(share, resource));
    }
    finding
        .also(grant.span, says)
        .why(format!("the apps of {name} add up to {}: {}", shown(sum, resource), list(shares, resource)))
        .help(match organisation.offer {
            Some(_) => format!("lower {}, or move {name} to another offer", knobs(resource)),
            None => format!("lower {}, or subscribe {name} to an offer that grants more", knobs(resource)),
        })
        .stops(name.clone())
}

/// What an offer itself grants.
fn of_offer(offer: &Offer, resource: ResourceName) -> Option<&Spanned<Quantity>> {
    let Grants { cpu, memory, storage } = &offer.grants;
    match resource {
        ResourceName::Cpu => cpu.as_ref(),
        ResourceName::Memory => memory.as_ref(),
        ResourceName::Storage => storage.as_ref(),
    }
}

fn label(share: &Contribution, resource: ResourceName) -> String {
    let app = share.app.as_ref().map_or("", Name::as_str);
    format!("{app}: {}", shown(share.amount, resource))
}

/// `cloud 220 GiB and 10 GiB, pads 2 GiB`: apps in order of their largest share.
fn list(shares: &[&Contribution], resource: ResourceName) -> String {
    let mut order: Vec<&Name> = Vec::new();
    let mut amounts: BTreeMap<&Name, Vec<String>> = BTreeMap::new();
    for share in shares.iter().filter(|share| share.amount > 0) {
        let Some(app) = &share.app else { continue };
        if !amounts.contains_key(app) {
            order.push(app);
        }
        amounts.entry(app).or_default().push(shown(share.amount, resource));
    }
    let apps = order.into_iter().map(|app| match &amounts[app][..] {
        [init @ .., last] if !init.is_empty() => format!("{app} {} and {last}", init.join(", ")),
        amounts => format!("{app} {}", amounts.join("")),
    });
    apps.collect::<Vec<_>>().join(", ")
}

fn shown(amount: u64, resource: ResourceName) -> String {
    let dimension = if resource == ResourceName::Cpu { Dimension::Cpu } else { Dimension::Size };
    Quantity { dimension, amount }.to_string()
}

fn word(resource: ResourceName) -> &'static str {
    match resource {
        ResourceName::Cpu => "processor time",
        ResourceName::Memory => "memory",
        ResourceName::Storage => "storage",
    }
}

/// What people can turn.
fn knobs(resource: ResourceName) -> &'static str {
    match resource {
        ResourceName::Cpu | ResourceName::Memory => "`scale` or `size`",
        ResourceName::Storage => "`storage`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn found(change: impl FnOnce(&mut Organisation)) -> Vec<Finding> {
        let mut garden = sample::garden();
        let mut organisation = sample::organisation(&garden);
        change(&mut organisation);
        let name = organisation.name.clone();
        garden.organisations.insert(name.clone(), std::sync::Arc::new(organisation));
        // At night nothing runs, and the ceilings hold all the same.
        let night = "2026-07-01T22:00:00Z".parse().unwrap();
        let mut findings = Findings::default();
        super::super::render(&garden, &garden.organisations[&name], night, &mut findings);
        findings.into_iter().collect()
    }

    fn say(organisation: &mut Organisation, line: &str) {
        let (key, setting) = sample::setting(line);
        organisation.apps.get_mut("cloud").unwrap().settings.insert(key, setting);
    }

    #[test]
    fn what_fits_is_no_finding() {
        assert_eq!(found(|_| {}), []);
        assert_eq!(found(|organisation| say(organisation, "storage 190 GiB")), []);
    }

    #[test]
    fn storage_over_the_ceiling_names_what_adds_up() {
        let findings = found(|organisation| say(organisation, "storage 220 GiB"));
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(finding.title, "alternatiba asks for more storage than its offer grants");
        assert_eq!(finding.primary.text, "cloud: 220 GiB");
        assert_eq!(finding.primary.span, sample::setting("storage 220 GiB").1.span);
        assert_eq!(finding.secondary.last().unwrap().text, "liiibre grants 200 GiB");
        let why = finding.why.as_deref().unwrap();
        assert_eq!(why, "the apps of alternatiba add up to 230 GiB: cloud 220 GiB and 10 GiB");
        assert_eq!(finding.help, ["lower `storage`, or move alternatiba to another offer"]);
        assert_eq!(finding.stops.as_ref().unwrap().as_str(), "alternatiba");
    }

    #[test]
    fn the_most_replicas_count_also_while_the_app_sleeps() {
        let findings = found(|organisation| {
            say(organisation, "nights asleep from=\"22:00\" to=\"06:30\"");
            say(organisation, "scale min=1 max=40");
        });
        let titles: Vec<_> = findings.iter().map(|finding| &*finding.title).collect();
        assert_eq!(
            titles,
            [
                "alternatiba asks for more processor time than its offer grants",
                "alternatiba asks for more memory than its offer grants"
            ]
        );
        let line = sample::setting("scale min=1 max=40").1;
        assert_eq!(findings[0].primary.span, line.props["max"].span);
    }

    #[test]
    fn a_paused_app_takes_storage_alone() {
        let findings = found(|organisation| {
            say(organisation, "scale min=1 max=40");
            organisation.apps.get_mut("cloud").unwrap().life = crate::model::Life::Paused(sample::ORGANISATION);
        });
        assert_eq!(findings, []);
    }
}
