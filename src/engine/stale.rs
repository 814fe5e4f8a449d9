//! Pure: whether a saved plan still holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stages::decide::{refusals, rendered_hash};
use super::state::{LiveState, OrganisationState, RoundState};
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan::{self, Action, Plan};
use crate::render::OrganisationObjects;

/// Pure: why a saved plan must not be applied any more: the garden, a cluster or what it writes over has moved.
/// Empty: it may be. What moves later is found action by action while applying.
pub fn stale(round: &RoundState<'_>, live: &LiveState, plan: &Plan) -> Vec<String> {
    let mut moved = Vec::new();
    let mut differ = |what: &str, then: &str, now: &str| {
        if then != now {
            moved.push(format!("{what} was `{then}` when it was made and is `{now}` now"));
        }
    };
    differ("the form of plans", &plan.head.schema, plan::SCHEMA);
    differ("the garden", plan.head.garden.as_str(), round.garden.name.as_str());
    differ("the commit", &plan.head.commit, round.commit);
    differ("the renderer", &plan.head.renderer_hash, round.renderer_hash);
    for organisation in &plan.organisations {
        let rendered = round.objects.get(&organisation.organisation).map(|objects| rendered_hash(objects));
        let changes = organisation.changes_anything();
        if let Some(rendered) = rendered.filter(|rendered| changes && *rendered != organisation.rendered_hash) {
            let (name, then) = (&organisation.organisation, &organisation.rendered_hash);
            moved.push(format!("what is rendered for `{name}` was `{then}` when it was made and is `{rendered}` now"));
        }
        let Some(Ok(cluster)) = live.clusters.get(&organisation.cluster) else {
            moved.push(format!("cluster `{}` cannot be read", organisation.cluster));
            continue;
        };
        let Some(found) = cluster.organisations.get(&organisation.organisation) else {
            moved.push(format!("`{}` is not on cluster `{}`", organisation.organisation, organisation.cluster));
            continue;
        };
        if found.live.cluster_uid != organisation.cluster_uid {
            moved.push(format!("cluster `{}` is another one", organisation.cluster));
        }
        let refused = refusals(round, found, organisation);
        moved.extend(refused.into_iter().map(|why| format!("the guard refuses it: {why}")));
        let actions = organisation.actions.iter().filter(|action| action.verb().writes());
        moved.extend(actions.filter_map(|action| stale_action(&cluster.facts.schemas, found, action)));
    }
    moved
}

/// Pure: notes of a plan what it is held against before it is done later.
pub fn stamp(objects: &BTreeMap<Name, Arc<OrganisationObjects>>, plan: &mut Plan) {
    for one in plan.organisations.iter_mut().filter(|one| one.changes_anything()) {
        let objects = objects.get(&one.organisation);
        one.rendered_hash = objects.map(|objects| rendered_hash(objects)).unwrap_or_default();
    }
}

fn stale_action(schemas: &Schemas, state: &OrganisationState, action: &Action) -> Option<String> {
    let live =
        state.live.objects.iter().find(|(id, _)| id.identity() == action.target().identity()).map(|(_, live)| live);
    let what = match (action.base(), live) {
        (None, Some(_)) => "is there by now",
        (Some(_), None) => "is not there any more",
        (Some(base), Some(live)) if base.uid != live.uid => "was made anew",
        (Some(base), Some(live)) if !base.values_hash.is_empty() => {
            let object = state.objects.objects.iter().find(|object| object.id == action.id)?;
            let entry = state.stored.inventory.find(&object.id).map(|(_, entry)| entry);
            let wanted = plan::body_to_send(schemas, &state.directives, object, entry, Some(&live.body));
            if plan::values_hash(&live.body, Some(&wanted), &action.changes) == base.values_hash {
                return None;
            }
            "was changed where the plan writes"
        }
        _ => return None,
    };
    Some(format!("{} of `{}` {what}", action.id, state.objects.organisation))
}
