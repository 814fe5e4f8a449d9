//! What holds of consent in any order of events: people speak, changes come, the loop looks, ends and begins again.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::git::CommitId;
use crate::model::{ApprovalRule, Class, Consent, Person, WaitingRule};
use crate::name::Name;
use crate::quantity::{Dimension, Quantity};

const PEOPLE: [(&str, &str); 5] =
    [("ada", "operators"), ("ben", "operators"), ("cleo", "operators council"), ("dan", "council"), ("eve", "")];
const CLASSES: [Class; 4] = [Class::Routine, Class::Offers, Class::Deletions, Class::People];
/// How long people may object to a deletion.
const WAITING: i64 = 100;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn commit(number: usize) -> CommitId {
    CommitId(format!("{number:040x}"))
}

fn people() -> BTreeMap<Name, Person> {
    let person = |(person, groups): &(&str, &str)| {
        let groups = groups.split_whitespace().map(name).collect();
        let of =
            Person { email: format!("{person}@example.org"), groups, accounts: BTreeMap::new(), keys: BTreeSet::new() };
        (name(person), of)
    };
    PEOPLE.iter().map(person).collect()
}

fn rules() -> Consent {
    let approvals = |count, from, class| ApprovalRule { count, from: name(from), class };
    let time = Quantity { dimension: Dimension::Duration, amount: WAITING.unsigned_abs() };
    Consent {
        approvals: vec![
            approvals(1, "operators", None),
            approvals(1, "council", Some(Class::Offers)),
            approvals(2, "operators", Some(Class::People)),
        ],
        waiting: vec![WaitingRule { time, class: Some(Class::Deletions) }],
        ..Consent::default()
    }
}

/// A change of the line, written by one of the people, or by nobody of them.
#[derive(Clone, Debug)]
struct Written {
    class: usize,
    author: Option<usize>,
    vouched: bool,
}

fn change(at: usize, written: &Written) -> Change {
    let authors = written.author.map(|author| name(PEOPLE[author].0)).into_iter().collect();
    Change {
        id: ChangeId(format!("{at:064x}")),
        before: commit(at),
        after: commit(at + 1),
        files: Vec::new(),
        classes: BTreeSet::from([CLASSES[written.class]]),
        authors: Authors { people: authors, others: BTreeSet::new(), vouched: written.vouched },
        unsigned: Vec::new(),
    }
}

#[derive(Clone, Debug)]
enum Happens {
    /// Somebody says something of a change, looking at the newest commit or at the first one, with a clock that may be ahead.
    Said { person: usize, word: ConsentWord, change: usize, is_old: bool, ahead: i64 },
    /// What somebody pushed is taken away again.
    RefGoes { which: usize },
    /// The loop looks, so much later.
    Looks { after: i64 },
    /// The loop ends, and another one reads what was remembered; from two clusters, of which one was away for so many looks.
    Restarts { behind: usize },
    /// What was taken back in the meantime is made once more.
    MadeAgain { change: usize },
}

fn happens() -> impl Strategy<Value = Happens> {
    use ConsentWord::{Approve, Object, Urgent, Withdraw};
    let word = prop_oneof![6 => Just(Approve), 1 => Just(Urgent), 1 => Just(Object), 1 => Just(Withdraw)];
    let ahead = prop_oneof![8 => Just(0_i64), 1 => Just(60), 1 => Just(900), 1 => Just(1_000_000)];
    let said = (0..PEOPLE.len(), word, 0..4_usize, proptest::bool::weighted(0.2), ahead);
    prop_oneof![
        8 => said.prop_map(|(person, word, change, is_old, ahead)| Happens::Said { person, word, change, is_old, ahead }),
        1 => (0..20_usize).prop_map(|which| Happens::RefGoes { which }),
        4 => (0..60_i64).prop_map(|after| Happens::Looks { after }),
        2 => (0..6_usize).prop_map(|behind| Happens::Restarts { behind }),
        1 => (0..4_usize).prop_map(|change| Happens::MadeAgain { change }),
    ]
}

fn line() -> impl Strategy<Value = Vec<Written>> {
    let written = (0..CLASSES.len(), proptest::option::of(0..PEOPLE.len()), any::<bool>());
    let written = written.prop_map(|(class, author, vouched)| Written { class, author, vouched });
    proptest::collection::vec(written, 1..4)
}

fn contains(commit: &CommitId, earlier: &CommitId) -> bool {
    commit >= earlier
}

/// A loop made of what ships: judge, walk, record.
struct Loop {
    changes: Vec<Change>,
    voices: Vec<Voice>,
    /// Everything that was ever said and counts whatever became of its ref, with the time at which it was seen.
    said: Vec<(Voice, i64)>,
    record: Record,
    /// The record as it was at each look.
    past: Vec<Record>,
    now: i64,
    /// When each change was seen first.
    seen: Vec<i64>,
    /// How many changes are applied.
    applied: usize,
}

impl Loop {
    fn judged(&self, at: usize, record: &Record, voices: &[Voice]) -> ConsentVerdict {
        let (rules, people) = (rules(), people());
        let (change, now) = (&self.changes[at], self.now);
        let announced = record.announced.get(&change.id).copied();
        let (contains, before) = (&contains, self.changes[..at].iter());
        let earlier: Vec<_> = before.filter(|one| one.id == change.id).map(|one| one.after.clone()).collect();
        let earlier = &earlier;
        judge(&Question { rules: &rules, people: &people, change, voices, record, earlier, announced, now, contains })
    }

    /// Looks at the line: how far it goes, and what is remembered of it.
    fn look(&mut self) -> usize {
        self.past.push(self.record.clone());
        self.seen.resize(self.changes.len(), self.now);
        let allowed = |_: &Unit, from: usize, to: usize| {
            to == from + 1 && self.judged(from, &self.record, &self.voices).allowed.is_some()
        };
        let line = CommitLine { last: self.changes.len(), allowed: &allowed, alike: &|_, _, _| false, exchanges: &[] };
        let at = standings(&[Unit::Garden], &line)[&Unit::Garden].at;
        for passed in 0..at {
            let verdict = self.judged(passed, &self.record, &self.voices);
            let Change { id, after, .. } = self.changes[passed].clone();
            let voice = || self.voices.iter().find(|voice| voice.change == id && voice.word == ConsentWord::Urgent);
            if verdict.allowed == Some(Allowed::Urgent)
                && let Some(voice) = voice()
            {
                let (change, commit, person) = (id.clone(), after.clone(), voice.person.clone());
                let (before, classes) = (self.changes[passed].before.clone(), self.changes[passed].classes.clone());
                let reason = voice.reason.clone();
                self.record.open_urgent(UrgentUse { change, before, commit, person, reason, when: self.now, classes });
            }
            if matches!(verdict.allowed, Some(Allowed::Agreed | Allowed::Urgent)) {
                let used = Used { change: id, commit: after, when: self.now, by: verdict.approved };
                self.record.use_change(used, &contains);
            }
        }
        let open: BTreeSet<ChangeId> = self.changes[at..].iter().map(|change| change.id.clone()).collect();
        for change in &open {
            self.record.announce(change, self.now);
        }
        self.record.fold(&open);
        for voice in self.voices.iter().filter(|voice| open.contains(&voice.change)) {
            self.record.note_said(voice, self.now);
        }
        at
    }

    /// Where the change was applied before, under the same content.
    fn applied_before(&self, at: usize) -> Option<usize> {
        (0..at).rev().find(|earlier| self.changes[*earlier].id == self.changes[at].id)
    }

    /// Whether a change may be applied now, told by other means than the judge's.
    fn is_due(&self, at: usize) -> bool {
        let change = &self.changes[at];
        let fresh = self.applied_before(at).map_or(0, |before| before + 1);
        let of_this = self.said.iter().filter(|(voice, _)| voice.change == change.id);
        // The last of each word of a person: objections, withdrawals, approvals that count, urgency that counts, any yes.
        let mut last: BTreeMap<&Name, [Option<i64>; 5]> = BTreeMap::new();
        for (voice, seen) in of_this {
            let (is_ahead, is_fresh) = (voice.when > self.now + 600, voice.given.base >= commit(fresh));
            let when = if voice.word == ConsentWord::Object { voice.when.min(*seen) } else { voice.when };
            let mut note = |word: usize| {
                let known = &mut last.entry(&voice.person).or_default()[word];
                *known = (*known).max(Some(when));
            };
            match voice.word {
                ConsentWord::Object => note(0),
                _ if is_ahead => {}
                ConsentWord::Withdraw => note(1),
                ConsentWord::Approve => {
                    note(4);
                    if is_fresh {
                        note(2);
                    }
                }
                ConsentWord::Urgent if is_fresh => note(3),
                ConsentWord::Urgent => {}
            }
        }
        let in_group = |person: &Name, group: &str| {
            PEOPLE.iter().any(|(known, groups)| person.as_str() == *known && groups.split(' ').any(|one| one == group))
        };
        let stands = |of: &[Option<i64>; 5], word: usize| of[word].is_some() && of[word] > of[0].max(of[1]);
        let yes = |group: &str| {
            let says = |(person, of): &(&&Name, &[Option<i64>; 5])| {
                stands(of, 2) && in_group(person, group) && !change.authors.people.contains(**person)
            };
            last.iter().filter(says).count()
        };
        if last.values().any(|of| of[0].is_some() && of[0] >= of[1].max(of[4])) {
            return false;
        }
        let class = *change.classes.first().unwrap();
        let urgent = |(person, of): (&&Name, &[Option<i64>; 5])| stands(of, 3) && in_group(person, "operators");
        if class != Class::People && last.iter().any(urgent) {
            return true;
        }
        let more = usize::from(!change.authors.vouched);
        let waited = class != Class::Deletions || self.now >= self.seen[at] + WAITING;
        match class {
            Class::People => yes("operators") >= 2 + more,
            Class::Offers => yes("operators") > more && yes("council") >= 1,
            _ => waited && yes("operators") > more,
        }
    }

    /// Looks; of what passes now, each change must be due, and nothing that passed comes back.
    fn look_and_assert(&mut self) -> Result<(), TestCaseError> {
        let at = self.look();
        prop_assert!(at >= self.applied, "what is applied was taken back");
        for passed in self.applied..at {
            prop_assert!(self.is_due(passed), "change {passed} was applied: {:?}", self.changes[passed]);
            // Nobody objected to what is applied: of what they said before only what still lies there is heard again.
            let (id, voices) = (&self.changes[passed].id, &self.voices);
            self.said.retain(|(voice, _)| voice.change != *id || voices.contains(voice));
        }
        self.applied = at;
        Ok(())
    }

    /// One of several copies of the record is so many looks behind.
    fn merged(&self, behind: usize) -> Result<Record, TestCaseError> {
        let read = |record: &Record| Record::parse(&record.text()).map_err(|why| TestCaseError::fail(why.to_string()));
        let past = self.past.iter().rev().nth(behind.saturating_sub(1)).filter(|_| behind > 0);
        let copies = past.into_iter().chain([&self.record]).map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Record::merged(copies, &contains))
    }
}

fn begun(line: &[Written]) -> Loop {
    let changes = line.iter().enumerate().map(|(at, written)| change(at, written)).collect();
    let (record, voices, said) = (Record::default(), Vec::new(), Vec::new());
    Loop { changes, said, voices, record, past: Vec::new(), now: 1_000, seen: Vec::new(), applied: 0 }
}

fn voice(state: &Loop, person: usize, word: ConsentWord, change: usize, (is_old, ahead): (bool, i64)) -> Voice {
    let base = commit(if is_old { 0 } else { state.applied });
    Voice {
        person: name(PEOPLE[person].0),
        word,
        change: state.changes[change % state.changes.len()].id.clone(),
        given: Given { head: base.clone(), base },
        // Nobody says two things at once.
        when: state.now + ahead,
        reason: "a reason".to_owned(),
        via: Via::Signature { digest: state.now.to_string() },
    }
}

fn cases() -> ProptestConfig {
    let asked = std::env::var("PARCELLE_PROPERTY_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(400), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    /// In any order of what happens nothing is applied that was not agreed, objections outlive their refs, and whoever begins
    /// anew knows what was decided.
    #[test]
    fn nothing_is_applied_that_was_not_agreed(line in line(), all in proptest::collection::vec(happens(), 1..40)) {
        let mut state = begun(&line);
        for one in all {
            match one {
                Happens::Said { person, word, change, is_old, ahead } => {
                    state.now += 1;
                    let voice = voice(&state, person, word, change, (is_old, ahead));
                    state.said.push((voice.clone(), state.now));
                    state.voices.push(voice);
                    // The loop sees it before anything else happens to it.
                    state.look_and_assert()?;
                }
                Happens::RefGoes { which } => {
                    if !state.voices.is_empty() {
                        let at = which % state.voices.len();
                        let gone = state.voices.remove(at);
                        // An approval goes with its ref; what was said against an open change does not.
                        let outlives = state.record.said.iter().any(|known| known.via == gone.via);
                        state.said.retain(|(voice, _)| *voice != gone || outlives);
                    }
                }
                Happens::Looks { after } => {
                    state.now += after;
                    state.look_and_assert()?;
                }
                Happens::MadeAgain { change } => {
                    if change < state.applied {
                        let (at, again) = (state.changes.len(), state.changes[change].clone());
                        state.changes.push(Change { before: commit(at), after: commit(at + 1), ..again });
                        state.look_and_assert()?;
                    }
                }
                Happens::Restarts { behind } => {
                    let merged = state.merged(behind)?;
                    for at in 0..state.changes.len() {
                        let (known, anew) = (state.judged(at, &state.record, &state.voices), state.judged(at, &merged, &state.voices));
                        prop_assert_eq!(known.allowed, anew.allowed);
                        prop_assert_eq!(known.until, anew.until);
                    }
                    state.record = merged;
                }
            }
        }
    }

    /// An approval more never takes anything away.
    #[test]
    fn an_approval_more_never_takes_away(line in line(), said in proptest::collection::vec(happens(), 0..12), more in happens()) {
        let mut state = begun(&line);
        for one in said {
            if let Happens::Said { person, word, change, is_old, ahead } = one {
                state.now += 1;
                let voice = voice(&state, person, word, change, (is_old, ahead));
                state.said.push((voice.clone(), state.now));
                state.voices.push(voice);
            }
        }
        state.now += 500;
        let Happens::Said { person, change, is_old, ahead, .. } = more else { return Ok(()) };
        let before: Vec<bool> = (0..state.changes.len()).map(|at| state.judged(at, &state.record, &state.voices).allowed.is_some()).collect();
        let more = voice(&state, person, ConsentWord::Approve, change, (is_old, ahead));
        let with: Vec<Voice> = state.voices.iter().cloned().chain([more]).collect();
        for (at, before) in before.into_iter().enumerate() {
            prop_assert!(!before || state.judged(at, &state.record, &with).allowed.is_some());
        }
    }
}
