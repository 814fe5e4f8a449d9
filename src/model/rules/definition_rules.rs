//! The rules that a definition itself states over the settings of its apps.

use crate::expression::too_much_work;
use crate::finding::{Findings, Severity};
use crate::model::rules::One;
use crate::model::{Layer, definition};

pub(super) fn check(one: &One, findings: &mut Findings) {
    if !one.draft.resolved.cluster || !one.draft.resolved.offer {
        return;
    }
    for sound in one.sound_apps().filter(|sound| !sound.app.definition.rules.is_empty()) {
        let environment = definition::environment(&sound.draft.organisation, sound.app);
        let written = |name: &str| {
            let setting = sound.app.settings.get(name)?;
            (setting.layer != Layer::Definition).then_some(setting.span)
        };
        for rule in &sound.app.definition.rules {
            let broken = rule.broken(&environment, sound.app.span, written);
            if let Some(place) = environment.budget().beyond() {
                let done = format!("checking `{}` of {}", sound.app.name, sound.draft.organisation.name);
                let finding = too_much_work(&done, place, sound.app.span);
                findings.push(finding.stops(sound.draft.organisation.name.clone()));
                break;
            }
            let Some(mut finding) = broken else { continue };
            if finding.severity == Severity::Error {
                finding = finding.stops(sound.draft.organisation.name.clone());
            }
            findings.push(finding.also(rule.span, "the rule"));
        }
    }
}
