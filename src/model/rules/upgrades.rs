//! Versions move along the chain of the definition: never back, never over a step.

use crate::finding::{Code, Finding, Findings};
use crate::model::App;
use crate::model::definition::Definition;
use crate::model::rules::{One, SoundApp};

/// A version before the one that runs.
pub(crate) const BACK: Code = Code::new("E0405");
/// A version more than one step after the one that runs.
pub(crate) const OVER_A_STEP: Code = Code::new("E0406");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let Some(past) = sound.past() else { continue };
        let (from, to) = (past.release.version.as_str(), sound.app.release.version.as_str());
        if from == to || past.definition.name != sound.app.definition.name {
            continue;
        }
        let chain = chain(&sound.app.definition, to);
        match chain.iter().position(|version| *version == from) {
            // `chain` runs from the wanted version back to the first.
            Some(1) => {}
            Some(steps) => findings.push(over_a_step(&sound, from, &chain[..steps])),
            None if chain_holds(&sound.app.definition, from, to) => findings.push(back(&sound, from, to)),
            None if same_chain(&sound.app.definition, from) => findings.push(back(&sound, from, to)),
            // The running version is none of the definition any more: there is nothing to compare with.
            None => {}
        }
    }
}

/// The version and those that must run before it, nearest first.
fn chain<'a>(definition: &'a Definition, version: &'a str) -> Vec<&'a str> {
    let mut chain = vec![version];
    while let Some(before) =
        chain.last().and_then(|last| definition.releases.get(*last)).and_then(|release| release.after.as_deref())
    {
        if chain.contains(&before) {
            break;
        }
        chain.push(before);
    }
    chain
}

/// Whether `wanted` must have run before `running`.
fn chain_holds(definition: &Definition, running: &str, wanted: &str) -> bool {
    chain(definition, running).contains(&wanted)
}

fn same_chain(definition: &Definition, running: &str) -> bool {
    definition.releases.contains_key(running)
}

fn place(app: &App) -> crate::source::Span {
    let said = app.settings.get("version").or_else(|| app.settings.get("channel"));
    said.filter(|said| said.layer != crate::model::Layer::Definition).map_or(app.span, |said| said.span)
}

fn back(sound: &SoundApp<'_>, from: &str, to: &str) -> Finding {
    let title = format!("{} runs {from} and cannot go back to {to}", sound.called());
    Finding::refused(BACK, title, place(sound.app))
        .why(format!("{} does not read data that a later version has written", sound.app.definition.name))
        .help(format!("write `version {from}`, or restore a backup into a new app"))
        .stops(sound.draft.organisation.name.clone())
}

fn over_a_step(sound: &SoundApp<'_>, from: &str, between: &[&str]) -> Finding {
    let to = between.first().copied().unwrap_or_default();
    let next = between.last().copied().unwrap_or_default();
    let title = format!("{} runs {from} and cannot go to {to} at once", sound.called());
    Finding::refused(OVER_A_STEP, title, place(sound.app))
        .why(format!(
            "{} must have run before: each version carries the data over from the one before it",
            between[1..].iter().rev().copied().collect::<Vec<_>>().join(", then ")
        ))
        .help(format!("write `version {next}`, and go on once `parcelle status` says that it is applied"))
        .stops(sound.draft.organisation.name.clone())
}
