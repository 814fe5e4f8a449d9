//! What of a generated Secret follows from the keys that it has: a password stands in its URL, and nowhere else any more.

use std::collections::{BTreeMap, BTreeSet};

use super::generate::decoded;
use crate::plan::{JoinedPiece, KeysSeen, pieces};
use crate::render::Generated;

type Keys = BTreeMap<String, Generated>;

/// What the values that a Secret has, key to base64, say of those that it lacks and of one another.
pub(crate) fn seen(keys: &Keys, existing: &BTreeMap<String, String>) -> KeysSeen {
    let plain = decoded(existing);
    let odd = joined(keys).filter(|(key, text)| {
        let held = plain.get(*key);
        held.is_some_and(|held| {
            let parts = pieces(text, keys).into_iter().filter_map(|piece| match piece {
                JoinedPiece::Key(part) => plain.get(part),
                JoinedPiece::Text(_) => None,
            });
            { parts }.any(|part| !held.contains(part.as_str()))
        })
    });
    let odd = odd.map(|(key, _)| key.clone()).collect();
    KeysSeen { follow: following(keys, existing).into_keys().collect(), odd }
}

/// The keys that are lacking and follow from those that are there, with their values.
pub(super) fn following(keys: &Keys, existing: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let plain = decoded(existing);
    let lacks = |key: &str| existing.get(key).is_none_or(String::is_empty);
    let mut known = plain.clone();
    for (key, how) in keys.iter().filter(|(key, _)| lacks(key)) {
        if let Generated::Fixed(text) = how {
            known.insert(key.clone(), text.clone());
        }
    }
    let mut found = BTreeMap::new();
    for (key, how) in keys.iter().filter(|(key, _)| lacks(key)) {
        let holding = joined(keys).filter_map(|(joined, text)| Some((plain.get(joined)?, text)));
        let holding: Vec<_> = holding.filter(|(_, text)| pieces(text, keys).contains(&JoinedPiece::Key(key))).collect();
        let said: BTreeSet<Option<&str>> =
            holding.iter().map(|(held, text)| part(key, text, held, keys, &known)).collect();
        match (how, said.iter().next()) {
            // Where several say it, they say the same.
            (Generated::Random { .. }, Some(Some(value))) if said.len() == 1 => {
                found.insert(key.clone(), (*value).to_owned());
            }
            (Generated::Fixed(text), _) if holding.iter().all(|(held, _)| held.contains(text.as_str())) => {
                found.insert(key.clone(), text.clone());
            }
            _ => {}
        }
    }
    found
}

/// The value of one key in a text that was put together of it and of others that are all known.
fn part<'h>(key: &str, text: &str, held: &'h str, keys: &Keys, known: &BTreeMap<String, String>) -> Option<&'h str> {
    let (mut before, mut after, mut is_past) = (String::new(), String::new(), false);
    for piece in pieces(text, keys) {
        let side = if is_past { &mut after } else { &mut before };
        match piece {
            JoinedPiece::Text(text) => side.push_str(text),
            JoinedPiece::Key(other) if other != key => side.push_str(known.get(other)?),
            JoinedPiece::Key(_) if is_past => return None,
            JoinedPiece::Key(_) => is_past = true,
        }
    }
    held.strip_prefix(before.as_str())?.strip_suffix(after.as_str()).filter(|value| !value.is_empty())
}

/// The keys that are put together of others, with their texts.
fn joined(keys: &Keys) -> impl Iterator<Item = (&String, &str)> {
    keys.iter().filter_map(|(key, how)| match how {
        Generated::Joined(text) => Some((key, text.as_str())),
        Generated::Random { .. } | Generated::Fixed(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn keys() -> Keys {
        BTreeMap::from([
            ("password".to_owned(), Generated::Random { length: 8 }),
            ("user".to_owned(), Generated::Fixed("pads".to_owned())),
            ("url".to_owned(), Generated::Joined("postgres://{user}:{password}@db:5432/pads".to_owned())),
        ])
    }

    fn of(data: &[(&str, &str)]) -> KeysSeen {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value)));
        seen(&keys(), &data.collect())
    }

    fn names(of: &BTreeSet<String>) -> Vec<&str> {
        of.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_password_follows_from_its_url_and_from_nothing_else() {
        let url = ("url", "postgres://pads:x@y/z@db:5432/pads");
        assert_eq!(names(&of(&[url, ("user", "pads")]).follow), ["password"]);
        assert_eq!(names(&of(&[url, ("user", "pads"), ("password", "")]).follow), ["password"], "an empty one is none");
        assert_eq!(names(&of(&[url]).follow), ["password", "user"]);
        assert_eq!(names(&of(&[("user", "pads")]).follow), Vec::<&str>::new());
        let moved = ("url", "postgres://pads:x@pooler:5432/pads");
        assert_eq!(names(&of(&[moved, ("user", "pads")]).follow), Vec::<&str>::new(), "it was put together otherwise");
        let other = ("url", "postgres://wiki:x@db:5432/wiki");
        assert_eq!(names(&of(&[other, ("password", "x")]).follow), Vec::<&str>::new(), "it is another user's");
    }

    #[test]
    fn keys_that_contradict_one_another_are_seen() {
        let url = ("url", "postgres://pads:x@db:5432/pads");
        assert_eq!(names(&of(&[url, ("user", "pads"), ("password", "x")]).odd), Vec::<&str>::new());
        assert_eq!(names(&of(&[url, ("user", "pads"), ("password", "theirs")]).odd), ["url"]);
    }
}
