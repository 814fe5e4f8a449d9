//! Doing one organisation's plan: its steps in order, inside a step everything at once, each waited for where the plan says so.
//!
//! Nothing is decided here. A failure stops the later steps of its app (of the organisation, where it is nobody's), every
//! later delete, and nothing of any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::act::{self, Acted};
use super::connect::{Connection, Writer};
use super::discovery::Kinds;
use super::inventory::Ledger;
use super::left_pods;
use super::mirror::Mirror;
use super::pods;
use super::wait;
use crate::finding::Findings;
use crate::kind;
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan;
use crate::plan::order::{self, Phase, Step};
use crate::plan::{
    Action, Directives, Done, Health, HealthState, Inventory, Live, OrganisationOutcome, OrganisationPlan, Outcome,
    Skip, Verb, health,
};
use crate::render::{ObjectId, OrganisationObjects, Stage};
use crate::secrets::Tainted;
use crate::source::Sources;

/// Everything that the doing of one organisation's plan needs.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    /// The cluster, with the right to write.
    pub(crate) writer: &'a Writer,
    pub(crate) kinds: &'a Kinds,
    /// The garden's name.
    pub(crate) garden: &'a Name,
    /// What is done.
    pub(crate) plan: &'a OrganisationPlan,
    pub(crate) objects: &'a OrganisationObjects,
    /// What the garden says about changing them.
    pub(crate) directives: &'a Directives,
    /// What was there when the plan was made.
    pub(crate) live: &'a Live,
    /// The inventory as it was written ahead: the nonces of what is made are in it.
    pub(crate) inventory: &'a Inventory,
    /// The inventory as it is stored, for what must be recorded while the plan is carried out.
    pub(crate) ledger: &'a Ledger<'a>,
    /// What fields are.
    pub(crate) schemas: &'a Schemas,
    /// What others wrote into these objects, looked at when a server says something of one.
    pub(crate) others: &'a OnceLock<Tainted>,
    /// The texts that spans refer to.
    pub(crate) sources: &'a Sources,
    /// How long one step is waited for; `None` goes through all of them at once.
    pub(crate) wait: Option<Duration>,
    /// Who is told what the answers showed.
    pub(crate) mirror: Option<&'a Mirror>,
    /// Who is told while it goes on.
    pub(crate) progress: Option<&'a UnboundedSender<Progress>>,
}

/// What goes on, for whoever watches.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A cluster is being read.
    Reading {
        cluster: Name,
        /// For how many organisations.
        organisations: usize,
    },
    /// An organisation was read and compared.
    Planned {
        organisation: Name,
        /// How many actions write something.
        writes: usize,
    },
    /// A step begins.
    Step {
        organisation: Name,
        stage: Stage,
        /// Whether it deletes.
        deletes: bool,
        /// How many actions.
        actions: usize,
    },
    /// An action has ended.
    Acted {
        organisation: Name,
        /// What came of it.
        outcome: Outcome,
    },
    /// An object is waited for.
    Waiting {
        organisation: Name,
        object: ObjectId,
        /// How it is.
        health: Health,
    },
    /// An organisation is through.
    Finished {
        organisation: Name,
        /// Whether something is left to do.
        open: bool,
    },
}

impl<'a> Work<'a> {
    pub(super) fn connection(&self) -> &'a Connection {
        self.writer.connection()
    }

    /// How long something is waited for that a single action needs (an old object gone, a source made).
    pub(super) fn patience(&self) -> Duration {
        self.wait.unwrap_or(Duration::ZERO)
    }

    pub(super) fn tell(&self, progress: Progress) {
        if let Some(progress_of) = self.progress {
            // Nobody listening is no failure.
            let _closed = progress_of.send(progress);
        }
    }
}

/// What came of an organisation's plan, with the findings that refusals became.
#[derive(Debug)]
pub(crate) struct Applied {
    /// One outcome an action.
    pub(crate) outcome: OrganisationOutcome,
    /// On the lines that the API server refused.
    pub(crate) findings: Findings,
    /// Jobs that the plan keeps and that did their work while they were waited for.
    pub(crate) finished: BTreeSet<ObjectId>,
}

/// Does one organisation's plan.
pub async fn organisation(work: &Work<'_>) -> Applied {
    let done = vec![None; work.plan.actions.len()];
    let (findings, finished) = (Findings::default(), BTreeSet::new());
    let mut doing = Doing { done, warnings: BTreeMap::new(), findings, stops: BTreeMap::new(), finished };
    for step in order::steps(work.plan) {
        doing.step(work, &step).await;
    }
    doing.wait_for_jobs(work).await;
    let outcomes = work.plan.actions.iter().zip(doing.done).enumerate();
    let outcomes: Vec<Outcome> = outcomes
        .map(|(at, (action, done))| Outcome {
            warnings: doing.warnings.remove(&at).unwrap_or_default(),
            ..outcome_of(action, done.unwrap_or_else(|| action.untried()))
        })
        .collect();
    let open = outcomes.iter().any(Outcome::is_open);
    work.tell(Progress::Finished { organisation: work.plan.organisation.clone(), open });
    let outcome = OrganisationOutcome {
        organisation: work.plan.organisation.clone(),
        cluster: work.plan.cluster.clone(),
        outcomes,
        unchanged: 0,
        failure: None,
    };
    Applied { outcome, findings: doing.findings, finished: doing.finished }
}

fn outcome_of(action: &Action, done: Done) -> Outcome {
    Outcome { id: action.id.clone(), verb: action.verb(), app: action.app.clone(), done, warnings: Vec::new() }
}

struct Doing {
    /// One an action of the plan; `None` until its step.
    done: Vec<Option<Done>>,
    /// What the server warned of, by action.
    warnings: BTreeMap<usize, Vec<String>>,
    findings: Findings,
    /// Why no further step of an app begins; under no name what stops all of them.
    stops: Stops,
    /// Jobs that were kept and are done by now.
    finished: BTreeSet<ObjectId>,
}

/// By app: one that failed or waits holds nothing up that does not need it.
pub(super) type Stops = BTreeMap<Option<Name>, Skip>;

impl Doing {
    async fn step(&mut self, work: &Work<'_>, step: &Step) {
        if !self.stops.contains_key(&None) {
            let blocked = self.blocked(work, step).await;
            self.stop(blocked);
            let beside = left_pods::beside(work, step, &self.done, &self.stops).await;
            self.stop(beside);
        }
        let mut begun = Vec::new();
        for at in &step.actions {
            match self.why_not(work, &work.plan.actions[*at], step.phase) {
                Some(why) => self.done[*at] = Some(Done::Skipped { why }),
                None => begun.push(*at),
            }
        }
        if begun.is_empty() {
            return;
        }
        let organisation = &work.plan.organisation;
        let deletes = step.phase != Phase::Apply;
        let actions = begun.len();
        work.tell(Progress::Step { organisation: organisation.clone(), stage: step.stage, deletes, actions });
        let acts = begun.iter().map(|at| async move {
            if work.connection().is_ending() {
                return (*at, Done::Skipped { why: Skip::Interrupted }.into());
            }
            let action = &work.plan.actions[*at];
            let entry = work.inventory.find(&action.id).map(|(_, entry)| entry);
            (*at, act::act(work, action, entry).await)
        });
        let mut acts = stream::iter(acts).buffer_unordered(32);
        while let Some((at, Acted { done, findings, warnings })) = acts.next().await {
            if !warnings.is_empty() {
                self.warnings.insert(at, warnings);
            }
            let outcome = outcome_of(&work.plan.actions[at], done.clone());
            work.tell(Progress::Acted { organisation: organisation.clone(), outcome });
            self.findings.extend(findings);
            self.done[at] = Some(done);
        }
        drop(acts);
        let failures = self.failures(work, &begun);
        self.stop(failures);
        if step.wait && !self.stops.contains_key(&None) {
            let waiting = self.wait(work, step.phase, &begun).await;
            self.stop(waiting);
        }
    }

    /// The first reason of each app counts.
    fn stop(&mut self, reasons: Vec<(Option<Name>, Skip)>) {
        for (app, why) in reasons {
            self.stops.entry(app).or_insert(why);
        }
    }

    /// Why an action is not begun: something of its app or of the whole organisation is not done. Nothing is deleted once
    /// anything went wrong, but what only makes way for its successor; a policy does not change under what is not stopped.
    fn why_not(&self, work: &Work<'_>, action: &Action, phase: Phase) -> Option<Skip> {
        let all = self.stops.get(&None);
        let own = match phase {
            Phase::Apply if action.id.is(kind::NETWORK_POLICY) && action.verb() == Verb::Change => {
                self.not_stopped(work)
            }
            Phase::Apply | Phase::Stop => self.stops.get(&action.app),
            Phase::Delete => self.stops.values().next(),
        };
        all.or(own).cloned()
    }

    /// Why a workload that was to be stopped first is not.
    fn not_stopped(&self, work: &Work<'_>) -> Option<&Skip> {
        let stops = order::stops(work.plan);
        let left =
            { stops.into_iter() }.find(|at| self.done[*at].as_ref().is_some_and(|done| *done != Done::Deleted))?;
        self.stops.get(&work.plan.actions[left].app)
    }

    /// What failed of a step, in the plan's order.
    fn failures(&self, work: &Work<'_>, begun: &[usize]) -> Vec<(Option<Name>, Skip)> {
        let failed = begun.iter().filter_map(|at| {
            let action = &work.plan.actions[*at];
            match self.done[*at].as_ref()? {
                Done::Failed { .. } | Done::Skipped { why: Skip::Stale { .. } } => {
                    Some((action.app.clone(), Skip::AfterFailure { of: action.id.clone() }))
                }
                Done::Skipped { why: Skip::Interrupted } => Some((None, Skip::Interrupted)),
                _ => None,
            }
        });
        failed.collect()
    }

    /// Waits until what a step wrote is ready, or what it deleted is gone.
    async fn wait(&mut self, work: &Work<'_>, phase: Phase, begun: &[usize]) -> Vec<(Option<Name>, Skip)> {
        let deadline = Instant::now() + work.patience();
        let done = &self.done;
        let waits = begun.iter().map(|at| async move {
            let action = &work.plan.actions[*at];
            match done[*at].as_ref() {
                Some(Done::Applied { uid, health: Some(seen) })
                    if work.wait.is_some() && action.verb() != Verb::Delete =>
                {
                    let health = settled(work, &action.id, seen, deadline).await;
                    (*at, Ok(Some(Done::Applied { uid: uid.clone(), health: Some(health) })))
                }
                Some(Done::Deleting) => match wait::gone(work, action, deadline).await {
                    None => (*at, Ok(Some(Done::Deleted))),
                    Some(health) => (*at, Err(health)),
                },
                _ => (*at, Ok(None)),
            }
        });
        let waited: Vec<(usize, Result<Option<Done>, Health>)> =
            stream::iter(waits).buffer_unordered(64).collect().await;
        let mut leaving = BTreeMap::new();
        for (at, done) in waited {
            match done {
                Ok(None) => {}
                Ok(done) => self.done[at] = done,
                Err(health) => drop(leaving.insert(at, health)),
            }
        }
        let open = begun.iter().filter_map(|at| {
            let action = &work.plan.actions[*at];
            let (app, object) = (action.app.clone(), action.id.clone());
            match self.done[*at].as_ref()? {
                Done::Applied { health: Some(health), .. }
                    if work.wait.is_some() && health.state != HealthState::Ready =>
                {
                    Some((app, Skip::WaitsFor { object, health: health.clone() }))
                }
                Done::Deleting => {
                    // What makes way for its successor holds that up alone.
                    let app = app.filter(|_| phase == Phase::Stop);
                    Some((app, Skip::WaitsFor { object, health: leaving.remove(at).unwrap_or_else(Health::leaving) }))
                }
                _ => None,
            }
        });
        open.collect()
    }

    /// Waits for the one-time jobs that were begun and that nothing has waited for.
    async fn wait_for_jobs(&mut self, work: &Work<'_>) {
        let deadline = Instant::now() + work.patience();
        for (at, action) in work.plan.actions.iter().enumerate().filter(|(_, action)| action.id.is(kind::JOB)) {
            if let Some(Done::Applied { uid, health: Some(seen) }) = &self.done[at] {
                let health = settled(work, &action.id, seen, deadline).await;
                self.done[at] = Some(Done::Applied { uid: uid.clone(), health: Some(health) });
            }
        }
    }

    /// What an earlier round left unready and this step needs: data services and jobs that the plan keeps as they are.
    async fn blocked(&mut self, work: &Work<'_>, step: &Step) -> Vec<(Option<Name>, Skip)> {
        if work.wait.is_none() || step.phase == Phase::Delete {
            return Vec::new();
        }
        let deadline = Instant::now() + work.patience();
        let comes_before = |stage: Stage| matches!(stage, Stage::Data | Stage::Upgrade) && stage < step.stage;
        let kept = work.plan.actions.iter();
        let kept = kept.filter(|action| action.verb() == Verb::Keep && comes_before(action.stage));
        let unready = kept.filter_map(|action| {
            let whole = work.live.objects.get(&action.id).map(|object| health(&object.body));
            let seen = whole.or_else(|| Some(work.live.settled.get(&action.id)?.health.clone()))?;
            (seen.state != HealthState::Ready && !self.stops.contains_key(&action.app)).then_some((action, seen))
        });
        let waits = unready.map(|(action, seen)| async move {
            let health = settled(work, &action.id, &seen, deadline).await;
            (action, health)
        });
        let settled: Vec<_> = stream::iter(waits).buffer_unordered(64).collect().await;
        let done = settled.iter().filter(|(action, health)| action.id.is(kind::JOB) && health.is_ready());
        self.finished.extend(done.map(|(action, _)| action.id.clone()));
        let open = settled.into_iter().filter(|(_, health)| health.state != HealthState::Ready);
        open.map(|(action, health)| (action.app.clone(), Skip::WaitsFor { object: action.id.clone(), health }))
            .collect()
    }
}

/// How an object is once it is ready, failed, or the deadline has come.
async fn settled(work: &Work<'_>, id: &ObjectId, seen: &Health, deadline: Instant) -> Health {
    if matches!(seen.state, HealthState::Ready) || Instant::now() >= deadline {
        return seen.clone();
    }
    work.tell(Progress::Waiting {
        organisation: work.plan.organisation.clone(),
        object: id.clone(),
        health: seen.clone(),
    });
    let Ok(resource) = work.kinds.of(id) else { return seen.clone() };
    match wait::until_settled(work.connection(), resource, id, deadline).await {
        Ok(health) if health.state == HealthState::Failed && id.is(kind::JOB) => with_end(work, id, health).await,
        Ok(health) => health,
        Err(error) => Health { message: error.to_string(), ..seen.clone() },
    }
}

/// The health of a Job that failed, with how its last container ended.
async fn with_end(work: &Work<'_>, id: &ObjectId, health: Health) -> Health {
    let pods = pods::of_jobs(work.connection(), work.garden, &id.namespace, Some(&id.name)).await.unwrap_or_default();
    let end = pods.get(&*id.name).and_then(|pods| pods.end.as_ref());
    let why = end.map_or_else(|| health.message.clone(), ToString::to_string);
    let object = work.objects.objects.iter().find(|object| object.id == *id);
    let Some(command) = object.and_then(|object| plan::rerun_command(&work.plan.organisation, object)) else {
        return Health { message: why, ..health };
    };
    Health { message: plan::failed_with_way_out(&why, &command), ..health }
}
