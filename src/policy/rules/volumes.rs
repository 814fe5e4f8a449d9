//! Claims: of the storage classes that the cluster file names.

use serde_json::Value;

use super::{Judging, each};

pub(super) fn check(judged: &mut Judging<'_>) {
    let path = match (judged.object.group, judged.object.kind) {
        ("", "PersistentVolumeClaim") => "spec",
        ("apps", "StatefulSet") => "spec/volumeClaimTemplates/*/spec",
        _ => return,
    };
    for (at, claim) in each(judged.body(), "", path) {
        class(judged, &at, claim);
        for field in ["volumeName", "dataSource", "dataSourceRef", "selector"] {
            if !claim[field].is_null() {
                let title = format!("`{field}` takes a volume that is there already");
                judged.foreign(&format!("{at}/{field}"), title, "it may be another's", "leave it out");
            }
        }
    }
}

fn class(judged: &mut Judging<'_>, at: &str, claim: &Value) {
    let known = &judged.grounds.cluster.storage_classes;
    let Some(class) = claim["storageClassName"].as_str().filter(|class| !known.contains(*class)) else { return };
    let named: Vec<String> = known.iter().map(|class| format!("`{class}`")).collect();
    let help = match &named[..] {
        [] => "leave it out".to_owned(),
        named => format!("leave it out, or write one of {}", named.join(", ")),
    };
    let title = format!("storage class `{class}` is none that the cluster file names");
    judged.foreign(&format!("{at}/storageClassName"), title, "a class decides where data lies and what it costs", help);
}
