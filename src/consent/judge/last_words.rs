//! What each of the people said last of a change.

use std::collections::BTreeMap;

use crate::consent::{ConsentWord, Voice};
use crate::name::Name;

/// The last words of each of the people.
#[derive(Default)]
pub(super) struct LastWords<'v> {
    people: BTreeMap<&'v Name, LastWordsOf<'v>>,
}

/// The last words of somebody, each with the time at which it counts as said.
#[derive(Default)]
pub(super) struct LastWordsOf<'v> {
    objection: Option<(i64, &'v Voice)>,
    approval: Option<(i64, &'v Voice)>,
    urgent: Option<(i64, &'v Voice)>,
    /// When they withdrew last.
    withdrawn: Option<i64>,
    /// When they said last what takes an objection back.
    taken_back: Option<i64>,
}

impl<'v> LastWords<'v> {
    pub(super) fn of(&mut self, voice: &'v Voice) -> &mut LastWordsOf<'v> {
        self.people.entry(&voice.person).or_default()
    }

    /// Objections that stand, with the time of each. What is said at one time counts as the strictest of it.
    pub(super) fn objections(&self) -> impl Iterator<Item = (i64, &'v Voice)> {
        self.people
            .values()
            .filter_map(|of| of.objection.filter(|(when, _)| of.taken_back.is_none_or(|last| last <= *when)))
    }

    /// Those who approve.
    pub(super) fn approving(&self) -> impl Iterator<Item = &'v Name> {
        self.people.iter().filter(|(_, of)| of.stands(of.approval)).map(|(person, _)| *person)
    }

    /// Words that it cannot wait.
    pub(super) fn urgent(&self) -> impl Iterator<Item = &'v Voice> {
        self.people.values().filter_map(|of| of.urgent.filter(|_| of.stands(of.urgent)).map(|(_, voice)| voice))
    }
}

impl<'v> LastWordsOf<'v> {
    pub(super) fn add(&mut self, voice: &'v Voice, when: i64) {
        let last = match voice.word {
            ConsentWord::Object => &mut self.objection,
            ConsentWord::Approve => &mut self.approval,
            ConsentWord::Urgent => &mut self.urgent,
            ConsentWord::Withdraw => {
                self.withdrawn = self.withdrawn.max(Some(when));
                return self.takes_back(when);
            }
        };
        if last.is_none_or(|(known, _)| known < when) {
            *last = Some((when, voice));
        }
        if voice.word == ConsentWord::Approve {
            self.takes_back(when);
        }
    }

    /// Notes what takes back an objection that was said before.
    pub(super) fn takes_back(&mut self, when: i64) {
        self.taken_back = self.taken_back.max(Some(when));
    }

    /// Whether a yes was said after every objection and withdrawal.
    fn stands(&self, yes: Option<(i64, &Voice)>) -> bool {
        let objected = self.objection.map(|(when, _)| when);
        yes.is_some_and(|(when, _)| objected.max(self.withdrawn).is_none_or(|last| last < when))
    }
}
