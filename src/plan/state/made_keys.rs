//! The keys of a Secret that is made once: which ones it had, and what becomes of those that it lacks.
//!
//! Its keys hang together: a URL holds the password, and a password that was made anew beside it would open nothing. So the
//! inventory remembers which keys were made, and of one that is gone or empty is told by names alone what becomes of it:
//!
//! | a key that it lacks | what becomes of it |
//! |---|---|
//! | was never made | it is made, and what is put together of it is put together again |
//! | was made, and is put together of others, or follows from those that are there | it is brought back |
//! | was made, and nothing that is there says what it was | it is lost: a person decides |

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::plan::{Entry, Input, Inventory, LiveObject, OwnFields};
use crate::render::Generated;

/// The keys that a generated Secret asks for.
type Keys = BTreeMap<String, Generated>;

/// What the values of a generated Secret say of its keys, without the values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeysSeen {
    /// Keys that it lacks and that follow from those that it has.
    pub(crate) follow: BTreeSet<String>,
    /// Keys that do not hold the value of another one that they are put together of.
    pub(crate) odd: BTreeSet<String>,
}

/// What becomes of the keys that a generated Secret lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeysLacking {
    /// Made for the first time.
    pub(crate) new: BTreeSet<String>,
    /// Brought back.
    pub(crate) back: BTreeSet<String>,
    /// Not to be brought back.
    pub(crate) lost: BTreeSet<String>,
    /// Those that it has, and that are put together again of new ones.
    pub(crate) again: BTreeSet<String>,
}

/// A piece of a text that is put together of other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinedPiece<'t> {
    Text(&'t str),
    Key(&'t str),
}

/// The pieces of a text with `{key}` places. What is no place of one of these keys is text.
pub(crate) fn pieces<'t>(text: &'t str, keys: &Keys) -> Vec<JoinedPiece<'t>> {
    let mut pieces = Vec::new();
    let (mut begun, mut from) = (0, 0);
    while let Some(start) = text[from..].find('{').map(|at| from + at) {
        from = start + 1;
        let Some(end) = text[from..].find('}').map(|at| from + at) else { break };
        if keys.contains_key(&text[from..end]) {
            pieces.extend([JoinedPiece::Text(&text[begun..start]), JoinedPiece::Key(&text[from..end])]);
            (begun, from) = (end + 1, end + 1);
        }
    }
    pieces.push(JoinedPiece::Text(&text[begun..]));
    pieces
}

/// The keys that a text is put together of.
pub(crate) fn parts<'t>(text: &'t str, keys: &Keys) -> BTreeSet<&'t str> {
    let key = |piece| match piece {
        JoinedPiece::Key(key) => Some(key),
        JoinedPiece::Text(_) => None,
    };
    pieces(text, keys).into_iter().filter_map(key).collect()
}

/// What becomes of the keys that are lacking: `has` is what it has with a value, `was_made` what it had once, `follows` what is
/// known to follow from the others.
pub(crate) fn lacking(
    keys: &Keys,
    has: impl Fn(&str) -> bool,
    was_made: impl Fn(&str) -> bool,
    follows: impl Fn(&str) -> bool,
) -> KeysLacking {
    let mut found = KeysLacking::default();
    let (joined, plain): (Vec<_>, Vec<_>) = keys.iter().partition(|(_, how)| matches!(how, Generated::Joined(_)));
    for (key, _) in plain.into_iter().filter(|(key, _)| !has(key)) {
        let of = match (was_made(key), follows(key)) {
            (false, _) => &mut found.new,
            (true, true) => &mut found.back,
            (true, false) => &mut found.lost,
        };
        of.insert(key.clone());
    }
    for (key, how) in joined {
        let Generated::Joined(text) = how else { continue };
        let parts = parts(text, keys);
        let any = |of: &BTreeSet<String>| parts.iter().any(|part| of.contains(*part));
        let of = match (has(key), any(&found.lost), any(&found.new)) {
            (true, _, true) => &mut found.again,
            (true, _, false) => continue,
            (false, true, _) => &mut found.lost,
            (false, false, _) if was_made(key) => &mut found.back,
            (false, false, _) => &mut found.new,
        };
        of.insert(key.clone());
    }
    found
}

/// Whether a Secret, its values gone or hashed, has a key with a value.
pub(crate) fn has_value(secret: &Value, key: &str) -> bool {
    secret["data"].get(key).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()))
}

/// Whether a key of a Secret was made, as the inventory remembers.
pub(crate) fn was_made(entry: &Entry, key: &str) -> bool {
    is_among(&entry.own_fields, key)
}

/// The same of what is remembered.
pub(in crate::plan) fn is_among(remembered: &OwnFields, key: &str) -> bool {
    remembered.contains(&field(key))
}

/// What is remembered of a Secret that is there; of one of which nothing is yet, what is taken for remembered.
pub(in crate::plan) fn of_live(input: &Input<'_>, entry: Option<&Entry>, keys: &Keys, live: &LiveObject) -> OwnFields {
    match entry {
        Some(entry) if !entry.own_fields.is_empty() => entry.own_fields.clone(),
        entry => first_remembered(input, entry, keys, live),
    }
}

/// What the inventory remembers of a Secret that is made once, once it has these keys.
pub(in crate::plan) fn remembered<'k>(before: &OwnFields, keys: impl Iterator<Item = &'k String>) -> OwnFields {
    before.with(keys.map(|key| field(key)).chain([TYPE.to_owned()]))
}

/// The same without keys of which a person said that they may be made anew.
pub(in crate::plan) fn forgotten(before: &OwnFields, keys: &BTreeSet<String>) -> OwnFields {
    before.without(keys.iter().map(|key| field(key))).with([TYPE.to_owned()])
}

/// What is remembered of a Secret whose keys no inventory has remembered yet: what it has, and what that was put together of; and all
/// that it is to have, where the garden asks for the same as when it was applied, or it was taken back.
fn first_remembered(input: &Input<'_>, entry: Option<&Entry>, keys: &Keys, live: &LiveObject) -> OwnFields {
    let nothing = OwnFields::default();
    let Inventory { commit, renderer_hash, .. } = input.inventory;
    let is_as_applied = !commit.is_empty() && input.commit == commit && input.renderer_hash == renderer_hash;
    if entry.is_some_and(|entry| entry.uid().is_some() && (entry.recovered || is_as_applied)) {
        return remembered(&nothing, keys.keys());
    }
    let has = |key: &String| has_value(&live.body, key);
    let joined = keys.iter().filter(|(key, _)| has(key)).filter_map(|(_, how)| match how {
        Generated::Joined(text) => Some(parts(text, keys)),
        Generated::Random { .. } | Generated::Fixed(_) => None,
    });
    let joined: BTreeSet<&str> = joined.flatten().collect();
    remembered(&nothing, keys.keys().filter(|key| has(key) || joined.contains(key.as_str())))
}

/// A field of every Secret: what has it and no key is known to have had none.
const TYPE: &str = ".type";

fn field(key: &str) -> String {
    format!(".data.{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        BTreeMap::from([
            ("password".to_owned(), Generated::Random { length: 8 }),
            ("user".to_owned(), Generated::Fixed("pads".to_owned())),
            ("url".to_owned(), Generated::Joined("redis://{user}:{password}@cache/{0}".to_owned())),
        ])
    }

    #[test]
    fn a_text_is_taken_apart_at_the_places_of_keys_alone() {
        let keys = keys();
        let Generated::Joined(text) = &keys["url"] else { panic!() };
        let (text_of, key) = (JoinedPiece::Text, JoinedPiece::Key);
        let all = [text_of("redis://"), key("user"), text_of(":"), key("password"), text_of("@cache/{0}")];
        assert_eq!(pieces(text, &keys), all);
        assert_eq!(pieces("{{user}", &keys), [text_of("{"), key("user"), text_of("")]);
        assert_eq!(pieces("{user", &keys), [text_of("{user")]);
        assert_eq!(parts(text, &keys), BTreeSet::from(["password", "user"]));
    }

    #[test]
    fn what_becomes_of_a_key_depends_on_whether_it_was_made_and_follows_from_the_others() {
        let found = |has: &[&str], made: &[&str], follows: &[&str]| {
            let found =
                lacking(&keys(), |key| has.contains(&key), |key| made.contains(&key), |key| follows.contains(&key));
            [found.new, found.back, found.lost, found.again].map(|keys| keys.into_iter().collect::<Vec<_>>().join(" "))
        };
        let all = ["password", "url", "user"];
        assert_eq!(found(&[], &[], &[]), ["password url user", "", "", ""]);
        assert_eq!(found(&all, &all, &[]), ["", "", "", ""]);
        assert_eq!(found(&["url", "user"], &all, &["password"]), ["", "password", "", ""]);
        assert_eq!(found(&["url", "user"], &all, &[]), ["", "", "password", ""]);
        assert_eq!(found(&["user"], &all, &[]), ["", "", "password url", ""]);
        assert_eq!(found(&["password", "user"], &all, &[]), ["", "url", "", ""]);
        assert_eq!(found(&["url", "user"], &["url", "user"], &["password"]), ["password", "", "", "url"]);
    }
}
