//! `parcelle explain`: a finding's manual page, or where the value of a setting comes from.

use std::fmt::Write as _;

use clap::Args;

use super::check::plural;
use super::workspace::{check_once, find};
use super::{CommandFailure, Common, Exit, Output};
use crate::check::Checked;
use crate::finding::{Findings, Severity};
use crate::model::{self, App, Explanation, Garden, InForce, Layer, Organisation};
use crate::report;
use crate::schema::suggest::nearest;
use crate::source::Sources;

/// What `explain` takes.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A finding's code (E0412); ORG/APP.SETTING (alternatiba/cloud.storage), ORG/APP for all settings, ORG for its apps
    subject: String,
}

pub(crate) fn run(common: &Common, args: &ExplainArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let subject = args.subject.trim();
    if let Some(page) = report::page(&subject.to_uppercase()) {
        return output.result(page).map(|()| Exit::Good);
    }
    if looks_like_a_code(subject) {
        return Err(CommandFailure::asked(
            format!("there is no finding `{subject}`"),
            "a finding's code stands in brackets before its title, as in `error[E0412]`",
        ));
    }
    let checked = check_once(&find(common, None)?, None)?;
    let (organisation, rest) = subject.split_once('/').unwrap_or((subject, ""));
    let Some(garden) = &checked.garden else { return stopped(&checked, organisation, output) };
    if garden.broken.iter().any(|broken| broken.as_str() == organisation) {
        return stopped(&checked, organisation, output);
    }
    let Some(found) = garden.organisations.get(organisation) else {
        return Err(unknown(garden, organisation));
    };
    let text = match rest {
        "" => apps(found, &checked.sources),
        rest => settings(garden, found, rest, &checked.sources)?,
    };
    output.result(&text).map(|()| Exit::Good)
}

/// A letter and four digits.
fn looks_like_a_code(subject: &str) -> bool {
    let digits = subject.strip_prefix(['E', 'W', 'e', 'w']);
    digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Why an organisation has no values to explain: the findings that stop it, all errors where none names it.
fn stopped(checked: &Checked, organisation: &str, output: &Output) -> Result<Exit, CommandFailure> {
    let known = checked.garden.as_ref().and_then(|garden| garden.stopped.get(organisation));
    let mut own = checked.findings.clone();
    own.retain(|finding| {
        let here = known.is_some_and(|known| finding.file() == known.span.file);
        finding.severity == Severity::Error
            && (here || finding.stops.as_ref().is_some_and(|name| name.as_str() == organisation))
    });
    let findings: &Findings = if own.is_empty() { &checked.findings } else { &own };
    let drawn = report::render(report::Format::Text, findings, &checked.sources, output.drawing());
    let count = plural(findings.iter().filter(|finding| finding.severity == Severity::Error).count(), "finding");
    output.result(&format!("{organisation} stays as it is applied, stopped by {count}:\n\n{drawn}"))?;
    Ok(Exit::Garden)
}

/// A word that is no organisation: what it is, or what it may have been meant as.
fn unknown(garden: &Garden, word: &str) -> CommandFailure {
    if garden.definitions.contains_key(word) {
        return CommandFailure::asked(
            format!("`{word}` is a definition"),
            format!("`parcelle docs {word}` prints its reference; an app of it is explained by ORG/APP"),
        );
    }
    let is_offer = garden.offers.contains_key(word);
    if is_offer || garden.clusters.contains_key(word) {
        let what = if is_offer { "an offer" } else { "a cluster" };
        return CommandFailure::asked(format!("`{word}` is {what}"), "what it gives to an app is explained by ORG/APP");
    }
    let names = || garden.organisations.keys().chain(&garden.broken).map(crate::name::Name::as_str);
    let help = match nearest(word, names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the organisations: {}", names().collect::<Vec<_>>().join(", ")),
    };
    CommandFailure::asked(format!("`{word}` is neither a finding's code nor an organisation of this garden"), help)
}

/// What an organisation has: one line an app, with the line of KDL that asks for it.
fn apps(found: &Organisation, sources: &Sources) -> String {
    let name = &found.name;
    let offer = found.offer.as_ref().map(|offer| format!("offer {}, ", offer.name)).unwrap_or_default();
    let mut text = format!("{name}: {offer}cluster {}  {}\n", found.cluster.name, sources.locate(found.span));
    for app in found.apps.values() {
        let place = sources.locate(app.span);
        let release = &app.release.version;
        let _ =
            writeln!(text, "  {:<16} {:<24} {place}", app.name.as_str(), format!("{} {release}", app.definition.name));
    }
    let example = found.apps.keys().next().map_or("APP", crate::name::Name::as_str);
    let _ = writeln!(text, "next: parcelle explain {name}/{example}");
    text
}

/// `APP`, `APP.SETTING` or `APP.SETTING.MEMBER`.
fn settings(garden: &Garden, found: &Organisation, rest: &str, sources: &Sources) -> Result<String, CommandFailure> {
    let (name, setting) = rest.split_once('.').map_or((rest, None), |(app, setting)| (app, Some(setting)));
    let organisation = found.name.as_str();
    let Some(app) = found.apps.get(name) else {
        let known = || found.apps.keys().map(crate::name::Name::as_str);
        return Err(not_there(format!("`{organisation}` has no app `{name}`"), "its apps", name, known().collect()));
    };
    let names: Vec<&str> = match setting {
        Some(setting) => vec![declared(app, setting)?],
        None => app.settings.keys().map(String::as_str).collect(),
    };
    let mut text = String::new();
    for name in names {
        let _ = writeln!(text, "{organisation}/{}.{name}", app.name);
        if let Some(about) = &app.definition.settings[name].about {
            let _ = writeln!(text, "  {about}");
        }
        if let Some(limit) = app.definition.limit_of(name) {
            let _ = writeln!(text, "  {limit}");
        }
        if matches!(name, "version" | "channel") {
            let _ = writeln!(
                text,
                "  the release that runs: {}  {}",
                app.release.version,
                sources.locate(app.release.span)
            );
        }
        if let Some(explanation) = model::explain(garden, organisation, app.name.as_str(), name) {
            draw(&mut text, &explanation, sources);
        }
    }
    Ok(text)
}

/// The name of a setting that the definition has; a member of a group (`scale.min`) stands in its group.
fn declared<'a>(app: &'a App, path: &str) -> Result<&'a str, CommandFailure> {
    let mut words = path.split('.');
    let name = words.next().unwrap_or_default();
    let mut of = app.definition.name.to_string();
    let Some((known, mut declaration)) = app.definition.settings.get_key_value(name) else {
        let known = app.definition.settings.keys().map(String::as_str).collect();
        return Err(not_there(format!("a {of} has no setting `{name}`"), "its settings", name, known));
    };
    of.clone_from(known);
    for word in words {
        let Some(member) = declaration.members.get(word) else {
            let members = declaration.members.keys().map(String::as_str).collect();
            return Err(not_there(format!("`{of}` has no part `{word}`"), "its parts", word, members));
        };
        (of, declaration) = (format!("{of}.{word}"), member);
    }
    Ok(known)
}

/// A failure about a word that is not there, with the one that was probably meant, or all.
fn not_there(message: String, what: &str, word: &str, known: Vec<&str>) -> CommandFailure {
    let help = match nearest(word, known.iter().copied()) {
        _ if known.is_empty() => "it has none".to_owned(),
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("{what}: {}", known.join(", ")),
    };
    CommandFailure::asked(message, help)
}

fn draw(text: &mut String, explanation: &Explanation, sources: &Sources) {
    let Explanation { effective, layers, computed } = explanation;
    if let Some(computed) = computed {
        let value = effective.as_deref().unwrap_or("nothing");
        let _ = writeln!(text, "  -> {:<24} {value}", "made by parcelle");
        let _ = writeln!(text, "     of {}", computed.of);
        for (name, value, span) in &computed.parts {
            let _ = writeln!(text, "        {name:<12} {value:<36} {}", sources.locate(*span));
        }
        return;
    }
    if layers.is_empty() {
        text.push_str("     no layer says it\n");
        return;
    }
    let mixed = layers.iter().filter(|said| !matches!(said.part, InForce::Nothing { .. })).count() > 1;
    if let Some(effective) = effective.as_ref().filter(|_| mixed) {
        let _ = writeln!(text, "  in force: {effective}");
    }
    for said in layers {
        let (mark, why) = match &said.part {
            InForce::All => ("->", String::new()),
            InForce::Some(words) => ("->", format!("  of it {}", spoken(words))),
            InForce::Nothing { nearer } => ("  ", format!("  replaced by {}", layer_words(*nearer))),
        };
        let value = said.text.as_deref().unwrap_or("nothing");
        let place = sources.locate(said.span);
        let _ = writeln!(text, "  {mark} {:<24} {value:<40} {place}{why}", layer_words(said.layer));
    }
}

/// `min and keep daily`; the word without a name is the first argument.
fn spoken(words: &[String]) -> String {
    let words: Vec<&str> = words.iter().map(|word| if word.is_empty() { "the first word" } else { word }).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.join(""),
    }
}

/// A layer as people name it.
fn layer_words(layer: Layer) -> &'static str {
    match layer {
        Layer::Definition => "the definition",
        Layer::OfferDefaults => "the offer's defaults",
        Layer::OfferApp => "the offer's app",
        Layer::OrganisationDefaults => "the organisation's defaults",
        Layer::App => "the app",
    }
}
