//! Claims: of the storage classes that the cluster file names.

use super::{Judged, each};

pub(super) fn check(judged: &mut Judged<'_>) {
    let path = match (judged.object.group, judged.object.kind) {
        ("", "PersistentVolumeClaim") => "spec",
        ("apps", "StatefulSet") => "spec/volumeClaimTemplates/*/spec",
        _ => return,
    };
    for (at, claim) in each(judged.body(), "", path) {
        let Some(class) = claim["storageClassName"].as_str() else { continue };
        if !judged.grounds.cluster.storage_classes.contains(class) {
            let title = format!("storage class `{class}` is none that the cluster file names");
            let why = "a class decides where data lies and what it costs";
            let known: Vec<String> =
                judged.grounds.cluster.storage_classes.iter().map(|class| format!("`{class}`")).collect();
            let help = if known.is_empty() {
                "leave it out".to_owned()
            } else {
                format!("leave it out, or write one of {}", known.join(", "))
            };
            judged.foreign(&format!("{at}/storageClassName"), title, why, help);
        }
        for field in ["volumeName", "dataSource", "dataSourceRef", "selector"] {
            if !claim[field].is_null() {
                let title = format!("`{field}` takes a volume that is there already");
                judged.foreign(&format!("{at}/{field}"), title, "it may be another's", "leave it out");
            }
        }
    }
}
