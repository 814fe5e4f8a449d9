//! What `parcelle rerun` asks of the clusters: which run of a job is meant, and, where nobody else writes, the run itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::options::RoundOptions;
use super::round::Round;
use super::session::Session;
use crate::cause::reason_of;
use crate::cluster::{Connection, running_since};
use crate::name::Name;
use crate::plan::{self, Holding};
use crate::render::{ObjectId, OneTime};

/// A job of which a run is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownRun {
    /// On which cluster.
    pub(crate) cluster: Name,
    /// The name that the app's data is called by.
    pub(crate) data: Name,
    /// The uid of its last Job, gone or not.
    pub(crate) uid: String,
    /// Since when it runs, in Unix seconds; absent where it does not.
    pub(crate) since: Option<i64>,
    /// How long it may take, in seconds, where the garden still has it.
    pub(crate) deadline: Option<i64>,
}

/// Why a job cannot run again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnknownRun {
    #[error("no run of a job `{job}` of `{organisation}/{app}` is known")]
    Job {
        organisation: Name,
        app: Name,
        job: String,
        /// The jobs of the organisation of which runs are known, as `APP JOB`.
        known: Vec<String>,
    },
    #[error("cluster `{cluster}`: {why}")]
    Cluster { cluster: Name, why: String },
}

impl Session {
    /// IO: the last run of a job.
    pub(crate) async fn known_run(&self, organisation: &Name, app: &Name, job: &str) -> Result<KnownRun, UnknownRun> {
        let (inventories, unread) = self.inventories().await;
        let mut known = Vec::new();
        let once = self.once(organisation, app, job).map(|(_, once)| once);
        let data = once.as_ref().and_then(|once| Name::new(once.key.split_once('/')?.0).ok());
        let data = data.unwrap_or_else(|| app.clone());
        for (cluster, mut stored) in inventories {
            let Some(stored) = stored.remove(organisation) else { continue };
            let inventory = match stored {
                Ok(stored) => stored.inventory,
                Err(error) => return Err(UnknownRun::Cluster { cluster, why: reason_of(&error) }),
            };
            let key = format!("{data}/{job}");
            let Some(uid) = plan::last_run(&inventory, &key) else {
                let ran = inventory.jobs.keys().filter(|key| plan::last_run(&inventory, key).is_some());
                known.extend(ran.map(|key| key.replacen('/', " ", 1)));
                continue;
            };
            let run = inventory.jobs.get(&key).and_then(|record| record.run.as_ref());
            let since = match (run, self.connections().get(&cluster)) {
                (Some(run), Some(connection)) => self.since(connection, organisation, &run.object, run.started).await,
                _ => None,
            };
            return Ok(KnownRun { cluster, data, uid, since, deadline: once.map(|once| once.deadline) });
        }
        if let Some((cluster, why)) = unread.into_iter().chain(self.unreached()).next() {
            return Err(UnknownRun::Cluster { cluster, why });
        }
        Err(UnknownRun::Job { organisation: organisation.clone(), app: app.clone(), job: job.to_owned(), known })
    }

    async fn since(&self, connection: &Connection, namespace: &Name, job: &str, recorded: Option<i64>) -> Option<i64> {
        let garden = &self.clusters.as_ref()?.garden;
        // What cannot be read may run: whoever asks is told.
        let running = running_since(connection, garden, namespace.as_str(), job).await;
        running.unwrap_or(Some(0)).map(|since| recorded.unwrap_or(since))
    }

    /// The job as the garden has it.
    fn once(&self, organisation: &Name, app: &Name, job: &str) -> Option<(ObjectId, OneTime)> {
        let objects = self.checked.objects.get(organisation)?.open();
        let mut jobs = objects.objects.into_iter().filter(|object| object.app.as_ref() == Some(app));
        jobs.find_map(|object| Some((object.id, object.once.filter(|once| once.job == job)?)))
    }

    /// IO: runs a job that a word was noted for, and nothing else of its organisation. `None` where the garden does not have it.
    pub(crate) async fn run_again(
        &mut self,
        organisation: &Name,
        (app, job): (&Name, &str),
        wait: Option<Duration>,
        now: jiff::Timestamp,
    ) -> Option<Round> {
        let (id, _) = self.once(organisation, app, job)?;
        let only = BTreeSet::from([organisation.clone()]);
        let options = RoundOptions { only: Some(only.clone()), wait, ..RoundOptions::everything(now) };
        self.known.inventories.clear();
        let mut prepared = self.prepare_batch(&options, only, &BTreeMap::new()).await?;
        let actions = prepared.plan.organisations.iter_mut().flat_map(|one| &mut one.actions);
        for action in actions.filter(|action| action.verb().writes() && action.id != id) {
            action.hold(Holding::NotAgreed { open: true });
        }
        Some(self.carry_out_batch(prepared, &mut |_, _| {}).await)
    }
}
