//! One-time jobs of an organisation whose inventory is lost: none runs a second time because nobody remembers the first.
//!
//! | what is there | what is taken for true |
//! |---|---|
//! | its Job, which has done its work | it is done for these inputs; the Job stays and is nobody's |
//! | its Job, which has not | that is its run, and it is waited for |
//! | a Job of it for other inputs, which has not ended | it is waited for |
//! | none, and what comes after it, or all that comes before the last | it is done, an upgrade for the release that runs: whoever knows better says `rerun` |
//! | none, and nothing that comes after it | it never ran |

use super::{Recovery, Wanted, may_be_taken};
use crate::kind;
use crate::model::definition::Release;
use crate::model::{App, Organisation};
use crate::plan::state::jobs::{BegunRun, JobRecord, is_complete, run_state};
use crate::plan::state::lost::{NOT_THERE, was_not_there};
use crate::plan::state::standing::Index;
use crate::plan::{Input, LiveObject};
use crate::render::{Object, ObjectId, OneTime, Stage, once};

const COMPONENT: &str = "app.kubernetes.io/component";

/// Takes note of the Jobs that are there.
pub(super) fn recover(input: &Input<'_>, index: &Index<'_>, found: &mut Recovery) {
    for (object, once) in one_time(input) {
        let key = once.key.clone();
        let is_taken = found.inventory.entries.contains_key(&object.id);
        match index.live(&object.id).filter(|_| is_taken) {
            Some(live) if is_complete(&live.body) => {
                // Nothing of it is changed any more, so nothing of it need be known.
                found.inventory.entries.remove(&object.id);
                found.taken.retain(|one| one.id != object.id);
                found.done.push(object.id.clone());
                found.inventory.jobs.entry(key.clone()).or_default().finish(&once.inputs, &live.uid);
                found.jobs.push((key, "its Job has done its work: it counts as done, and the Job stays".to_owned()));
            }
            Some(live) => {
                let record = run_of(input, &object.id.name, &once.inputs, live);
                found.jobs.push((key.clone(), words_of(&record)));
                found.inventory.jobs.insert(key, record);
            }
            None => earlier(input, object, &key, found),
        }
    }
}

/// A run of the same job for other inputs that has not ended is waited for.
fn earlier(input: &Input<'_>, object: &Object, key: &str, found: &mut Recovery) {
    let app = object.app.as_ref().map(crate::name::Name::as_str);
    let part = object.body["metadata"]["labels"][COMPONENT].as_str();
    let same =
        |live: &LiveObject| part.is_some() && live.label(COMPONENT) == part && live.label("parcelle.dev/app") == app;
    let is_open = |(id, live): &(&ObjectId, &LiveObject)| {
        id.is(kind::JOB) && same(live) && !is_complete(&live.body) && may_be_taken(input, live).is_ok()
    };
    let Some((id, live)) = input.live.objects.iter().find(is_open) else { return };
    let wanted = Wanted { id, app: object.app.as_ref(), holds_data: false, is_made_once: false, is_job: true };
    found.inventory.entries.insert(id.clone(), wanted.entry(live));
    found.take(id, live);
    found.inventory.jobs.insert(key.to_owned(), run_of(input, &id.name, "", live));
    found
        .jobs
        .push((key.to_owned(), format!("`{}` is there for other inputs and has not ended: it is waited for", id.name)));
}

fn run_of(input: &Input<'_>, object: &str, inputs: &str, live: &LiveObject) -> JobRecord {
    let run = BegunRun { object: object.to_owned(), inputs: inputs.to_owned(), ..BegunRun::default() };
    let mut record = JobRecord { run: Some(run), ..JobRecord::default() };
    record.note(&live.uid, Some(&run_state(live, &input.live.jobs, None)));
    record
}

fn words_of(record: &JobRecord) -> String {
    match record.run.as_ref().and_then(|run| run.started) {
        Some(since) => format!("its Job runs since {}: it is waited for", crate::plan::minute(since)),
        None => "its Job has not done its work: it is looked at like every other".to_owned(),
    }
}

/// What is there after a job without a Job shows that it was done: an upgrade for the release that runs.
pub(super) fn count_absent(input: &Input<'_>, organisation: &Organisation, found: &mut Recovery) {
    for (object, once) in one_time(input) {
        let key = once.key.clone();
        if found.inventory.jobs.contains_key(&key) {
            continue;
        }
        if !was_passed(input, object, found) {
            found.jobs.push((key, "no Job of it is there, and it is not done: it runs".to_owned()));
            continue;
        }
        let app = object.app.as_ref().and_then(|app| organisation.apps.get(app));
        let running = app.filter(|_| object.stage == Stage::Upgrade).and_then(|app| another_release(app, found));
        let (inputs, of) = match (app, running) {
            (Some(app), Some(release)) => {
                let inputs = once::inputs_at(release, &object.body["spec"]["template"], &app.release);
                (inputs, format!(" for release {}, which runs", release.version))
            }
            _ => (once.inputs.clone(), String::new()),
        };
        found.inventory.jobs.entry(key.clone()).or_default().finish(&inputs, NOT_THERE);
        let app = object.app.as_ref().map(ToString::to_string).unwrap_or_default();
        let rerun = format!("parcelle rerun {}/{app} {}", input.desired.organisation, once.job);
        let why = format!("its app is there and no Job of it is, so it counts as done{of}; where it is not, `{rerun}`");
        found.jobs.push((key, why));
    }
}

/// Whether what is there of an app shows that a job's turn has passed: something that comes after it, or, where nothing does,
/// something that comes before it.
fn was_passed(input: &Input<'_>, object: &Object, found: &Recovery) -> bool {
    let of_app = || input.desired.objects.iter().filter(|other| other.app == object.app && other.once.is_none());
    let is_there = |other: &Object| {
        let entry = found.inventory.entries.get(&other.id);
        entry.is_some_and(|entry| !entry.uid().is_some_and(was_not_there))
    };
    let mut after = of_app().filter(|other| other.stage > object.stage).peekable();
    if after.peek().is_some() {
        return after.any(is_there);
    }
    let mut before = of_app().filter(|other| other.stage == Stage::Workload).peekable();
    before.peek().is_some() && before.any(is_there)
}

/// The release that an app is known to run, where it is not the garden's.
fn another_release<'a>(app: &'a App, found: &Recovery) -> Option<&'a Release> {
    let runs = found.inventory.footprint.apps.get(&app.name)?.whole.as_ref()?;
    app.definition
        .releases
        .get(&runs.version)
        .filter(|release| release.version != app.release.version)
        .map(|release| &**release)
}

fn one_time<'a>(input: &Input<'a>) -> impl Iterator<Item = (&'a Object, &'a OneTime)> {
    input.desired.objects.iter().filter_map(|object| Some((object, object.once.as_ref()?)))
}
