//! How organisations fare: what is applied, healthy, held, asleep, behind. A value, read from a prepared plan.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Prepared;
use crate::check::Checked;
use crate::model::App;
use crate::name::Name;
use crate::plan::{HealthState, LiveObject, OrganisationPlan, Verb, health};
use crate::reconcile::OrganisationState;
use crate::render::State;

/// One organisation, as people ask about it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganisationStatus {
    /// Its name.
    pub organisation: Name,
    /// Its title.
    pub title: String,
    /// On which cluster.
    pub cluster: Name,
    /// The commit it was last brought about whole from; empty where it never was.
    pub commit: String,
    /// Its apps.
    pub apps: Vec<AppStatus>,
    /// Writes that a plan would make now.
    pub pending: usize,
    /// What cannot be done, or is held back, as sentences.
    pub remarks: Vec<String>,
    /// A finding stops it: it stays as applied.
    pub stopped: bool,
}

/// One app.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppStatus {
    /// Its name.
    pub app: Name,
    /// What it is.
    pub definition: Name,
    /// The release that the garden asks for.
    pub version: String,
    /// Where it is reached.
    pub hosts: Vec<String>,
    /// `running`, `asleep`, `paused`, `archived`, `retired`.
    pub state: &'static str,
    /// The worst health of its objects; absent where it has none yet.
    pub health: Option<HealthState>,
    /// Which objects are not ready, and why.
    pub unready: Vec<String>,
    /// From when its data may be deleted, in Unix seconds; of retired apps.
    pub data_until: Option<i64>,
}

impl OrganisationStatus {
    /// Whether nothing needs a person.
    pub fn is_well(&self) -> bool {
        let failed = |app: &AppStatus| app.health == Some(HealthState::Failed);
        !self.stopped && self.pending == 0 && self.remarks.is_empty() && !self.apps.iter().any(failed)
    }
}

impl Prepared {
    /// How each organisation fares, in order of name; those that a finding stops come with what is known of them.
    pub fn statuses(&self, checked: &Checked) -> Vec<OrganisationStatus> {
        let plans: BTreeMap<&Name, &OrganisationPlan> =
            self.plan.organisations.iter().map(|plan| (&plan.organisation, plan)).collect();
        let read = self.state.clusters.values().flatten().flat_map(|cluster| &cluster.organisations);
        let mut statuses: Vec<_> = read.map(|(name, state)| status(checked, name, state, plans.get(name).copied())).collect();
        let broken = checked.garden.iter().flat_map(|garden| &garden.broken);
        statuses.extend(broken.map(stopped));
        statuses.sort_by(|a, b| a.organisation.cmp(&b.organisation));
        statuses
    }
}

fn stopped(name: &Name) -> OrganisationStatus {
    OrganisationStatus {
        organisation: name.clone(),
        title: String::new(),
        cluster: name.clone(),
        commit: String::new(),
        apps: Vec::new(),
        pending: 0,
        remarks: vec!["findings stop it; it stays as applied: parcelle check".to_owned()],
        stopped: true,
    }
}

fn status(checked: &Checked, name: &Name, state: &OrganisationState, plan: Option<&OrganisationPlan>) -> OrganisationStatus {
    let organisation = checked.garden.as_ref().and_then(|garden| garden.organisations.get(name));
    let mut by_app: BTreeMap<&Name, Vec<&LiveObject>> = BTreeMap::new();
    for (id, entry) in &state.stored.inventory.entries {
        if let (Some(app), Some(object)) = (&entry.app, state.live.objects.get(id)) {
            by_app.entry(app).or_default().push(object);
        }
    }
    let apps = organisation.iter().flat_map(|organisation| organisation.apps.values());
    OrganisationStatus {
        organisation: name.clone(),
        title: organisation.map(|organisation| organisation.title.clone()).unwrap_or_default(),
        cluster: state.objects.cluster.clone(),
        commit: state.stored.inventory.commit.clone(),
        apps: apps.map(|app| app_status(app, state, plan, by_app.get(&app.name).map_or(&[][..], Vec::as_slice))).collect(),
        pending: plan.map_or(0, |plan| plan.actions.iter().filter(|action| action.verb.writes()).count()),
        remarks: remarks(state, plan),
        stopped: false,
    }
}

fn remarks(state: &OrganisationState, plan: Option<&OrganisationPlan>) -> Vec<String> {
    let held = state.said.hold.iter().map(|why| format!("held: {why}"));
    let paused = state.said.paused.iter().map(|why| format!("paused: {why}"));
    let refused = plan.into_iter().flat_map(|plan| &plan.actions).filter(|action| action.verb == Verb::Refused);
    held.chain(paused).chain(refused.map(|action| format!("refused: {}: {}", action.id, action.reason))).collect()
}

fn app_status(app: &App, state: &OrganisationState, plan: Option<&OrganisationPlan>, objects: &[&LiveObject]) -> AppStatus {
    let known: Vec<_> = objects.iter().map(|object| (object, health(&object.body))).collect();
    let word = match state.objects.states.get(&app.name) {
        Some(State::Night(_)) => "asleep",
        Some(State::Paused(_)) => "paused",
        Some(State::Archived(_)) => "archived",
        Some(State::Retired(_)) => "retired",
        Some(State::Peak(_)) => "at a peak",
        Some(State::Awake) | None => "running",
    };
    let unready = known.iter().filter(|(_, health)| !health.is_ready()).map(|(object, health)| {
        let (kind, name) = (&object.body["kind"], &object.body["metadata"]["name"]);
        let why = if health.message.is_empty() { health.state.to_string() } else { health.message.clone() };
        format!("{} {}: {why}", kind.as_str().unwrap_or_default(), name.as_str().unwrap_or_default())
    });
    AppStatus {
        app: app.name.clone(),
        definition: app.definition.name.clone(),
        version: app.release.version.clone(),
        hosts: app.hosts.iter().map(|host| host.value.clone()).collect(),
        state: word,
        health: known.iter().map(|(_, health)| health.state).max_by_key(|state| severity(*state)),
        unready: unready.collect(),
        data_until: plan.and_then(|plan| plan.retired.get(&app.name)).map(|retired| retired.until),
    }
}

/// The worse, the higher.
fn severity(state: HealthState) -> u8 {
    match state {
        HealthState::Ready => 0,
        HealthState::Terminating => 1,
        HealthState::Progressing => 2,
        HealthState::Failed => 3,
    }
}
