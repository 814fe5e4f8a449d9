//! A plan for machines: `docs/plan-format.md`.

use serde::Serialize;

use super::words::word;
use super::{DataGone, Tally};
use crate::plan::{Action, Hatch, OrganisationPlan, PlanHead};
use crate::visible;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Opening<'a> {
    #[serde(flatten)]
    head: &'a PlanHead,
    changes: bool,
    /// How many organisations use hatches.
    hatched: usize,
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
pub(crate) fn head(head: &PlanHead, tally: &Tally) -> String {
    let head = Opening { head, changes: tally.changes() > 0, hatched: tally.hatched() };
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
        actions: told.map(|action| Told { action, words: action.reason().to_string() }).collect(),
    };
    visible::json(serde_json::to_string(&part).expect("plans hold only what JSON can say"))
}
