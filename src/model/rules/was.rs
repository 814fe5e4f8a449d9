//! `was OLD` says by which name an app's data is called. It is said for as long as the data is called so, by one app alone.
//!
//! | written | applied | what is told |
//! |---|---|---|
//! | two apps whose data has one name | | E0311 |
//! | another name of the data than that by which it is called (`was` taken away, or an app renamed twice) | it is there | E0430 |
//! | a name that passes to another app while what is applied under it is renamed (two apps that swap their names) | both are there | E0431 |
//! | an earlier name that nothing ever had | the organisation is there | W0430 |

use std::collections::BTreeMap;

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::definition::{Definition, NeedKind, Trigger};
use crate::model::draft::Draft;
use crate::model::rules::One;
use crate::model::{App, AppFootprint, PastOrganisation};
use crate::name::Name;
use crate::source::Span;
use crate::syntax::Node;

/// An earlier name that another app has.
pub(crate) const STILL_THERE: Code = Code::new("E0311");
/// Data that is called by another name than the app says.
pub(crate) const CALLED_OTHERWISE: Code = Code::new("E0430");
/// A name that passes from one app to another in one step.
pub(crate) const CROSSED: Code = Code::new("E0431");
/// An earlier name that nothing had.
pub(crate) const NEVER_WAS: Code = Code::new("W0430");

pub(super) fn check(one: &One, findings: &mut Findings) {
    let apps = &one.draft.organisation.apps;
    for app in apps.values() {
        let finding = match rival(apps, app) {
            Some(other) => Some(still_there(app, other)),
            None => one.past.as_ref().and_then(|past| against_past(&one.draft, past, app)),
        };
        if let Some(finding) = finding {
            findings.push(finding.stops(one.draft.organisation.name.clone()));
        }
    }
}

/// Whether an app of this definition has anything that is called by the name of its data.
fn names_data(definition: &Definition) -> bool {
    let of_need = |kind| !matches!(kind, NeedKind::Mail | NeedKind::Route | NeedKind::Outward);
    definition.needs.iter().any(|need| of_need(need.item.kind))
        || definition.workloads.iter().any(|workload| workload.item.stateful)
        || definition.jobs.iter().any(|job| !matches!(job.item.trigger, Trigger::Every(_)))
}

/// The app that has the earlier name that another one says: itself, where that is its name still.
fn rival<'a>(apps: &'a BTreeMap<Name, App>, app: &'a App) -> Option<&'a App> {
    let was = &app.was.as_ref()?.value;
    let mut others = apps.values().filter(|other| other.name != app.name);
    if *was == app.name { Some(app) } else { others.find(|other| other.data_name() == was) }
}

fn still_there(app: &App, other: &App) -> Finding {
    let (name, was) = (&app.name, app.data_name());
    let span = app.was.as_ref().map_or(app.span, |was| was.span);
    let title = match &other.was {
        _ if *name == other.name => format!("`{was}` is its name still"),
        Some(also) if also.value != other.name => {
            format!("`{name}` and `{}` cannot both have been `{was}`", other.name)
        }
        _ => format!("`{name}` cannot have been `{was}`: that app is still there"),
    };
    let finding = Finding::error(STILL_THERE, title, span);
    let finding = if app.name == other.name { finding } else { finding.also(other.span, "the other app") };
    let finding = finding.why("what holds data keeps the earlier name, so it would belong to both");
    if *name != other.name && other.was.is_none() && other.span.file != app.span.file {
        return finding.help(format!("where `{name}` takes the place of the offer's app, write `without {was}`"));
    }
    finding.help("take `was` away, or write the name that no app has any more")
}

/// What is wrong with an app's name and that of its data, beside what may be in the cluster.
fn against_past(draft: &Draft, past: &PastOrganisation, app: &App) -> Option<Finding> {
    let apps = &draft.organisation.apps;
    let data = app.data_name();
    let Some(own) = past.apps.get(&app.name) else {
        let was = app.was.as_ref()?;
        if past.apps.iter().any(|(name, before)| has_data(before, name, data)) {
            return None;
        }
        // What is applied under that name has its data by now as another app of the garden.
        let is_others = |data: &Name| apps.values().any(|other| other.name != app.name && other.data_name() == data);
        let earlier = past.apps.get(&was.value).filter(|before| !is_others(before.data_name(&was.value)));
        return match earlier {
            Some(before) => Some(called_otherwise(draft, app, &was.value, before.data_name(&was.value))),
            None if past.apps.is_empty() => None,
            None => Some(never_was(apps, past, app, &was.value)),
        };
    };
    let before = own.data_names().find(|before| *before != data)?;
    match apps.values().find(|other| other.name != app.name && other.data_name() == before) {
        Some(other) => Some(crossed(app, other, past.apps.contains_key(&other.name))),
        // One that became another application is told so, with the way out of both.
        None if own.possible(false).any(|state| !app.definition.goes_on_from(&state.definition)) => None,
        None => names_data(&app.definition).then(|| called_otherwise(draft, app, &app.name, before)),
    }
}

/// Whether the data of an app as it may be there has this name.
fn has_data(before: &AppFootprint, name: &Name, data: &Name) -> bool {
    before.data_name(name) == data || before.data_names().any(|known| known == data)
}

/// The data of `earlier`, under which the app is or was applied, is called `before`.
fn called_otherwise(draft: &Draft, app: &App, earlier: &Name, before: &Name) -> Finding {
    let (name, data) = (&app.name, app.data_name());
    let title = if earlier == before && name == before {
        format!("the data of `{name}` is called by its own name, and it would start without it")
    } else {
        format!("the data of `{earlier}` is called `{before}`, and `{name}` would start without it")
    };
    let finding = Finding::refused(CALLED_OTHERWISE, title, app.was.as_ref().map_or(app.span, |was| was.span));
    let why = format!("volumes, databases and buckets cannot be renamed: as `{data}` they would be made anew, empty");
    let finding = finding.why(why);
    let say = format!("write `was {before}`");
    match &app.was {
        Some(_) if before == name => finding.help("take `was` away: its data is called by its own name"),
        Some(was) => finding.help(format!("{say}: the name that its data has had from the beginning")).fix(
            Applicability::Safe,
            say,
            was.span,
            before.to_string(),
        ),
        None => {
            let finding = finding.help(format!("{say} in `{name}`, for as long as it has that data"));
            match place_in(draft, name) {
                Some((place, start, end)) => {
                    let text = format!("{start}was {before}{end}");
                    finding.fix(Applicability::Safe, say, place, text)
                }
                None => finding,
            }
        }
    }
}

/// Where a line is put into the node of an app of the organisation's own, and what stands around it.
fn place_in(draft: &Draft, name: &Name) -> Option<(Span, &'static str, &'static str)> {
    let is_it = |node: &&Node| {
        let at = if node.name.value == "retired" { 2 } else { 1 };
        matches!(node.name.value.as_str(), "app" | "retired")
            && node.arg(at).is_some_and(|arg| arg.text == name.as_str())
    };
    let node = draft.node().children.iter().find(is_it)?;
    match node.children.first() {
        Some(first) => Some((Span { end: first.span.start, ..first.span }, "", "\n        ")),
        None if node.span.end == node.head.end => Some((Span { start: node.head.end, ..node.head }, " { ", "; }")),
        None => None,
    }
}

/// `is_taken` where something is applied under the name that what is applied as `app` becomes, so that a name has to be between.
fn crossed(app: &App, other: &App, is_taken: bool) -> Finding {
    let (name, other_name) = (&app.name, &other.name);
    let title = format!("`{name}` is applied as what becomes `{other_name}`, so that name is not free yet");
    Finding::refused(CROSSED, title, app.span)
        .also(other.span, format!("has the data of what is applied as `{name}`"))
        .why("in one step each would have to stop before the other starts; nothing may work on the data of two apps")
        .help(if is_taken {
            let data = other.data_name();
            format!(
                "rename in two steps: give what is applied as `{name}` a name that nothing has, with `was {data}`; once \
                 `parcelle status` shows it under that name, give `{name}` on"
            )
        } else {
            format!(
                "leave this one out until `parcelle status` shows `{other_name}` as applied, then write it; or give it a name that \
                 nothing has"
            )
        })
}

fn never_was(apps: &BTreeMap<Name, App>, past: &PastOrganisation, app: &App, was: &Name) -> Finding {
    let data = past.apps.iter().map(|(name, before)| before.data_name(name));
    let is_free = |data: &&Name| apps.values().all(|app| app.data_name() != *data);
    let known: Vec<&str> = data.filter(is_free).map(Name::as_str).collect();
    let title = format!("nothing was ever applied as `{was}`, so `{}` starts without data", app.name);
    let span = app.was.as_ref().map_or(app.span, |was| was.span);
    let finding = Finding::warning(NEVER_WAS, title, span)
        .why("`was` names an app of this organisation whose data goes on; that of a new one is made under this name")
        .help("where it is new, take `was` away");
    match crate::schema::suggest::nearest(was.as_str(), known.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `was {near}`?")),
        None => finding,
    }
}
