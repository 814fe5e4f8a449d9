//! A plan for machines: `docs/plan-format.md`.

use serde::Serialize;

use super::words::word;
use crate::plan::{Action, Plan};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: &'a str,
    garden: &'a str,
    commit: &'a str,
    garden_hash: &'a str,
    renderer_hash: &'a str,
    made: i64,
    changes: bool,
    organisations: Vec<Organisation<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Organisation<'a> {
    #[serde(rename = "organisation")]
    name: &'a str,
    cluster: &'a str,
    namespace: &'a str,
    counts: std::collections::BTreeMap<&'static str, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    standstill: Option<String>,
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

/// The plan as one JSON object and a line end. Objects that stay as they are are counted, not listed.
///
/// # Panics
/// Never: a plan holds only what JSON can say.
pub(crate) fn json(plan: &Plan) -> String {
    let organisations = plan.organisations.iter().map(|organisation| Organisation {
        name: organisation.organisation.as_str(),
        cluster: organisation.cluster.as_str(),
        namespace: &organisation.namespace,
        counts: organisation.counts().into_iter().map(|(verb, count)| (word(verb), count)).collect(),
        standstill: organisation.standstill.as_ref().map(ToString::to_string),
        actions: organisation
            .actions
            .iter()
            .filter(|action| super::words::is_told(action, false))
            .map(|action| Told { action, words: action.reason().to_string() })
            .collect(),
    });
    let document = Document {
        schema: &plan.schema,
        garden: plan.garden.as_str(),
        commit: &plan.commit,
        garden_hash: &plan.garden_hash,
        renderer_hash: &plan.renderer_hash,
        made: plan.made,
        changes: plan.changes_anything(),
        organisations: organisations.collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).expect("plans hold only what JSON can say");
    text.push('\n');
    text
}
