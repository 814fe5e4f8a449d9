//! Settings that name another app of the organisation (`sign-on sso`): it is there, it lives, it is what they want, and
//! awake when it is wanted. Those that name a cluster or an offer name one of the garden's.

use crate::finding::{Code, Finding, Findings};
use crate::model::definition::{SettingDeclaration, SettingType};
use crate::model::names::unknown;
use crate::model::rules::{One, SoundApp};
use crate::model::{App, Life, Setting};
use crate::name::Name;
use crate::source::{Span, Spanned};

/// An app that does not give what another one names it for.
const OTHER_APP: Code = Code::new("E0309");
/// An app that sleeps while another one that relies on it is awake.
const ASLEEP: Code = Code::new("W0309");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        for (name, declaration) in &sound.app.definition.settings {
            let SettingType::Reference(definition) = &declaration.kind else { continue };
            let Some(setting) = sound.app.settings.get(name) else { continue };
            match definition.as_str() {
                "cluster" => names(&sound, "cluster", setting, one.names.clusters.iter(), findings),
                "offer" => names(&sound, "offer", setting, one.names.offers.iter(), findings),
                _ => refers(&sound, definition, declaration, setting, findings),
            }
        }
    }
}

/// A setting that names a cluster or an offer of the garden.
fn names<'a>(
    sound: &SoundApp<'_>,
    what: &str,
    setting: &Setting,
    known: impl Iterator<Item = &'a Name> + Clone,
    findings: &mut Findings,
) {
    let Some(written) = setting.args.first() else { return };
    if known.clone().all(|name| name.as_str() != written.text) {
        let named = Spanned::new(written.text.clone(), written.span);
        findings.push(unknown(what, &named, known.map(Name::as_str)).stops(sound.draft.organisation.name.clone()));
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
        // What could not be read may be the app.
        if !draft.resolved.apps || !draft.resolved.offer {
            return;
        }
        let wanted = organisation.apps.values().filter(|app| stands_for(app, definition));
        let what = format!("app of `{definition}` in `{}` called", organisation.name);
        let finding =
            unknown(&what, &Spanned::new(written.text.clone(), written.span), wanted.map(|app| app.name.as_str()));
        findings.push(finding.help(format!("write `app {definition} {named}` beside it")).stops(stops));
        return;
    };
    let title = if !stands_for(other, definition) {
        format!("`{named}` is of `{}`, not of `{definition}`", other.definition.name)
    } else if matches!(other.life, Life::Retired(_)) && matches!(sound.app.life, Life::Running) {
        format!("`{named}` is retired, and {} still relies on it", sound.called())
    } else {
        return asleep(sound, other, written.span, findings);
    };
    let finding = Finding::error(OTHER_APP, title, written.span).also(other.span, "the app it names");
    let finding = match &declaration.about {
        Some(about) => finding.why(format!("`{}` says: {about}", declaration.name)),
        None => finding,
    };
    findings.push(finding.help(format!("name a living app of `{definition}`, or leave the line out")).stops(stops));
}

/// Whether an app is of a definition, or of one that takes it in.
fn stands_for(app: &App, definition: &str) -> bool {
    app.definition.name.as_str() == definition || app.definition.uses.contains(definition)
}

/// Hours at which the one sleeps and the other does not, as far as the words of their nights say it.
fn asleep(sound: &SoundApp<'_>, other: &App, named: Span, findings: &mut Findings) {
    let Some(nights) = other.settings.get("nights").filter(|nights| sleeps(nights)) else { return };
    let own = sound.app.settings.get("nights").filter(|nights| sleeps(nights));
    let hours = |nights: &Setting| ["from", "to"].map(|word| nights.props.get(word).map(|time| time.text.clone()));
    let running = matches!((&sound.app.life, &other.life), (Life::Running, Life::Running));
    if !running || own.is_some_and(|own| hours(own) == hours(nights)) {
        return;
    }
    let title = format!("`{}` sleeps at hours at which {} is awake", other.name, sound.called());
    let finding = Finding::warning(ASLEEP, title, named)
        .also(nights.span, format!("`{}` sleeps by this line", other.name))
        .why("whoever comes then finds the one app open and cannot get in by the other")
        .help(format!(
            "write `nights awake` in `app {} {}`, or let both sleep alike",
            other.definition.name, other.name
        ));
    findings.push(finding);
}

fn sleeps(nights: &Setting) -> bool {
    nights.args.first().is_some_and(|word| word.text == "asleep")
}
