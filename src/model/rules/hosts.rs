//! A host is one app's: unique in the whole garden, inside the domain of its organisation or lent to it.
//!
//! Of two that claim one, the app that has it in a cluster keeps it, and only the newcomer has the finding, whatever the other
//! one's file says by now; where neither has it, the one whose organisation has the domain.

use std::collections::{BTreeMap, BTreeSet};

use super::holdings::{HeldKind, HeldName};
use super::refused::{ClaimKind, ClaimedName, is_reliable};
use crate::finding::{Code, Finding, Findings};
use crate::model::App;
use crate::model::domain::{below, domain_of};
use crate::model::draft::Draft;
use crate::model::rules::{View, ownership};
use crate::name::Name;
use crate::source::Spanned;

/// A host that another app has.
pub(crate) const TAKEN: Code = Code::new("E0401");
/// A host outside the organisation's domain.
pub(crate) const OUTSIDE: Code = Code::new("E0402");

struct Claim<'a> {
    draft: &'a Draft,
    app: &'a App,
    host: &'a Spanned<String>,
}

impl Claim<'_> {
    /// Whether the app may mean another host: it does not say this one, and something of it could not be read.
    fn is_doubtful(&self) -> bool {
        let organisation = &self.draft.organisation;
        let domain = organisation.domain.as_ref().map(|domain| domain.span);
        let unsaid = Some(self.host.span) == domain || self.host.span == organisation.span;
        unsaid && self.draft.unsound.contains(&self.app.name)
    }

    /// The lower, the better the right to the host.
    fn rank(&self, view: &View<'_>) -> (bool, bool) {
        let past = view.holdings.of(&self.draft.organisation.name);
        let apps = past.and_then(|past| past.hosts.get(&self.host.value));
        let had = apps.is_some_and(|apps| apps.is_empty() || apps.contains(&self.app.name));
        let inside = domain_of(&self.draft.organisation).is_some_and(|domain| below(&self.host.value, &domain));
        (!had, !inside)
    }
}

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // Whose domain is another's has its finding, and claims nothing.
    let contested = ownership::contested(view);
    let mut strays: BTreeMap<&Name, Vec<Claim<'_>>> = BTreeMap::new();
    for host in doubtful(view) {
        let mut claims = claims(view, host);
        claims.retain(|claim| {
            let name = &claim.draft.organisation.name;
            !contested.contains(name) && !view.refused.host(name, host)
        });
        claims.sort_by_key(|claim| claim.rank(view));
        let mut claims = claims.into_iter();
        let Some(keeper) = claims.next() else { continue };
        let told = claims.filter(|newcomer| !newcomer.is_doubtful() && !keeper.is_doubtful());
        told.for_each(|newcomer| findings.push(taken(view, &keeper, &newcomer)));
        if is_outside(view, &keeper) {
            strays.entry(&keeper.draft.organisation.name).or_default().push(keeper);
        }
    }
    for (name, refused) in view.refused.all.iter().filter(|(name, _)| !contested.contains(*name)) {
        for (claim, holding) in &refused.disputed {
            if let ClaimKind::Host(app) = &claim.kind {
                findings.push(disputed(view, name, app, claim, holding));
            }
        }
    }
    for mut strays in strays.into_values() {
        strays.sort_by_key(|claim| claim.host.span);
        findings.push(outside(view, &strays));
    }
}

/// Hosts that may be wrong: claimed more than once, or by an organisation some of whose hosts lie outside its domain.
fn doubtful<'a>(view: &View<'a>) -> BTreeSet<&'a str> {
    let straying = view.index.straying().filter_map(|name| view.draft(name));
    let apps = straying.flat_map(|draft| draft.organisation.apps.values());
    apps.flat_map(|app| &app.hosts).map(|host| host.value.as_str()).chain(view.index.shared_hosts()).collect()
}

/// Every claim to a host, in file order.
fn claims<'a>(view: &View<'a>, host: &str) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for draft in view.in_order(view.index.claimants(host)) {
        for app in draft.organisation.apps.values() {
            claims.extend(app.hosts.iter().filter(|own| own.value == host).map(|host| Claim { draft, app, host }));
        }
    }
    claims
}

fn taken(view: &View<'_>, keeper: &Claim<'_>, newcomer: &Claim<'_>) -> Finding {
    let host = &newcomer.host.value;
    let holder = format!("`{}/{}`", keeper.draft.organisation.name, keeper.app.name);
    let place = if newcomer.host.span == keeper.host.span { newcomer.app.span } else { newcomer.host.span };
    let why = if keeper.rank(view).0 {
        "a host leads to one app only"
    } else {
        "a host leads to one app only, and who has it when a second one asks keeps it"
    };
    let finding = Finding::refused(TAKEN, format!("`{host}` is taken by {holder}"), place)
        .label(format!("`{}/{}` asks for it", newcomer.draft.organisation.name, newcomer.app.name))
        .why(why)
        .help("write another `at`, or take it from the other app first")
        .stops(newcomer.draft.organisation.name.clone());
    if keeper.host.span == place { finding } else { finding.also(keeper.host.span, format!("{holder} has it")) }
}

/// The finding about a host that another organisation has in a cluster.
fn disputed(view: &View<'_>, name: &Name, app: &Name, claim: &ClaimedName, holding: &HeldName) -> Finding {
    let (host, by) = (&claim.name, &holding.by);
    let written = view.draft(by).and_then(|holder| {
        let mut hosts = holder.organisation.apps.values().flat_map(|app| app.hosts.iter().map(move |host| (app, host)));
        hosts.find(|(_, theirs)| theirs.value == *host)
    });
    let app_before = || view.holdings.of(by)?.hosts.get(host)?.first();
    let holder = match written.map(|(app, _)| &app.name).or_else(app_before) {
        Some(app) => format!("`{by}/{app}`"),
        None => format!("`{by}`"),
    };
    let finding = Finding::refused(TAKEN, format!("`{host}` is taken by {holder}"), claim.span)
        .label(format!("`{name}/{app}` asks for it"))
        .why("a host leads to one app only, and who has it in a cluster keeps it until it is gone there");
    let finding = match written {
        Some((_, theirs)) => finding.also(theirs.span, format!("{holder} has it")),
        None => ownership::told_of_holder(view, finding, name, by),
    };
    finding.help("write another `at`, or take it from the other one first").stops(name.clone())
}

/// Whether a host is outside the domain of its organisation and not lent to it.
fn is_outside(view: &View<'_>, claim: &Claim<'_>) -> bool {
    let (draft, host) = (claim.draft, &claim.host.value);
    let organisation = &draft.organisation;
    // What the host would have to be inside of is not known.
    if !draft.resolved.domain || !draft.resolved.cluster && organisation.domain.is_none() {
        return false;
    }
    let inside = domain_of(organisation).is_some_and(|domain| below(host, &domain));
    let place = organisation.cluster.domain.as_ref().map(|domain| format!("{}.{domain}", organisation.name));
    let inside = inside || place.is_some_and(|place| below(host, &place));
    !inside && !ownership::is_lent(host, &organisation.name, view) && !may_be_lent(view, draft, host)
}

/// Whether a host that an organisation has in a cluster may still be lent to it: what its owner says is not known.
fn may_be_lent(view: &View<'_>, draft: &Draft, host: &str) -> bool {
    let name = &draft.organisation.name;
    if view.holdings.of(name).is_none_or(|past| !past.hosts.contains_key(host)) {
        return false;
    }
    if let Some(owner) = ownership::around(view, host).filter(|owner| owner.organisation.name != *name) {
        return !owner.resolved.delegates;
    }
    let lender = view
        .holdings
        .at(host)
        .chain(view.holdings.around(host))
        .find(|holding| holding.kind == HeldKind::Domain && holding.by != *name);
    lender.is_some_and(|lender| view.draft(&lender.by).is_none_or(|lender| !is_reliable(lender)))
}

/// The one finding about the hosts of an organisation that are outside its domain: the domain may be what is wrong.
fn outside(view: &View<'_>, strays: &[Claim<'_>]) -> Finding {
    let Claim { draft, app, host } = &strays[0];
    let organisation = &draft.organisation;
    let name = &organisation.name;
    let title = match strays.len() {
        1 => format!("`{}` is outside the domain of `{name}`", host.value),
        many => format!("{many} hosts are outside the domain of `{name}`"),
    };
    let mut finding = Finding::refused(OUTSIDE, title, host.span)
        .why("an organisation's apps stay inside its domain, or hosts lent to it");
    for other in &strays[1..] {
        finding = finding.also(other.host.span, "this one too");
    }
    let finding = match (&organisation.domain, ownership::around(view, &host.value)) {
        (_, Some(owner)) if owner.organisation.name != *name => {
            let help = format!("`{}` can lend it: `delegate {} to={name}`", owner.organisation.name, host.value);
            let domain = owner.organisation.domain.as_ref().map_or(owner.organisation.span, |domain| domain.span);
            finding.also(domain, format!("`{}` has this domain", owner.organisation.name)).help(help)
        }
        (Some(domain), _) => finding
            .also(domain.span, "its domain")
            .help(format!("write a host such as `{}.{}`", app.name, domain.value)),
        (None, _) => finding.help(format!("say the organisation's own domain: `domain {}`", parent(&host.value))),
    };
    finding.stops(name.clone())
}

/// A host without its first label, where two remain.
fn parent(host: &str) -> &str {
    host.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.')).unwrap_or(host)
}
