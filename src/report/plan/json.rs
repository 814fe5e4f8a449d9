//! A plan for machines: `docs/plan-format.md`.

use serde::Serialize;

use super::words::word;
use super::{DataGone, Tally};
use crate::impact::Impact;
use crate::plan::{Action, Hatch, HourOfPlan, LaterAct, OrganisationPlan, PlanHead, Retirement};
use crate::visible;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Opening<'a> {
    #[serde(flatten)]
    head: &'a PlanHead,
    changes: bool,
    /// Whether something acts later than it is applied, and was not applied as it is said.
    acts_later: bool,
    /// How many organisations use hatches.
    hatched: usize,
    /// What it does, for people.
    impact: &'a Impact,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Organisation<'a> {
    #[serde(rename = "organisation")]
    name: &'a str,
    cluster: &'a str,
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    rendered_hash: &'a str,
    counts: std::collections::BTreeMap<&'static str, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    standstill: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    hatches: &'a [Hatch],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data_gone: Vec<DataGone>,
    /// What is retired, and until when its data is kept, in Unix seconds.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    retired: &'a std::collections::BTreeMap<crate::name::Name, Retirement>,
    #[serde(rename = "retiredOrganisation", skip_serializing_if = "Option::is_none")]
    retired_whole: Option<Retirement>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    later: &'a [LaterAct],
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<&'a HourOfPlan>,
    actions: Vec<Told<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    #[serde(flatten)]
    action: &'a Action,
    /// The reason in words.
    words: String,
}

/// What stands before a plan's organisations: one JSON object.
///
/// # Panics
/// Never: it holds only what JSON can say.
pub(crate) fn head(head: &PlanHead, tally: &Tally, impact: &Impact) -> String {
    let head = Opening {
        head,
        changes: tally.changes() > 0,
        acts_later: tally.acts_later(),
        hatched: tally.hatched(),
        impact,
    };
    visible::json(serde_json::to_string(&head).expect("plans hold only what JSON can say"))
}

/// One organisation's part as a JSON object. Objects that stay as they are are counted, not listed.
///
/// # Panics
/// Never: it holds only what JSON can say.
pub(crate) fn organisation(plan: &OrganisationPlan) -> String {
    let told = plan.actions.iter().filter(|action| super::words::is_told(action, false));
    let part = Organisation {
        name: plan.organisation.as_str(),
        cluster: plan.cluster.as_str(),
        namespace: &plan.namespace,
        rendered_hash: &plan.rendered_hash,
        counts: plan.counts().into_iter().map(|(verb, count)| (word(verb), count)).collect(),
        standstill: plan.standstill.as_ref().map(ToString::to_string),
        hatches: &plan.hatches,
        data_gone: DataGone::of(plan),
        retired: &plan.retired,
        retired_whole: plan.retired_organisation,
        later: &plan.later,
        hour: plan.hour.as_ref(),
        actions: told.map(|action| Told { action, words: action.reason().to_string() }).collect(),
    };
    visible::json(serde_json::to_string(&part).expect("plans hold only what JSON can say"))
}
