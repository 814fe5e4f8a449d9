//! Which item of one list is which of another: by the keys that lists of Kubernetes have, without a schema.

use serde_json::Value;

/// Keys that tell items of a list apart where they have no name, by the name of the list.
const KEYS: &[(&str, &[&str])] = &[
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("hostAliases", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("conditions", &["type"]),
    ("ownerReferences", &["uid"]),
    ("parentRefs", &["name", "sectionName"]),
];

/// How the items of two lists are told apart.
pub(in crate::plan) fn keys(list: &str, before: &[Value], after: &[Value]) -> Option<&'static [&'static str]> {
    let named = KEYS.iter().find(|(name, _)| *name == list).map(|(_, keys)| *keys);
    let tried: [Option<&'static [&'static str]>; 4] = [
        named,
        Some(&["name"]),
        (list == "ports").then_some(&["containerPort", "protocol"]),
        (list == "ports").then_some(&["port", "protocol"]),
    ];
    tried.into_iter().flatten().find(|keys| are_unique(keys, before) && are_unique(keys, after))
}

fn are_unique(keys: &[&str], items: &[Value]) -> bool {
    // Lists are short: comparing each with each costs less than a set.
    items.iter().enumerate().all(|(at, item)| {
        item.get(keys[0]).is_some_and(|key| key.is_string() || key.is_number())
            && items[..at].iter().all(|other| !same(keys, item, other))
    })
}

/// Whether two items are the same one.
pub(in crate::plan) fn same(keys: &[&str], one: &Value, other: &Value) -> bool {
    keys.iter().all(|key| match (one.get(key), other.get(key)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => true,
        // The server fills in the protocol.
        (Some(Value::String(protocol)), None) | (None, Some(Value::String(protocol))) => {
            *key == "protocol" && protocol == "TCP"
        }
        _ => false,
    })
}

/// The item as a path names it: `[name=app]`; only as many keys as are needed for people.
pub(in crate::plan) fn label(keys: &[&str], item: &Value) -> String {
    let pairs = keys.iter().filter_map(|key| {
        let text = crate::plan::state::path::text_of(item.get(key)?);
        (*key != "protocol" || text != "TCP").then(|| format!("{key}={text}"))
    });
    format!("[{}]", pairs.collect::<Vec<_>>().join(","))
}

/// Keys that name an item, or count it, and say nothing else of it.
const NAMES: [&str; 6] = ["name", "containerPort", "port", "protocol", "sectionName", "type"];

/// The same of an item that is not ours: a key that says more than a name is left out.
pub(in crate::plan) fn name_of_others(keys: &[&str], item: &Value) -> String {
    if keys.iter().all(|key| NAMES.contains(key)) { label(keys, item) } else { "[…]".to_owned() }
}
