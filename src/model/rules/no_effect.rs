//! Settings that do nothing for the app that says them: its definition makes nothing of them, or not with what else is said.
//!
//! | written | what is told |
//! |---|---|
//! | a setting that every app has, of which the definition makes nothing | W0440 |
//! | the same in `defaults`, where no app of the organisation makes anything of it | W0440 |
//! | a setting of the definition's own that is read under a condition which does not hold | W0441 |

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expression::{Budget, Environment, Value};
use crate::finding::{Code, Finding, Findings};
use crate::model::definition::{self, NeedKind, UNCHOSEN, wanted};
use crate::model::rules::{One, SoundApp, View};
use crate::model::{App, Layer, Setting};
use crate::source::Span;
use crate::syntax::Node;

/// A setting that does nothing.
pub(crate) const NO_EFFECT: Code = Code::new("W0440");

/// The settings that every app has of which the definition alone makes something.
const OWN: &[&str] = &["storage", "scale"];

pub(super) fn check(one: &One, findings: &mut Findings) {
    let budget = Arc::new(Budget::of_organisation());
    for sound in one.sound_apps() {
        if sound.app.life.is_retired() {
            kept(&sound, findings);
            continue;
        }
        let environment = definition::environment(&sound.draft.organisation, sound.app).within(&budget);
        for (name, setting) in said(sound.app, Layer::App) {
            let found = idle(&sound, name, setting, &budget).map(|why| told(name, &sound.called(), setting.span, why));
            let found =
                found.into_iter().chain(part(&sound, name, setting)).chain(unread(&sound, name, setting, &environment));
            found.for_each(|finding| findings.push(finding));
        }
        // What is too much to be read has its finding elsewhere.
        if budget.beyond().is_some() {
            return;
        }
    }
    defaults(one, findings);
}

/// The apps of offers, whoever has them.
pub(super) fn check_offers(view: &View<'_>, findings: &mut Findings) {
    for offer in view.garden.offers.values() {
        for app in offer.apps.values().filter(|app| app.sound) {
            let Some(definition) = view.definitions.loaded.get(app.definition.value.as_str()) else { continue };
            let called = format!("the offer's `{}`", app.name.value);
            for (name, setting) in &app.settings {
                let found = definition.idle(name).filter(|_| !is_default(name, setting));
                found.into_iter().for_each(|why| findings.push(told(name, &called, setting.span, why)));
            }
        }
    }
}

/// What one layer says of an app.
fn said(app: &App, layer: Layer) -> impl Iterator<Item = (&String, &Setting)> {
    app.layers.iter().filter_map(move |(name, layers)| {
        let said = layers.iter().find(|setting| setting.layer == layer)?;
        Some((name, &**said))
    })
}

fn told(setting: &str, called: &str, place: Span, why: String) -> Finding {
    let help = match setting {
        "scale" | "peak" => "take it away; more memory or processor time helps instead",
        _ => "take it away",
    };
    Finding::warning(NO_EFFECT, format!("`{setting}` does nothing in {called}"), place).why(why).help(help)
}

/// Why a setting does nothing for an app; none where it does something, or says what is so without it.
fn idle(sound: &SoundApp<'_>, name: &str, setting: &Setting, budget: &Arc<Budget>) -> Option<String> {
    let (draft, app) = (sound.draft, sound.app);
    if is_default(name, setting) || is_refused(app, name) {
        return None;
    }
    let none_wanted = |kind: NeedKind| {
        let mut needs = app.definition.needs.iter().filter(|need| need.item.kind == kind);
        !needs.any(|need| wanted(need, &draft.organisation, app, budget))
    };
    let why = app.definition.idle(name);
    match name {
        // A planned peak wakes what sleeps.
        "peak" if app.sleeps_at_night() => None,
        "mail" if why.is_none() && none_wanted(NeedKind::Mail) && app.definition.reads.reading("mail").is_none() => {
            Some(format!("{} sends mail only where something else is said", app.definition.name))
        }
        "backup" if why.is_none() && !draft.backed_up.contains(&app.name) => {
            Some(format!("{} holds nothing that is backed up", app.definition.name))
        }
        _ => why,
    }
}

/// Whether a number of copies is refused with its reason anyhow.
fn is_refused(app: &App, name: &str) -> bool {
    let many = |setting: &Setting| {
        let numbers = ["min", "max"].into_iter().filter_map(|number| setting.props.get(number));
        { numbers }.any(|number| number.text.parse::<u64>().is_ok_and(|number| number > 1))
    };
    app.definition.single_replica.is_some()
        && match name {
            "scale" => app.settings.get("scale").is_some_and(|scale| many(scale)),
            "peak" => app.peaks().any(many),
            _ => false,
        }
}

/// Whether a setting says what is so without it.
fn is_default(name: &str, setting: &Setting) -> bool {
    let is = |word: &str| setting.args.first().is_some_and(|first| first.text == word);
    match name {
        "scale" => {
            !setting.props.contains_key("cpu-percent") && setting.props.values().all(|number| number.text == "1")
        }
        "size" => is("medium"),
        "nights" => is("awake"),
        _ => false,
    }
}

/// What is told of a property that does nothing in a setting that does something.
fn part(sound: &SoundApp<'_>, name: &str, setting: &Setting) -> Option<Finding> {
    let app = sound.app;
    match name {
        "scale" if app.definition.idle("scale").is_none() => {
            let percent = setting.props.get("cpu-percent")?;
            let Value::Map(scale) = &app.settings.get("scale")?.value else { return None };
            let (Some(Value::Int(least)), Some(Value::Int(most))) = (scale.get("min"), scale.get("max")) else {
                return None;
            };
            let why = format!("{least} run at least and {most} at most, so none is ever started by load");
            let finding = told("cpu-percent", &sound.called(), percent.span, why);
            (least == most).then(|| finding.help("or write a `max` that is more than `min`"))
        }
        "nights" if app.definition.receives.is_none() && app.sleeps_at_night() => {
            let despite = setting.props.get("despite")?;
            let why = format!("{} receives nothing that it could lose while it sleeps", app.definition.name);
            Some(told("despite", &sound.called(), despite.span, why))
        }
        _ => None,
    }
}

/// What is told of a setting of the definition's own that nothing reads with what else the app says: the whole, or a part of it.
fn unread(sound: &SoundApp<'_>, name: &str, setting: &Setting, environment: &Environment) -> Vec<Finding> {
    let definition = &sound.app.definition;
    let Some(declaration) =
        definition.settings.get(name).filter(|declaration| !declaration.common || OWN.contains(&name))
    else {
        return Vec::new();
    };
    let failing = |name: &str| definition.reads.reading(name).and_then(|reading| reading.failing(environment));
    let finding = |name: &str, place: Span| {
        let condition = failing(name)?;
        let said = name.rsplit('.').next().unwrap_or(name);
        let title = format!("`{said}` does nothing in {} with what else it says", sound.called());
        let finding = Finding::warning(UNCHOSEN, title, place)
            .also(condition.span, "the condition under which it is read")
            .why(format!("{} reads it only where `{}`", definition.name, condition.text))
            .help("take it away, or choose what it belongs to");
        Some(finding)
    };
    if let Some(whole) = finding(name, setting.span) {
        return vec![whole];
    }
    let parts = setting.props.iter().map(|(part, value)| (part, value.span));
    let children = setting.children.iter().filter_map(|(part, keyed)| Some((part, keyed.values().next()?.span)));
    let parts = parts.chain(children).filter(|(part, _)| declaration.members.contains_key(*part));
    parts.filter_map(|(part, place)| finding(&format!("{name}.{part}"), place)).collect()
}

/// What `defaults` say of which no app of the organisation makes anything.
fn defaults(one: &One, findings: &mut Findings) {
    if !one.draft.unsound.is_empty() || !one.draft.unbuilt.is_empty() || !one.draft.resolved.offer {
        return;
    }
    let organisation = &one.draft.organisation;
    let apps = || organisation.apps.values().filter(|app| !app.life.is_retired());
    let mut lines: BTreeMap<(&str, Span), Option<String>> = BTreeMap::new();
    for app in apps() {
        for (name, setting) in said(app, Layer::OrganisationDefaults) {
            let counts = is_default(name, setting) || is_refused(app, name) || name == "peak" && app.sleeps_at_night();
            let why = app.definition.idle(name).filter(|_| !counts);
            let known = lines.entry((name, setting.span)).or_insert_with(|| why.clone());
            *known = known.take().and(why);
        }
    }
    for ((name, place), why) in lines {
        if let Some(why) = why {
            findings.push(told(name, &format!("any app of `{}`", organisation.name), place, why));
        }
    }
}

/// What is told of the time for which nothing is kept.
fn kept(sound: &SoundApp<'_>, findings: &mut Findings) {
    let is_it = |node: &&Node| {
        let word = |at: usize| node.arg(at).map(|word| word.text.as_str());
        node.name.value == "retired" && word(0) == Some("app") && word(2) == Some(sound.app.name.as_str())
    };
    let node = sound.draft.node().children.iter().find(is_it);
    let (Some(said), Some(why)) =
        (node.and_then(|node| node.child("keep-data")), sound.app.definition.idle("keep-data"))
    else {
        return;
    };
    findings.push(told("keep-data", &sound.called(), said.head, why));
}
