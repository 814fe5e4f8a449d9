//! What is dangerous about the garden itself, and about organisations as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::{Hits, Key, Level, Sum};
use crate::impact::ImpactContext;
use crate::impact::subject::PlannedOrganisation;
use crate::impact::wording::{list, short};
use crate::model::{Garden, Organisation};
use crate::name::Name;
use crate::plan::{LaterAct, Place};
use crate::render::TermWord;

/// A rule over the garden, which is looked at once.
type GardenRule = fn(&Garden, ImpactContext<'_>, &mut Hits<'_>);

/// Every rule over the garden, where the one before is known.
pub(super) static RULES: &[(&str, GardenRule)] = &[("consent", consent), ("people", people)];

/// An organisation is to live on another cluster, or the cluster is another one under its name.
pub(super) fn cluster_moves(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let (Some(applied), Some(written)) = (subject.applied(), subject.written()) else { return };
    let (before, after) = (&applied.cluster, &written.cluster);
    if before.name != after.name {
        let says =
            format!("it is to live on {} instead of {}, and nothing carries its data there", after.name, before.name);
        hits.danger(None, says, Some(subject.place(written.span)));
    } else if before.uid.value != after.uid.value {
        let says = format!("`{}` is another cluster than before, under the same name", after.name);
        hits.danger(None, says, Some(subject.place(after.uid.span)));
    }
}

/// New releases are no longer held back until people sleep, while one is put in.
pub(super) fn window_gone(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let gone = subject.plan.later.iter().filter(|act| act.word == TermWord::Upgrade && act.after.is_none());
    for act in gone {
        let release = |path: &str| path == "metadata.labels[app.kubernetes.io/version]";
        let mut own = subject.writes().filter(|action| action.app == act.app);
        if own.any(|action| action.changes.iter().any(|change| release(&change.path) && change.before.is_some())) {
            let before = act.before.as_deref().map(short).unwrap_or_default();
            hits.doubt(act.app.as_ref(), format!("a release is put in now, outside of its hours ({before})"), None);
        }
    }
}

/// A brake on deletions lets more go, or data is kept for less long.
pub(super) fn brake(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let acts = subject.plan.later.iter().filter(|act| act.word == TermWord::Deletions);
    for act in acts.filter(|act| is_looser(act)) {
        let (before, after) = (act.before.as_deref().map(short), act.after.as_deref().map(short));
        let says = format!(
            "a brake on deletions is looser: {} (before: {})",
            after.unwrap_or_else(|| "none".to_owned()),
            before.unwrap_or_else(|| "none".to_owned())
        );
        hits.of_all(Level::Danger, says, act.origin.clone());
    }
}

/// Whether a brake says a larger number of what may go, or a shorter time for which data is kept.
fn is_looser(act: &LaterAct) -> bool {
    let (Some(before), Some(after)) = (&act.before, &act.after) else { return act.before.is_some() };
    let (one, another) = (numbers(before), numbers(after));
    if after.contains("kept for") {
        return seconds(after) < seconds(before);
    }
    one.len() != another.len() || one.iter().zip(&another).any(|(before, after)| after > before)
}

fn numbers(text: &str) -> Vec<u64> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// The time that a sentence names: `30 days`.
fn seconds(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let times = words.windows(2).filter_map(|pair| crate::quantity::Quantity::parse(pair[0], pair[1]));
    times.map(|time| time.amount).next()
}

/// Somebody else must agree, or fewer.
fn consent(before: &Garden, context: ImpactContext<'_>, hits: &mut Hits<'_>) {
    if before.consent != context.garden.consent {
        let says = "who must agree to changes of this garden is another rule".to_owned();
        hits.danger(None, says, Some(Place::of(context.sources, context.garden.span)));
    }
}

/// People come, go, or are in other groups.
fn people(before: &Garden, context: ImpactContext<'_>, hits: &mut Hits<'_>) {
    let (before, after) = (&before.people, &context.garden.people);
    let names: BTreeSet<&Name> = before.keys().chain(after.keys()).collect();
    let moved: Vec<&str> =
        names.into_iter().filter(|name| before.get(*name) != after.get(*name)).map(Name::as_str).collect();
    if !moved.is_empty() {
        let says = format!("who works on this garden changes: {}", list(&moved));
        hits.danger(None, says, Some(Place::of(context.sources, context.garden.span)));
    }
}

/// Who has which host in the garden: looked up once, when somebody first gives one up.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(Option<BTreeMap<String, (Name, Name, Place)>>);

impl Hosts {
    /// Organisation, app and line of whoever has a host.
    fn of(&mut self, context: ImpactContext<'_>, host: &str) -> Option<&(Name, Name, Place)> {
        let all = || {
            let each = context.garden.organisations.values();
            let each = each.flat_map(|one| hosts_of(one).into_iter().map(move |(host, holds)| (one, host, holds)));
            each.map(|(one, host, (app, span))| {
                (host.to_owned(), (one.name.clone(), app.clone(), Place::of(context.sources, span)))
            })
            .collect()
        };
        self.0.get_or_insert_with(all).get(host)
    }
}

/// A host passes to another app or organisation.
pub(super) fn host_moves(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let (Some(applied), Some(written)) = (subject.applied(), subject.written()) else { return };
    let before = hosts_of(applied);
    let after = hosts_of(written);
    for (host, (app, _)) in &before {
        if let Some((now, span)) = after.get(host).filter(|(now, _)| now != app && !is_renaming(written, now, app)) {
            let says = format!("`{}` led to {app} and leads to {now}", short(host));
            hits.danger(Some(now), says, Some(subject.place(*span)));
        }
    }
    for (host, (app, _)) in before.iter().filter(|(host, _)| !after.contains_key(*host)) {
        let holder = hits.hosts.of(subject.context, host).cloned();
        if let Some((organisation, now, place)) = holder.filter(|(one, ..)| one != subject.name()) {
            hits.danger(Some(app), format!("`{}` passes from it to {now} of {organisation}", short(host)), Some(place));
        }
    }
}

type HostsOf<'a> = BTreeMap<&'a str, (&'a Name, crate::source::Span)>;

fn hosts_of(organisation: &Organisation) -> HostsOf<'_> {
    let living = organisation.apps.values().filter(|app| !app.life.is_retired());
    living.flat_map(|app| app.hosts.iter().map(move |host| (host.value.as_str(), (&app.name, host.span)))).collect()
}

fn is_renaming(written: &Organisation, now: &Name, before: &Name) -> bool {
    written.apps.get(now).and_then(|app| app.was.as_ref()).is_some_and(|was| was.value == *before)
}

/// So many organisations make a change that reaches many.
const LEAST: usize = 4;

/// Takes note of the files that are not an organisation's own and change it.
pub(super) fn note_reach(subject: &PlannedOrganisation<'_>, reached: &mut BTreeMap<String, BTreeSet<Name>>) {
    let Some(written) = subject.written() else { return };
    let own = subject.context.sources.path(written.file).unwrap_or_default();
    for action in subject.writes() {
        let lines =
            action.changes.iter().filter(|change| change.before.is_some()).filter_map(|change| change.origin.as_ref());
        for line in lines.filter(|line| line.file != own) {
            if !reached.get(&line.file).is_some_and(|known| known.contains(subject.name())) {
                reached.entry(line.file.clone()).or_default().insert(subject.name().clone());
            }
        }
    }
}

/// A file of a definition, an offer or a cluster that changes more than half of the organisations.
pub(super) fn reach(found: &mut BTreeMap<Key, Sum>, file: &str, organisations: &BTreeSet<Name>, all: usize) {
    // Nobody edited what comes with parcelle.
    if file.starts_with('<') || organisations.len() < LEAST || organisations.len() * 2 <= all {
        return;
    }
    let says = format!("{} changes {} of {all} organisations", short(file), organisations.len());
    let (level, order) = (Level::Doubt, super::RULES.len());
    found.entry(Key { level, order, rule: "reaches-many", told_above: false, says }).or_default();
}
