//! Settings that name another app of the organisation (`sign-on sso`): it is there, it lives, it is what they want.

use crate::finding::{Code, Finding, Findings};
use crate::model::definition::{SettingDeclaration, SettingType};
use crate::model::references::unknown;
use crate::model::rules::{SoundApp, View};
use crate::model::{Life, Setting};
use crate::name::Name;
use crate::source::Spanned;

/// An app that does not give what another one names it for.
const OTHER_APP: Code = Code("E0309");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for sound in view.sound_apps() {
        for (name, declaration) in &sound.app.definition.settings {
            let SettingType::Reference(definition) = &declaration.kind else { continue };
            let Some(setting) = sound.app.settings.get(name) else { continue };
            if !matches!(definition.as_str(), "cluster" | "offer") {
                refers(&sound, definition, declaration, setting, findings);
            }
        }
    }
}

fn refers(
    sound: &SoundApp<'_>,
    definition: &str,
    declaration: &SettingDeclaration,
    setting: &Setting,
    findings: &mut Findings,
) {
    let Some(written) = setting.args.first() else { return };
    let (draft, organisation) = (sound.draft, &sound.draft.organisation);
    let named = Name::new(&written.text).ok();
    let Some(named) = named.filter(|name| !draft.unsound.contains(name) && !draft.unbuilt.contains(name)) else {
        return;
    };
    let stops = organisation.name.clone();
    let Some(other) = organisation.apps.get(&named) else {
        let wanted = organisation.apps.values().filter(|app| app.definition.name.as_str() == definition);
        let what = format!("app of `{definition}` in `{}` called", organisation.name);
        let finding =
            unknown(&what, &Spanned::new(written.text.clone(), written.span), wanted.map(|app| app.name.as_str()));
        findings.push(finding.help(format!("write `app {definition} {named}` beside it")).stops(stops));
        return;
    };
    let title = if other.definition.name.as_str() != definition {
        format!("`{named}` is of `{}`, not of `{definition}`", other.definition.name)
    } else if matches!(other.life, Life::Retired(_)) && matches!(sound.app.life, Life::Running) {
        format!("`{named}` is retired, and {} still relies on it", sound.called())
    } else {
        return;
    };
    let finding = Finding::error(OTHER_APP, title, written.span).also(other.span, "the app it names");
    let finding = match &declaration.about {
        Some(about) => finding.why(format!("`{}` says: {about}", declaration.name)),
        None => finding,
    };
    findings.push(finding.help(format!("name a living app of `{definition}`, or leave the line out")).stops(stops));
}
