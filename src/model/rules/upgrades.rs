//! Versions move along the chain of the definition: never back, never over a step.

use std::collections::BTreeSet;

use crate::finding::{Code, Finding, Findings};
use crate::model::definition::Definition;
use crate::model::rules::{One, SoundApp};
use crate::model::{App, AppliedApp};

/// A version before the one that runs.
pub(crate) const BACK: Code = Code::new("E0405");
/// A version more than one step after the one that runs.
pub(crate) const OVER_A_STEP: Code = Code::new("E0406");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        // Of several versions that may run, the newest one that stands in the way is told.
        let possible: Vec<&AppliedApp> = sound.possible().collect();
        if let Some(finding) = possible.into_iter().rev().find_map(|past| against(&sound, past)) {
            findings.push(finding);
        }
    }
}

/// What is wrong with going on from one version that may run.
fn against(sound: &SoundApp<'_>, past: &AppliedApp) -> Option<Finding> {
    let (from, to) = (past.version.as_str(), sound.app.release.version.as_str());
    if from == to || past.definition != sound.app.definition.name {
        return None;
    }
    let chain = chain(&sound.app.definition, to);
    match chain.iter().position(|version| *version == from) {
        // `chain` runs from the wanted version back to the first.
        Some(1) => None,
        Some(steps) => Some(over_a_step(sound, past, &chain[..steps])),
        None if chain_holds(&sound.app.definition, from, to) => Some(back(sound, past, to)),
        None if same_chain(&sound.app.definition, from) => Some(back(sound, past, to)),
        // The running version is none of the definition any more: there is nothing to compare with.
        None => None,
    }
}

/// The version and those that must run before it, nearest first.
fn chain<'a>(definition: &'a Definition, version: &'a str) -> Vec<&'a str> {
    let (mut chain, mut seen) = (vec![version], BTreeSet::from([version]));
    while let Some(before) =
        chain.last().and_then(|last| definition.releases.get(*last)).and_then(|release| release.after.as_deref())
    {
        if !seen.insert(before) {
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

fn back(sound: &SoundApp<'_>, past: &AppliedApp, to: &str) -> Finding {
    let from = &past.version;
    let title = if sound.is_begun(past) {
        format!("{from} was begun on {}, which cannot go back to {to}", sound.called())
    } else {
        format!("{} runs {from} and cannot go back to {to}", sound.called())
    };
    let name = &sound.app.definition.name;
    let finding = Finding::refused(BACK, title, place(sound.app)).stops(sound.draft.organisation.name.clone());
    if !sound.is_begun(past) {
        return finding
            .why(format!("{name} does not read data that a later version has written"))
            .help(format!("write `version {from}`, or restore a backup into a new app"));
    }
    let finding = finding
        .why(format!(
            "{from} was begun and is not applied whole, so it may have run; {name} does not read data that a later version \
             has written"
        ))
        .help(format!("write `version {from}`, or restore a backup into a new app"));
    match sound.whole_commit() {
        Some(commit) => finding.help(format!(
            "where {from} wrote nothing, or what it wrote was restored, take it back by word: `rollback to=\"{commit}\"` in \
             the garden"
        )),
        None => finding,
    }
}

fn over_a_step(sound: &SoundApp<'_>, past: &AppliedApp, between: &[&str]) -> Finding {
    let from = &past.version;
    let to = between.first().copied().unwrap_or_default();
    let next = between.last().copied().unwrap_or_default();
    let title = if sound.is_begun(past) {
        format!("{from} was begun on {}, which cannot go to {to} at once", sound.called())
    } else {
        format!("{} runs {from} and cannot go to {to} at once", sound.called())
    };
    Finding::refused(OVER_A_STEP, title, place(sound.app))
        .why(format!(
            "{} must have run before: each version carries the data over from the one before it",
            between[1..].iter().rev().copied().collect::<Vec<_>>().join(", then ")
        ))
        .help(format!("write `version {next}`, and go on once `parcelle status` says that it is applied"))
        .stops(sound.draft.organisation.name.clone())
}
