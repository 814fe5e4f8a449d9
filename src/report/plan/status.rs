//! How an organisation is, as a page that a person understands.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use serde::Serialize;

use super::TextStyle;
use super::text::day;
use super::words::{bullet, many, paint, plain};
use crate::plan::{Health, HealthState, Retirement, Verb};

/// How one organisation is.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganisationStatus {
    pub(crate) organisation: String,
    pub(crate) title: String,
    /// The cluster it lives on.
    pub(crate) cluster: String,
    /// The commit that was applied whole last, in hexadecimal; empty for none.
    pub(crate) commit: String,
    /// The commit that was begun since and is not whole, in hexadecimal; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) begun: String,
    /// What that commit was, where the repository holds it.
    pub(crate) last_change: Option<LastChange>,
    /// Its apps, in order of name.
    pub(crate) apps: Vec<AppStatus>,
    /// Objects that do not do their work, with their health.
    pub(crate) unwell: Vec<(String, Health)>,
    /// Objects that the last round refused or could not apply, with the reason.
    pub(crate) open: Vec<(String, String)>,
    /// Data that no app asks for any more.
    pub(crate) detached: Vec<String>,
    /// The reason of a hold.
    pub(crate) held: Option<String>,
    /// The reason of a pause in the cluster.
    pub(crate) paused: Option<String>,
    /// The findings that stop it, as `E0407: …, FILE:LINE`.
    pub(crate) findings: Vec<String>,
    /// The whole organisation is retired.
    pub(crate) retired: Option<Retirement>,
}

/// The commit that changed something of an organisation last.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct LastChange {
    /// The first line of its message.
    pub(crate) summary: String,
    /// Who wrote it.
    pub(crate) author: String,
    /// When, in Unix seconds.
    pub(crate) time: i64,
}

/// How one app is.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppStatus {
    pub(crate) name: String,
    pub(crate) definition: String,
    /// The release in force.
    pub(crate) release: String,
    /// Where it is reached: the first host.
    pub(crate) at: Option<String>,
    /// In words: "asleep until 06:30", "paused", …; empty where it simply runs.
    pub(crate) state: String,
    /// How many of its objects are there and well, and how many there should be.
    pub(crate) well: (usize, usize),
    /// The reason of a hold.
    pub(crate) held: Option<String>,
    /// Since when it is retired, and when its time comes.
    pub(crate) retired: Option<Retirement>,
    /// It is retired and nothing of it is left: its node may go.
    pub(crate) gone: bool,
}

impl OrganisationStatus {
    /// Whether everything is as it should be.
    pub(crate) fn is_well(&self) -> bool {
        self.unwell.is_empty()
            && self.open.is_empty()
            && self.findings.is_empty()
            && self.paused.is_none()
            && self.apps.iter().all(|app| app.well.0 == app.well.1)
    }
}

/// All organisations: a line each, those with something to say first as a page.
pub(crate) fn statuses(all: &[OrganisationStatus], style: TextStyle) -> String {
    let mut out = String::new();
    for organisation in all {
        if style.verbose || !organisation.is_well() {
            out.push_str(&status(organisation, style));
            out.push('\n');
            continue;
        }
        let apps = many(organisation.apps.len(), "app");
        let _ = writeln!(out, "{}: well, {apps} on {}", organisation.organisation, organisation.cluster);
    }
    let unwell = all.iter().filter(|organisation| !organisation.is_well()).count();
    let _ = match unwell {
        0 => writeln!(out, "All is well in {}.", many(all.len(), "organisation")),
        unwell => writeln!(out, "{unwell} of {} need a look.", many(all.len(), "organisation")),
    };
    out
}

/// One organisation's page.
pub(crate) fn status(organisation: &OrganisationStatus, style: TextStyle) -> String {
    let bold = |text: &str| paint(style.drawing, Style::new().bold(), text);
    let mut out = String::new();
    let name = bold(&organisation.organisation);
    let title = if organisation.title.is_empty() { String::new() } else { format!(", {}", plain(&organisation.title)) };
    let cluster = if organisation.cluster.is_empty() { String::new() } else { format!(" on {}", organisation.cluster) };
    let _ = writeln!(out, "{name}{title}{cluster}");
    let commit: String = organisation.commit.chars().take(12).collect();
    let applied = match (commit.is_empty(), &organisation.last_change) {
        (true, _) => "nothing was applied yet".to_owned(),
        (false, None) => format!("applied {commit}"),
        (false, Some(LastChange { summary, author, time })) => {
            format!("last changed by {commit} of {}: {} ({})", day(*time), plain(summary), plain(author))
        }
    };
    let _ = writeln!(out, "  {applied}");
    let begun: String = organisation.begun.chars().take(12).collect();
    let words = [
        (!begun.is_empty()).then(|| format!("{begun} was begun and is not applied whole")),
        organisation.paused.as_ref().map(|why| format!("paused in the cluster: {why}")),
        organisation.held.as_ref().map(|why| format!("held: {why}")),
        organisation.retired.map(|retired| format!("retired: goes on {}", day(retired.until))),
        (!organisation.findings.is_empty()).then(|| {
            let count = many(organisation.findings.len(), "finding");
            format!("stopped by {count}: nothing of it is changed or put back until mended")
        }),
    ];
    for word in words.into_iter().flatten() {
        let _ = writeln!(out, "  {}", plain(&word));
    }
    for finding in &organisation.findings {
        let _ = writeln!(out, "    {}", plain(finding));
    }
    for app in &organisation.apps {
        draw_app(&mut out, app, style);
    }
    let mark = |verb| bullet(style.drawing, verb);
    for (object, health) in &organisation.unwell {
        let verb = if health.state == HealthState::Failed { Verb::Refused } else { Verb::Change };
        let message = if health.message.is_empty() { &health.reason } else { &health.message };
        let _ = writeln!(out, "  {}{object} is {}: {}", mark(verb), health.state, plain(message));
    }
    let mut open: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (object, reason) in &organisation.open {
        open.entry(reason).or_default().push(object);
    }
    for (reason, objects) in open {
        let mark = mark(Verb::Refused);
        if objects.len() > LISTED && !style.verbose {
            let _ =
                writeln!(out, "  {mark}{} — {}: {}", many(objects.len(), "object"), plain(reason), by_kind(&objects));
            continue;
        }
        for object in objects {
            let _ = writeln!(out, "  {mark}{object} — {}", plain(reason));
        }
    }
    for object in &organisation.detached {
        let _ = writeln!(out, "  {}{object} is detached: it holds data that no app asks for", mark(Verb::Keep));
    }
    out
}

/// More objects than these that have the same to say are counted by kind.
const LISTED: usize = 3;

/// "2 ConfigMap, 1 Deployment": objects as they are called, kind first.
fn by_kind(objects: &[&str]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for object in objects {
        *counts.entry(object.split(' ').next().unwrap_or_default()).or_default() += 1;
    }
    counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}

fn draw_app(out: &mut String, app: &AppStatus, style: TextStyle) {
    let name = paint(style.drawing, Style::new().bold(), &app.name);
    let at = app.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
    let (well, all) = app.well;
    let health = match (well == all, app.gone) {
        (_, true) => "gone: its node may be dropped".to_owned(),
        (true, false) => "well".to_owned(),
        (false, false) => format!("{well} of {} well", many(all, "object")),
    };
    let state = if app.state.is_empty() { String::new() } else { format!(", {}", plain(&app.state)) };
    let held = app.held.as_ref().map(|why| format!(", held: {}", plain(why))).unwrap_or_default();
    // The time says it already.
    let state = if app.retired.is_some() && !app.gone { String::new() } else { state };
    let retired = app.retired.filter(|_| !app.gone).map(|retired| format!(", retired until {}", day(retired.until)));
    let retired = retired.unwrap_or_default();
    let _ = writeln!(out, "  {name} ({} {}){at}: {health}{state}{held}{retired}", app.definition, app.release);
}
