//! Apps that are to be backed up, on a cluster that has no place for backups.

use crate::finding::{Code, Finding, Findings};
use crate::model::draft::Draft;
use crate::model::rules::View;

/// Backups that are asked for and cannot be made.
pub(crate) const NO_TARGET: Code = Code::new("W0411");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let lacking = view.garden.clusters.values().filter(|cluster| {
        cluster.complete && !view.unsound_clusters.contains(&cluster.name) && !cluster.provides.contains_key("backup")
    });
    for cluster in lacking {
        let here = |draft: &&Draft| draft.resolved.cluster && draft.organisation.cluster.name == cluster.name;
        let drafts = view.drafts.iter().map(|draft| &**draft).filter(here);
        let mut apps = drafts.flat_map(|draft| {
            let sound = draft.backed_up.iter().filter(|name| !draft.unsound.contains(*name));
            sound.filter_map(move |name| Some((draft, draft.organisation.apps.get(name)?)))
        });
        let Some((draft, first)) = apps.next() else { continue };
        let others = match apps.count() + 1 {
            1 => String::new(),
            2 => ", and so does another app".to_owned(),
            many => format!(", and so do {} others", many - 1),
        };
        let title = format!("nothing is backed up on cluster `{}`: it provides no `backup`", cluster.name);
        let finding = Finding::warning(NO_TARGET, title, cluster.span)
            .also(
                first.settings["backup"].span,
                format!("`{}/{}` asks for it here{others}", draft.organisation.name, first.name),
            )
            .why("what the garden says of backups needs a place away from the cluster, and none is named")
            .help("add `backup k8up { endpoint …; bucket …; credentials …; }` to the cluster's `provides`")
            .help(format!("where backups are made by other means: `allow {NO_TARGET} \"by which\"` in the cluster"));
        findings.push(finding);
    }
}
