//! How an organisation is, as a page that a person understands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::Style;
use serde::{Deserialize, Serialize};

use super::away::{draw_unread, way_out_of_silence};
use super::words::{bullet, many, paint};
use super::{DataGone, LeaderStatus, TextStyle, away, way_out};
use crate::plan::day;
use crate::plan::{Action, Health, HealthState, RecoveredObjects, Retirement, Verb};
use crate::visible;

/// How one organisation is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OrganisationStatus {
    pub(crate) organisation: String,
    pub(crate) title: String,
    /// The cluster it lives on.
    pub(crate) cluster: String,
    /// Who leads that; absent where nobody need, as in an embedded sandbox.
    pub(crate) leader: Option<LeaderStatus>,
    /// Why its cluster cannot be read; what else is told is then what was known before, or only what the garden asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unreached: Option<String>,
    /// When what is told was read, in Unix seconds; absent where that is now, or where nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) as_of: Option<i64>,
    /// How long ago that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) as_of_seconds_ago: Option<u64>,
    /// Why the loop leaves it as it is applied although no finding stops it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
    /// What it waits for at an earlier commit, since not all who must agree have agreed to what came after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) consent: Option<String>,
    /// The commit that was applied whole last, in hexadecimal; empty for none.
    pub(crate) commit: String,
    /// The commit that was begun since and is not whole, in hexadecimal; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) begun: String,
    /// What was taken back after the inventory was lost, and is changed only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) taken_back: Option<RecoveredObjects>,
    /// What that commit was, where the repository holds it.
    pub(crate) last_change: Option<LastChange>,
    /// Why it is not known what is applied, where the inventory is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<String>,
    /// Its apps, in order of name.
    pub(crate) apps: Vec<AppStatus>,
    /// Objects that do not do their work, with their health.
    pub(crate) unwell: Vec<(String, Health)>,
    /// Objects that are not as the garden asks.
    pub(crate) open: Vec<OpenObject>,
    /// Data that is gone, and the apps that are held for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) data_gone: Vec<DataGone>,
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
    /// Words of people that nobody has carried out yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<String>,
}

/// An object that is not as the garden asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OpenObject {
    /// Kind and name.
    pub(crate) object: String,
    /// Why, and what it waits for.
    pub(crate) reason: String,
    /// The edit or command that helps; absent where the next round does what is to be done.
    pub(crate) way_out: Option<String>,
}

impl OpenObject {
    /// An object about which an action of the plan is.
    pub(crate) fn of(action: &Action) -> Self {
        let note = action.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        Self {
            object: action.id.to_string(),
            reason: format!("{}{note}", action.reason()),
            way_out: way_out::way_out(action),
        }
    }
}

/// The commit that changed something of an organisation last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LastChange {
    /// The first line of its message.
    pub(crate) summary: String,
    /// Who wrote it.
    pub(crate) author: String,
    /// When, in Unix seconds.
    pub(crate) time: i64,
}

/// How one app is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AppStatus {
    pub(crate) name: String,
    pub(crate) definition: String,
    /// The release that runs.
    pub(crate) release: String,
    /// The release that the garden asks for, where another one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wanted: Option<String>,
    /// The version that was begun and is not applied whole, where it is another one than what was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) begun: Option<String>,
    /// Where it is reached: the first host.
    pub(crate) at: Option<String>,
    /// In words: "asleep until 06:30", "paused", …; empty where it simply runs.
    pub(crate) state: String,
    /// How many of its objects are there and well, and how many there should be.
    pub(crate) well: (usize, usize),
    /// The workload that it should run, where none of its workloads is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_running: Option<String>,
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
        self.unreached.is_none()
            && self.kept.is_none()
            && self.unwell.is_empty()
            && self.lost.is_none()
            && self.open.is_empty()
            && self.data_gone.is_empty()
            && self.findings.is_empty()
            && self.paused.is_none()
            && self.words.is_empty()
            && self.apps.iter().all(|app| app.well.0 == app.well.1)
    }
}

/// All organisations: a line each, those with something to say as a page; then who leads each cluster.
pub(crate) fn statuses(all: &[OrganisationStatus], leaders: &[LeaderStatus], style: TextStyle) -> String {
    let mut out = String::new();
    for organisation in all {
        if let Some(line) = away::in_short(organisation).filter(|_| !style.verbose) {
            let _ = writeln!(out, "{line}");
            continue;
        }
        if style.verbose || !organisation.is_well() {
            out.push_str(&status(&OrganisationStatus { leader: None, ..organisation.clone() }, style));
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
    for leader in leaders {
        let _ = writeln!(out, "Cluster {}: {}.", leader.cluster, leader.words());
        if leader.unknown.is_some() {
            let help = paint(style.drawing, Style::new().bold(), "help");
            let _ = writeln!(out, "    {help} {}", way_out_of_silence(&leader.cluster));
        }
    }
    out
}

/// One organisation's page.
pub(crate) fn status(organisation: &OrganisationStatus, style: TextStyle) -> String {
    let bold = |text: &str| paint(style.drawing, Style::new().bold(), text);
    let mut out = String::new();
    let name = bold(&organisation.organisation);
    let title =
        if organisation.title.is_empty() { String::new() } else { format!(", {}", visible::line(&organisation.title)) };
    let cluster = if organisation.cluster.is_empty() { String::new() } else { format!(" on {}", organisation.cluster) };
    let _ = writeln!(out, "{name}{title}{cluster}");
    if organisation.unreached.is_some() {
        draw_unread(&mut out, organisation, style);
        if organisation.as_of.is_none() {
            return out;
        }
    }
    let commit: String = organisation.commit.chars().take(12).collect();
    let applied = match (commit.is_empty(), &organisation.last_change) {
        _ if organisation.lost.is_some() => organisation.lost.clone().unwrap_or_default(),
        (true, _) if organisation.taken_back.is_some() => {
            "which commit was applied last is not known: its inventory was lost".to_owned()
        }
        (true, _) => "nothing was applied yet".to_owned(),
        (false, None) => format!("applied {commit}"),
        (false, Some(LastChange { summary, author, time })) => {
            format!(
                "last changed by {commit} of {}: {} ({})",
                day(*time),
                visible::line(summary),
                visible::line(author)
            )
        }
    };
    let _ = writeln!(out, "  {applied}");
    if organisation.lost.is_some() {
        let way_out = way_out::recover("", &organisation.organisation);
        let _ = writeln!(out, "      {} {way_out}", bold("help"));
    }
    if let Some(leader) = &organisation.leader {
        let _ = writeln!(out, "  cluster {}: {}", leader.cluster, leader.words());
    }
    let lying = organisation.words.iter().map(|word| format!("said, and not carried out yet: {word}"));
    for word in states(organisation).into_iter().flatten().chain(lying) {
        let _ = writeln!(out, "  {}", visible::line(&word));
    }
    for finding in &organisation.findings {
        let _ = writeln!(out, "    {}", visible::line(finding));
    }
    for gone in &organisation.data_gone {
        let _ = writeln!(out, "  {}{}", bullet(style.drawing, Verb::Refused), gone.line());
        for way_out in &gone.ways_out {
            let _ = writeln!(out, "      {} {way_out}", bold("help"));
        }
    }
    for app in &organisation.apps {
        draw_app(&mut out, app, style);
    }
    let mark = |verb| bullet(style.drawing, verb);
    for (object, health) in &organisation.unwell {
        let verb = if health.state == HealthState::Failed { Verb::Refused } else { Verb::Change };
        let message = if health.message.is_empty() { &health.reason } else { &health.message };
        let _ = writeln!(out, "  {}{object} is {}: {}", mark(verb), health.state, visible::line(message));
    }
    draw_open(&mut out, &organisation.open, style);
    for object in &organisation.detached {
        let _ = writeln!(out, "  {}{object} is detached: it holds data that no app asks for", mark(Verb::Keep));
    }
    out
}

/// What holds for the organisation as a whole, a sentence each.
pub(super) fn states(organisation: &OrganisationStatus) -> [Option<String>; 8] {
    let begun: String = organisation.begun.chars().take(12).collect();
    [
        organisation.taken_back.map(taken_back),
        organisation.kept.as_ref().map(|why| format!("kept as applied: {why}")),
        organisation.consent.clone(),
        (!begun.is_empty()).then(|| format!("{begun} was begun and is not applied whole")),
        organisation.paused.as_ref().map(|why| format!("paused in the cluster: {why}")),
        organisation.held.as_ref().map(|why| format!("held: {why}")),
        organisation.retired.map(|retired| format!("retired: goes on {}", day(retired.until))),
        (!organisation.findings.is_empty()).then(|| {
            let count = many(organisation.findings.len(), "finding");
            format!("stopped by {count}: nothing of it is changed or put back until mended")
        }),
    ]
}

fn taken_back(RecoveredObjects { on, objects }: RecoveredObjects) -> String {
    let on = on.map(|on| format!(" on {}", day(on))).unwrap_or_default();
    let objects = many(objects, "object");
    format!("taken back{on}, {objects} for changing only: neither deleted nor replaced until the garden names it")
}

/// What is not as the garden asks; what many have in common is said once.
fn draw_open(out: &mut String, all: &[OpenObject], style: TextStyle) {
    let mut open: BTreeMap<&str, Vec<&OpenObject>> = BTreeMap::new();
    for one in all {
        open.entry(&one.reason).or_default().push(one);
    }
    let help = |way_out: &str| {
        format!("      {} {}", paint(style.drawing, Style::new().bold(), "help"), visible::line(way_out))
    };
    let mark = bullet(style.drawing, Verb::Refused);
    for (reason, objects) in open {
        let reason = visible::line(reason);
        if objects.len() > LISTED && !style.verbose {
            let names: Vec<&str> = objects.iter().map(|one| &*one.object).collect();
            let _ = writeln!(out, "  {mark}{} — {reason}: {}", many(objects.len(), "object"), by_kind(&names));
            let ways: BTreeSet<&str> = objects.iter().filter_map(|one| one.way_out.as_deref()).collect();
            for way_out in ways.into_iter().take(LISTED) {
                let _ = writeln!(out, "{}", help(way_out));
            }
            continue;
        }
        for OpenObject { object, way_out, .. } in objects {
            let _ = writeln!(out, "  {mark}{object} — {reason}");
            if let Some(way_out) = way_out {
                let _ = writeln!(out, "{}", help(way_out));
            }
        }
    }
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
    let health = match &app.not_running {
        Some(workload) => format!("not running, `{workload}` is not there; "),
        None => String::new(),
    };
    let health = health
        + &match (well == all, app.gone) {
            (_, true) => "gone: its node may be dropped".to_owned(),
            (true, false) => "well".to_owned(),
            (false, false) => format!("{well} of {} well", many(all, "object")),
        };
    let state = if app.state.is_empty() { String::new() } else { format!(", {}", visible::line(&app.state)) };
    let held = app.held.as_ref().map(|why| format!(", held: {}", visible::line(why))).unwrap_or_default();
    // The time says it already.
    let state = if app.retired.is_some() && !app.gone { String::new() } else { state };
    let retired = app.retired.filter(|_| !app.gone).map(|retired| format!(", retired until {}", day(retired.until)));
    let retired = retired.unwrap_or_default();
    let wanted = app.wanted.as_ref().map(|wanted| format!(", {wanted} is asked for")).unwrap_or_default();
    let begun = app.begun.as_ref().map(|begun| format!(", {begun} was begun and is not whole")).unwrap_or_default();
    let release = format!("{} {}{wanted}{begun}", app.definition, app.release);
    let _ = writeln!(out, "  {name} ({release}){at}: {health}{state}{held}{retired}");
}
