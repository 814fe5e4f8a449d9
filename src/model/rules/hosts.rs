//! A host is one app's: unique in the whole garden, inside the domain of its organisation or lent to it.
//!
//! Of two that claim one, the app that has it in a cluster keeps it, and only the newcomer has the finding, whatever the other
//! one's file says by now; where neither has it, the one whose organisation has the domain.

use std::collections::{BTreeMap, BTreeSet};

use super::holdings::{HeldKind, HeldName};
use super::refused::{ClaimKind, ClaimedName, RefusedClaims, is_reliable};
use crate::finding::{Code, Finding, Findings};
use crate::model::App;
use crate::model::domain::{below, domain_of};
use crate::model::draft::Draft;
use crate::model::rules::{View, ownership};
use crate::name::Name;
use crate::source::{Span, Spanned};

/// A host that another app has.
pub(crate) const TAKEN: Code = Code::new("E0401");
/// A host outside the organisation's domain.
pub(crate) const OUTSIDE: Code = Code::new("E0402");

/// How many hosts are named, and how many further places shown, of those that one finding is about.
const SHOWN: usize = 9;

#[derive(Clone, Copy)]
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

/// Hosts that one app has, and another one asks for.
struct TakenHosts<'a> {
    /// The claims of the one that has them, and of the one that asks.
    claims: Vec<(Claim<'a>, Claim<'a>)>,
    /// Whether the one has any of them in a cluster.
    had: bool,
}

/// An app that asks for hosts, and the app that has them with its organisation.
type TwoApps<'a> = (&'a Name, (&'a Name, &'a Name));

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // Whose domain is another's has its finding, and claims nothing.
    let contested = ownership::contested(view);
    let mut strays: BTreeMap<&Name, Vec<Claim<'_>>> = BTreeMap::new();
    let mut taken: BTreeMap<&Name, BTreeMap<TwoApps<'_>, TakenHosts<'_>>> = BTreeMap::new();
    for host in doubtful(view) {
        let mut claims = claims(view, host);
        claims.retain(|claim| {
            let name = &claim.draft.organisation.name;
            !contested.contains(name) && !view.refused.host(name, host)
        });
        claims.sort_by_cached_key(|claim| claim.rank(view));
        let mut claims = claims.into_iter();
        let Some(keeper) = claims.next() else { continue };
        let (holder, had) = (&keeper.draft.organisation.name, !keeper.rank(view).0);
        for newcomer in claims.filter(|newcomer| !newcomer.is_doubtful() && !keeper.is_doubtful()) {
            let of_organisation = taken.entry(&newcomer.draft.organisation.name).or_default();
            let apps = (&newcomer.app.name, (holder, &keeper.app.name));
            let hosts = of_organisation.entry(apps).or_insert_with(|| TakenHosts { claims: Vec::new(), had });
            hosts.claims.push((keeper, newcomer));
            hosts.had |= had;
        }
        if is_outside(view, &keeper) {
            strays.entry(holder).or_default().push(keeper);
        }
    }
    for (name, pairs) in taken {
        view.tell(name, pairs.into_values().map(self::taken), findings);
    }
    for (name, refused) in view.refused.all.iter().filter(|(name, _)| !contested.contains(*name)) {
        view.tell(name, disputes(view, refused).into_values().map(|hosts| disputed(view, name, &hosts)), findings);
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
    let mut claims: Vec<(usize, Claim<'a>)> = Vec::new();
    for claim in view.index.claims(host) {
        let Some((at, draft)) = view.places.get(&claim.organisation).map(|at| (*at, &*view.drafts[*at])) else {
            continue;
        };
        claims.extend(view.said(claim, host).map(|(app, host)| (at, Claim { draft, app, host })));
    }
    claims.sort_by_key(|(at, _)| *at);
    claims.into_iter().map(|(_, claim)| claim).collect()
}

/// `a`, `b` and so many others.
fn named<'h>(hosts: impl ExactSizeIterator<Item = &'h str>) -> String {
    let (count, hosts) = (hosts.len(), hosts.take(4).map(|host| format!("`{host}`")).collect::<Vec<_>>());
    match &hosts[..] {
        [host] => format!("{host} is"),
        [init @ .., last] if count == hosts.len() => format!("{} and {last} are", init.join(", ")),
        first => format!("{} and {} other hosts are", first[..3].join(", "), count - 3),
    }
}

/// The one finding about all hosts of an app that another one asks for.
fn taken(hosts: TakenHosts<'_>) -> Finding {
    let TakenHosts { claims, had } = hosts;
    let (keeper, newcomer) = claims[0];
    let holder = format!("`{}/{}`", keeper.draft.organisation.name, keeper.app.name);
    let place = if newcomer.host.span == keeper.host.span { newcomer.app.span } else { newcomer.host.span };
    let why = if had {
        "a host leads to one app only, and who has it when a second one asks keeps it"
    } else {
        "a host leads to one app only"
    };
    let names = named(claims.iter().map(|(_, newcomer)| newcomer.host.value.as_str()));
    let asked = if claims.len() == 1 { "it" } else { "them" };
    let mut finding = Finding::refused(TAKEN, format!("{names} taken by {holder}"), place)
        .label(format!("`{}/{}` asks for {asked}", newcomer.draft.organisation.name, newcomer.app.name))
        .why(why)
        .help("write another `at`, or take it from the other app first")
        .stops(newcomer.draft.organisation.name.clone());
    if keeper.host.span != place {
        finding = finding.also(keeper.host.span, format!("{holder} has it"));
    }
    let others = claims[1..].iter().filter(|(keeper, newcomer)| keeper.host.span != newcomer.host.span);
    others.take(SHOWN).fold(finding, |finding, (_, newcomer)| finding.also(newcomer.host.span, "this one too"))
}

/// Hosts that another organisation has in a cluster, and an app asks for.
struct DisputedHosts<'a> {
    app: &'a Name,
    by: &'a Name,
    /// The app that has them, as far as it is known.
    holder: Option<&'a Name>,
    claims: Vec<&'a ClaimedName>,
    /// Where the holder says the first one.
    written: Option<Span>,
}

/// The hosts of an organisation's apps that others have in a cluster, by the apps of both.
fn disputes<'a>(
    view: &View<'a>,
    refused: &'a RefusedClaims,
) -> BTreeMap<(&'a Name, &'a Name, Option<&'a Name>), DisputedHosts<'a>> {
    let mut disputes = BTreeMap::new();
    for (claim, HeldName { by, .. }) in &refused.disputed {
        let ClaimKind::Host(app) = &claim.kind else { continue };
        let host = claim.name.as_str();
        let written = view.index.claims_of(by, host).find_map(|claim| view.said(claim, host).next());
        let app_before = || view.holdings.of(by)?.hosts.get(host)?.first();
        let holder = written.map(|(app, _)| &app.name).or_else(app_before);
        let hosts = disputes.entry((app, by, holder)).or_insert_with(|| {
            let written = written.map(|(_, theirs)| theirs.span);
            DisputedHosts { app, by, holder, claims: Vec::new(), written }
        });
        hosts.claims.push(claim);
    }
    disputes
}

/// The finding about hosts that another organisation has in a cluster.
fn disputed(view: &View<'_>, name: &Name, hosts: &DisputedHosts<'_>) -> Finding {
    let DisputedHosts { app, by, holder, claims, written } = hosts;
    let holder = match holder {
        Some(app) => format!("`{by}/{app}`"),
        None => format!("`{by}`"),
    };
    let names = named(claims.iter().map(|claim| claim.name.as_str()));
    let asked = if claims.len() == 1 { "it" } else { "them" };
    let place = claims[0].span;
    let finding = Finding::refused(TAKEN, format!("{names} taken by {holder}"), place)
        .label(format!("`{name}/{app}` asks for {asked}"))
        .why("a host leads to one app only, and who has it in a cluster keeps it until it is gone there");
    let finding = match written {
        Some(theirs) => finding.also(*theirs, format!("{holder} has it")),
        None => ownership::told_of_holder(view, finding, name, by),
    };
    let others = claims[1..].iter().filter(|claim| claim.span != place).take(SHOWN);
    let finding = others.fold(finding, |finding, claim| finding.also(claim.span, "this one too"));
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
    !inside
        && !view.garden.gives(&organisation.name, host)
        && !ownership::is_lent(host, &organisation.name, view)
        && !may_be_lent(view, draft, host)
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
    for other in strays[1..].iter().take(SHOWN) {
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
            .help(format!("write a host such as `{}.{}`", app.name, domain.value))
            .help(format!(
                "where it has a second domain, the file of the cluster says so: `belongs {} to={name}`",
                parent(&host.value)
            )),
        (None, _) => finding.help(format!("say the organisation's own domain: `domain {}`", parent(&host.value))),
    };
    finding.stops(name.clone())
}

/// A host without its first label, where two remain.
fn parent(host: &str) -> &str {
    host.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.')).unwrap_or(host)
}
