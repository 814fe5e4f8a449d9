//! What a review comes to, in one sentence that can be read aloud.

use std::collections::BTreeSet;

use super::{MergeOutcome, Review, ReviewedPlan, ReviewedSeverity};
use crate::impact::{DangerLevel, DataHow, Impact, InterruptionHow, NEW_ORGANISATION};
use crate::name::Name;
use crate::plan::{Verb, day};

/// The rule about how many organisations a line reaches: it is no danger by itself.
pub(crate) const REACHES_MANY: &str = "reaches-many";

/// The verdict on a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReviewVerdict {
    /// A sentence, with its full stop.
    pub(crate) words: String,
    /// Whether it is one to stop at: data goes, something found stops an organisation, a merge does not go.
    pub(crate) is_grave: bool,
}

/// What a review comes to: what is wrong, what people lose, whom it interrupts, and how much changes.
pub(crate) fn verdict(review: &Review) -> ReviewVerdict {
    let mut parts = wrong(review);
    let mut is_grave = !parts.is_empty();
    let Some(plan) = &review.plan else {
        parts.push("there is nothing that could be planned".to_owned());
        return ReviewVerdict { words: sentence(&parts), is_grave: true };
    };
    let loses = losses(plan);
    is_grave |= !loses.is_empty();
    let (stops, interrupts) = (stopped(plan), interrupted(plan));
    let deletes = plan.counts.get(&Verb::Delete).copied().unwrap_or_default();
    let refused = plan.counts.get(&Verb::Refused).copied().unwrap_or_default();
    // Without what a plan does to people nothing is said of what it deletes.
    let is_known = deletes == 0 || plan.impact != Impact::default();
    let (lost, dangers) = (lost_addresses(plan), dangers(plan));
    is_grave |= lost.is_some() || dangers.is_some();
    let is_doubtful = plan.impact.dangers.iter().any(|danger| !danger.told_above && danger.rule != REACHES_MANY);
    let is_quiet = is_known
        && !is_doubtful
        && loses.is_empty()
        && [&stops, &interrupts, &lost, &dangers].into_iter().all(Option::is_none);
    parts.extend(loses);
    parts.extend(stops);
    parts.extend(lost);
    parts.extend(interrupts);
    parts.extend(dangers);
    if refused > 0 {
        is_grave = true;
        let written = if refused == 1 { "it is written" } else { "they are written" };
        parts.push(format!("{} cannot be done as {written}", many(refused, "change")));
    }
    let mut size = size(plan);
    if is_quiet && plan.has_news() {
        size.push_str(if deletes == 0 { ", nothing is deleted" } else { ", no data is deleted" });
        size.push_str(", nobody is interrupted");
    }
    // Where nothing can be done before something is mended, that is all.
    if parts.is_empty() || plan.has_news() && !(plan.changed.is_empty() && plan.later.is_empty() && review.has_errors())
    {
        parts.push(size);
    }
    ReviewVerdict { words: sentence(&parts), is_grave }
}

/// What keeps it from being merged or applied.
fn wrong(review: &Review) -> Vec<String> {
    let is_error = |severity| severity == ReviewedSeverity::Error;
    let errors = review.findings.iter().filter(|finding| is_error(finding.severity)).count();
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(format!("{} to mend first", many(errors, "mistake")));
    }
    match review.target.as_ref().map(|target| &target.merge) {
        Some(MergeOutcome::Conflicts { .. }) => parts.push("others edited the same lines meanwhile".to_owned()),
        Some(MergeOutcome::Findings { .. }) => {
            parts.push("it does not go together with what was merged meanwhile".to_owned());
        }
        Some(MergeOutcome::Clean | MergeOutcome::Unknown { .. }) | None => {}
    }
    parts
}

/// What people lose: now, and on the first day on which something goes.
fn losses(plan: &ReviewedPlan) -> Vec<String> {
    let data = &plan.impact.data;
    let mut parts = Vec::new();
    if data.iter().any(|one| one.how == DataHow::GoesNow) {
        parts.push("deletes people's data now".to_owned());
    }
    let days: BTreeSet<i64> =
        data.iter().filter(|one| one.how == DataHow::GoesLater).filter_map(|one| one.at).collect();
    match (days.first(), days.len()) {
        (Some(first), 1) => parts.push(format!("deletes people's data on {}", day(*first))),
        (Some(first), _) => parts.push(format!("deletes people's data from {} on", day(*first))),
        (None, _) => {}
    }
    if data.iter().any(|one| one.how == DataHow::NotBackedUp) {
        parts.push("something is backed up no more".to_owned());
    }
    if data.iter().any(|one| one.how == DataHow::FewerBackups) {
        parts.push("fewer backups are kept".to_owned());
    }
    if data.iter().any(|one| one.how == DataHow::MadeAnew) {
        parts.push("starts something anew without its data".to_owned());
    }
    parts
}

/// How many apps stop.
fn stopped(plan: &ReviewedPlan) -> Option<String> {
    let apps = apps(plan, &[InterruptionHow::Stops]);
    (apps > 0).then(|| format!("{} now", counted(apps, "app", "stops", "stop")))
}

/// The addresses that people lose.
fn lost_addresses(plan: &ReviewedPlan) -> Option<String> {
    let gone = plan.impact.interruptions.iter().filter(|one| one.how == InterruptionHow::AddressGoes);
    let addresses: usize = gone.map(|one| one.addresses.len()).sum();
    (addresses > 0).then(|| counted(addresses, "address", "leads nowhere", "lead nowhere"))
}

/// What a rule calls dangerous, and nothing else says.
fn dangers(plan: &ReviewedPlan) -> Option<String> {
    let dangers = plan.impact.dangers.iter().filter(|one| one.level == DangerLevel::Danger && !one.told_above).count();
    (dangers > 0).then(|| format!("{} to look at", many(dangers, "danger")))
}

/// Which apps, and databases of organisations, are away for a while.
fn interrupted(plan: &ReviewedPlan) -> Option<String> {
    let how = [InterruptionHow::Away, InterruptionHow::Switches, InterruptionHow::MayRestart];
    let (apps, own) = (apps(plan, &how), organisations(plan, &how));
    let apps = (apps > 0).then(|| many(apps, "app"));
    let own = (own > 0).then(|| format!("the databases of {}", many(own, "organisation")));
    let both: Vec<String> = apps.into_iter().chain(own).collect();
    (!both.is_empty()).then(|| format!("interrupts {}", both.join(" and ")))
}

fn whose<'a>(
    plan: &'a ReviewedPlan,
    how: &'a [InterruptionHow],
) -> impl Iterator<Item = (&'a Name, &'a BTreeSet<Name>)> {
    plan.impact.interruptions.iter().filter(|one| how.contains(&one.how)).flat_map(|one| &one.whose.0)
}

/// How many apps are interrupted in one of these ways.
fn apps(plan: &ReviewedPlan, how: &[InterruptionHow]) -> usize {
    let all = whose(plan, how).flat_map(|(organisation, apps)| apps.iter().map(move |app| (organisation, app)));
    all.collect::<BTreeSet<_>>().len()
}

/// Of how many organisations something of their own is interrupted.
fn organisations(plan: &ReviewedPlan, how: &[InterruptionHow]) -> usize {
    whose(plan, how).filter(|(_, apps)| apps.is_empty()).map(|(name, _)| name).collect::<BTreeSet<_>>().len()
}

/// How much changes: `one change`, `210 organisations change`.
fn size(plan: &ReviewedPlan) -> String {
    let organisations = plan.changed.len();
    if organisations == 0 {
        let is_later = !plan.later.is_empty();
        return if is_later { "nothing changes now, something acts later" } else { "nothing changes" }.to_owned();
    }
    let new = plan.impact.edits.iter().filter(|edit| edit.does.iter().any(|does| does == NEW_ORGANISATION)).count();
    match (plan.impact.edits.len(), organisations) {
        (edits, _) if new > 0 && new == edits => many(new, "new organisation"),
        (_, all) if new > 0 && new == all => many(new, "new organisation"),
        (1, 1) => format!("one change of {}", plan.changed.keys().next().map_or("", Name::as_str)),
        (1, many) => format!("one change of {} organisations", grouped(many)),
        (_, 1) => format!("{} changes", plan.changed.keys().next().map_or("", Name::as_str)),
        (_, many) => format!("{} organisations change", grouped(many)),
    }
}

fn sentence(parts: &[String]) -> String {
    format!("{}.", parts.join("; "))
}

fn many(count: usize, word: &str) -> String {
    let ending = if word.ends_with("ss") { "es" } else { "s" };
    if count == 1 { format!("1 {word}") } else { format!("{} {word}{ending}", grouped(count)) }
}

fn counted(count: usize, word: &str, one: &str, more: &str) -> String {
    format!("{} {}", many(count, word), if count == 1 { one } else { more })
}

/// A number as people read it: `1,204`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
