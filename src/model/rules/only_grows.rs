//! Settings that only grow, against what may be in the cluster.

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::rules::{One, SoundApp};
use crate::model::{KeptValue, Layer, Setting};

/// A setting smaller than it was applied.
pub(crate) const SHRINKS: Code = Code::new("E0407");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        for (name, declaration) in &sound.app.definition.settings {
            let (Some(reason), Some(now)) = (&declaration.only_grows, sound.app.settings.get(name)) else { continue };
            let (is, mut largest) = (KeptValue::of(&now.value), None);
            for before in sound.possible().filter_map(|past| past.settings.get(name)) {
                if is.is_smaller_than(before)
                    && largest.is_none_or(|largest: &KeptValue| largest.is_smaller_than(before))
                {
                    largest = Some(before);
                }
            }
            if let Some(before) = largest {
                findings.push(shrinks(&sound, name, now, before, reason));
            }
        }
    }
}

fn shrinks(sound: &SoundApp<'_>, name: &str, now: &Setting, before: &KeptValue, reason: &str) -> Finding {
    let (is, was) = (crate::model::value_text(&now.value), before.to_string());
    let place = if now.layer == Layer::Definition { sound.app.span } else { now.span };
    let title = format!("`{name}` of {} cannot shrink from {was} to {is}", sound.called());
    let finding =
        Finding::refused(SHRINKS, title, place).why(reason.to_owned()).help(format!("write `{name} {was}` or more"));
    let finding = match (now.layer, now.args.first(), now.args.last()) {
        (Layer::App, Some(first), Some(last)) => {
            finding.fix(Applicability::Guess, format!("write `{name} {was}`"), first.span.to(last.span), was)
        }
        _ => finding,
    };
    finding.stops(sound.draft.organisation.name.clone())
}
