//! Container images before and after.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Whose;
use super::wording::{OneLine, line, moves, short, value, who};
use crate::plan::{Action, FieldChange, OrganisationPlan, Place};

/// The label that says which release an object is of.
const RELEASE: &str = "metadata.labels[app.kubernetes.io/version]";
/// So many letters of a digest tell it from another one.
const DIGEST: usize = 12;

/// An image that is replaced by another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageChange {
    /// The apps that run the image, by organisation.
    pub(crate) whose: Whose,
    /// The opening words: `nextcloud 33.0.7-apache → 33.0.9-apache:`.
    pub(crate) lead: String,
    /// The rest of the sentence.
    pub(crate) words: String,
    /// The one line behind it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Place>,
    /// The image before, in full.
    pub(crate) before: String,
    /// The image after, in full.
    pub(crate) after: String,
    /// Whether its first number is another one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) major: bool,
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageTally {
    found: BTreeMap<(String, String), (Whose, OneLine)>,
}

impl ImageTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, plan: &OrganisationPlan) {
        for action in plan.actions.iter().filter(|action| action.verb().writes()) {
            for (change, before, after) in replaced(action) {
                let (whose, place) = self.found.entry((before.to_owned(), after.to_owned())).or_default();
                whose.add(&plan.organisation, action.app.as_ref());
                place.add(line(action, Some(change)));
            }
        }
    }

    /// All of them, major ones first.
    pub(super) fn finish(self) -> Vec<ImageChange> {
        let told = self.found.into_iter().map(|((before, after), (whose, place))| {
            let major = is_major(&before, &after);
            let lead = format!("{}:", told(&before, &after));
            let mark = if major { "a major version; " } else { "" };
            let words = format!("{mark}{}", who(&whose, Some("the databases")));
            ImageChange { whose, lead, words, origin: place.get(), before, after, major }
        });
        let mut all: Vec<ImageChange> = told.collect();
        all.sort_by(|a, b| (!a.major, &a.before, &a.after).cmp(&(!b.major, &b.before, &b.after)));
        all
    }
}

/// The images that an action replaces: the field, before and after.
pub(super) fn replaced(action: &Action) -> impl Iterator<Item = (&FieldChange, &str, &str)> {
    let images = action.changes.iter().filter(|change| is_image(&change.path) && moves(change));
    images.filter_map(|change| {
        let (before, after) = (value(change.before.as_ref()), value(change.after.as_ref()));
        Some((change, before.and_then(Value::as_str)?, after.and_then(Value::as_str)?))
    })
}

/// The change of an image that an action makes, where it makes one.
pub(super) fn change(action: &Action) -> Option<&FieldChange> {
    replaced(action).map(|(change, ..)| change).next()
}

/// What an action puts in, in words: `nextcloud 33.0.7 → 33.0.9`; by the release where no image changes.
pub(super) fn release(action: &Action) -> Option<String> {
    if let Some((_, before, after)) = replaced(action).next() {
        return Some(told(before, after));
    }
    let change = action.changes.iter().find(|change| change.path == RELEASE)?;
    let text = |shown| value(shown).and_then(Value::as_str).map(short);
    Some(format!("release {} → {}", text(change.before.as_ref())?, text(change.after.as_ref())?))
}

fn is_image(path: &str) -> bool {
    matches!(path.rsplit('.').next(), Some("image" | "imageName"))
}

/// An image apart: name, tag and digest.
fn parts(image: &str) -> (&str, Option<&str>, Option<&str>) {
    let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
    let at = rest.rfind('/').map_or(0, |slash| slash + 1);
    match rest[at..].rfind(':') {
        Some(colon) => (&rest[..at + colon], Some(&rest[at + colon + 1..]), digest),
        None => (rest, None, digest),
    }
}

/// `nextcloud 33.0.7 → 33.0.9`; whole names where they differ.
fn told(before: &str, after: &str) -> String {
    let ((name, tag, digest), (other, next, other_digest)) = (parts(before), parts(after));
    let version = |tag: Option<&str>, digest: Option<&str>, with_digest: bool| {
        let digest = digest.map(|digest| digest.rsplit(':').next().unwrap_or(digest));
        let digest = digest.map(|digest| digest.chars().take(DIGEST).collect::<String>());
        match (tag, digest) {
            (Some(tag), Some(digest)) if with_digest => format!("{} ({digest})", short(tag)),
            (Some(tag), _) => short(tag),
            (None, Some(digest)) => digest,
            (None, None) => "latest".to_owned(),
        }
    };
    let of_digest = tag == next;
    if name != other {
        let whole = |name: &str, version: String| format!("{}:{version}", short(name));
        let (one, another) = (version(tag, digest, of_digest), version(next, other_digest, of_digest));
        return format!("{} → {}", whole(name, one), whole(other, another));
    }
    let last = short(name.rsplit('/').next().unwrap_or(name));
    let (one, another) = match (tag, next) {
        (Some(tag), Some(next)) if tag != next => without_ending(tag, next),
        _ => (version(tag, digest, of_digest), version(next, other_digest, of_digest)),
    };
    format!("{last} {one} → {another}")
}

/// Two tags without the words that both end with: `33.0.7-apache` and `33.0.9-apache` differ in the number alone.
fn without_ending(tag: &str, next: &str) -> (String, String) {
    let cut = |tag: &str| tag.split_once('-').map(|(number, ending)| (number.to_owned(), ending.to_owned()));
    match (cut(tag), cut(next)) {
        (Some((one, ending)), Some((another, other))) if ending == other && one != another => {
            (short(&one), short(&another))
        }
        _ => (short(tag), short(next)),
    }
}

/// Whether the first number of a version is another one. Of names that say none nothing is known.
pub(super) fn is_major(before: &str, after: &str) -> bool {
    let first = |image: &str| {
        let tag = parts(image).1?.trim_start_matches('v');
        let digits: String = tag.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    parts(before).0 == parts(after).0 && first(before).zip(first(after)).is_some_and(|(one, another)| one != another)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_said_by_what_differs() {
        let nextcloud = |tag: &str| format!("docker.io/library/nextcloud:{tag}");
        assert_eq!(told(&nextcloud("33.0.7-apache"), &nextcloud("33.0.9-apache")), "nextcloud 33.0.7 → 33.0.9");
        assert_eq!(told(&nextcloud("33.0.7-apache"), &nextcloud("33.0.7-fpm")), "nextcloud 33.0.7-apache → 33.0.7-fpm");
        let digest = |letter: &str| format!("quay.io:443/a/b:1@sha256:{}", letter.repeat(64));
        assert_eq!(told(&digest("a"), &digest("b")), "b 1 (aaaaaaaaaaaa) → 1 (bbbbbbbbbbbb)");
        assert_eq!(told("a/b:1", "c/b:1"), "a/b:1 → c/b:1");
        assert_eq!(told("registry:5000/b", "registry:5000/b:2"), "b latest → 2");
    }

    #[test]
    fn a_major_version_is_told_by_the_first_number() {
        let is = |before: &str, after: &str| is_major(&format!("a/b:{before}"), &format!("a/b:{after}"));
        assert!(is("32.0.1-apache", "33.0.0-apache") && is("v1.2", "v2.0"));
        assert!(!is("33.0.7", "33.0.9") && !is("stable", "2") && !is_major("a/b:1", "a/c:2"));
    }
}
