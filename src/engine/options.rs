//! How a round is made: data, decided before it begins.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cluster::Reading;
use crate::name::Name;

/// How a round is made.
#[derive(Clone, Debug)]
pub struct RoundOptions {
    /// The time that the round is made at.
    pub now: jiff::Timestamp,
    /// How long each step is waited for; `None` goes through all stages at once.
    pub wait: Option<Duration>,
    /// Only these organisations; all where absent.
    pub only: Option<BTreeSet<Name>>,
    /// Whether organisations that have not changed are read again too (drift is then found).
    pub whole: bool,
    /// Organisations that are looked at although nothing of theirs changed in the garden.
    pub also: BTreeSet<Name>,
    /// How much is read of what lives.
    pub reading: Reading,
    /// What the server is asked to try.
    pub ask: Ask,
}

/// What the server is asked to try (`dryRun=All`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing: plans are reckoned here, and marked as not verified.
    Nothing,
    /// What is not known to be as it should be: what a plan says that people read before it is done.
    WhereUnsure,
    /// The same without what somebody surely changed: putting it back is one request, and the server took it before.
    WhereItDecides,
    /// Every object: what webhooks and defaults make of it now.
    Everything,
}

impl RoundOptions {
    /// Everything is looked at, and kept whole: for those who look at the bodies.
    pub fn everything(now: jiff::Timestamp) -> Self {
        Self {
            now,
            wait: None,
            only: None,
            whole: true,
            also: BTreeSet::new(),
            reading: Reading::Bodies,
            ask: Ask::WhereUnsure,
        }
    }

    /// Whether a round is about an organisation.
    pub(super) fn is_about(&self, organisation: &Name) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(organisation))
    }

    /// The same without asking the server what would change.
    pub fn unasked(now: jiff::Timestamp) -> Self {
        Self { ask: Ask::Nothing, ..Self::everything(now) }
    }
}
