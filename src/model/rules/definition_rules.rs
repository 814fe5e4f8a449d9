//! The rules that a definition itself states over the settings of its apps.

use std::sync::Arc;

use crate::expression::{Budget, MOST_WORK_OF_ORGANISATION};
use crate::finding::{Findings, Severity};
use crate::model::rules::One;
use crate::model::{Layer, definition};

pub(super) fn check(one: &One, findings: &mut Findings) {
    if !one.draft.resolved.cluster || !one.draft.resolved.offer {
        return;
    }
    let mut left = MOST_WORK_OF_ORGANISATION;
    for sound in one.sound_apps().filter(|sound| !sound.app.definition.rules.is_empty()) {
        let budget = Arc::new(Budget::at_most(left));
        let environment = definition::environment(&sound.draft.organisation, sound.app).within(&budget);
        let written = |name: &str| {
            let setting = sound.app.settings.get(name)?;
            (setting.layer != Layer::Definition).then_some(setting.span)
        };
        for rule in &sound.app.definition.rules {
            let broken = rule.broken(&environment, sound.app.span, written);
            if let Some(place) = budget.beyond() {
                findings.push(sound.costly("checking", place));
                return;
            }
            let Some(mut finding) = broken else { continue };
            if finding.severity == Severity::Error {
                finding = finding.stops(sound.draft.organisation.name.clone());
            }
            findings.push(finding.also(rule.span, "the rule"));
        }
        left -= budget.spent();
    }
}
