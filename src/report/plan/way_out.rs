//! The way out of what is refused or held, in the words of the garden.

use crate::plan::{self, Action, Holding, Keeping, Reason, Refusing, path};

/// What to do next; `None` where there is nothing to do.
pub(super) fn way_out(action: &Action) -> Option<String> {
    match action.reason() {
        Reason::Refusing(why) => of_refused(action, why),
        Reason::Holding(why) => of_held(&action.id.namespace, why),
        Reason::Keeping(why) => of_kept(action, why),
        Reason::Creating(_)
        | Reason::Changing(_)
        | Reason::Replacing(_)
        | Reason::Adopting(_)
        | Reason::Deleting(_) => None,
    }
}

fn of_refused(action: &Action, why: &Refusing) -> Option<String> {
    let id = &action.id;
    Some(match why {
        Refusing::Conflict => {
            let field = action.conflicts.first().map_or("", |conflict| &conflict.field);
            plan::out_of_conflict(id, field)
        }
        Refusing::NotOurs | Refusing::MadeAnew => format!("say `adopt {} {}` in the app to take it", id.kind, id.name),
        Refusing::Controlled { by } => plan::out_of_controlled(id, by),
        Refusing::AdoptedOtherwise { .. } => plan::out_of_adopted_otherwise(id),
        Refusing::InventoryLost | Refusing::InventoryOutdated => recover(&id.namespace, &id.name),
        Refusing::Recovered { replaced, .. } => plan::out_of_recovered(id, *replaced),
        Refusing::OtherGarden { .. } => "choose another name, or remove it from the other garden first".to_owned(),
        Refusing::ImmutableWithData { .. } => {
            "set it back, or move the data to a new app and retire this one".to_owned()
        }
        Refusing::DataElsewhere { of } => format!(
            "where it is that under another name, give it the earlier one in the definition; where its data may go, say `retired need {}`",
            of.name
        ),
        Refusing::SiblingWithData { path, .. } => {
            format!("take `{path}` away in the cluster (`kubectl edit`), or say it in the garden")
        }
        Refusing::JobFailed { rerun, .. } => format!("mend what it says, then `parcelle rerun {rerun}`"),
        Refusing::JobEndUnknown { rerun, .. } => {
            format!("look at the data that it works on; where it is to run, `parcelle rerun {rerun}`")
        }
        Refusing::SecretLost => {
            let restore = format!("restore it from a backup of the cluster, and say `adopt {} {}`", id.kind, id.name);
            let of = action.app.as_ref().map(|app| format!("{}/{app}", id.namespace));
            of.map_or_else(|| restore.clone(), |of| format!("{restore}; or {}", plan::anew(&of)))
        }
        Refusing::KeysLost { keys, app } => plan::out_of_lost_keys(id, keys, app).join("; or "),
        Refusing::SourceMissing { .. } => "the cluster's operators create it".to_owned(),
        Refusing::ForeignInside { .. } => AROUND_OTHERS.to_owned(),
        Refusing::NotKnownEmpty { unseen } => plan::way_out_of_unseen(unseen),
        Refusing::Disowned { .. } => "delete it in the cluster, or give it its label back".to_owned(),
        Refusing::ServerRefused { .. } | Refusing::Guarded { .. } => return None,
    })
}

fn of_held(namespace: &str, why: &Holding) -> Option<String> {
    let text = match why {
        Holding::OverBudget { .. } => {
            "say `retired` where they are meant to go, or raise `deletions { undeclared … }` in the garden"
        }
        Holding::Paused { .. } => "`parcelle resume` lifts it",
        Holding::NotClean => "mend the findings first",
        Holding::ForeignInside { .. } => AROUND_OTHERS,
        Holding::NotAgreed { .. } => "plan again, and have that looked at",
        Holding::PodsLeft { pods } => {
            let (first, namespace) = (pods.first().map_or("POD", |pod| pod), namespace);
            return Some(format!(
                "it goes on once they have ended; look at them: `kubectl logs --namespace {namespace} {first}`"
            ));
        }
        Holding::StrayPods { pods, .. } => return pods.first().map(|pod| pod.way_out(namespace)),
        Holding::NotKnownEmpty { unseen } => return Some(plan::way_out_of_unseen(unseen)),
        Holding::InventoryLost | Holding::InventoryOutdated { .. } => return Some(recover(namespace, namespace)),
        Holding::StillRuns { of, leaves: false } => {
            return Some(format!("{} `{}` has to be stopped first: what keeps it is said beside it", of.kind, of.name));
        }
        Holding::FoughtOver { .. }
        | Holding::StillRuns { .. }
        | Holding::Hold { .. }
        | Holding::NotRead { .. }
        | Holding::SourceNotRead { .. }
        | Holding::NamespaceBarred
        | Holding::DataGone { .. }
        | Holding::WithoutData { .. }
        | Holding::AfterTheRest
        | Holding::AfterJob { .. }
        | Holding::PodsNotRead { .. }
        | Holding::After { .. } => return None,
    };
    Some(text.to_owned())
}

fn of_kept(action: &Action, why: &Keeping) -> Option<String> {
    match why {
        Keeping::AppVanished { app } => Some(format!("bring it back, or say `retired app DEFINITION {app}`")),
        Keeping::OrganisationVanished => Some("bring it back, or say `retired organisation NAME`".to_owned()),
        Keeping::KeysDisagree { keys } => Some(plan::out_of_odd_keys(&action.id, keys)),
        Keeping::Detached => Some(format!("say `retired need {}` to let it go", action.id.name)),
        Keeping::JobOverdue { rerun, .. } => {
            let (name, namespace) = (&action.id.name, &action.id.namespace);
            Some(format!(
                "look at it (`kubectl logs --namespace {namespace} job/{name}`); `parcelle rerun {rerun}` stops it and runs it again"
            ))
        }
        Keeping::Unchanged
        | Keeping::JobDone
        | Keeping::JobRuns { .. }
        | Keeping::JobRetired
        | Keeping::JobWaits { .. }
        | Keeping::SecretKept
        | Keeping::DataKept { .. }
        | Keeping::Terminating
        | Keeping::Leaving
        | Keeping::Rewritten { .. }
        | Keeping::LeftToOthers(_) => None,
    }
}

/// The command that takes an organisation back whose inventory is lost: a namespace is called like its organisation.
pub(super) fn recover(namespace: &str, name: &str) -> String {
    let organisation = if namespace.is_empty() { name } else { namespace };
    format!("`{}` shows what is there, asks, and takes it back", plan::recover_command(organisation))
}

/// The way out where objects of others lie in a namespace.
const AROUND_OTHERS: &str = "remove what others made, or leave the namespace to them";

/// Who stands in the way, field by field.
pub(super) fn holders(action: &Action) -> Vec<(String, &str)> {
    let conflict = matches!(action.reason(), Reason::Refusing(Refusing::Conflict));
    let conflicts = action.conflicts.iter().filter(|_| conflict);
    conflicts.map(|conflict| (path::plain(&conflict.field), &*conflict.manager)).collect()
}
