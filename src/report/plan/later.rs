//! What acts later than it is applied, before everything else of a plan: equal lines of several organisations together,
//! brakes and days first.

use std::collections::{BTreeMap, BTreeSet};

use super::words::many;
use crate::name::Name;
use crate::plan::day;
use crate::plan::{LaterAct, OrganisationPlan, Place, minute};
use crate::render::TermWord;

/// So many objects of one line are named; the others are counted.
const NAMED: usize = 4;

/// What acts later, of all organisations.
#[derive(Clone, Debug, Default)]
pub(super) struct LaterTally {
    acts: BTreeMap<Act, Whose>,
    hours: HoursTally,
}

/// What is told in one line, for however many apps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Act {
    word: TermWord,
    at: Option<i64>,
    day: Option<String>,
    before: Option<String>,
    after: Option<String>,
    origin: Option<Place>,
}

/// Whose it is, and what it acts on.
#[derive(Clone, Debug, Default)]
struct Whose {
    organisations: BTreeSet<Name>,
    apps: usize,
    /// The app, where there is one.
    app: Option<Name>,
    /// How many objects it acts on, by kind, and the first few.
    kinds: BTreeMap<String, usize>,
    named: Vec<String>,
}

/// How many apps are at which hour.
#[derive(Clone, Copy, Debug, Default)]
struct HoursTally {
    asleep: usize,
    at_peak: usize,
    awake: usize,
    until: Option<i64>,
}

/// A line of what acts later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LaterLine {
    /// The sentence.
    pub(super) says: String,
    /// The line of KDL behind it.
    pub(super) origin: Option<String>,
}

impl LaterTally {
    /// Adds what acts later of one organisation more.
    pub(super) fn add(&mut self, plan: &OrganisationPlan) {
        for act in &plan.later {
            self.add_act(&plan.organisation, act);
        }
        let Some(hour) = &plan.hour else { return };
        self.hours.asleep += hour.asleep.len();
        self.hours.at_peak += hour.at_peak.len();
        self.hours.awake += hour.awake.len();
        self.hours.until = self.hours.until.into_iter().chain([hour.until]).min();
    }

    fn add_act(&mut self, organisation: &Name, act: &LaterAct) {
        let key = Act {
            word: act.word,
            at: act.at,
            day: act.day.clone(),
            before: act.before.clone(),
            after: act.after.clone(),
            origin: act.origin.clone(),
        };
        let whose = self.acts.entry(key).or_default();
        whose.organisations.insert(organisation.clone());
        whose.apps += usize::from(act.app.is_some());
        whose.app.clone_from(&act.app);
        for object in &act.objects {
            let kind = object.split(' ').next().unwrap_or_default();
            *whose.kinds.entry(kind.to_owned()).or_default() += 1;
        }
        let room = NAMED.saturating_sub(whose.named.len());
        whose.named.extend(act.objects.iter().take(room).cloned());
    }

    /// Whether nothing acts later.
    pub(super) fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    /// In how many organisations something acts later.
    pub(super) fn organisations(&self) -> usize {
        self.acts.values().flat_map(|whose| &whose.organisations).collect::<BTreeSet<_>>().len()
    }

    /// A sentence for each line, in the order of its weight.
    pub(super) fn lines(&self) -> impl Iterator<Item = LaterLine> {
        // Data that goes on a day stands before everything else, with what it is.
        let acts = self.acts.iter().filter(|(act, _)| act.word != TermWord::KeepData);
        acts.map(|(act, whose)| line(act, whose))
    }

    /// How far the plan is that of the hour at which it was made; nothing where it is not.
    pub(super) fn hour(&self) -> Option<String> {
        let HoursTally { asleep, at_peak, awake, until } = self.hours;
        let parts: Vec<String> = [(asleep, "asleep"), (at_peak, "at a peak"), (awake, "awake")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, how)| format!("{} {how}", many(count, "app")))
            .collect();
        let verb = if asleep + at_peak + awake == 1 { "is" } else { "are" };
        let parts = parts.join(", ");
        let (count, rest) = parts.split_once(' ')?;
        let (noun, rest) = rest.split_once(' ')?;
        let until = minute(until?);
        Some(format!("The plan is that of this hour: {count} {noun} {verb} {rest}; it may be another from {until} on."))
    }
}

fn line(act: &Act, whose: &Whose) -> LaterLine {
    let when = act.day.as_ref().map(|day| format!("{day}, ")).unwrap_or_default();
    let says = match (&act.before, &act.after) {
        (None, Some(after)) => after.clone(),
        (Some(before), Some(after)) => format!("{after}; before: {before}"),
        (before, None) => format!("no longer {}", before.as_deref().unwrap_or_default()),
    };
    let objects = objects(act.word, whose);
    LaterLine {
        says: format!("{when}{}, {}: {says}{objects}", act.word.as_str(), name(whose)),
        origin: act.origin.as_ref().map(ToString::to_string),
    }
}

/// `alternatiba/cloud`, or how many there are.
fn name(whose: &Whose) -> String {
    let organisations = whose.organisations.len();
    match (whose.organisations.first(), &whose.app) {
        (Some(organisation), Some(app)) if organisations == 1 && whose.apps == 1 => format!("{organisation}/{app}"),
        (Some(organisation), Some(_)) if organisations == 1 => {
            format!("{} of {organisation}", many(whose.apps, "app"))
        }
        (Some(organisation), None) if organisations == 1 => organisation.to_string(),
        (_, None) => many(organisations, "organisation"),
        (_, Some(_)) => format!("{} of {}", many(whose.apps, "app"), many(organisations, "organisation")),
    }
}

/// What it acts on then: `; Deployment cloud-web stops then`.
fn objects(word: TermWord, whose: &Whose) -> String {
    let (one, more) = match word {
        TermWord::KeepData => ("goes", "go"),
        TermWord::Nights => ("stops", "stop"),
        TermWord::Upgrade => ("changes", "change"),
        _ => return String::new(),
    };
    let count: usize = whose.kinds.values().sum();
    let verb = if count == 1 { one } else { more };
    // Names of several organisations say nothing without them.
    if whose.organisations.len() > 1 {
        let kinds: Vec<String> = whose.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        return if kinds.is_empty() { String::new() } else { format!("; {} {verb} then", kinds.join(", ")) };
    }
    let rest = count - whose.named.len();
    match whose.named.split_last() {
        None => String::new(),
        Some((last, [])) if rest == 0 => format!("; {last} {verb} then"),
        Some((last, before)) if rest == 0 => format!("; {} and {last} {verb} then", before.join(", ")),
        Some(_) => format!("; {} and {rest} more {verb} then", whose.named.join(", ")),
    }
}

/// That the data of an app is kept, and until when: `, retired until 2027-02-28`.
pub(super) fn retired(plan: &OrganisationPlan, app: Option<&str>) -> Option<String> {
    let of_app = app.and_then(|app| plan.retired.get(app));
    let retired = of_app.or(plan.retired_organisation.as_ref())?;
    Some(format!(", retired until {}", day(retired.until)))
}
