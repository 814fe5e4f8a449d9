//! What an app needs, its cluster provides.

use crate::expression::evaluate;
use crate::finding::{Code, Finding, Findings};
use crate::model::definition::{self, Guarded, Need, NeedKind};
use crate::model::rules::View;

/// A need without a provider.
pub const NOT_PROVIDED: Code = Code("E0303");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for sound in view.sound_apps().filter(|sound| sound.draft.cluster_known) {
        let cluster = &sound.draft.organisation.cluster;
        if view.unsound_clusters.contains(&cluster.name) {
            continue;
        }
        let mut missing: Vec<&Guarded<Need>> = Vec::new();
        for need in &sound.app.definition.needs {
            let kind = need.item.kind;
            let known = kind == NeedKind::Secret || cluster.provides.contains_key(kind.word());
            if !known && !missing.iter().any(|other| other.item.kind == kind) && wanted(need, &sound) {
                missing.push(need);
            }
        }
        for need in missing {
            let word = need.item.kind.word();
            let title = format!("{} needs `{word}`, which cluster `{}` does not provide", sound.called(), cluster.name);
            let finding = Finding::error(NOT_PROVIDED, title, sound.app.span)
                .also(cluster.span, format!("no `{word}` in its `provides`"))
                .also(need.item.span, format!("`{}` asks for it here", sound.app.definition.name))
                .help(format!(
                    "add `{word}` with a provider to the cluster's `provides`, or host the organisation elsewhere"
                ))
                .stops(sound.draft.organisation.name.clone());
            findings.push(finding);
        }
    }
}

/// Whether the conditions around a need hold for this app.
fn wanted(need: &Guarded<Need>, sound: &super::SoundApp<'_>) -> bool {
    if need.when.is_empty() {
        return true;
    }
    let environment = definition::environment(&sound.draft.organisation, sound.app);
    need.when.iter().all(|when| evaluate(when, &environment) == crate::expression::Value::Bool(true))
}
