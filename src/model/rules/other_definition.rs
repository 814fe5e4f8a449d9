//! An app stays what it is: another definition does not go on with what holds data of the one before it.

use crate::finding::{Code, Finding, Findings};
use crate::model::AppliedApp;
use crate::model::rules::{One, SoundApp, was};
use crate::name::Name;

/// An app with another definition than it is applied with.
pub(crate) const OTHER_DEFINITION: Code = Code::new("E0432");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let definition = &sound.app.definition;
        let goes_on = |before: &AppliedApp| {
            before.definition == definition.name
                || definition.was.contains(&before.definition)
                || !held_data(one, &before.definition)
        };
        if let Some(before) = sound.possible().find(|before| !goes_on(before)) {
            findings.push(finding(one, &sound, &before.definition));
        }
    }
}

/// Whether apps of a definition, as it may be in the cluster, hold data: where nothing is known of it, they may.
fn held_data(one: &One, definition: &Name) -> bool {
    let past = one.past.iter().flat_map(|past| past.each());
    let mut apps = past.flat_map(|organisation| organisation.apps.values());
    apps.find(|app| app.definition.name == *definition).is_none_or(|app| was::names_data(&app.definition))
}

fn finding(one: &One, sound: &SoundApp<'_>, before: &Name) -> Finding {
    let (name, now, data) = (&sound.app.name, &sound.app.definition.name, sound.app.data_name());
    let title = format!("{} is applied as `{before}` and cannot go on as `{now}`", sound.called());
    // After a renaming the earlier one is retired under its earlier name, and the new name is free.
    let free = if name == data { "ANOTHER-NAME" } else { name.as_str() };
    Finding::refused(OTHER_DEFINITION, title, sound.app.span)
        .why(format!("`{now}` would run on the databases, volumes and keys that `{before}` has written"))
        .help(format!(
            "to change from one to the other, write `app {now} {free}` without `was`, and beside it \
             `retired app {before} {data} {{ keep-data {}; }}`",
            one.keep_data
        ))
        .help(format!(
            "where `{now}` is another name of `{before}` and reads what that has written, write `was {before}` in \
             `definition {now}`"
        ))
        .stops(sound.draft.organisation.name.clone())
}
