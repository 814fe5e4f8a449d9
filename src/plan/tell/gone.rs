//! What people must know of data that is gone: what it was, who is held for it, and the ways out.

use std::collections::BTreeSet;

use super::words::{minute, people};
use crate::finding::{Code, Finding};
use crate::name::Name;
use crate::plan::decide::action::Action;
use crate::plan::decide::reason::{Creating, Holding, Reason};
use crate::plan::{DataLost, GoneData, Input, OrganisationPlan};
use crate::render::ObjectId;
use crate::source::Span;

/// Data that is gone and that apps are held for.
const GONE: Code = Code::new("E0434");

/// More objects than these are told as one for the organisation.
const ONE_BY_ONE: usize = 3;

/// An object whose data is gone, as people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostData {
    pub(crate) id: ObjectId,
    /// Since when that is known, in Unix seconds.
    pub(crate) since: i64,
    /// The apps that are held for it.
    pub(crate) apps: Vec<Name>,
    /// What became of it, and since when.
    pub(crate) words: String,
    /// What helps, one a line.
    pub(crate) ways_out: Vec<String>,
}

/// The data of an organisation that is gone and that apps are held for, in order of object.
pub(crate) fn lost_data(plan: &OrganisationPlan) -> Vec<LostData> {
    let told = plan.lost.iter().filter(|gone| !gone.apps.is_empty()).filter_map(|gone| {
        let how = how(plan, &gone.id);
        if how.is_none() && gone.acknowledged.is_none() {
            return None;
        }
        let apps: Vec<Name> = gone.apps.iter().cloned().collect();
        let commands = acknowledge(&plan.organisation, &apps);
        Some(LostData {
            id: gone.id.clone(),
            since: gone.since,
            words: words(gone, how),
            ways_out: ways_out(how, &commands),
            apps,
        })
    });
    told.collect()
}

/// What became of an object that the garden asks for.
fn how<'p>(plan: &'p OrganisationPlan, id: &ObjectId) -> Option<&'p DataLost> {
    plan.actions.iter().filter(|action| action.id == *id).find_map(|action| match action.reason() {
        Reason::Holding(Holding::DataGone { how, .. }) => Some(how),
        _ => None,
    })
}

fn words(gone: &GoneData, how: Option<&DataLost>) -> String {
    let (id, since) = (&gone.id, minute(gone.since));
    match how {
        Some(DataLost::Missing) => format!("`{id}` is gone since {since}, and what was in it"),
        Some(DataLost::Leaving) => {
            format!("`{id}` is being deleted since {since}: what is in it goes once nothing uses it")
        }
        Some(DataLost::Another { .. }) => {
            format!("another object has the place of `{id}` since {since}: what was in it may be gone")
        }
        None => format!("`{id}` was made anew, empty: what was in it is gone since {since}"),
    }
}

/// The commands that let apps start without their data.
fn acknowledge(organisation: &Name, apps: &[Name]) -> Vec<String> {
    apps.iter().map(|app| format!("parcelle acknowledge {organisation}/{app}")).collect()
}

fn ways_out(how: Option<&DataLost>, commands: &[String]) -> Vec<String> {
    let commands = people(commands);
    let first = match how {
        Some(DataLost::Missing) => "bring it back under its name, as docs/gone-data.md says",
        Some(DataLost::Leaving) => "copy what is in it while its pods still run, as docs/gone-data.md says",
        Some(DataLost::Another { .. }) => "look at what is in it",
        None => "bring back what was in it, as docs/gone-data.md says",
    };
    let second = match how {
        Some(DataLost::Another { .. }) => format!("to take it as it is: {commands}"),
        Some(DataLost::Missing | DataLost::Leaving) => format!("to start empty instead: {commands}"),
        None => format!("to start with what is there: {commands}"),
    };
    vec![first.to_owned(), second]
}

/// What a plan has to say of data that is gone.
pub(super) fn findings(input: &Input<'_>, plan: &OrganisationPlan) -> Vec<Finding> {
    let lost = lost_data(plan);
    if lost.len() > ONE_BY_ONE {
        return input.directives.span.map(|span| of_all(plan, &lost, span)).into_iter().collect();
    }
    lost.iter().filter_map(|one| Some(of_one(one, span_of(input, &one.id)?))).collect()
}

/// The line of the garden that asks for an object: of one that a built-in definition asks for, a line that decides a part of it,
/// else that of the organisation.
fn span_of(input: &Input<'_>, id: &ObjectId) -> Option<Span> {
    let of_garden = |span: &Span| !input.sources.file(span.file).path.starts_with('<');
    let object = input.desired.objects.iter().find(|object| object.id == *id);
    let nearest = object.and_then(|object| object.origins.of("")).filter(of_garden);
    let mut any = object.into_iter().flat_map(|object| object.origins.0.iter()).map(|(_, span)| *span);
    nearest.or_else(|| any.find(of_garden)).or(input.directives.span)
}

fn of_one(one: &LostData, span: Span) -> Finding {
    let apps: Vec<String> = one.apps.iter().map(ToString::to_string).collect();
    let verb = if apps.len() == 1 { "is" } else { "are" };
    let mut why =
        format!("{}; {} {verb} held: nothing that would need it is made or scaled up", one.words, people(&apps));
    if let Some(what) = one.id.facts().on_delete {
        why = format!("{why} (what goes with it: {what})");
    }
    let finding = Finding::refused(GONE, format!("the data of {} is gone: `{}`", people(&apps), one.id), span).why(why);
    one.ways_out.iter().fold(finding, |finding, way| finding.help(way.clone()))
}

/// Where much is gone at once (a namespace, a storage class), that is told once.
fn of_all(plan: &OrganisationPlan, lost: &[LostData], span: Span) -> Finding {
    let apps: BTreeSet<&Name> = lost.iter().flat_map(|one| &one.apps).collect();
    let apps: Vec<Name> = apps.into_iter().cloned().collect();
    let objects: Vec<String> = lost.iter().map(|one| one.id.to_string()).collect();
    let names: Vec<String> = apps.iter().map(ToString::to_string).collect();
    let title = format!("the data of {} objects of `{}` is gone", lost.len(), plan.organisation);
    let since = lost.iter().map(|one| one.since).min().unwrap_or_default();
    let finding = Finding::refused(GONE, title, span)
        .why(format!(
            "since {}: {}; held are {}: nothing that would need it is made or scaled up",
            minute(since),
            people(&objects),
            people(&names)
        ))
        .help("bring it back under its names, as docs/gone-data.md says");
    finding.help(format!("to start empty instead, app by app: {}", people(&acknowledge(&plan.organisation, &apps))))
}

/// What is said where an object that held data is made anew because a person said so.
pub(super) fn made_anew(action: &Action, span: Span) -> Option<Finding> {
    let Reason::Creating(Creating::Acknowledged { who }) = action.reason() else { return None };
    let title = format!("`{}` is made again, empty", action.id);
    let why =
        format!("what was in it is gone, and `{}` said that its app may start without", crate::visible::line(who));
    Some(Finding::warning(Code::new("W0483"), title, span).why(why))
}
