//! What an organisation lacks whose inventory is lost: whether it was ever there decides whether it is made.
//!
//! | an app of which | what it lacks |
//! |---|---|
//! | anything is there, also under its names and not ours, or could not be read | held data or secrets: it is gone, and nothing is made in its place silently |
//! | nothing is there | is made, as on its first day |

use std::collections::BTreeSet;

use super::{Recovery, Wanted};
use crate::kind;
use crate::name::Name;
use crate::plan::decide::gone::users;
use crate::plan::state::input::kind_key;
use crate::plan::state::lost::is_labelled;
use crate::plan::state::standing::Index;
use crate::plan::{Input, LiveObject};

/// Takes note of what is not there.
pub(super) fn recover(input: &Input<'_>, index: &Index<'_>, absent: Vec<Wanted<'_>>, found: &mut Recovery) {
    let there = AppsThere::of(input, index);
    for wanted in absent.into_iter().filter(|wanted| !wanted.is_job) {
        let is_retired = wanted.app.is_some_and(|app| input.desired.retired.contains_key(app));
        if is_retired || !wanted.is_precious() || !there.use_it(input, index, &wanted) {
            found.missing.push(wanted.id.clone());
            continue;
        }
        found.inventory.entries.insert(wanted.id.clone(), wanted.lost());
        // Where it could not be read, that is told.
        if !input.live.unread.contains_key(&kind_key(wanted.id)) {
            found.gone.push(wanted.id.clone());
        }
    }
}

/// What is known of something precious in whose place is what cannot be taken back, and why that stays where it is, in words.
pub(super) fn in_place(
    input: &Input<'_>,
    index: &Index<'_>,
    wanted: &Wanted<'_>,
    (live, why): (&LiveObject, String),
    found: &mut Recovery,
) -> String {
    if !wanted.is_precious() {
        return why;
    }
    let leaves = live.is_terminating() && is_labelled(input.garden, &input.desired.organisation, live);
    let entry = if leaves { wanted.entry(live) } else { wanted.lost() };
    found.inventory.entries.insert(wanted.id.clone(), entry);
    if wanted.is_made_once {
        return why;
    }
    let apps = apps_of(input, index, wanted);
    let commands: Vec<String> =
        apps.iter().map(|app| format!("`parcelle acknowledge {}/{app}`", input.desired.organisation)).collect();
    let fact = if live.is_terminating() {
        "it is being deleted"
    } else {
        "it does not carry parcelle's labels of this organisation"
    };
    format!("{fact}: what needs it is held; to go on with what is there by then: {}", commands.join(", "))
}

/// The apps of which anything is there.
struct AppsThere(BTreeSet<Name>);

impl AppsThere {
    fn of(input: &Input<'_>, index: &Index<'_>) -> Self {
        let is_there = |wanted: &Wanted<'_>| {
            index.live(wanted.id).is_some() || input.live.unread.contains_key(&kind_key(wanted.id))
        };
        let asked = Wanted::all(input).filter(is_there).filter_map(|wanted| wanted.app.cloned());
        let ours = |live: &&LiveObject| is_labelled(input.garden, &input.desired.organisation, live);
        let labelled = input.live.objects.values().filter(ours);
        let labelled = labelled.filter_map(|live| Name::new(live.label("parcelle.dev/app")?).ok());
        // An app that is called otherwise by now has its data under the same names.
        let now = labelled.flat_map(|app| [input.directives.data_names.get(&app).cloned(), Some(app)]);
        Self(asked.chain(now.flatten()).collect())
    }

    /// Whether something is of one of them, or used by one.
    fn use_it(&self, input: &Input<'_>, index: &Index<'_>, wanted: &Wanted<'_>) -> bool {
        apps_of(input, index, wanted).iter().any(|app| self.0.contains(app))
    }
}

/// The app of something, or those that have data in what is the organisation's.
fn apps_of(input: &Input<'_>, index: &Index<'_>, wanted: &Wanted<'_>) -> BTreeSet<Name> {
    if let Some(app) = wanted.app {
        return BTreeSet::from([app.clone()]);
    }
    let object = input.desired.objects.iter().find(|object| object.id == *wanted.id);
    object.filter(|object| !object.id.is(kind::NAMESPACE)).map(|object| users(input, index, object)).unwrap_or_default()
}
