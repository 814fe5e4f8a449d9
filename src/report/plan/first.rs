//! What people look at first of what a plan does now: data that goes, apps that are called otherwise, releases that are put in.

use std::collections::{BTreeMap, BTreeSet};

use super::value;
use super::words::many;
use crate::kind;
use crate::plan::{Action, Changing, Deleting, OrganisationPlan, Reason, Replacing, Verb};

/// So many objects of an app whose data goes are named; the others are counted.
const NAMED: usize = 4;
/// The label that says which release an object is of.
const RELEASE: &str = "metadata.labels[app.kubernetes.io/version]";

/// What to look at first, in the order of its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    DataGoes,
    Renamed,
    Released,
}

/// The lines of all organisations.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstLines {
    lines: BTreeSet<(Weight, String)>,
}

impl FirstLines {
    /// Adds those of one organisation more.
    pub(super) fn add(&mut self, plan: &OrganisationPlan) {
        let name = |app: Option<&str>| match app {
            Some(app) => format!("{}/{app}", plan.organisation),
            None => plan.organisation.to_string(),
        };
        let app_of = |action: &Action| action.app.as_ref().map(ToString::to_string);
        let mut going: BTreeMap<Option<String>, Vec<&Action>> = BTreeMap::new();
        let mut renamed: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
        let mut released: BTreeMap<Option<String>, (String, String)> = BTreeMap::new();
        for action in &plan.actions {
            if action.verb() == Verb::Delete && action.holds_data && !action.id.is(kind::SECRET) {
                going.entry(app_of(action)).or_default().push(action);
            }
            if let Some((from, to)) = names(action) {
                renamed.entry((from, to)).or_default().extend(action.note.as_deref());
            }
            if let Some(versions) = versions(action) {
                released.insert(app_of(action), versions);
            }
        }
        for (app, actions) in going {
            let says = format!("the data of {} goes now: {}", name(app.as_deref()), objects(actions));
            self.lines.insert((Weight::DataGoes, says));
        }
        for ((from, to), notes) in renamed {
            let notes = notes.into_iter().filter(|note| note.ends_with("nowhere from then on"));
            let notes: String = notes.map(|note| format!("; {note}")).collect();
            let says = format!("{} is called `{to}` now, and goes on with its data{notes}", name(Some(&from)));
            self.lines.insert((Weight::Renamed, says));
        }
        for (app, (before, after)) in released {
            let says = format!("{} goes from release {before} to {after} now", name(app.as_deref()));
            self.lines.insert((Weight::Released, says));
        }
    }

    /// A sentence each, the weightiest first.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|(_, says)| &**says)
    }
}

/// The earlier and the present name of the app, where the action is because of that.
fn names(action: &Action) -> Option<(String, String)> {
    match action.reason() {
        Reason::Changing(Changing::Renamed { from, to })
        | Reason::Replacing(Replacing::Renamed { from, to })
        | Reason::Deleting(Deleting::Renamed { from, to }) => Some((from.to_string(), to.to_string())),
        _ => None,
    }
}

/// The release of what runs before and after, where that changes.
fn versions(action: &Action) -> Option<(String, String)> {
    let runs = action.id.is(kind::DEPLOYMENT) || action.id.is(kind::STATEFUL_SET);
    if !runs || !action.verb().writes() {
        return None;
    }
    let change = action.changes.iter().find(|change| change.path == RELEASE)?;
    let (before, after) = (change.before.as_ref()?, change.after.as_ref()?);
    let (before, after) = value::pair(&change.path, Some(before), Some(after));
    let plain = |text: String| text.trim_matches('"').to_owned();
    Some((plain(before), plain(after)))
}

/// Some objects by name; data before what leads to it.
fn objects(mut actions: Vec<&Action>) -> String {
    actions.sort_by_key(|action| {
        (!matches!(&*action.id.kind, "PersistentVolumeClaim" | "Database" | "GarageBucket"), &action.id)
    });
    let mut names: Vec<String> = actions.iter().take(NAMED).map(|action| action.id.to_string()).collect();
    if actions.len() > NAMED {
        names.push(format!("{} more", actions.len() - NAMED));
    }
    names.join(", ")
}

/// So many lines are shown; the others are counted.
pub(super) const SHOWN: usize = 20;

/// What is said where there are more lines than are shown.
pub(super) fn more(lines: usize) -> Option<String> {
    (lines > SHOWN).then(|| format!("and {} more of the kind", many(lines - SHOWN, "line")))
}
