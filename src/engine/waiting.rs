//! Why an organisation is left alone for now although nothing is wrong with it: what it asks for may still be another's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter};

use super::known::Known;
use super::round::Round;
use super::session::Session;
use crate::model::{Awaited, Claims};
use crate::name::Name;

/// What an organisation waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WaitingFor {
    /// It is not made anew while a cluster cannot be read: it may live there.
    Home { cluster: Name },
    /// It asks for a host or domain that may be another's on a cluster that could not be read yet.
    Unknown { claim: String, cluster: Name },
    /// The same where the cluster answers, and an inventory on it is damaged.
    Damaged { claim: String, cluster: Name, inventory: Name },
    /// It asks for what another organisation gives up and still has in its cluster.
    HandOver { held: String, by: Name },
}

impl WaitingFor {
    /// The cluster that cannot be read, where that is why.
    fn cluster(&self) -> Option<&Name> {
        match self {
            Self::Home { cluster } | Self::Unknown { cluster, .. } => Some(cluster),
            Self::Damaged { .. } | Self::HandOver { .. } => None,
        }
    }
}

impl Display for WaitingFor {
    fn fmt(&self, to: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Home { cluster } => {
                write!(to, "is not made while cluster `{cluster}` cannot be read: it may live there")
            }
            Self::Unknown { claim, cluster } => {
                write!(to, "waits with `{claim}` while cluster `{cluster}` cannot be read: somebody may have it there")
            }
            Self::Damaged { claim, cluster, inventory } => {
                write!(
                    to,
                    "waits with `{claim}` while the inventory of `{inventory}` on cluster `{cluster}` cannot be read: that one may have it"
                )
            }
            Self::HandOver { held, by } => write!(to, "waits until `{held}` of `{by}` is gone from the cluster"),
        }
    }
}

impl Session {
    /// What an organisation waits for, where it is to be written.
    pub(super) fn waits_for(&self, organisation: &Name) -> Option<WaitingFor> {
        let checked = &self.checked;
        let written = &checked.objects.get(organisation)?.cluster;
        if let Some(cluster) = self.known.may_live_on(organisation, written) {
            return Some(WaitingFor::Home { cluster: cluster.clone() });
        }
        let garden = checked.garden.as_ref()?;
        let claims = || garden.organisations.get(organisation).map(|written| Claims::of(written));
        self.known.may_be_held(organisation, claims).or_else(|| {
            let awaited = garden.awaited.get(organisation)?.iter().find(|awaited| self.known.still_holds(awaited))?;
            Some(WaitingFor::HandOver { held: awaited.held.clone(), by: awaited.by.clone() })
        })
    }

    /// Takes note of the clusters that organisations wait for and that gave no answer, with the reason.
    pub(super) fn note_unanswered(&self, round: &mut Round) {
        for cluster in round.waiting.values().filter_map(WaitingFor::cluster) {
            if let Some(why) = self.known.unanswered.get(cluster) {
                round.unreached.entry(cluster.clone()).or_insert_with(|| why.clone());
            }
        }
    }

    /// The clusters of which nothing could be read, with the reason.
    pub(crate) fn unread(&self) -> BTreeMap<Name, String> {
        let mut unread = self.known.unanswered.clone();
        unread.extend(self.unreached());
        unread
    }

    /// Of organisations that waited, those that wait no longer.
    pub(super) fn freed(&self, waiting: &BTreeMap<Name, WaitingFor>) -> BTreeSet<Name> {
        waiting.keys().filter(|name| self.waits_for(name).is_none()).cloned().collect()
    }
}

impl Known {
    /// The claim of an organisation that may be another's on a cluster of which nothing is known yet.
    fn may_be_held(&self, organisation: &Name, claims: impl Fn() -> Option<Claims>) -> Option<WaitingFor> {
        // Of one whose own inventory cannot be read nothing is written, and that is told.
        let cluster = self.unlearnt.first().filter(|_| !self.unreadable.contains(organisation))?;
        let past = self.applied.as_ref().and_then(|applied| applied.past.of(organisation));
        let had = past.map(|past| past.claims.clone()).unwrap_or_default();
        let claim = claims()?.first_beyond(&had)?.to_owned();
        let cluster = cluster.clone();
        match self.unreadable.first().filter(|_| !self.unread.contains(&cluster)) {
            Some(inventory) => Some(WaitingFor::Damaged { claim, cluster, inventory: inventory.clone() }),
            None => Some(WaitingFor::Unknown { claim, cluster }),
        }
    }

    fn still_holds(&self, awaited: &Awaited) -> bool {
        self.applied.as_ref().is_some_and(|applied| applied.past.holds(&awaited.by, &awaited.held))
    }
}
