//! What was applied does not vanish unsaid: apps and organisations are retired, and a retired node stays until all is gone.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::draft::Draft;
use crate::model::rules::{One, View};
use crate::model::{App, Life, Organisation, PastOrganisation};
use crate::name::Name;
use crate::source::Span;

/// An app that was applied and is not written any more.
pub(crate) const APP: Code = Code::new("E0410");
/// A retired node that was dropped before what it retires is gone.
pub(crate) const TOO_EARLY: Code = Code::new("E0411");
/// An organisation that was applied and is not written any more.
pub(crate) const ORGANISATION: Code = Code::new("E0413");

/// An organisation that is a vanished one under another name.
pub(crate) const RENAMED: Code = Code::new("E0433");

/// How many organisations are shown that ask for what a vanished one has.
const SHOWN: usize = 9;

/// Apps of an organisation that is there.
pub(super) fn check_apps(one: &One, findings: &mut Findings) {
    let now = &one.draft.organisation;
    // An offer that cannot be read may bring the app.
    let Some(past) = one.past.as_ref().filter(|_| one.draft.resolved.offer) else { return };
    for app in before(past, one.taken_back) {
        let name = app.name;
        // An earlier name that is said wrongly is told where it is said.
        let data = past.apps.get(name).map_or(name, |before| before.data_name(name));
        let says = |new: &App| new.was.as_ref().is_some_and(|was| was.value == *name || was.value == *data);
        let renamed = now.apps.values().any(|new| says(new) || (new.name == *data && new.name != *name));
        let written = now.apps.contains_key(name) || one.draft.unbuilt.contains(name);
        if !written && !renamed && !one.gone.contains(name) {
            findings.push(vanished(one, &app));
        }
    }
}

/// An app that may be in the cluster.
struct Before<'a> {
    name: &'a Name,
    definition: &'a Name,
    /// As the newest commit of which something may be there said it; absent where the repository does not hold that.
    life: Option<&'a Life>,
}

/// The apps that were applied whole, and those of which something was written since.
fn before(past: &PastOrganisation, taken_back: bool) -> Vec<Before<'_>> {
    let newest = |name: &Name| past.each().rev().find_map(|organisation| organisation.apps.get(name));
    let whole = past.whole.iter().flat_map(|organisation| organisation.apps.keys());
    let begun = past.apps.iter().filter(|(_, footprint)| footprint.possible(taken_back).next().is_some());
    let names: BTreeSet<&Name> = whole.chain(begun.map(|(name, _)| name)).collect();
    let before = names.into_iter().filter_map(|name| {
        let newest = newest(name);
        let kept = || past.apps.get(name)?.possible(taken_back).last().map(|state| &state.definition);
        // What a commit says that was refused in part is not what the app is.
        let definition = kept().or(newest.map(|app| &app.definition.name))?;
        Some(Before { name, definition, life: newest.map(|app| &app.life) })
    });
    before.collect()
}

/// Organisations that are not there any more.
pub(super) fn check_organisations(view: &View<'_>, findings: &mut Findings) {
    let Some(past) = view.past else { return };
    // What is wrong with a file that is called after one is said there.
    let mut askers: BTreeMap<&Name, BTreeSet<&Name>> = BTreeMap::new();
    for (newcomer, refused) in &view.refused.all {
        for (_, holding) in &refused.disputed {
            askers.entry(&holding.by).or_default().insert(newcomer);
        }
    }
    let missing = past.names().filter(|name| !view.places.contains_key(*name) && !view.called.contains(name));
    let missing: Vec<&Name> = missing.filter(|name| !past.gone_organisations.contains(*name)).collect();
    if missing.is_empty() {
        return;
    }
    let newcomers =
        view.drafts.iter().map(|draft| &**draft).filter(|draft| past.of(&draft.organisation.name).is_none());
    let newcomers: Vec<&Draft> = newcomers.collect();
    for name in missing {
        let before = past.states(name).last();
        let asks = |draft: &&&Draft| askers.get(name).is_some_and(|askers| askers.contains(&draft.organisation.name));
        let alike =
            newcomers.iter().filter(|draft| asks(draft) || before.is_some_and(|before| is_alike(before, draft)));
        findings.push(organisation(view, name, before, alike.copied().take(SHOWN)));
        // One that asks for what the vanished one has is refused for that already.
        let is_renamed = |draft: &&&Draft| !asks(draft) && before.is_some_and(|before| has_title_of(before, draft));
        newcomers.iter().filter(is_renamed).for_each(|draft| findings.push(renamed(draft, name)));
    }
}

/// Whether an organisation has the title of one that is no longer written.
fn has_title_of(before: &Organisation, draft: &Draft) -> bool {
    let title = |text: &str| text.trim().to_lowercase();
    before.retired.is_none() && title(&before.title) == title(&draft.organisation.title)
}

/// Whether an organisation looks like another name of one that is no longer written.
fn is_alike(before: &Organisation, draft: &Draft) -> bool {
    let has = |app: &App| {
        let other = draft.organisation.apps.get(&app.name);
        other.is_some_and(|other| other.definition.name == app.definition.name)
    };
    has_title_of(before, draft) || (!before.apps.is_empty() && before.apps.values().all(has))
}

/// The finding about an organisation that is `name` under another name.
fn renamed(draft: &Draft, name: &Name) -> Finding {
    let organisation = &draft.organisation;
    let title = format!("`{}` has the title of `{name}`, which runs and is not written any more", organisation.name);
    Finding::refused(RENAMED, title, organisation.span)
        .why(format!(
            "an organisation is a namespace, and neither volumes nor databases move from one to another: as `{}` it would \
             start empty, beside `{name}` with its data",
            organisation.name
        ))
        .help(format!(
            "to call it otherwise, keep `organisation {name}` in a file `{name}.kdl`, and write the new name as its `title` and \
             its `domain`"
        ))
        .help(format!(
            "where they are two, bring the file of `{name}` back, with `retired organisation {name}` if that is to go"
        ))
        .stops(organisation.name.clone())
}

fn vanished(one: &One, app: &Before<'_>) -> Finding {
    let draft = &one.draft;
    let Before { name, definition, life } = app;
    let organisation = &draft.organisation;
    let (code, title, why, keep) = match life {
        Some(Life::Retired(retired)) => (
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
    let data = one.past.as_ref().and_then(|past| past.apps.get(*name)).map_or(*name, |before| before.data_name(name));
    let was = if data == *name { String::new() } else { format!("was {data}") };
    let said = if was.is_empty() { String::new() } else { format!("{was}; ") };
    let node = format!("retired app {definition} {name} {{ {said}keep-data {keep}; }}");
    let known = |name: &Name| one.past.as_ref().is_some_and(|past| past.apps.contains_key(name));
    let renamed = organisation.apps.values().find(|new| {
        let is_free = new.was.as_ref().is_none_or(|was| !known(&was.value));
        new.definition.name == **definition && !known(&new.name) && is_free
    });
    let mut finding = Finding::refused(code, title, organisation.span).why(why);
    if let Some(new) = renamed.filter(|_| !matches!(life, Some(Life::Retired(_)))) {
        finding = finding.also(new.span, "this one is new").help(format!(
            "if `{}` is another name of it, write `was {data}` in `{}`: its data stays",
            new.name, new.name
        ));
    }
    let finding = finding
        .help(match life {
            Some(Life::Retired(_)) => format!("write `{node}` again, until `parcelle status` says gone"),
            _ => format!("to let it go, write `{node}`"),
        })
        .stops(organisation.name.clone());
    if matches!(life, Some(Life::Retired(_))) || draft.node().children.is_empty() {
        return finding;
    }
    let said = if was.is_empty() { was } else { format!("        {was}\n") };
    let brace = Span { start: draft.whole.end - 1, ..draft.whole };
    finding.fix(
        Applicability::Guess,
        format!("retire `{name}`"),
        Span { end: brace.start, ..brace },
        format!("\n    retired app {definition} {name} {{\n{said}        keep-data {keep}\n    }}\n"),
    )
}

/// The finding about an organisation that is not written any more; `askers` ask for what it has in a cluster.
fn organisation<'a>(
    view: &View<'_>,
    name: &Name,
    before: Option<&Organisation>,
    askers: impl Iterator<Item = &'a Draft>,
) -> Finding {
    let dropped = before.is_some_and(|organisation| organisation.retired.is_some());
    let (code, title) = if dropped {
        (TOO_EARLY, format!("`retired organisation {name}` was dropped before the organisation is gone"))
    } else {
        (ORGANISATION, format!("`{name}` is in the cluster, and no file mentions it any more"))
    };
    let finding = Finding::refused(code, title, view.garden.span);
    let finding = askers.fold(finding, |finding, newcomer| {
        let other = &newcomer.organisation.name;
        finding.also(newcomer.organisation.span, "this one is new, and asks for what it has or is made alike").help(format!(
            "is `{other}` its new name? its data lies under the old one: write `organisation {name}` in a file `{name}.kdl` again, and the new name as its `title`"
        ))
    });
    finding
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
