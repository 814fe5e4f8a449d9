//! The way out of what is refused or held, in the words of the garden.

use crate::plan::{Action, Reason, path};

/// What to do next; `None` where there is nothing to do.
pub(super) fn way_out(action: &Action) -> Option<String> {
    let id = &action.id;
    Some(match &action.reason {
        Reason::Conflict => {
            let field = action.conflicts.first().map_or("", |conflict| &conflict.field);
            let field = path::plain(field);
            format!(
                "say `field {} {} \"{field}\" take` in the app to take it, or `leave` to let it be",
                id.kind, id.name
            )
        }
        Reason::NotOurs | Reason::MadeAnew => {
            format!("say `adopt {} {}` in the app to take it", id.kind, id.name)
        }
        Reason::OtherGarden { .. } => "choose another name, or remove it from the other garden first".to_owned(),
        Reason::ImmutableWithData { .. } => "set it back, or move the data to a new app and retire this one".to_owned(),
        Reason::SecretLost => {
            format!("restore it from a backup of the cluster, and say `adopt {} {}`", id.kind, id.name)
        }
        Reason::SourceMissing { .. } => "the cluster's operators create it".to_owned(),
        Reason::OverBudget { .. } => {
            "say `retired` where they are meant to go, or raise `deletions { undeclared … }` in the garden".to_owned()
        }
        Reason::AppVanished { app } => format!("bring it back, or say `retired app DEFINITION {app}`"),
        Reason::OrganisationVanished => "bring it back, or say `retired organisation NAME`".to_owned(),
        Reason::Detached => format!("say `retired need {}` to let it go", id.name),
        Reason::Paused { .. } => "`parcelle resume` lifts it".to_owned(),
        Reason::NotClean => "mend the findings first".to_owned(),
        Reason::ForeignInside { .. } => "remove what others made, or leave the namespace to them".to_owned(),
        Reason::Disowned { .. } => "delete it in the cluster, or give it its label back".to_owned(),
        _ => return None,
    })
}

/// Who stands in the way, field by field.
pub(super) fn holders(action: &Action) -> Vec<(String, &str)> {
    let conflicts = action.conflicts.iter().filter(|_| matches!(action.reason, Reason::Conflict));
    conflicts.map(|conflict| (path::plain(&conflict.field), &*conflict.manager)).collect()
}
