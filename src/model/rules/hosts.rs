//! A host is one app's: unique in the whole garden, inside the domain of its organisation or lent to it.
//!
//! Of two that claim one, the app that had it when the garden was last applied keeps it, and only the newcomer has the
//! finding; where neither had it, the one whose organisation has the domain.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Code, Finding, Findings};
use crate::model::organisation::Draft;
use crate::model::rules::{View, domains};
use crate::model::{App, Life, Organisation};
use crate::name::Name;
use crate::source::Spanned;

/// A host that another app has.
pub const TAKEN: Code = Code("E0401");
/// A host outside the organisation's domain.
pub const OUTSIDE: Code = Code("E0402");

/// A retired app gives its hosts to whoever asks for them.
pub(crate) fn release_retired(drafts: &mut [Draft<'_>]) {
    let alive = |app: &&App| !matches!(app.life, Life::Retired(_));
    let claimed: BTreeSet<String> = drafts
        .iter()
        .flat_map(|draft| draft.organisation.apps.values().filter(alive))
        .flat_map(|app| app.hosts.iter().map(|host| host.value.clone()))
        .collect();
    for draft in drafts {
        for app in draft.organisation.apps.values_mut().filter(|app| matches!(app.life, Life::Retired(_))) {
            app.hosts.retain(|host| !claimed.contains(&host.value));
        }
    }
}

struct Claim<'a> {
    draft: &'a Draft<'a>,
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
        let past = view.past_organisation(&self.draft.organisation.name);
        let had = past
            .and_then(|past| past.apps.get(&self.app.name))
            .is_some_and(|app| app.hosts.iter().any(|host| host.value == self.host.value));
        let inside = domain_of(&self.draft.organisation).is_some_and(|domain| below(&self.host.value, &domain));
        (!had, !inside)
    }
}

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // Whose domain is another's has its finding, and claims nothing.
    let contested = domains::contested(view);
    let sound = view.drafts.iter().filter(|draft| !contested.contains(&draft.organisation.name));
    let mut strays: BTreeMap<&Name, Vec<Claim<'_>>> = BTreeMap::new();
    let mut claims: BTreeMap<&str, Vec<Claim<'_>>> = BTreeMap::new();
    for draft in sound {
        for app in draft.organisation.apps.values() {
            for host in &app.hosts {
                claims.entry(&host.value).or_default().push(Claim { draft, app, host });
            }
        }
    }
    for mut claims in claims.into_values() {
        claims.sort_by_key(|claim| claim.rank(view));
        let mut claims = claims.into_iter();
        let Some(keeper) = claims.next() else { continue };
        let told = claims.filter(|newcomer| !newcomer.is_doubtful() && !keeper.is_doubtful());
        told.for_each(|newcomer| findings.push(taken(view, &keeper, &newcomer)));
        if is_outside(view, &keeper) {
            strays.entry(&keeper.draft.organisation.name).or_default().push(keeper);
        }
    }
    for mut strays in strays.into_values() {
        strays.sort_by_key(|claim| claim.host.span);
        findings.push(outside(view, &strays));
    }
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
    let finding = Finding::error(TAKEN, format!("`{host}` is taken by {holder}"), place)
        .label(format!("`{}/{}` asks for it", newcomer.draft.organisation.name, newcomer.app.name))
        .why(why)
        .help("write another `at`, or take it from the other app first")
        .stops(newcomer.draft.organisation.name.clone());
    if keeper.host.span == place { finding } else { finding.also(keeper.host.span, format!("{holder} has it")) }
}

/// Whether a host is outside the domain of its organisation and not lent to it.
fn is_outside(view: &View<'_>, claim: &Claim<'_>) -> bool {
    let (draft, host) = (claim.draft, &claim.host.value);
    let organisation = &draft.organisation;
    // What the host would have to be inside of is not known.
    if !draft.known.domain || !draft.known.cluster && organisation.domain.is_none() {
        return false;
    }
    let inside = domain_of(organisation).is_some_and(|domain| below(host, &domain));
    !inside && !lent(host, &organisation.name, view.drafts)
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
    let mut finding = Finding::error(OUTSIDE, title, host.span)
        .why("an organisation's apps stay inside its domain, or hosts lent to it");
    for other in &strays[1..] {
        finding = finding.also(other.host.span, "this one too");
    }
    let finding = match (&organisation.domain, owner(&host.value, view.drafts)) {
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

/// The domain inside which an organisation's hosts lie.
pub(super) fn domain_of(organisation: &Organisation) -> Option<String> {
    let below_cluster = || organisation.cluster.domain.as_ref().map(|domain| format!("{}.{domain}", organisation.name));
    organisation.domain.as_ref().map(|domain| domain.value.clone()).or_else(below_cluster)
}

/// Whether a host is a domain or inside it.
pub(super) fn below(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether the owner of a host's domain lends it to an organisation.
pub(super) fn lent(host: &str, to: &Name, drafts: &[Draft<'_>]) -> bool {
    drafts.iter().any(|owner| {
        let lends = |(lent, borrower): &(Spanned<String>, Name)| borrower == to && below(host, &lent.value);
        owner.organisation.delegates.iter().any(lends)
            && domain_of(&owner.organisation).is_some_and(|domain| below(host, &domain))
    })
}

/// The organisation whose domain holds a host.
fn owner<'a>(host: &str, drafts: &'a [Draft<'a>]) -> Option<&'a Draft<'a>> {
    drafts.iter().find(|draft| draft.organisation.domain.as_ref().is_some_and(|domain| below(host, &domain.value)))
}

/// A host without its first label, where two remain.
fn parent(host: &str) -> &str {
    host.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.')).unwrap_or(host)
}
