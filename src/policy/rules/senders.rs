//! As whom mail is sent: nothing by hand stands in place of what `mail` says, but a line of the app that the rules about senders
//! have seen.

use serde_json::Value;

use super::{Judging, each, text};
use crate::kind;

const WHY: &str =
    "people and filters take mail for what its sender's domain says, and here it is not held against whose that is";

pub(super) fn check(judged: &mut Judging<'_>) {
    let Some(app) = judged.object.app.and_then(|app| judged.grounds.apps.get(app)) else { return };
    if judged.object.by_hand.is_empty() {
        return;
    }
    if judged.is("", "ConfigMap") {
        for key in &app.sender_files {
            let pointers = ["data", "binaryData"].map(|map| format!("/{map}/{key}"));
            for pointer in pointers.into_iter().filter(|pointer| judged.object.by_hand.contains(pointer)) {
                let title = format!("the file `{key}` says as whom mail is sent");
                judged.foreign(&pointer, title, WHY, "write `mail from=…` in the app");
            }
        }
        return;
    }
    let path = kind::facts(judged.object.group, judged.object.kind).pod_spec;
    let at = format!("/{}", path.join("/"));
    let Some(pod) = judged.body().pointer(&at).filter(|_| !path.is_empty()) else { return };
    for list in ["containers", "initContainers"] {
        for (pointer, variable) in each(pod, &at, &format!("{list}/*/env/*")) {
            let name = text(variable, "/name");
            let Some(seen) = app.senders.get(name) else { continue };
            let value = variable["value"].as_str();
            let by_hand =
                ["value", "valueFrom"].into_iter().find(|field| judged.by_hand_below(&format!("{pointer}/{field}")));
            // A line that says nothing is rendered without a value.
            let is_seen = seen.as_deref().is_some_and(|seen| value.unwrap_or_default() == seen)
                && variable["valueFrom"].is_null();
            if let Some(field) = by_hand.filter(|_| !is_seen) {
                let title = format!("`{name}` says as whom mail is sent");
                let help = format!("write `mail from=…` in the app, or `env {name} …` with a value that can be seen");
                let at = if variable[field] == Value::Null { pointer } else { format!("{pointer}/{field}") };
                judged.foreign(&at, title, WHY, help);
            }
        }
    }
}
