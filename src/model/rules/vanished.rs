//! What was applied does not vanish unsaid: apps and organisations are retired, and a retired node stays until all is gone.

use std::collections::BTreeMap;

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::organisation::Draft;
use crate::model::rules::View;
use crate::model::{App, Life, Organisation, Past};
use crate::name::Name;
use crate::source::Span;

/// An app that was applied and is not written any more.
pub const APP: Code = Code("E0410");
/// A retired node that was dropped before what it retires is gone.
pub const TOO_EARLY: Code = Code("E0411");
/// An organisation that was applied and is not written any more.
pub const ORGANISATION: Code = Code("E0413");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let Some(past) = view.past else { return };
    let written: BTreeMap<&Name, &Draft<'_>> =
        view.drafts.iter().map(|draft| (&draft.organisation.name, draft)).collect();
    for (name, before) in &past.organisations {
        match written.get(name) {
            Some(draft) => apps(view, past, draft, before, findings),
            // What could not be read may hold it.
            None if !view.garden.unreadable.is_empty() => {}
            None if past.gone_organisations.contains(name) => {}
            None => findings.push(organisation(view, before)),
        }
    }
}

fn apps(view: &View<'_>, past: &Past, draft: &Draft<'_>, before: &Organisation, findings: &mut Findings) {
    // An offer that cannot be read may bring the app.
    if !draft.known.offer {
        return;
    }
    let now = &draft.organisation;
    for app in before.apps.values() {
        let renamed = now.apps.values().any(|new| new.was.as_ref().is_some_and(|was| was.value == app.name));
        let written = now.apps.contains_key(&app.name) || draft.unbuilt.contains(&app.name);
        if written || renamed || past.gone.contains(&(now.name.clone(), app.name.clone())) {
            continue;
        }
        findings.push(vanished(view, draft, app));
    }
}

fn vanished(view: &View<'_>, draft: &Draft<'_>, app: &App) -> Finding {
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
            view.garden.deletions.keep_data,
        ),
    };
    let node = format!("retired app {definition} {name} {{ keep-data {keep}; }}");
    let finding = Finding::error(code, title, organisation.span)
        .why(why)
        .help(match app.life {
            Life::Retired(_) => format!("write `{node}` again, until `parcelle status` says gone"),
            _ => format!("to let it go, write `{node}`"),
        })
        .stops(organisation.name.clone());
    if matches!(app.life, Life::Retired(_)) || draft.node.children.is_empty() {
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
    Finding::error(code, title, view.garden.span)
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
