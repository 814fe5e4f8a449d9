//! How organisations fare: what was changed last, what is healthy, held, asleep, retired, open. Read from a prepared plan.

use std::collections::{BTreeMap, BTreeSet};

use super::kept::findings_of;
use super::known::Known;
use super::prepared::Prepared;
use super::state::OrganisationState;
use crate::cause::reason_of;
use crate::check::Checked;
use crate::finding::Finding;
use crate::kind;
use crate::model::App;
use crate::name::Name;
use crate::plan::{self, Action, Health, Holding, Keeping, Live, OrganisationPlan, Reason, Refusing, Verb, health};
use crate::render::{Object, ObjectId, State};
use crate::report::plan::{AppStatus, DataGone, OpenObject, OrganisationStatus};

impl Prepared {
    /// How each organisation fares.
    pub(super) fn statuses(&self, checked: &Checked) -> Vec<OrganisationStatus> {
        let plans: BTreeMap<&Name, &OrganisationPlan> =
            self.plan.organisations.iter().map(|plan| (&plan.organisation, plan)).collect();
        let read = self.live.clusters.values().flatten().flat_map(|cluster| &cluster.organisations);
        let read = read.map(|(name, state)| status(checked, name, state, plans.get(name).copied()));
        let clusters = self.live.clusters.iter().filter_map(|(name, read)| Some((name, read.as_ref().ok()?)));
        let damaged = clusters.flat_map(|(cluster, read)| read.unreadable.iter().map(move |one| (cluster, one)));
        let damaged = damaged.map(|(cluster, (name, error))| OrganisationStatus {
            organisation: name.to_string(),
            title: title(checked, name),
            cluster: cluster.to_string(),
            lost: Some(format!("its inventory cannot be read: {}", reason_of(error))),
            ..OrganisationStatus::default()
        });
        read.chain(damaged).collect()
    }
}

/// The organisations that a finding stops: of them only that is known.
pub(super) fn stopped_ones(known: &Known, checked: &Checked) -> Vec<OrganisationStatus> {
    let broken = checked.garden.iter().flat_map(|garden| &garden.broken);
    broken.map(|name| stopped(known, checked, name)).collect()
}

/// An organisation that findings stop: it stays as applied.
fn stopped(known: &Known, checked: &Checked, name: &Name) -> OrganisationStatus {
    let told = |finding: &Finding| {
        let at = checked.sources.start(finding.primary.span);
        let file = &checked.sources.file(finding.file()).path;
        format!("{}: {}, {file}:{}", finding.code.as_str(), finding.title, at.line)
    };
    let mut findings: Vec<String> = findings_of(checked, name).into_iter().map(told).collect();
    if findings.is_empty() {
        findings.push("`parcelle check` has what it rests on".to_owned());
    }
    OrganisationStatus { findings, ..applied_status(known, name) }
}

/// What is known of an organisation that no round looks at: where it is applied, and at which commit.
pub(super) fn applied_status(known: &Known, name: &Name) -> OrganisationStatus {
    let applied = known.applied.as_ref();
    let home = applied.and_then(|applied| applied.homes.get(name));
    OrganisationStatus {
        organisation: name.to_string(),
        title: applied.and_then(|applied| applied.title(name)).unwrap_or_default(),
        cluster: home.map(Name::to_string).unwrap_or_default(),
        commit: applied.and_then(|applied| applied.commits.get(name)).map(|at| at.0.clone()).unwrap_or_default(),
        begun: applied.and_then(|applied| applied.begun.get(name)).map(|at| at.0.clone()).unwrap_or_default(),
        ..OrganisationStatus::default()
    }
}

/// The organisations that should be, or may be, on a cluster that cannot be read, by it: what the garden asks for.
pub(super) fn unread_ones(checked: &Checked, unread: &BTreeMap<Name, String>) -> Vec<(Name, OrganisationStatus)> {
    let Some(garden) = &checked.garden else { return Vec::new() };
    let written = garden.organisations.values().chain(garden.stopped.values());
    let away =
        written.filter_map(|organisation| Some((organisation, unread.get_key_value(&organisation.cluster.name)?)));
    let mut all: Vec<(Name, OrganisationStatus)> = away
        .map(|(organisation, (cluster, why))| {
            let held = |app: &App| app.hold.as_ref().map(|why| why.value.clone());
            let apps = organisation.apps.values().map(|app| AppStatus {
                name: app.name.to_string(),
                definition: app.definition.name.to_string(),
                release: app.release.version.clone(),
                at: app.hosts.first().map(|host| host.value.clone()),
                held: held(app),
                ..AppStatus::default()
            });
            let status = OrganisationStatus {
                organisation: organisation.name.to_string(),
                title: organisation.title.clone(),
                cluster: cluster.to_string(),
                unreached: Some(why.clone()),
                held: organisation.hold.as_ref().map(|why| why.value.clone()),
                apps: apps.collect(),
                ..OrganisationStatus::default()
            };
            (cluster.clone(), status)
        })
        .collect();
    // Of one whose file cannot be read nobody knows where it is to be.
    let nameless = garden.broken.iter().filter(|name| !garden.stopped.contains_key(*name));
    all.extend(nameless.filter_map(|name| {
        let (cluster, why) = unread.first_key_value()?;
        let (organisation, unreached) = (name.to_string(), Some(why.clone()));
        let cluster_name =
            if unread.len() == 1 && garden.clusters.len() == 1 { cluster.to_string() } else { String::new() };
        let status =
            OrganisationStatus { organisation, unreached, cluster: cluster_name, ..OrganisationStatus::default() };
        Some((cluster.clone(), status))
    }));
    all
}

fn status(
    checked: &Checked,
    name: &Name,
    state: &OrganisationState,
    plan: Option<&OrganisationPlan>,
) -> OrganisationStatus {
    let organisation = checked.garden.as_ref().and_then(|garden| garden.organisations.get(name));
    let known: Vec<(&ObjectId, Option<&Name>, Health)> = state
        .stored
        .inventory
        .entries
        .iter()
        .filter_map(|(id, entry)| Some((id, entry.app.as_ref(), well(&state.live, id)?)))
        .collect();
    let is_lost = plan.is_some_and(OrganisationPlan::is_lost);
    let apps = organisation.iter().filter(|_| !is_lost).flat_map(|organisation| organisation.apps.values());
    let unwell = known.iter().filter(|(id, _, health)| !health.is_ready() && !is_told_as_open(plan, id));
    OrganisationStatus {
        organisation: name.to_string(),
        title: title(checked, name),
        cluster: state.objects.cluster.to_string(),
        leader: None,
        unreached: None,
        as_of: None,
        as_of_seconds_ago: None,
        kept: None,
        consent: None,
        lost: plan.and_then(lost),
        commit: state.stored.inventory.commit.clone(),
        begun: state.stored.inventory.footprint.begun.clone(),
        taken_back: state.stored.inventory.taken_back(),
        last_change: None,
        apps: apps.map(|app| app_status(app, state, plan, &known)).collect(),
        unwell: unwell.map(|(id, _, health)| (id.to_string(), health.clone())).collect(),
        open: if is_lost { Vec::new() } else { open(plan) },
        data_gone: plan.map(DataGone::of).unwrap_or_default(),
        detached: detached(plan),
        held: state.directives.hold.clone(),
        paused: state.directives.paused.clone(),
        findings: Vec::new(),
        retired: plan.and_then(|plan| plan.retired_organisation),
        words: Vec::new(),
    }
}

/// Why nothing is known of what is applied.
fn lost(plan: &OrganisationPlan) -> Option<String> {
    let why = match &plan.standstill {
        Some(Holding::InventoryLost) => "its inventory is lost: what was applied is not known",
        Some(Holding::InventoryOutdated { of_cluster: false }) => {
            "its inventory is older than the cluster: what was applied since is not known"
        }
        Some(Holding::InventoryOutdated { of_cluster: true }) => "its inventory is that of another cluster",
        _ => return None,
    };
    Some(format!("{why}, and nothing is changed"))
}

fn title(checked: &Checked, name: &Name) -> String {
    let garden = checked.garden.as_ref();
    garden.and_then(|garden| garden.organisations.get(name)).map(|one| one.title.clone()).unwrap_or_default()
}

/// Whether a job is told among what is open, with more than its health.
fn is_told_as_open(plan: Option<&OrganisationPlan>, id: &ObjectId) -> bool {
    let actions = plan.map(|plan| &*plan.actions).unwrap_or_default();
    actions.iter().filter(|action| action.id == *id).any(|action| {
        let reason = action.reason();
        is_late(reason)
            || matches!(reason, Reason::Refusing(Refusing::JobFailed { .. } | Refusing::JobEndUnknown { .. }))
    })
}

/// Whether a job takes longer than it should, or something keeps it from starting.
fn is_late(reason: Reason<'_>) -> bool {
    let keeping = matches!(reason, Reason::Keeping(Keeping::KeysDisagree { .. } | Keeping::JobOverdue { .. }));
    keeping || matches!(reason, Reason::Keeping(Keeping::JobWaits { why: Some(_) }))
}

fn well(live: &Live, id: &ObjectId) -> Option<Health> {
    let whole = live.objects.get(id).map(|object| health(&object.body));
    whole.or_else(|| Some(live.settled.get(id)?.health.clone()))
}

/// What is not as the garden asks: drift, what is missing or new, what cannot be done, and what waits for that.
fn open(plan: Option<&OrganisationPlan>) -> Vec<OpenObject> {
    let actions = plan.map(|plan| &*plan.actions).unwrap_or_default();
    // A Secret that is made or changed has a note where it waits for another one.
    let waits = |action: &Action| {
        let made = action.id.is(kind::SECRET) && matches!(action.verb(), Verb::Create | Verb::Change);
        made && action.note.is_some()
    };
    let stands = |action: &&Action| action.verb() == Verb::Refused || waits(action);
    let follows = |action: &Action| {
        matches!(
            action.reason(),
            Reason::Holding(Holding::After { .. } | Holding::StillRuns { .. } | Holding::StrayPods { .. })
        )
    };
    let is_late = |action: &Action| is_late(action.reason());
    let waits_for_job = |action: &Action| {
        use Holding::{AfterJob, PodsLeft, PodsNotRead};
        matches!(action.reason(), Reason::Holding(AfterJob { .. } | PodsLeft { .. } | PodsNotRead { .. }))
    };
    let is_open = |action: &&Action| {
        let is_undone = action.verb() == Verb::Refused || action.verb().writes();
        is_undone || follows(action) || is_late(action) || waits_for_job(action)
    };
    let wanting = actions.iter().filter(is_open);
    wanting
        .map(|action| {
            let before = |other: &&Action| other.app == action.app && other.stage < action.stage;
            match actions.iter().filter(stands).find(before) {
                Some(first) if action.app.is_some() && !stands(&action) && !follows(action) => OpenObject {
                    object: action.id.to_string(),
                    reason: format!("waits for {}", first.id),
                    way_out: None,
                },
                _ => OpenObject::of(action),
            }
        })
        .collect()
}

fn detached(plan: Option<&OrganisationPlan>) -> Vec<String> {
    let kept = plan.into_iter().flat_map(|plan| &plan.actions);
    kept.filter(|action| matches!(action.reason(), Reason::Keeping(Keeping::Detached)))
        .map(|action| action.id.to_string())
        .collect()
}

/// Why an app is held whose data is gone.
fn without_data(app: &App, plan: Option<&OrganisationPlan>) -> Option<String> {
    let gone = plan.map(DataGone::of).unwrap_or_default();
    let gone = gone.into_iter().find(|gone| gone.apps.iter().any(|held| *held == app.name.as_str()))?;
    Some(format!("its data in {} is gone", gone.object))
}

/// The first workload that an app should run, where none of its workloads is there under its present or an earlier name.
fn not_running(app: &App, state: &OrganisationState, plan: Option<&OrganisationPlan>) -> Option<String> {
    let is_workload = |id: &ObjectId| [kind::DEPLOYMENT, kind::STATEFUL_SET].into_iter().any(|kind| id.is(kind));
    let is_there = |id: &ObjectId| well(&state.live, id).is_some();
    let runs = |object: &&Object| is_workload(&object.id) && object.body["spec"]["replicas"] != 0;
    let mut wanted = state.objects.objects.iter().filter(|object| object.app.as_ref() == Some(&app.name)).filter(runs);
    let first = wanted.next().map(|object| &object.id)?;
    let known = plan.map(|plan| &*plan.actions).unwrap_or_default().iter();
    let mut known = known.filter(|action| action.app.as_ref() == Some(&app.name)).map(|action| &action.id);
    let is_any = is_there(first) || wanted.any(|object| is_there(&object.id));
    let is_any = is_any || known.any(|id| is_workload(id) && is_there(id));
    (!is_any).then(|| first.to_string())
}

/// The version that was begun of an app and is not applied whole, where it is another one than that.
fn begun(app: &App, state: &OrganisationState) -> Option<String> {
    let footprint = state.stored.inventory.footprint.apps.get(&app.name)?;
    let whole = footprint.whole.as_ref().map(|whole| whole.version.as_str());
    let begun = footprint.begun.last().map(|begun| begun.version.as_str());
    begun.filter(|begun| whole.is_some_and(|whole| whole != *begun)).map(str::to_owned)
}

/// The releases that workloads of an app run, where that is not the garden's alone.
fn another_release(app: &App, live: &Live) -> Option<String> {
    let of_app = live
        .objects
        .iter()
        .filter(|(id, live)| id.facts().scales && live.label("parcelle.dev/app") == Some(app.name.as_str()));
    let versions: BTreeSet<&str> = of_app.filter_map(|(_, live)| live.label("app.kubernetes.io/version")).collect();
    let is_another = versions.iter().any(|version| *version != app.release.version);
    is_another.then(|| versions.into_iter().collect::<Vec<_>>().join(" and "))
}

fn app_status(
    app: &App,
    state: &OrganisationState,
    plan: Option<&OrganisationPlan>,
    known: &[(&ObjectId, Option<&Name>, Health)],
) -> AppStatus {
    let word = match state.objects.states.get(&app.name) {
        Some(State::Night(_)) => "asleep for the night",
        Some(State::Paused(_)) => "paused",
        Some(State::Archived(_)) => "archived",
        Some(State::Retired(_)) => "retired",
        Some(State::Peak(_)) => "at a planned peak",
        Some(State::Awake) | None => "",
    };
    let mine: Vec<&Health> =
        known.iter().filter(|(_, owner, _)| *owner == Some(&app.name)).map(|(_, _, health)| health).collect();
    let retired = plan.and_then(|plan| plan.retired.get(&app.name)).copied();
    // A job that is done is well although nothing of it is there.
    let is_wanted = |object: &&Object| {
        let is_left = || state.stored.inventory.find(&object.id).is_some();
        object.app.as_ref() == Some(&app.name) && (is_left() || !plan::is_done(&state.stored.inventory, object))
    };
    let wanted = state.objects.objects.iter().filter(is_wanted).count();
    let wanted = wanted + state.objects.secrets.iter().filter(|secret| secret.app.as_ref() == Some(&app.name)).count();
    let mut of_plan = plan.into_iter().flat_map(|plan| &plan.actions);
    let is_left =
        |action: &Action| action.app.as_ref() == Some(&app.name) && state.stored.inventory.find(&action.id).is_some();
    let gone = retired.is_some() && mine.is_empty() && !of_plan.any(is_left);
    let running = another_release(app, &state.live);
    AppStatus {
        name: app.name.to_string(),
        definition: app.definition.name.to_string(),
        release: running.clone().unwrap_or_else(|| app.release.version.clone()),
        wanted: running.map(|_| app.release.version.clone()),
        begun: begun(app, state),
        at: app.hosts.first().map(|host| host.value.clone()),
        state: word.to_owned(),
        well: (mine.iter().filter(|health| health.is_ready()).count(), if gone { 0 } else { wanted.max(mine.len()) }),
        not_running: not_running(app, state, plan).filter(|_| !mine.is_empty()),
        held: state.objects.held.get(&app.name).cloned().or_else(|| without_data(app, plan)),
        retired,
        gone,
    }
}
