//! Pure: which refs are read as statements, by their names. What is pushed under the name of one person takes no room of another's.

use std::collections::{BTreeMap, BTreeSet};

use super::{MOST_OF_A_PERSON, MOST_STATEMENTS, SHORT};
use crate::name::Name;
use crate::visible;

/// The most bytes of a ref's name: with those of a change, a person, a word and a digest there are fewer.
const LONGEST_NAME: usize = 120;
/// The most statements that are read in the name of somebody whom nobody knows yet.
pub(super) const MOST_OF_A_STRANGER: usize = 100;
/// The most statements that are read in the names of all of those.
pub(super) const MOST_OF_STRANGERS: usize = 1_000;

/// The refs that are read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// The name of each below the common prefix, the person whom it names, and what it is a ref to.
    pub(super) chosen: Vec<(String, Name, git2::Oid)>,
    /// How many more there are, by the person whom their names name.
    pub(super) unread: BTreeMap<Name, usize>,
    /// The first of those that are not named as statements are, and how many there are.
    misnamed: Option<(String, usize)>,
}

impl Choice {
    /// Chooses among the refs of a repository. Those of known people come first, then of others, of each so many at most; those that
    /// are held already before new ones. Where nobody is known everybody counts as known.
    pub(super) fn of(
        offered: Vec<(String, git2::Oid)>,
        is_held: &dyn Fn(&git2::Oid) -> bool,
        known: &BTreeSet<Name>,
    ) -> Self {
        let mut choice = Self::default();
        let mut by_person: BTreeMap<Name, Vec<(String, git2::Oid)>> = BTreeMap::new();
        for (name, id) in offered {
            if let Some(person) = person(&name) {
                by_person.entry(person).or_default().push((name, id));
                continue;
            }
            let (first, count) = choice.misnamed.take().unwrap_or_else(|| (name.clone(), 0));
            choice.misnamed = Some((first.min(name), count + 1));
        }
        let is_stranger = |person: &Name| !known.is_empty() && !known.contains(person);
        let mut groups: Vec<(Name, Vec<(String, git2::Oid)>)> = by_person.into_iter().collect();
        groups.sort_by_cached_key(|(person, refs)| (is_stranger(person), refs.len(), person.clone()));
        let (mut room, mut room_of_strangers) = (MOST_STATEMENTS, MOST_OF_STRANGERS);
        for (person, mut refs) in groups {
            let most = if is_stranger(&person) { MOST_OF_A_STRANGER.min(room_of_strangers) } else { MOST_OF_A_PERSON };
            refs.sort_by_cached_key(|(name, id)| (!is_held(id), name.clone()));
            let rest = refs.split_off(refs.len().min(most.min(room)));
            room -= refs.len();
            if is_stranger(&person) {
                room_of_strangers -= refs.len();
            }
            if !rest.is_empty() {
                choice.unread.insert(person.clone(), rest.len());
            }
            choice.chosen.extend(refs.into_iter().map(|(name, id)| (name, person.clone(), id)));
        }
        choice
    }

    /// What is said of refs that are not named as statements are.
    pub(super) fn misnamed(&self) -> Option<(String, String)> {
        let (first, count) = self.misnamed.as_ref()?;
        let others = match count - 1 {
            0 => String::new(),
            1 => "; nor is 1 other ref there".to_owned(),
            others => format!("; nor are {others} other refs there"),
        };
        let why = format!("it is not named CHANGE/PERSON-WORD-DIGEST, as `parcelle approve` names them{others}");
        Some((visible::line(first), why))
    }
}

/// The person whom the name of a statement's ref names; absent where it is not named as statements are.
pub(super) fn person(name: &str) -> Option<Name> {
    let is_short = |text: &str| text.len() == SHORT && text.bytes().all(|one| matches!(one, b'0'..=b'9' | b'a'..=b'f'));
    let (change, rest) = name.split_once('/').filter(|_| name.len() <= LONGEST_NAME)?;
    let (rest, digest) = rest.rsplit_once('-')?;
    let (person, word) = rest.rsplit_once('-')?;
    let is_word = !word.is_empty() && word.bytes().all(|letter| letter.is_ascii_lowercase());
    if is_short(change) && is_short(digest) && is_word { Name::new(person).ok() } else { None }
}
