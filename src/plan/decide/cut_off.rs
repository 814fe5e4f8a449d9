//! What runs keeps what its network policies let it reach, for as long as it runs: where an app does not go on, no policy is narrowed
//! for what it will be.

use serde_json::Value;

use super::action::{Action, Verb};
use super::reason::Holding;
use super::restores;
use crate::kind;
use crate::name::Name;
use crate::plan::Input;
use crate::plan::state::renames::{Renames, meant, selected_app};

/// The fields of a policy that hold what it lets through.
const RULES: [&str; 2] = ["ingress", "egress"];

/// Holds policies back that would take something away from an app which does not go on; `why` says so of an app, or, without one,
/// of the organisation itself.
pub(super) fn hold_policies(input: &Input<'_>, actions: &mut [Action], why: impl Fn(Option<&Name>) -> Option<Holding>) {
    let mut renames = None;
    for action in actions.iter_mut().filter(|action| action.id.is(kind::NETWORK_POLICY)) {
        if !matches!(action.verb(), Verb::Change | Verb::Delete | Verb::Replace) || restores(input, action) {
            continue;
        }
        let Some(live) = input.live.objects.get(&action.id) else { continue };
        let wanted = input.desired.objects.iter().find(|object| object.id == action.id);
        let Some(lost) = lost(&live.body, wanted.map(|object| &object.body)) else { continue };
        let renames = renames.get_or_insert_with(|| Renames::of(input));
        let labels = selected_app(&live.body).into_iter().chain(lost.iter().flat_map(|rule| meant(rule)));
        let apps: Vec<Name> = labels.filter_map(|label| Name::new(renames.of_label(label)).ok()).collect();
        let of_apps = || apps.iter().find_map(|app| why(Some(app)));
        if let Some(why) = if apps.is_empty() { why(None) } else { of_apps() } {
            action.hold(why);
        }
    }
}

/// The rules of a policy that it would no longer have; absent where all that is let through is let through still.
fn lost<'v>(live: &'v Value, wanted: Option<&Value>) -> Option<Vec<&'v Value>> {
    let items = |body: &'v Value, field: &str| body["spec"][field].as_array().map_or(&[][..], Vec::as_slice);
    let stays = |field: &str, rule: &Value| {
        wanted.is_some_and(|wanted| wanted["spec"][field].as_array().is_some_and(|rules| rules.contains(rule)))
    };
    let lost: Vec<&Value> =
        RULES.into_iter().flat_map(|field| items(live, field).iter().filter(move |rule| !stays(field, rule))).collect();
    let narrows = |wanted: &Value| {
        let types = |body: &Value| body["spec"]["policyTypes"].as_array().cloned().unwrap_or_default();
        let selector = |body: &Value| body["spec"].get("podSelector").cloned().unwrap_or_else(|| serde_json::json!({}));
        types(wanted).iter().any(|one| !types(live).contains(one)) || selector(wanted) != selector(live)
    };
    (!lost.is_empty() || wanted.is_none_or(narrows)).then_some(lost)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::lost;

    #[test]
    fn a_policy_that_only_lets_more_through_takes_nothing_away() {
        let rule = |port: u16| json!({ "ports": [{ "port": port, "protocol": "TCP" }] });
        let policy = |egress: Value| json!({ "spec": { "policyTypes": ["Egress"], "egress": egress } });
        let live = policy(json!([rule(443), rule(3900)]));
        assert_eq!(lost(&live, Some(&policy(json!([rule(3900), rule(443), rule(25)])))), None);
        assert_eq!(lost(&live, Some(&policy(json!([rule(443)])))), Some(vec![&rule(3900)]));
        assert_eq!(lost(&live, None).map(|lost| lost.len()), Some(2));
        let mut both = live.clone();
        both["spec"]["policyTypes"] = json!(["Ingress", "Egress"]);
        assert_eq!(lost(&live, Some(&both)), Some(vec![]), "what came in until now would not");
    }
}
