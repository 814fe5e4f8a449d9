//! Who may do what: rights in the cluster, pods that reach the machine, addresses that people sign in to, hatches.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Hits;
use crate::impact::subject::PlannedOrganisation;
use crate::impact::wording::{line, list, short, value};
use crate::plan::{Action, FieldChange, HatchWord, Shown, Verb};

/// Rights in the cluster that are new or more.
pub(super) fn rights(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let rights = |action: &&Action| action.id.group() == "rbac.authorization.k8s.io" && action.verb() != Verb::Delete;
    for action in subject.writes().filter(rights) {
        let parts = ["rules", "subjects", "roleRef"];
        let grows = |change: &&FieldChange| {
            let (before, after) = (items(change.before.as_ref()), items(change.after.as_ref()));
            let is_more = after.iter().any(|item| !before.contains(item));
            parts.iter().any(|part| change.path.starts_with(part)) && (is_more || !change.path.ends_with('s'))
        };
        let change = action.changes.iter().find(grows);
        if change.is_some() || action.verb() == Verb::Create {
            let says = format!("programs of it may do more in the cluster (`{}`)", action.id);
            hits.danger(action.app.as_ref(), says, line(action, change));
        }
    }
}

fn items(shown: Option<&Shown>) -> &[Value] {
    value(shown).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Fields of a pod that lead to the machine or to root, and the value that does.
const REACHES_OUT: [(&str, &str); 8] = [
    ("hostNetwork", "the network of the machine"),
    ("hostPID", "the programs of the machine"),
    ("hostIPC", "the memory of the machine"),
    ("privileged", "everything on the machine"),
    ("allowPrivilegeEscalation", "more rights than they begin with"),
    ("hostPath", "files of the machine"),
    ("hostPort", "a port of the machine"),
    ("runAsUser", "root inside of their container"),
];

/// Pods that reach the machine they run on, or run as root, and did not.
pub(super) fn privileged(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for action in subject.writes().filter(|action| !action.id.facts().pod_spec.is_empty()) {
        let mut reached = BTreeSet::new();
        let mut at = None;
        match action.verb() {
            Verb::Change | Verb::Adopt => {
                for change in action.changes.iter().filter(|change| change.path.contains("template")) {
                    let field = change.path.rsplit(['.', ']']).next().unwrap_or_default();
                    let before = found(field, value(change.before.as_ref()));
                    let after = found(field, value(change.after.as_ref()));
                    if after.difference(&before).next().is_some() {
                        at = at.or(Some(change));
                        reached.extend(after.difference(&before).copied());
                    }
                }
            }
            Verb::Delete => continue,
            _ => {
                // As a definition asks; a new app's own is looked at when its definition is.
                let by_hand = subject.plan.hatches.iter().any(|hatch| hatch.new && hatch.app == action.app);
                if by_hand || action.app.is_none() {
                    reached.extend(found("", subject.body(&action.id)));
                }
            }
        }
        if !reached.is_empty() {
            let says = format!("its programs get {}", list(&reached));
            hits.danger(action.app.as_ref(), says, line(action, at));
        }
    }
}

/// What a value below a field reaches.
fn found(field: &str, value: Option<&Value>) -> BTreeSet<&'static str> {
    let mut all = BTreeSet::new();
    let Some(value) = value else { return all };
    let reaches = match field {
        "runAsUser" => value == 0,
        "hostPath" => value.is_object(),
        "hostPort" => value.as_u64().is_some_and(|port| port > 0),
        _ => value == &Value::Bool(true),
    };
    all.extend(REACHES_OUT.iter().filter(|(name, _)| *name == field && reaches).map(|(_, what)| *what));
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| all.extend(found(key, Some(value)))),
        Value::Array(items) => items.iter().for_each(|item| all.extend(found("", Some(item)))),
        _ => {}
    }
    all
}

/// Addresses to which people may be sent after they signed in, and that were not there.
pub(super) fn sign_on(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for action in subject.writes().filter(|action| matches!(action.verb(), Verb::Change | Verb::Adopt)) {
        for change in &action.changes {
            let of = |shown| value(shown).and_then(Value::as_str).map(redirects).unwrap_or_default();
            let (before, after) = (of(change.before.as_ref()), of(change.after.as_ref()));
            let new: Vec<String> = after.difference(&before).map(|address| short(address)).collect();
            if new.is_empty() {
                continue;
            }
            let says = format!("people who sign in may be sent to {} too", list(&new));
            let place = line(action, Some(change));
            if new.iter().any(|address| address.contains('*') || address.starts_with("http:")) {
                hits.danger(action.app.as_ref(), says, place);
            } else {
                hits.doubt(action.app.as_ref(), says, place);
            }
        }
    }
}

/// The addresses in a realm as Keycloak reads it: `redirectUris` of every client.
fn redirects(text: &str) -> BTreeSet<String> {
    fn gather(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                let own = map.get("redirectUris").and_then(Value::as_array).into_iter().flatten();
                into.extend(own.filter_map(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| gather(value, into));
            }
            Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
            _ => {}
        }
    }
    let mut all = BTreeSet::new();
    if text.contains("redirectUris")
        && let Ok(realm) = serde_json::from_str::<Value>(text)
    {
        gather(&realm, &mut all);
    }
    all
}

/// Lines by which an app goes past its definition, and that were not there.
pub(super) fn hatches(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for hatch in subject.plan.hatches.iter().filter(|hatch| hatch.new) {
        let about = short(&hatch.about);
        let (says, is_danger) = match hatch.word {
            HatchWord::Env => (format!("a variable is set past its definition: `{about}`"), false),
            HatchWord::Patch => (format!("fields are set past its definition: `{about}`"), false),
            HatchWord::Field if hatch.about.ends_with("take") => {
                (format!("a field is taken from whoever else writes it: `{about}`"), false)
            }
            HatchWord::Field => (format!("a field is left to others: `{about}`"), false),
            HatchWord::Allow => (format!("what a check refuses or doubts is accepted: `{about}`"), true),
        };
        let place = Some(hatch.origin.clone());
        if is_danger {
            hits.danger(hatch.app.as_ref(), says, place);
        } else {
            hits.doubt(hatch.app.as_ref(), says, place);
        }
    }
}
