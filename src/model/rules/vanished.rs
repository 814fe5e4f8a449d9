//! What was applied does not vanish unsaid: apps and organisations are retired, and a retired node stays until all is gone.

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::rules::{One, View};
use crate::model::{App, Life, Organisation};
use crate::source::Span;

/// An app that was applied and is not written any more.
pub(crate) const APP: Code = Code::new("E0410");
/// A retired node that was dropped before what it retires is gone.
pub(crate) const TOO_EARLY: Code = Code::new("E0411");
/// An organisation that was applied and is not written any more.
pub(crate) const ORGANISATION: Code = Code::new("E0413");

/// Apps of an organisation that is there.
pub(super) fn check_apps(one: &One, findings: &mut Findings) {
    let now = &one.draft.organisation;
    // An offer that cannot be read may bring the app.
    let Some(before) = one.past.as_ref().filter(|_| one.draft.resolved.offer) else { return };
    for app in before.apps.values() {
        let renamed = now.apps.values().any(|new| new.was.as_ref().is_some_and(|was| was.value == app.name));
        let written = now.apps.contains_key(&app.name) || one.draft.unbuilt.contains(&app.name);
        if !written && !renamed && !one.gone.contains(&app.name) {
            findings.push(vanished(one, app));
        }
    }
}

/// Organisations that are not there any more.
pub(super) fn check_organisations(view: &View<'_>, findings: &mut Findings) {
    // What could not be read may hold them.
    let Some(past) = view.past.filter(|_| view.garden.unreadable.is_empty()) else { return };
    let missing = past.organisations.iter().filter(|(name, _)| !view.places.contains_key(*name));
    for (_, before) in missing.filter(|(name, _)| !past.gone_organisations.contains(*name)) {
        findings.push(organisation(view, before));
    }
}

fn vanished(one: &One, app: &App) -> Finding {
    let draft = &one.draft;
    let (definition, name) = (&app.definition.name, &app.name);
    let organisation = &draft.organisation;
    let (code, title, why, keep) = match &app.life {
        Life::Retired(retired) => (
            TOO_EARLY,
            format!("`retired app {definition} {name}` was dropped before the app is gone"),
            "its data still waits for its time; without the node nothing says what should become of it",
            retired.keep_data,
        ),
        _ => (
            APP,
            format!("`{name}` runs, and `{}` does not mention it any more", organisation.name),
            "what holds people's data is never removed by leaving it out",
            one.keep_data,
        ),
    };
    let node = format!("retired app {definition} {name} {{ keep-data {keep}; }}");
    let renamed = organisation.apps.values().find(|new| {
        let known = one.past.as_ref().is_some_and(|past| past.apps.contains_key(&new.name));
        new.definition.name == *definition && !known && new.was.is_none()
    });
    let mut finding = Finding::refused(code, title, organisation.span).why(why);
    if let Some(new) = renamed.filter(|_| app.life == Life::Running) {
        finding = finding.also(new.span, "this one is new").help(format!(
            "if `{}` is another name of it, write `was {name}` in `{}`: its data stays",
            new.name, new.name
        ));
    }
    let finding = finding
        .help(match app.life {
            Life::Retired(_) => format!("write `{node}` again, until `parcelle status` says gone"),
            _ => format!("to let it go, write `{node}`"),
        })
        .stops(organisation.name.clone());
    if matches!(app.life, Life::Retired(_)) || draft.node().children.is_empty() {
        return finding;
    }
    let brace = Span { start: draft.whole.end - 1, ..draft.whole };
    finding.fix(
        Applicability::Guess,
        format!("retire `{name}`"),
        Span { end: brace.start, ..brace },
        format!("\n    retired app {definition} {name} {{\n        keep-data {keep}\n    }}\n"),
    )
}

fn organisation(view: &View<'_>, before: &Organisation) -> Finding {
    let name = &before.name;
    let dropped = before.retired.is_some();
    let (code, title) = if dropped {
        (TOO_EARLY, format!("`retired organisation {name}` was dropped before the organisation is gone"))
    } else {
        (ORGANISATION, format!("`{name}` is in the cluster, and no file mentions it any more"))
    };
    Finding::refused(code, title, view.garden.span)
        .why("what holds people's data is never removed by leaving it out")
        .help(if dropped {
            "bring its file back until `parcelle status` says gone".to_owned()
        } else {
            format!(
                "to remove it, bring its file back with `retired organisation {name}` in place of `organisation {name}`; \
                 to let it go with everything it has, `parcelle eject {name}`"
            )
        })
        .stops(name.clone())
}
