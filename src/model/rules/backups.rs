//! Apps that are to be backed up, on a cluster that has no place for backups.

use crate::finding::{Code, Finding, Findings};
use crate::model::definition::{Need, NeedKind};
use crate::model::rules::needs::wanted;
use crate::model::rules::{SoundApp, View};

/// Backups that are asked for and cannot be made.
pub const NO_TARGET: Code = Code("W0411");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let lacking = view.garden.clusters.values().filter(|cluster| {
        cluster.complete && !view.unsound_clusters.contains(&cluster.name) && !cluster.provides.contains_key("backup")
    });
    for cluster in lacking {
        let here = |sound: &SoundApp<'_>| {
            sound.draft.known.cluster && sound.draft.organisation.cluster.name == cluster.name && asks(sound)
        };
        let apps: Vec<SoundApp<'_>> = view.sound_apps().filter(here).collect();
        let Some(first) = apps.first() else { continue };
        let others = match apps.len() {
            1 => String::new(),
            2 => ", and so does another app".to_owned(),
            many => format!(", and so do {} others", many - 1),
        };
        let title = format!("nothing is backed up on cluster `{}`: it provides no `backup`", cluster.name);
        let finding = Finding::warning(NO_TARGET, title, cluster.span)
            .also(first.app.settings["backup"].span, format!("{} asks for it here{others}", first.called()))
            .why("what the garden says of backups needs a place away from the cluster, and none is named")
            .help("add `backup k8up { endpoint …; bucket …; credentials …; }` to the cluster's `provides`")
            .help(format!(
                "where backups are made by other means: `allow {} \"by which\"` in the cluster",
                NO_TARGET.0
            ));
        findings.push(finding);
    }
}

/// Whether an app says `backup` and has something that can be lost.
fn asks(sound: &SoundApp<'_>) -> bool {
    let holds = |need: &Need| match need.kind {
        NeedKind::Bucket | NeedKind::Mongodb | NeedKind::Postgres | NeedKind::Volume => true,
        NeedKind::Redis => need.options.contains_key("keep"),
        NeedKind::Mail | NeedKind::Route | NeedKind::Secret | NeedKind::SignOn | NeedKind::Outward => false,
    };
    let needs = &sound.app.definition.needs;
    sound.app.settings.contains_key("backup") && needs.iter().any(|need| holds(&need.item) && wanted(need, sound))
}
