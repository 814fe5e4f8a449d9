//! Pure: what is agreed to of the plan that is made anew, by a saved one.
//!
//! A saved plan is a file that anybody may have edited. Nothing of it is written: it only says which actions were agreed to.
//! All that it says must stand in the plan made anew from its commit against what is live; what it does not have is held back.

use std::collections::{BTreeMap, BTreeSet};

use super::passed;
use super::prepared::Prepared;
use super::round::Round;
use super::session::Session;
use super::stages::decide;
use super::state::{ClusterState, LiveState, OrganisationState, RoundState};
use crate::cause::reason_of;
use crate::name::Name;
use crate::plan::agreed::{Clocks, Mismatch, hold_further, is_same_clock, mismatch, mismatch_of_nothing, words};
use crate::plan::{self, Action, OrganisationPlan, Plan, PlanHead, Retirement};
use crate::render::ObjectId;

/// What is agreed to of a plan that is made anew.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    /// Why nothing of it may be applied; empty where it may.
    pub(crate) moved: Moved,
    /// What only the plan made anew has, by organisation.
    pub(crate) further: BTreeMap<Name, Further>,
}

/// Reasons for which a saved plan must not be applied any more.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// The first of them.
    pub(crate) told: Vec<String>,
    /// How many there are.
    pub(crate) count: usize,
}

/// What only the plan made anew has of an organisation.
#[derive(Debug, Default)]
pub(crate) struct Further {
    /// The first few objects.
    pub(crate) named: Vec<String>,
    /// How many there are.
    pub(crate) count: usize,
}

/// So many reasons are told; what they say has mostly one cause.
const MOST_TOLD: usize = 8;

/// So many objects of an organisation are named that a saved plan does not have.
const MOST_NAMED: usize = 3;

impl Moved {
    /// A single reason.
    pub(crate) fn of(why: impl Into<String>) -> Self {
        Self { told: vec![why.into()], count: 1 }
    }

    /// Adds a reason.
    pub(crate) fn push(&mut self, why: String) {
        self.count += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push(why);
        }
    }

    fn differs(&mut self, what: &str, written: &str, anew: &str) {
        if written != anew {
            self.push(format!("{what} is `{written}` in the file and `{anew}` in the plan made anew"));
        }
    }
}

impl Agreed {
    /// Adds what came of another batch.
    pub(crate) fn join(&mut self, other: Self) {
        self.moved.count += other.moved.count;
        self.moved.told.extend(other.moved.told);
        self.moved.told.truncate(MOST_TOLD);
        self.further.extend(other.further);
    }
}

impl Further {
    fn push(&mut self, action: &Action) {
        self.count += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(action.id.to_string());
        }
    }
}

impl Session {
    /// Why a saved plan is none of the garden at hand, by its head.
    pub(crate) fn other_head(&self, head: &PlanHead) -> Moved {
        let (mut moved, checked) = (Moved::default(), self.checked());
        let Some(garden) = &checked.garden else {
            moved.push("there is no garden at its commit".to_owned());
            return moved;
        };
        if head.schema != plan::SCHEMA {
            moved.push(format!("its form is `{}`, this parcelle writes `{}`", head.schema, plan::SCHEMA));
        }
        if head.garden != garden.name {
            moved.push(format!("it is a plan of the garden `{}`, and this one is `{}`", head.garden, garden.name));
        }
        let commit = checked.commit.as_ref().map_or("", |commit| commit.id.0.as_str());
        if head.commit != commit {
            moved.push(format!("it names the commit `{}`, which is `{commit}`", head.commit));
        }
        if head.renderer_hash != checked.renderer_hash {
            let (written, own) = (&head.renderer_hash, &checked.renderer_hash);
            moved.push(format!(
                "another parcelle made it (renderer `{written}`, and this one is `{own}`): it may render other objects"
            ));
        }
        moved
    }

    /// Leaves of a plan that is made anew what a saved one agrees to.
    pub(crate) fn agree(&self, prepared: &mut Prepared, saved: &Plan) -> Agreed {
        let (connections, truces) = (self.connections(), BTreeMap::new());
        let Prepared { options, organisations, objects, live, plan, .. } = prepared;
        let Some(round) = self.round_state(options, organisations, objects, &connections, &truces) else {
            return Agreed::default();
        };
        agree(&round, live, saved, plan)
    }

    /// Why an organisation of a saved plan is not planned now.
    pub(crate) fn why_not_planned(&self, organisation: &Name, round: &Round) -> String {
        let garden = self.checked().garden.as_ref();
        let written = garden.and_then(|garden| garden.organisations.get(organisation));
        let home = self.applied_on(organisation).or(written.map(|written| &written.cluster.name));
        if let Some(waits) = round.waiting.get(organisation) {
            return format!("`{organisation}` {waits}");
        }
        if let Some((cluster, why)) = home.and_then(|home| round.unreached.get_key_value(home)) {
            return format!("`{organisation}` cannot be planned: cluster `{cluster}`: {why}");
        }
        if garden.is_some_and(|garden| garden.broken.contains(organisation)) {
            return format!("`{organisation}` has findings at this commit (`parcelle check` tells them)");
        }
        if written.is_some() {
            return format!("`{organisation}` is not planned now: `parcelle status {organisation}` says how it fares");
        }
        format!("the garden has no organisation `{organisation}` at this commit")
    }

    /// The cluster that an organisation has objects on.
    fn applied_on(&self, organisation: &Name) -> Option<&Name> {
        self.known.applied.as_ref().and_then(|applied| applied.homes.get(organisation))
    }
}

/// Leaves of a plan that is made anew what a saved one agrees to.
fn agree(round: &RoundState<'_>, live: &LiveState, saved: &Plan, anew: &mut Plan) -> Agreed {
    let mut agreed = Agreed::default();
    let clocks = Clocks { written: saved.head.made, anew: anew.head.made };
    let planned: BTreeSet<Name> = anew.organisations.iter().map(|one| one.organisation.clone()).collect();
    for written in saved.organisations.iter().filter(|one| !planned.contains(&one.organisation)) {
        agreed.moved.push(why_unread(round, live, &written.organisation));
    }
    for one in &mut anew.organisations {
        let written = saved.organisations.iter().find(|written| written.organisation == one.organisation);
        let cluster = live.clusters.get(&one.cluster).and_then(|cluster| cluster.as_ref().ok());
        let read = cluster.and_then(|cluster| Some((cluster, cluster.organisations.get(&one.organisation)?)));
        let (Some(written), Some((cluster, state))) = (written, read) else {
            one.actions.clear();
            continue;
        };
        let held = HeldAgainst { round, cluster, state, written, clocks };
        let (moved, further) = held.organisation(one);
        agreed.join(Agreed { moved, further: BTreeMap::new() });
        if further.count > 0 {
            agreed.further.insert(one.organisation.clone(), further);
        }
    }
    agreed
}

fn why_unread(round: &RoundState<'_>, live: &LiveState, organisation: &Name) -> String {
    let cluster = round.garden.organisations.get(organisation).map(|written| &written.cluster.name);
    match cluster.and_then(|cluster| Some((cluster, live.clusters.get(cluster)?))) {
        Some((cluster, Err(failure))) => format!("cluster `{cluster}` cannot be read: {}", reason_of(failure)),
        Some((cluster, Ok(state))) => match state.unreadable.get(organisation) {
            Some(error) => format!("the inventory of `{organisation}` cannot be read: {}", reason_of(error)),
            None => {
                format!("nothing of `{organisation}` is on cluster `{cluster}` any more, and nothing of it is to come")
            }
        },
        None => format!("the garden has no organisation `{organisation}` any more, and nothing of it is left"),
    }
}

/// An organisation of a saved plan, held against the same made anew.
struct HeldAgainst<'a> {
    round: &'a RoundState<'a>,
    cluster: &'a ClusterState,
    state: &'a OrganisationState,
    written: &'a OrganisationPlan,
    clocks: Clocks,
}

impl HeldAgainst<'_> {
    fn organisation(&self, anew: &mut OrganisationPlan) -> (Moved, Further) {
        let (mut found, mut further) = (Moved::default(), Further::default());
        let is_done = self.actions(anew, &mut found);
        if is_done {
            let (name, commit) = (&anew.organisation, &self.state.stored.inventory.commit);
            let at = if commit.is_empty() { String::new() } else { format!(" (it is at commit `{commit}`)") };
            return (Moved::of(format!("all that the file says of `{name}` is applied already{at}")), further);
        }
        self.head(anew, &mut found);
        if found.count == 0 {
            further = self.restrict(anew, &mut found);
        }
        if found.count == 0 {
            return (found, further);
        }
        // What the hour changed is the cause of all that follows.
        let mut moved = Moved::default();
        let edges = passed::edges(self.round, self.written, anew, self.clocks);
        edges.into_iter().for_each(|edge| moved.push(edge));
        moved.count += found.count;
        moved.told.extend(found.told);
        moved.told.truncate(MOST_TOLD);
        (moved, further)
    }

    /// What a plan says of the whole organisation.
    fn head(&self, anew: &OrganisationPlan, found: &mut Moved) {
        let (name, written) = (&anew.organisation, self.written);
        found.differs(&format!("the cluster of `{name}`"), written.cluster.as_str(), anew.cluster.as_str());
        let what = format!("the uid of cluster `{}`", anew.cluster);
        found.differs(&what, &written.cluster_uid, &anew.cluster_uid);
        found.differs(&format!("the namespace of `{name}`"), &written.namespace, &anew.namespace);
        let rendered =
            if written.changes_anything() { decide::rendered_hash(&self.state.objects) } else { String::new() };
        found.differs(&format!("what is rendered for `{name}`"), &written.rendered_hash, &rendered);
        if written.hatches != anew.hatches {
            found.push(format!("the file lists other hatches of `{name}` than are in use or new by now"));
        }
        if !plan::agreed::is_same_later(&written.later, &anew.later) {
            found.push(format!("the file says otherwise what acts later in `{name}`"));
        }
        let same = |one: Option<&Retirement>, other: Option<&Retirement>| match (one, other) {
            (Some(one), Some(other)) => is_same_clock(*one, *other, self.clocks),
            (one, other) => one.is_none() && other.is_none(),
        };
        let apps: BTreeSet<&Name> = written.retired.keys().chain(anew.retired.keys()).collect();
        for app in apps.into_iter().filter(|app| !same(written.retired.get(*app), anew.retired.get(*app))) {
            found.push(format!(
                "the file says otherwise since when and for how long the data of `{name}/{app}` is kept"
            ));
        }
        if !same(written.retired_organisation.as_ref(), anew.retired_organisation.as_ref()) {
            found.push(format!("the file says otherwise since when and for how long the data of `{name}` is kept"));
        }
    }

    /// What it says of each object. Returns whether all that it writes is done already, and nothing else is amiss.
    fn actions(&self, anew: &OrganisationPlan, found: &mut Moved) -> bool {
        let name = &anew.organisation;
        let by_identity: BTreeMap<_, &Action> =
            anew.actions.iter().map(|action| (action.id.identity(), action)).collect();
        let gone: BTreeSet<_> = anew.gone.iter().map(ObjectId::identity).collect();
        let (mut seen, mut done, mut writes) = (BTreeSet::new(), Vec::new(), 0_usize);
        for action in &self.written.actions {
            writes += usize::from(action.verb().writes());
            if !seen.insert(action.id.identity()) {
                found.push(format!("{} of `{name}` stands in the file twice", action.id));
                continue;
            }
            let why = match by_identity.get(&action.id.identity()) {
                Some(anew) => mismatch(action, anew, self.clocks),
                None => mismatch_of_nothing(action, gone.contains(&action.id.identity()) || self.is_gone(action)),
            };
            match why {
                None => {}
                Some(Mismatch::Done) => done.push(&action.id),
                Some(Mismatch::Other(why)) => found.push(format!("{} of `{name}`: {why}", action.id)),
            }
        }
        if found.count == 0 && !done.is_empty() && done.len() == writes {
            return true;
        }
        done.into_iter().for_each(|id| found.push(format!("{id} of `{name}`: what the file says is applied already")));
        false
    }

    /// Whether the object of a deletion went with its entry, and the garden does not ask for it.
    fn is_gone(&self, action: &Action) -> bool {
        let same = |id: &ObjectId| id.identity() == action.id.identity();
        let is_ours = *action.id.namespace == *self.written.namespace || *action.id.name == *self.written.namespace;
        is_ours && action.desired_hash.is_empty() && !self.state.live.objects.keys().any(same)
    }

    /// Holds back what the file does not have; all that it has must be done all the same.
    fn restrict(&self, anew: &mut OrganisationPlan, found: &mut Moved) -> Further {
        let mut further = Further::default();
        let agreed: BTreeSet<_> =
            self.written.actions.iter().filter(|one| one.verb().writes()).map(|one| one.id.identity()).collect();
        let input = decide::input(self.round, &self.cluster.facts.schemas, self.state);
        for action in anew.actions.iter_mut().filter(|action| action.verb().writes()) {
            if !agreed.contains(&action.id.identity()) {
                further.push(action);
                hold_further(&input, action);
            }
        }
        decide::guard(self.round, self.cluster, self.state, anew);
        let name = &anew.organisation;
        for action in anew.actions.iter().filter(|one| agreed.contains(&one.id.identity()) && !one.verb().writes()) {
            found.push(format!(
                "{} of `{name}`: without what the file leaves out the plan made anew says {}",
                action.id,
                words(action)
            ));
        }
        further
    }
}
