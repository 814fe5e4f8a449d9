//! Pure: the definitions of custom kinds: what a snapshot keeps of them, and what their rules say before a server is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::snapshot::LiveSnapshot;
use super::stages::decide;
use super::state::{LiveState, RoundState};
use crate::cel::{DefinitionRules, Left};
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan;
use crate::render;

/// The most that a snapshot keeps of definitions, in bytes.
const MOST: usize = 8 << 20;

/// The definitions of every cluster, each once whatever number of clusters has it, and which of them a cluster has.
pub(super) fn kept(live: &LiveState) -> (BTreeMap<String, Value>, BTreeMap<Name, BTreeSet<String>>) {
    let (mut definitions, mut clusters) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
    let mut size = 0;
    for (cluster, read) in &live.clusters {
        let Ok(read) = read else { continue };
        for (_, text) in read.facts.rules.definitions() {
            let Ok(definition) = serde_json::from_str::<Value>(text) else { continue };
            let key = plan::hash_of(&definition);
            if !definitions.contains_key(&key) {
                if size + text.len() > MOST {
                    continue;
                }
                size += text.len();
                definitions.insert(key.clone(), definition);
            }
            clusters.entry(cluster.clone()).or_default().insert(key);
        }
    }
    (definitions, clusters)
}

/// What fields are on a cluster, and what rules they keep, as far as a snapshot knows.
pub(super) fn known(snapshot: &LiveSnapshot, definitions: &BTreeSet<String>) -> (Schemas, DefinitionRules) {
    let (mut schemas, mut rules) = (render::schemas(), DefinitionRules::default());
    for definition in definitions.iter().filter_map(|key| snapshot.definitions.get(key)) {
        if schemas.add_crd(definition).is_ok() {
            rules.add(definition, |_| true);
        }
    }
    (schemas, rules)
}

/// Refuses what breaks rules, in the place of servers that are not asked. Returns what only they can judge.
pub(super) fn judge(round: &RoundState<'_>, live: &mut LiveState) -> BTreeSet<String> {
    let mut left = BTreeSet::new();
    for cluster in live.clusters.values_mut().flatten() {
        for state in cluster.organisations.values_mut() {
            let answers =
                plan::rules::judge_by_rules(&decide::input(round, &cluster.facts.schemas, state), &cluster.facts.rules);
            left.extend(answers.left.iter().map(words));
            state.live.dry_runs.extend(answers.refused);
        }
    }
    left
}

/// What is said of a rule that is left to the server.
pub(super) fn words(left: &Left) -> String {
    let (rule, why) = (short(&left.rule), short(&left.why));
    format!("a rule of a definition is left to the API server: {rule} ({why})")
}

/// The beginning of a text of strangers, on one line.
fn short(text: &str) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(160).collect();
    if line.len() < text.len() { format!("{line}…") } else { line }
}
