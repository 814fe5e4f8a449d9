//! What is checked over the whole garden, one file a rule. Each says its codes, and has its manual page in
//! `docs/findings/`.
//!
//! A rule imports data only, and no other rule. It is of one of three kinds, by what it is given to look at (`subject.rs`),
//! and stands in the list of its kind below:
//!
//! | kind | looks at | is tried again when |
//! |---|---|---|
//! | [`OF_TEXT`] | one file | the file changed |
//! | [`OF_ONE`] | one organisation with its past | anything in [`One`] changed |
//! | [`OF_ALL`] | the whole garden | always: it must go by the [`ClaimIndex`], not over everything |

use crate::finding::{Code, Findings};
use crate::schema::CheckedFile;

mod cluster_names;
mod holdings;
mod index;
mod ownership;
mod refused;
mod subject;
pub(crate) mod addresses;
pub(crate) mod backups;
pub(crate) mod belongs;
pub(crate) mod closed_offers;
pub(crate) mod cluster_hosts;
pub(crate) mod database_images;
pub(crate) mod definition_rules;
pub(crate) mod delegates;
pub(crate) mod domains;
pub(crate) mod fallen_back;
pub(crate) mod hatches;
pub(crate) mod hosts;
pub(crate) mod immutable;
pub(crate) mod needs;
pub(crate) mod no_effect;
pub(crate) mod only_grows;
pub(crate) mod open_networks;
pub(crate) mod other_apps;
pub(crate) mod peaks;
pub(crate) mod provided;
pub(crate) mod replicas;
pub(crate) mod reserved_names;
pub(crate) mod retired;
pub(crate) mod same_place;
pub(crate) mod same_uid;
pub(crate) mod secret_names;
pub(crate) mod secrets;
pub(crate) mod senders;
pub(crate) mod sleep;
pub(crate) mod stores;
pub(crate) mod unbounded;
pub(crate) mod unused;
pub(crate) mod upgrades;
pub(crate) mod vanished;
pub(crate) mod was;

pub(super) use cluster_names::ClusterNames;
pub(super) use holdings::Holdings;
pub(super) use index::{ClaimIndex, HostClaim};
pub(super) use ownership::undecided;
pub(super) use refused::{Doubtful, Refused};
pub(super) use subject::{Names, One, SoundApp, View};

/// Findings about what several organisations claim: whether one is there depends on all of them.
pub(crate) const CLAIMED: &[Code] = &[
    hosts::TAKEN,
    hosts::OUTSIDE,
    domains::TAKEN,
    delegates::NOT_YOURS,
    senders::FOREIGN,
    cluster_hosts::CLUSTERS,
    reserved_names::RESERVED,
];

/// Rules over one file as it is written.
const OF_TEXT: &[fn(&CheckedFile, &mut Findings)] = &[secrets::check, secret_names::check];

/// Rules over one organisation and what was applied of it.
const OF_ONE: &[fn(&One, &mut Findings)] = &[
    reserved_names::check,
    reserved_names::check_clients,
    same_place::check,
    needs::check,
    other_apps::check,
    upgrades::check,
    only_grows::check,
    immutable::check,
    retired::check,
    vanished::check_apps,
    fallen_back::check,
    was::check,
    closed_offers::check,
    hatches::check,
    sleep::check,
    replicas::check,
    peaks::check,
    addresses::check,
    no_effect::check,
    definition_rules::check,
    secret_names::check_settings,
    unbounded::check,
];

/// Rules over the whole garden. What nobody uses comes last: it is told only where nothing is wrong.
const OF_ALL: &[fn(&View<'_>, &mut Findings)] = &[
    same_uid::check,
    provided::check,
    database_images::check,
    stores::check,
    cluster_hosts::check,
    senders::check,
    delegates::check,
    domains::check,
    hosts::check,
    belongs::check,
    backups::check,
    backups::check_none,
    no_effect::check_offers,
    open_networks::check,
    reserved_names::check_named,
    unbounded::check_offers,
    vanished::check_organisations,
    unused::check,
];

/// Tries every rule over texts.
pub(super) fn check_text(file: &CheckedFile, findings: &mut Findings) {
    OF_TEXT.iter().for_each(|rule| rule(file, findings));
}

/// Tries every rule over one organisation.
pub(super) fn check_one(one: &One) -> Findings {
    let mut findings = Findings::default();
    OF_ONE.iter().for_each(|rule| rule(one, &mut findings));
    findings
}

/// Tries every rule over the whole garden.
pub(super) fn check_all(view: &View<'_>, findings: &mut Findings) {
    OF_ALL.iter().for_each(|rule| rule(view, findings));
}
