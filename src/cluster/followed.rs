//! Secrets that others follow: which version of each was read for whom, and which one the watches show.
//!
//! Pure. Copies and templates draw on Secrets that need not be ours, so no label of ours says whom a change concerns: that is
//! remembered here when a source is read. No value is, only versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::name::Name;

/// Namespace and name of a Secret.
pub(super) type SecretPlace = (Arc<str>, Arc<str>);

/// The version of a Secret; absent where there is none.
pub(super) type SecretVersion = Option<Box<str>>;

/// The Secrets that others follow.
#[derive(Debug, Default)]
pub(super) struct FollowedSecrets {
    sources: BTreeMap<SecretPlace, Source>,
    /// How much the watches have shown of them.
    shown: u64,
}

/// A Secret that was read for others.
#[derive(Clone, Debug)]
pub(super) struct SourceRead {
    pub(super) place: SecretPlace,
    pub(super) version: SecretVersion,
    /// How much the watches had shown before it was read.
    pub(super) shown: u64,
}

#[derive(Debug, Default)]
struct Source {
    /// What the watches showed last, and how much they had shown by then.
    last: Option<(SecretVersion, u64)>,
    followers: BTreeMap<SecretPlace, Follower>,
}

#[derive(Debug)]
struct Follower {
    organisation: Name,
    read: SecretVersion,
    /// How much the watches had shown before it was read.
    shown: u64,
}

impl Source {
    /// Whether the watches have shown another version since this one was read.
    fn has_left_behind(&self, follower: &Follower) -> bool {
        self.last.as_ref().is_some_and(|(version, at)| *at > follower.shown && *version != follower.read)
    }
}

impl FollowedSecrets {
    /// Notes that a source is about to be read: what the watches show of it from now on counts.
    pub(super) fn begin_read(&mut self, place: &SecretPlace) -> u64 {
        self.sources.entry(place.clone()).or_default();
        self.shown
    }

    /// Notes what a Secret of an organisation follows, as it was read.
    pub(super) fn follow(&mut self, follower: &SecretPlace, organisation: &Name, reads: &[SourceRead]) {
        for source in self.sources.values_mut() {
            source.followers.remove(follower);
        }
        for SourceRead { place, version, shown } in reads {
            let entry = Follower { organisation: organisation.clone(), read: version.clone(), shown: *shown };
            self.sources.entry(place.clone()).or_default().followers.insert(follower.clone(), entry);
        }
    }

    /// Notes what a watch shows of a Secret, and returns those that follow another version of it, with their organisations.
    pub(super) fn show(&mut self, place: &SecretPlace, version: SecretVersion) -> Vec<(SecretPlace, Name)> {
        let Some(source) = self.sources.get_mut(place) else { return Vec::new() };
        self.shown += 1;
        source.last = Some((version, self.shown));
        let behind = source.followers.iter().filter(|(_, follower)| source.has_left_behind(follower));
        behind.map(|(place, follower)| (place.clone(), follower.organisation.clone())).collect()
    }

    /// The sources that were there when they were seen last.
    pub(super) fn there(&self) -> Vec<SecretPlace> {
        let is_there = |source: &Source| match &source.last {
            Some((version, _)) => version.is_some(),
            None => source.followers.values().any(|follower| follower.read.is_some()),
        };
        self.sources.iter().filter(|(_, source)| is_there(source)).map(|(place, _)| place.clone()).collect()
    }

    /// Whether a Secret follows a version of a source that the watches have shown another one of.
    pub(super) fn is_behind(&self, follower: &SecretPlace) -> bool {
        let mut followed = self.sources.values().filter_map(|source| Some((source, source.followers.get(follower)?)));
        followed.any(|(source, follower)| source.has_left_behind(follower))
    }

    /// Forgets the Secrets of organisations that are not known any more.
    pub(super) fn forget(&mut self, known: impl Fn(&Name) -> bool) {
        for source in self.sources.values_mut() {
            source.followers.retain(|_, follower| known(&follower.organisation));
        }
        self.sources.retain(|_, source| !source.followers.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> SecretPlace {
        ("alpha".into(), name.into())
    }

    /// `file` follows `source`, read at this version.
    fn following(read: SecretVersion) -> FollowedSecrets {
        let mut followed = FollowedSecrets::default();
        let shown = followed.begin_read(&place("source"));
        let reads = [SourceRead { place: place("source"), version: read, shown }];
        followed.follow(&place("file"), &Name::new("alpha").unwrap(), &reads);
        followed
    }

    #[test]
    fn another_version_of_a_source_concerns_those_that_follow_it_and_the_same_one_nobody() {
        let mut followed = following(Some("7".into()));
        assert_eq!(followed.show(&place("other"), Some("9".into())), []);
        assert_eq!(followed.show(&place("source"), Some("7".into())), []);
        assert!(!followed.is_behind(&place("file")));
        let behind = [(place("file"), Name::new("alpha").unwrap())];
        assert_eq!(followed.show(&place("source"), Some("8".into())), behind);
        assert!(followed.is_behind(&place("file")));
        assert_eq!(followed.show(&place("source"), None), behind, "one that is gone is another version");
    }

    #[test]
    fn a_source_that_was_not_there_concerns_them_when_it_comes() {
        let mut followed = following(None);
        assert_eq!(followed.show(&place("source"), None), []);
        assert_eq!(followed.show(&place("source"), Some("1".into())).len(), 1);
    }

    #[test]
    fn what_the_watches_show_while_a_source_is_read_is_not_lost() {
        let mut followed = FollowedSecrets::default();
        let shown = followed.begin_read(&place("source"));
        followed.show(&place("source"), Some("8".into()));
        let reads = [SourceRead { place: place("source"), version: Some("7".into()), shown }];
        followed.follow(&place("file"), &Name::new("alpha").unwrap(), &reads);
        assert!(followed.is_behind(&place("file")));
        let later =
            SourceRead { shown: followed.begin_read(&place("source")), version: Some("8".into()), ..reads[0].clone() };
        followed.follow(&place("file"), &Name::new("alpha").unwrap(), &[later]);
        assert!(!followed.is_behind(&place("file")));
    }

    #[test]
    fn what_is_followed_no_more_and_who_is_gone_is_forgotten() {
        let mut followed = following(Some("7".into()));
        followed.follow(&place("file"), &Name::new("alpha").unwrap(), &[]);
        assert_eq!(followed.show(&place("source"), Some("8".into())), []);
        let mut followed = following(Some("7".into()));
        assert_eq!(followed.there(), [place("source")]);
        followed.forget(|_| false);
        assert_eq!((followed.show(&place("source"), Some("8".into())), followed.there()), (Vec::new(), Vec::new()));
    }
}
