//! What could not be looked at, and the line that lets parcelle look.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A kind of which it is not known whether a namespace holds any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unseen {
    /// Its API group; empty for the core.
    pub(crate) group: String,
    /// `daemonsets`; `*` for everything of a group whose server does not answer.
    pub(crate) resource: String,
    /// What the server said; absent where it is a right that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// A resource as `kubectl` names it: `daemonsets.apps`.
pub(crate) fn full_name(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

/// A rule of a role, as it is written in YAML.
pub(crate) fn role_rule(group: &str, resources: &[&str], verb: &str) -> String {
    let group = if group.is_empty() { "\"\"" } else { group };
    format!("- {{apiGroups: [{group}], resources: [{}], verbs: [{verb}]}}", resources.join(", "))
}

/// What is not known of a namespace, in words: the rights that are missing, then what did not answer.
pub(crate) fn words(unseen: &[Unseen]) -> String {
    let (silent, forbidden): (Vec<_>, Vec<_>) = unseen.iter().partition(|one| one.why.is_some());
    let named = |one: &&Unseen| full_name(&one.group, &one.resource);
    let mut parts = Vec::new();
    if !forbidden.is_empty() {
        parts.push(format!("parcelle may not list {}", forbidden.iter().map(named).collect::<Vec<_>>().join(", ")));
    }
    let said = |one: &&Unseen| format!("{} ({})", named(one), one.why.as_deref().unwrap_or_default());
    if !silent.is_empty() {
        let said: Vec<String> = silent.iter().map(said).collect();
        parts.push(format!("the server does not list {}", said.join(", ")));
    }
    parts.join("; ")
}

/// The way out: the rules that parcelle's role lacks, or the wait until all kinds can be listed.
pub(crate) fn way_out(unseen: &[Unseen]) -> String {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in unseen.iter().filter(|one| one.why.is_none()) {
        groups.entry(&one.group).or_default().push(&one.resource);
    }
    if groups.is_empty() {
        return "once these kinds can be listed it is decided anew".to_owned();
    }
    let rules: Vec<String> = groups.iter().map(|(group, resources)| role_rule(group, resources, "list")).collect();
    format!("look into it yourself, or add to the rules of parcelle's role: {}", rules.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_said_with_the_rules_that_let_it_be_seen() {
        let one = |group: &str, resource: &str, why: Option<&str>| Unseen {
            group: group.to_owned(),
            resource: resource.to_owned(),
            why: why.map(str::to_owned),
        };
        let unseen = [
            one("", "pods", None),
            one("apps", "daemonsets", None),
            one("apps", "replicasets", None),
            one("metrics.k8s.io", "*", Some("its server does not answer")),
        ];
        assert_eq!(
            words(&unseen),
            "parcelle may not list pods, daemonsets.apps, replicasets.apps; the server does not list \
             *.metrics.k8s.io (its server does not answer)"
        );
        assert_eq!(
            way_out(&unseen),
            "look into it yourself, or add to the rules of parcelle's role: \
             - {apiGroups: [\"\"], resources: [pods], verbs: [list]} \
             - {apiGroups: [apps], resources: [daemonsets, replicasets], verbs: [list]}"
        );
        assert_eq!(way_out(&unseen[3..]), "once these kinds can be listed it is decided anew");
    }
}
