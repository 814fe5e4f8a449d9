//! Settings that stay as they were applied first.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::One;
use crate::model::{KeptValue, Layer};

/// A setting other than it was applied.
pub(crate) const CHANGED: Code = Code::new("E0408");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        for (name, declaration) in &sound.app.definition.settings {
            let Some(reason) = &declaration.immutable else { continue };
            let Some(now) = sound.app.settings.get(name) else { continue };
            let is = KeptValue::of(&now.value);
            let before = sound.possible().filter_map(|past| past.settings.get(name)).find(|before| **before != is);
            let Some(was) = before else { continue };
            let place = if now.layer == Layer::Definition { sound.app.span } else { now.span };
            let title = format!("`{name}` of {} is {was} and cannot become {is}", sound.called());
            let finding = Finding::refused(CHANGED, title, place)
                .why(reason.clone())
                .help(format!("write `{name} {was}`, or make a new app"))
                .stops(sound.draft.organisation.name.clone());
            findings.push(finding);
        }
    }
}
