//! Pure: which hours and days passed between the making of a saved plan and now, where other objects are rendered for them.

use std::collections::BTreeSet;

use super::stages::decide::rendered_hash;
use super::state::RoundState;
use crate::model::Organisation;
use crate::name::Name;
use crate::plan::agreed::Clocks;
use crate::plan::{OrganisationPlan, Place, minute};
use crate::render::{self, OrganisationObjects, State};

/// So far back edges are looked for, in seconds: nights and hours of a week come again.
const FARTHEST: i64 = 8 * 86_400;

/// So many edges are looked at of one organisation.
const MOST_EDGES: usize = 200;

/// What passed, in sentences: the last edge after which something else was rendered, and days on which a time of data ended.
pub(super) fn edges(
    round: &RoundState<'_>,
    written: &OrganisationPlan,
    anew: &OrganisationPlan,
    clocks: Clocks,
) -> Vec<String> {
    let organisation = round.garden.organisations.get(&anew.organisation);
    let hour = organisation.and_then(|organisation| hour(round, organisation, written, clocks));
    let name = &anew.organisation;
    let is_passed = |until: i64| clocks.written < until && until <= clocks.anew;
    let of_apps = anew.retired.iter().filter(|(_, retired)| is_passed(retired.until));
    let days = of_apps.map(|(app, retired)| (format!("`{name}/{app}`"), retired.until));
    let whole = anew.retired_organisation.filter(|retired| is_passed(retired.until));
    let days = days.chain(whole.map(|retired| (format!("`{name}`"), retired.until)));
    let days = days.map(|(whose, until)| {
        format!("the time for which the data of {whose} was kept ended at {}, after the plan was made", minute(until))
    });
    hour.into_iter().chain(days).collect()
}

/// The last edge after which something else was rendered than when the plan was made, in words.
fn hour(
    round: &RoundState<'_>,
    organisation: &Organisation,
    written: &OrganisationPlan,
    clocks: Clocks,
) -> Option<String> {
    if clocks.written >= clocks.anew {
        return None;
    }
    let made = clocks.written.max(clocks.anew - FARTHEST);
    let at = |seconds: i64| jiff::Timestamp::from_second(seconds).ok();
    let render = |moment: jiff::Timestamp| render::organisation(round.garden, organisation, moment);
    let (mut before, now) = (render(at(made)?), at(clocks.anew)?);
    // The hour explains nothing where the file never was of this garden.
    if made == clocks.written && !written.rendered_hash.is_empty() && rendered_hash(&before) != written.rendered_hash {
        return None;
    }
    let mut last = None;
    for _ in 0..MOST_EDGES {
        let Some(edge) = before.next_change.filter(|edge| *edge <= now) else { break };
        let after = render(edge);
        if let Some(what) = what_changed(round, &before, &after) {
            last = Some(format!("{what} at {}, after the plan was made", minute(edge.as_second())));
        }
        before = after;
    }
    last
}

/// What an edge changed of an organisation; nothing where the same is rendered on both of its sides.
fn what_changed(round: &RoundState<'_>, before: &OrganisationObjects, after: &OrganisationObjects) -> Option<String> {
    let apps: BTreeSet<&Name> = after.states.keys().collect();
    let turned = |app: &&&Name| before.states.get(**app) != after.states.get(**app);
    let name = &after.organisation;
    if let Some(app) = apps.iter().find(turned) {
        let of = |objects: &OrganisationObjects| objects.states.get(*app).copied();
        return Some(turn(round, &format!("`{name}/{app}`"), of(before), of(after)));
    }
    let opened = apps.iter().find(|app| before.waiting.contains_key(**app) != after.waiting.contains_key(**app));
    if let Some(app) = opened {
        let what = if after.waiting.contains_key(*app) { "closed" } else { "opened" };
        return Some(format!("the hours for new releases of `{name}/{app}` {what}"));
    }
    (rendered_hash(before) != rendered_hash(after))
        .then(|| format!("what is rendered for `{name}` changed with the hour"))
}

fn turn(round: &RoundState<'_>, app: &str, before: Option<State>, after: Option<State>) -> String {
    let line = |span| format!("({})", Place::of(round.sources, span));
    match (before, after) {
        (_, Some(State::Night(span))) => format!("the night of {app} began {}", line(span)),
        (_, Some(State::Peak(span))) => format!("the peak of {app} began {}", line(span)),
        (Some(State::Night(span)), _) => format!("the night of {app} ended {}", line(span)),
        (Some(State::Peak(span)), _) => format!("the peak of {app} ended {}", line(span)),
        _ => format!("what is rendered for {app} changed"),
    }
}
