//! What gets less: room for data, and copies of what runs.

use serde_json::Value;

use super::Hits;
use crate::impact::subject::PlannedOrganisation;
use crate::impact::wording::{bytes_of, line, size, value};
use crate::plan::{Action, FieldChange};
use crate::render::State;

/// Fields that say how much room there is for data.
const ROOM: [&str; 3] = ["resources.requests.storage", "quotas.maxSize", "storage.size"];

/// Room for data gets smaller.
pub(super) fn shrinks(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for action in subject.writes() {
        let fields = action.changes.iter().filter(|change| ROOM.iter().any(|end| change.path.ends_with(end)));
        for change in fields {
            let bytes = |shown| value(shown).and_then(bytes_of);
            let before = bytes(change.before.as_ref());
            // A quota that is gone lets more in; a request that is gone cannot be.
            let (Some(before), Some(after)) = (before, bytes(change.after.as_ref())) else { continue };
            if after < before {
                let says = format!(
                    "room for data gets smaller, {} → {}; what is in it may not fit, and most volumes cannot shrink",
                    size(before),
                    size(after)
                );
                hits.danger(action.app.as_ref(), says, line(action, Some(change)));
            }
        }
    }
}

/// Copies of what runs go to none, and no word of the garden (`state`, `nights`, `retired`) says that the app sleeps.
pub(super) fn to_zero(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for action in subject.writes() {
        let Some(change) = action.changes.iter().find(|change| to_none(change)) else { continue };
        if sleeps(subject, action) {
            continue;
        }
        let says = "no copy of it runs any more, and no word of the garden says that it sleeps".to_owned();
        hits.danger(action.app.as_ref(), says, line(action, Some(change)));
    }
}

fn to_none(change: &FieldChange) -> bool {
    let number = |shown| value(shown).and_then(Value::as_u64);
    matches!(&*change.path, "spec.replicas" | "spec.instances")
        && number(change.after.as_ref()) == Some(0)
        && number(change.before.as_ref()) != Some(0)
}

fn sleeps(subject: &PlannedOrganisation<'_>, action: &Action) -> bool {
    let state = || subject.after()?.states.get(action.app.as_ref()?).copied();
    state().is_some_and(|state| !matches!(state, State::Awake | State::Peak(_)))
}
