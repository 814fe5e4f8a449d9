//! Claims that do not count: to what another organisation has in a cluster, or to what a cluster names. They take nothing from
//! anybody; each has its finding by the rule about it.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster_names::{Asker, Forbidden};
use super::holdings::{HeldKind, HeldName};
use super::{ClusterNames, Holdings, View, ownership};
use crate::model::Awaited;
use crate::model::domain::{below, domain_of};
use crate::model::draft::Draft;
use crate::name::Name;
use crate::source::{Span, Spanned};

/// What an organisation claims with a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) struct ClaimedName {
    pub(crate) kind: ClaimKind,
    pub(crate) name: String,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) enum ClaimKind {
    /// A host of an app.
    Host(Name),
    Domain,
    /// The domain as which an app sends mail.
    Sender,
}

/// What may be wrong with the claims of one organisation, whatever other files say: kept as long as it and what it is held
/// against are the same.
#[derive(Debug, Default)]
pub(in crate::model) struct Doubtful {
    /// Claims to what others have in a cluster.
    disputed: Vec<(ClaimedName, HeldName)>,
    /// Claims to what a cluster names.
    forbidden: Vec<(ClaimedName, Forbidden)>,
    /// Hosts below the place of somebody who may be an organisation.
    placed: Vec<(ClaimedName, Name, Name)>,
    /// Sender domains that are not the organisation's own.
    foreign_senders: Vec<ClaimedName>,
}

impl Doubtful {
    /// Holds the claims of an organisation against what others have and what clusters name.
    pub(in crate::model) fn of(draft: &Draft, holdings: &Holdings, names: &ClusterNames) -> Self {
        let organisation = &draft.organisation;
        let place = organisation.cluster.domain.as_ref().map(|domain| format!("{}.{domain}", organisation.name));
        let asker = Asker { name: &organisation.name, place };
        let mut doubtful = Self::default();
        let hosts = organisation.apps.values().flat_map(|app| app.hosts.iter().map(move |host| (app, host)));
        for (app, host) in hosts {
            let claim = || claim(ClaimKind::Host(app.name.clone()), host);
            if let Some(forbidden) = names.forbids_host(&asker, &host.value) {
                doubtful.forbidden.push((claim(), forbidden));
            } else if let Some(holding) = taken_host(holdings, &organisation.name, &host.value) {
                doubtful.disputed.push((claim(), holding.clone()));
            }
            doubtful.placed.extend(placed(names, &asker, claim));
        }
        doubtful.judge_domain(draft, &asker, holdings, names);
        let senders = draft.senders.iter().filter(|_| draft.resolved.domain);
        for sender in senders {
            let own = domain_of(organisation).is_some_and(|domain| below(&sender.value, &domain));
            let placed = asker.place.as_ref().is_some_and(|place| below(&sender.value, place));
            let relay = names.sender(&organisation.cluster.name) == Some(&*sender.value);
            if !own && !placed && !relay && !names.gives(&organisation.name, &sender.value) {
                doubtful.foreign_senders.push(claim(ClaimKind::Sender, sender));
            }
        }
        doubtful
    }

    fn judge_domain(&mut self, draft: &Draft, asker: &Asker<'_>, holdings: &Holdings, names: &ClusterNames) {
        let organisation = &draft.organisation;
        let Some(domain) = domain_of(organisation) else { return };
        let written = organisation.domain.as_ref();
        let span = written.map_or(organisation.span, |written| written.span);
        let claim = || ClaimedName { kind: ClaimKind::Domain, name: domain.clone(), span };
        if let Some(forbidden) = names.forbids_domain(asker, &domain).filter(|_| written.is_some()) {
            self.forbidden.push((claim(), forbidden));
            return;
        }
        self.placed.extend(placed(names, asker, claim).filter(|_| written.is_some()));
        if holdings.of(asker.name).is_some_and(|own| own.domains.contains(&domain)) {
            return;
        }
        // Places below the domain of a cluster are nobody else's, also where a domain around both is somebody's.
        let others =
            |holding: &&HeldName| holding.by != *asker.name && !names.cluster_domain_between(&holding.name, &domain);
        let mut holders = BTreeSet::new();
        let inside = holdings.inside(&domain).filter(others).filter(|holding| holders.insert(holding.by.clone()));
        self.disputed.extend(inside.map(|holding| (claim(), holding.clone())));
        let around = holdings.around(&domain).filter(|_| written.is_some());
        let around: Vec<&HeldName> =
            around.filter(|holding| !names.cluster_domain_between(&domain, &holding.name)).collect();
        if around.iter().all(|holding| holding.by != *asker.name) {
            self.disputed.extend(around.into_iter().map(|holding| (claim(), holding.clone())));
        }
    }

    /// Whether nothing may be wrong.
    pub(in crate::model) fn is_empty(&self) -> bool {
        let Self { disputed, forbidden, placed, foreign_senders } = self;
        disputed.is_empty() && forbidden.is_empty() && placed.is_empty() && foreign_senders.is_empty()
    }
}

fn claim(kind: ClaimKind, name: &Spanned<String>) -> ClaimedName {
    ClaimedName { kind, name: name.value.clone(), span: name.span }
}

/// Who else has a host in a cluster that an organisation has not.
fn taken_host<'h>(holdings: &'h Holdings, asker: &Name, host: &str) -> Option<&'h HeldName> {
    if holdings.of(asker).is_some_and(|own| own.hosts.contains_key(host)) {
        return None;
    }
    holdings.at(host).find(|holding| holding.kind == HeldKind::Host && holding.by != *asker)
}

/// A claim below the place of another organisation, if there is one of that name.
fn placed(
    names: &ClusterNames,
    asker: &Asker<'_>,
    claim: impl Fn() -> ClaimedName,
) -> Option<(ClaimedName, Name, Name)> {
    let claim = claim();
    let (cluster, label) = names.place_of(&claim.name)?;
    let other = Name::new(&label).ok().filter(|other| other != asker.name)?;
    Some((claim, cluster.clone(), other))
}

/// The claims of a garden that do not count, each with the reason.
#[derive(Debug, Default)]
pub(in crate::model) struct Refused {
    pub(super) all: BTreeMap<Name, RefusedClaims>,
    hosts: BTreeMap<Name, BTreeSet<String>>,
    domains: BTreeSet<Name>,
    /// Who waits until somebody has given up what they ask for.
    pub(in crate::model) awaited: BTreeMap<Name, Vec<Awaited>>,
}

/// The claims of one organisation that do not count.
#[derive(Debug, Default)]
pub(super) struct RefusedClaims {
    pub(super) disputed: Vec<(ClaimedName, HeldName)>,
    pub(super) forbidden: Vec<(ClaimedName, Forbidden)>,
    /// With the organisation whose place it is.
    pub(super) placed: Vec<(ClaimedName, Name)>,
    pub(super) senders: Vec<ClaimedName>,
}

impl Refused {
    /// Decides about what may be wrong, by what all files say: what is lent is not refused, and what its holder gives up is
    /// waited for. `view` holds none yet.
    pub(in crate::model) fn of<'d>(view: &View<'_>, doubtful: impl Iterator<Item = (&'d Name, &'d Doubtful)>) -> Self {
        let mut refused = Self::default();
        for (name, doubtful) in doubtful {
            if !view.places.contains_key(name) {
                continue;
            }
            let lent = |claim: &ClaimedName| ownership::is_lent(&claim.name, name, view);
            let mut claims = RefusedClaims::default();
            for (claim, holding) in &doubtful.disputed {
                let is_lent = claim.kind == ClaimKind::Domain && !below(&holding.name, &claim.name) && lent(claim);
                if is_lent {
                    continue;
                }
                if gives_up(view, &holding.by, claim) {
                    let awaited = Awaited { held: holding.name.clone(), by: holding.by.clone() };
                    refused.awaited.entry(name.clone()).or_default().push(awaited);
                } else {
                    claims.disputed.push((claim.clone(), holding.clone()));
                }
            }
            let forbidden = doubtful.forbidden.iter();
            let forbidden = forbidden.filter(|(claim, why)| !matches!(why, Forbidden::Owned { .. }) || !lent(claim));
            claims.forbidden.extend(forbidden.cloned());
            let placed = doubtful.placed.iter().filter(|(_, cluster, other)| lives_on(view, other, cluster));
            claims.placed.extend(placed.map(|(claim, _, other)| (claim.clone(), other.clone())));
            claims.senders.extend(doubtful.foreign_senders.iter().filter(|claim| !lent(claim)).cloned());
            refused.add(name, claims);
        }
        refused
    }

    fn add(&mut self, name: &Name, claims: RefusedClaims) {
        let RefusedClaims { disputed, forbidden, placed, senders } = &claims;
        let refused = disputed.iter().map(|(claim, _)| claim).chain(forbidden.iter().map(|(claim, _)| claim));
        for claim in refused.chain(placed.iter().map(|(claim, _)| claim)) {
            match claim.kind {
                ClaimKind::Host(_) => drop(self.hosts.entry(name.clone()).or_default().insert(claim.name.clone())),
                ClaimKind::Domain => drop(self.domains.insert(name.clone())),
                ClaimKind::Sender => {}
            }
        }
        if !(disputed.is_empty() && forbidden.is_empty() && placed.is_empty() && senders.is_empty()) {
            self.all.insert(name.clone(), claims);
        }
    }

    /// Whether a host does not count as this organisation's.
    pub(super) fn host(&self, name: &Name, host: &str) -> bool {
        self.hosts.get(name).is_some_and(|hosts| hosts.contains(host))
    }

    /// Whether the domain of an organisation does not count.
    pub(super) fn domain(&self, name: &Name) -> bool {
        self.domains.contains(name)
    }

    /// Organisations whose domain does not count.
    pub(super) fn domains(&self) -> impl Iterator<Item = &Name> {
        self.domains.iter()
    }
}

/// Whether an organisation of a name lives on a cluster, as it is written or as it may be there.
fn lives_on(view: &View<'_>, name: &Name, cluster: &Name) -> bool {
    let written = view.draft(name).is_some_and(|draft| draft.organisation.cluster.name == *cluster);
    written
        || view.holdings.of(name).is_some() && view.past_organisations(name).any(|past| past.cluster.name == *cluster)
}

/// Whether the holder of a claim gives it up: its file is read whole, and asks for nothing that the other one would take.
fn gives_up(view: &View<'_>, holder: &Name, claim: &ClaimedName) -> bool {
    let Some(draft) = view.draft(holder).filter(|draft| is_reliable(draft)) else { return false };
    let organisation = &draft.organisation;
    match claim.kind {
        ClaimKind::Host(_) => {
            let mut claims = view.index.claims_of(holder, &claim.name);
            claims.all(|own| view.said(own, &claim.name).next().is_none())
        }
        ClaimKind::Domain | ClaimKind::Sender => {
            let mut hosts = organisation.apps.values().flat_map(|app| &app.hosts).map(|host| host.value.as_str());
            let domain = organisation.domain.as_ref().map(|domain| domain.value.as_str());
            domain.is_none_or(|own| !below(own, &claim.name) && !below(&claim.name, own))
                && hosts.all(|host| !below(host, &claim.name))
                && draft.senders.iter().all(|sender| !below(&sender.value, &claim.name))
        }
    }
}

/// Whether what an organisation does not say is not said: nothing of it is in doubt.
pub(super) fn is_reliable(draft: &Draft) -> bool {
    let resolved = &draft.resolved;
    draft.unsound.is_empty()
        && draft.unbuilt.is_empty()
        && resolved.cluster
        && resolved.domain
        && resolved.apps
        && resolved.offer
}
