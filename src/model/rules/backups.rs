//! Apps that are to be backed up, on a cluster that has no place for backups.

use crate::finding::{Code, Finding, Findings};
use crate::model::draft::Draft;
use crate::model::rules::View;

/// A garden of which nothing is backed up.
pub(crate) const NONE: Code = Code::new("W0443");
/// Backups that are asked for and cannot be made.
pub(crate) const NO_TARGET: Code = Code::new("W0411");

/// Tells once that nobody asks for backups although there is something to lose.
pub(super) fn check_none(view: &View<'_>, findings: &mut Findings) {
    let is_read = |draft: &&Draft| draft.unsound.is_empty() && draft.unbuilt.is_empty() && draft.resolved.offer;
    let drafts = || view.drafts.iter().map(|draft| &**draft);
    let unread = || view.called.iter().any(|name| !view.places.contains_key(*name));
    if drafts().any(|draft| !draft.backed_up.is_empty()) || unread() || drafts().any(|draft| !is_read(&draft)) {
        return;
    }
    let apps = drafts().flat_map(|draft| draft.organisation.apps.values().map(move |app| (draft, app)));
    let mut losing = apps.filter(|(_, app)| !app.life.is_retired() && app.definition.holds_data());
    let Some((draft, app)) = losing.next() else { return };
    let finding = Finding::warning(NONE, "nothing of this garden is backed up", view.garden.span)
        .also(app.span, format!("`{}/{}` holds data, for example", draft.organisation.name, app.name))
        .why("no offer, organisation or app says `backup`: what is lost with a disk or by mistake is lost for good")
        .help("say it for everybody in the `defaults` of offers: `backup { every night; keep daily=7 weekly=4; }`")
        .help("and where it goes, in each cluster's `provides`: `backup k8up { endpoint …; bucket …; credentials …; }`")
        .help(format!("where backups are made by other means: `allow {NONE} \"by which\"` in the garden"));
    findings.push(finding);
}

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
