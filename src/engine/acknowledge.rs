//! What `parcelle acknowledge` asks of the clusters: what of an app's data is gone, and, where nobody else writes, the start
//! without it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::options::RoundOptions;
use super::prepared::Prepared;
use super::round::Round;
use super::session::Session;
use super::state::OrganisationState;
use crate::cause::reason_of;
use crate::name::Name;
use crate::plan::{AcknowledgedLoss, DataLost, GoneData, Holding, OrganisationPlan, Reason, Refusing, What};
use crate::render::ObjectId;

/// What of an app's data is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownLosses {
    /// On which cluster.
    pub(crate) cluster: Name,
    /// The uid of the inventory.
    pub(crate) uid: String,
    /// The objects that held it.
    pub(crate) objects: Vec<LossOfApp>,
    /// Secrets of the app that parcelle made once and that are gone too, or lack keys.
    pub(crate) secrets: Vec<LostSecret>,
}

/// A Secret that was made once, and that cannot be made again with what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostSecret {
    pub(crate) id: ObjectId,
    /// The uid that it had, or has.
    pub(crate) uid: String,
    /// The earlier name of the app, where the inventory knows the Secret as of that.
    pub(crate) was: Option<Name>,
    /// The keys that it lacks, where it is there.
    pub(crate) keys: BTreeSet<String>,
}

/// One object that held data of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LossOfApp {
    pub(crate) gone: GoneData,
    /// What became of it; absent where it was made anew already, for another app.
    pub(crate) how: Option<DataLost>,
    /// The earlier name of the app, where the inventory knows the object as of that.
    pub(crate) was: Option<Name>,
    /// Other apps that had data in it.
    pub(crate) others: BTreeSet<Name>,
}

/// Why nothing can be acknowledged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NothingLost {
    #[error("no data of `{organisation}/{app}` is gone")]
    Nothing {
        organisation: Name,
        app: Name,
        /// The apps of the organisation of which some is.
        others: BTreeSet<Name>,
    },
    #[error("whether data of `{organisation}` is gone is not known: {why}")]
    Unknown { organisation: Name, why: String },
}

impl KnownLosses {
    /// What a word says of them, by the uids that the objects had.
    pub(crate) fn acknowledged(&self) -> BTreeMap<String, AcknowledgedLoss> {
        let of_object = |loss: &LossOfApp| {
            let now = match &loss.how {
                Some(DataLost::Another { uid }) => Some(uid.clone()),
                Some(DataLost::Missing | DataLost::Leaving) | None => None,
            };
            let (was, others) = (loss.was.clone(), loss.others.clone());
            (loss.gone.uid.clone(), AcknowledgedLoss { now, was, others, keys: BTreeSet::new() })
        };
        let of_secret = |lost: &LostSecret| {
            let (was, keys) = (lost.was.clone(), lost.keys.clone());
            (lost.uid.clone(), AcknowledgedLoss { was, keys, ..AcknowledgedLoss::default() })
        };
        let secrets = self.secrets.iter().map(of_secret);
        self.objects.iter().map(of_object).chain(secrets).collect()
    }
}

impl Session {
    /// IO: what of an app's data is gone, as a plan of its organisation finds it now.
    pub(crate) async fn known_losses(
        &mut self,
        organisation: &Name,
        app: &Name,
        now: jiff::Timestamp,
    ) -> Result<KnownLosses, NothingLost> {
        let unknown = |why: &str| NothingLost::Unknown { organisation: organisation.clone(), why: why.to_owned() };
        let only = BTreeSet::from([organisation.clone()]);
        let options = RoundOptions { only: Some(only.clone()), ..RoundOptions::everything(now) };
        self.known.inventories.clear();
        let prepared = self.prepare_batch(&options, only, &BTreeMap::new()).await;
        let prepared = prepared.ok_or_else(|| unknown("there is no garden to speak of; `parcelle check` says why"))?;
        for (cluster, read) in &prepared.live.clusters {
            let read =
                read.as_ref().map_err(|failure| unknown(&format!("cluster `{cluster}`: {}", reason_of(failure))))?;
            if let Some(error) = read.unreadable.get(organisation) {
                return Err(unknown(&reason_of(error)));
            }
        }
        let plan = prepared.plan.organisations.iter().find(|plan| plan.organisation == *organisation);
        let state = plan.and_then(|plan| state_of(&prepared, plan));
        let (plan, state) =
            plan.zip(state).ok_or_else(|| unknown("its findings stop it, or its cluster is not reached"))?;
        losses(plan, state, app)
    }

    /// IO: starts an app without the data that is gone, and does nothing else of its organisation. `None` where the garden does not
    /// have it.
    pub(crate) async fn start_without_data(
        &mut self,
        organisation: &Name,
        app: &Name,
        losses: &KnownLosses,
        (wait, now): (Option<Duration>, jiff::Timestamp),
    ) -> Option<Round> {
        let only = BTreeSet::from([organisation.clone()]);
        let options = RoundOptions { only: Some(only.clone()), wait, ..RoundOptions::everything(now) };
        self.known.inventories.clear();
        let mut prepared = self.prepare_batch(&options, only, &BTreeMap::new()).await?;
        let is_meant = |id: &ObjectId| losses.objects.iter().any(|loss| loss.gone.id == *id);
        let actions = prepared.plan.organisations.iter_mut().flat_map(|one| &mut one.actions);
        let others = actions.filter(|action| action.verb().writes() && !is_meant(&action.id));
        for action in others.filter(|action| action.app.as_ref().is_some_and(|of| of != app)) {
            action.hold(Holding::NotAgreed { open: true });
        }
        Some(self.carry_out_batch(prepared, &mut |_, _| {}).await)
    }
}

fn state_of<'p>(prepared: &'p Prepared, plan: &OrganisationPlan) -> Option<&'p OrganisationState> {
    prepared.live.clusters.get(&plan.cluster)?.as_ref().ok()?.organisations.get(&plan.organisation)
}

/// What a plan says is gone of an app's data.
fn losses(plan: &OrganisationPlan, state: &OrganisationState, app: &Name) -> Result<KnownLosses, NothingLost> {
    let how = |id: &ObjectId| {
        plan.actions.iter().filter(|action| action.id == *id).find_map(|action| match action.reason() {
            Reason::Holding(Holding::DataGone { how, .. }) => Some(how.clone()),
            _ => None,
        })
    };
    let of_app = plan.lost.iter().filter(|gone| gone.apps.contains(app));
    let objects: Vec<LossOfApp> = of_app
        .map(|gone| LossOfApp {
            how: how(&gone.id),
            was: earlier_name(state, &gone.id, app),
            others: gone.apps.iter().filter(|other| *other != app).cloned().collect(),
            gone: gone.clone(),
        })
        .collect();
    let secrets = lost_secrets(plan, state, app);
    if objects.is_empty() && secrets.is_empty() {
        let others = plan.lost.iter().flat_map(|gone| gone.apps.iter().cloned()).collect();
        return Err(NothingLost::Nothing { organisation: plan.organisation.clone(), app: app.clone(), others });
    }
    Ok(KnownLosses { cluster: plan.cluster.clone(), uid: state.stored.uid.clone(), objects, secrets })
}

/// The name by which the inventory knows the app of an object, where the garden calls it otherwise by now.
fn earlier_name(state: &OrganisationState, id: &ObjectId, app: &Name) -> Option<Name> {
    let (_, entry) = state.stored.inventory.find(id)?;
    entry.app.clone().filter(|of| of != app)
}

/// The Secrets of an app that were made once and are gone, or lack keys.
fn lost_secrets(plan: &OrganisationPlan, state: &OrganisationState, app: &Name) -> Vec<LostSecret> {
    let entries = &state.stored.inventory.entries;
    let is_there = |id: &ObjectId| state.live.objects.contains_key(id) || state.live.settled.contains_key(id);
    let of_app = plan.actions.iter().filter(|action| action.what == What::Secret && action.app.as_ref() == Some(app));
    let lost = of_app.filter(|action| action.holds_data).filter_map(|action| {
        let keys = match action.reason() {
            Reason::Refusing(Refusing::KeysLost { keys, .. }) => keys.iter().cloned().collect(),
            Reason::Refusing(Refusing::SecretLost) => BTreeSet::new(),
            Reason::Holding(Holding::WithoutData { .. }) if !is_there(&action.id) => BTreeSet::new(),
            _ => return None,
        };
        let entry = entries.get(&action.id)?;
        let was = earlier_name(state, &action.id, app);
        Some(LostSecret { id: action.id.clone(), uid: entry.uid()?.to_owned(), was, keys })
    });
    lost.collect()
}
