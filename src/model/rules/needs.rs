//! What an app needs, its cluster provides, or another app of its organisation.

use std::sync::Arc;

use crate::expression::{Budget, Value};
use crate::finding::{Finding, Findings};
use crate::model::definition::{self, Guarded, NOT_PROVIDED, Need, NeedKind, wanted};
use crate::model::rules::{One, SoundApp};

pub(super) fn check(one: &One, findings: &mut Findings) {
    if one.unsound_cluster || !one.draft.resolved.cluster {
        return;
    }
    let budget = Arc::new(Budget::of_organisation());
    for sound in one.sound_apps() {
        let cluster = &sound.draft.organisation.cluster;
        let mut missing: Vec<&Guarded<Need>> = Vec::new();
        for need in &sound.app.definition.needs {
            let kind = need.item.kind;
            let known = matches!(kind, NeedKind::Secret | NeedKind::SignOn | NeedKind::Outward)
                || cluster.provides.contains_key(kind.word());
            if !known
                && !missing.iter().any(|other| other.item.kind == kind)
                && wanted(need, &sound.draft.organisation, sound.app, &budget)
            {
                missing.push(need);
            }
        }
        for need in &sound.app.definition.needs {
            if need.item.kind == NeedKind::SignOn && wanted(need, &sound.draft.organisation, sound.app, &budget) {
                nobody_signs_in(&need.item, &sound, &budget).into_iter().for_each(|finding| findings.push(finding));
            }
        }
        if let Some(place) = budget.beyond() {
            findings.push(sound.costly("reading", place));
            return;
        }
        for need in missing {
            let word = need.item.kind.word();
            let title = format!("cluster `{}` does not provide `{word}`", cluster.name);
            let finding = Finding::error(NOT_PROVIDED, title, sound.app.span)
                .label(format!("{} needs it", sound.called()))
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

/// The finding that the app by which people should sign in does not sign anybody in; one that is not there at all is the
/// finding of the setting that names it.
fn nobody_signs_in(need: &Need, sound: &SoundApp<'_>, budget: &Arc<Budget>) -> Option<Finding> {
    let organisation = &sound.draft.organisation;
    let by = need.option("by", &definition::environment(organisation, sound.app).within(budget))?;
    let Value::Text(by) = by else { return None };
    let other = organisation.apps.get(&*by.text)?;
    if other.definition.sign_on.is_some() {
        return None;
    }
    let title = format!("{} signs people in by `{}`, which does not do that", sound.called(), by.text);
    let finding = Finding::error(NOT_PROVIDED, title, sound.app.span)
        .also(
            other.span,
            format!("`{}` is of `{}`, which does not `provides` `sign-on`", by.text, other.definition.name),
        )
        .help("name an app that does, such as one of `keycloak`");
    Some(finding.stops(organisation.name.clone()))
}
