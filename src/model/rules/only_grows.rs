//! Settings that only grow, against what was applied last.

use crate::expression::Value;
use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::rules::{One, SoundApp};
use crate::model::{Layer, Setting};

/// A setting smaller than it was applied.
pub(crate) const SHRINKS: Code = Code::new("E0407");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let Some(past) = sound.past() else { continue };
        for (name, declaration) in &sound.app.definition.settings {
            let Some(reason) = &declaration.only_grows else { continue };
            let (Some(now), Some(before)) = (sound.app.settings.get(name), past.settings.get(name)) else { continue };
            if smaller(&now.value, &before.value) {
                findings.push(shrinks(&sound, name, now, &before.value, reason));
            }
        }
    }
}

fn smaller(now: &Value, before: &Value) -> bool {
    match (now, before) {
        (Value::Quantity(now), Value::Quantity(before)) => {
            now.dimension == before.dimension && now.amount < before.amount
        }
        (Value::Int(now), Value::Int(before)) => now < before,
        (Value::List(now), Value::List(before)) => before.iter().any(|item| !now.contains(item)),
        _ => false,
    }
}

fn shrinks(sound: &SoundApp<'_>, name: &str, now: &Setting, before: &Value, reason: &str) -> Finding {
    let (is, was) = (crate::model::value_text(&now.value), crate::model::value_text(before));
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
