//! Settings that only grow, and volumes of any other size, against what may be in the cluster.

use std::collections::BTreeMap;

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::rules::{One, SoundApp};
use crate::model::{AppliedApp, KeptValue, Layer, Setting};
use crate::quantity::Quantity;

/// A setting smaller than it was applied.
pub(crate) const SHRINKS: Code = Code::new("E0407");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let mut told = Vec::new();
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
                told.push((is, before.clone()));
                findings.push(shrinks(&sound, name, now, before, reason));
            }
        }
        volumes(&sound, &told, findings);
    }
}

/// Volumes whose size does not come from one of those settings: of a definition, or reckoned from others.
fn volumes(sound: &SoundApp<'_>, told: &[(KeptValue, KeptValue)], findings: &mut Findings) {
    let mut largest: BTreeMap<&str, Quantity> = BTreeMap::new();
    let past: Vec<_> = sound.possible().flat_map(|past| &past.sizes).collect();
    for (name, size) in &past {
        let known = largest.entry(name).or_insert(**size);
        *known = if known.amount < size.amount { **size } else { *known };
    }
    if largest.is_empty() {
        return;
    }
    let now = AppliedApp::of(&sound.draft.organisation, sound.app).sizes;
    for (name, was) in largest {
        let Some(is) = now.get(name).filter(|is| is.amount < was.amount) else { continue };
        let both = (KeptValue::Amount(*is), KeptValue::Amount(was));
        if told.contains(&both) {
            continue;
        }
        let definition = &sound.app.definition.name;
        let title = format!("the volume `{name}` of {} cannot shrink from {was} to {is}", sound.called());
        let finding = Finding::refused(SHRINKS, title, sound.app.span)
            .why(format!("a volume that is there only grows, and the definition `{definition}` now asks for less"))
            .help(format!("let `size` of `{name}` in `{definition}` be {was} or more"));
        findings.push(finding.stops(sound.draft.organisation.name.clone()));
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
