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
    /// Somebody says something of a change.
    Said { person: usize, word: usize, change: usize },
    /// What somebody pushed is taken away again.
    RefGoes { which: usize },
    /// The loop looks, so much later.
    Looks { after: i64 },
    /// The loop ends, and another one reads what was remembered; from two clusters, of which one was away a while.
    Restarts { behind: bool },
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0..PEOPLE.len(), 0..4_usize, 0..4_usize).prop_map(|(person, word, change)| Happens::Said { person, word, change }),
        1 => (0..20_usize).prop_map(|which| Happens::RefGoes { which }),
        3 => (0..60_i64).prop_map(|after| Happens::Looks { after }),
        1 => any::<bool>().prop_map(|behind| Happens::Restarts { behind }),
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
    /// Everything that was ever said, whatever became of its ref.
    said: Vec<Voice>,
    record: Record,
    before: Record,
    now: i64,
    /// When each change was seen first.
    seen: BTreeMap<usize, i64>,
}

impl Loop {
    fn judged(&self, at: usize, record: &Record, voices: &[Voice]) -> ConsentVerdict {
        let (rules, people) = (rules(), people());
        let (change, now) = (&self.changes[at], self.now);
        judge(&Question { rules: &rules, people: &people, change, voices, record, now, contains: &contains })
    }

    /// Looks at the line: how far it goes, and what is remembered of it.
    fn look(&mut self) -> usize {
        self.before = self.record.clone();
        for at in 0..self.changes.len() {
            self.seen.entry(at).or_insert(self.now);
        }
        let allowed = |_: &Unit, from: usize, to: usize| {
            to == from + 1 && self.judged(from, &self.record, &self.voices).allowed.is_some()
        };
        let line = CommitLine { last: self.changes.len(), allowed: &allowed, alike: &|_, _, _| false, exchanges: &[] };
        let at = standings(&[Unit::Garden], &line)[&Unit::Garden].at;
        for passed in 0..at {
            let verdict = self.judged(passed, &self.record, &self.voices);
            if matches!(verdict.allowed, Some(Allowed::Agreed | Allowed::Urgent)) {
                let change = &self.changes[passed];
                self.record.use_change(&change.id, &change.after, &verdict.approved, self.now);
            }
        }
        for open in at..self.changes.len() {
            self.record.announce(&self.changes[open].id.clone(), self.now);
        }
        for voice in &self.voices {
            self.record.note_said(voice);
        }
        at
    }

    /// Whether a change may be applied now, told by other means than the judge's.
    fn is_due(&self, at: usize) -> bool {
        let change = &self.changes[at];
        let mut last: BTreeMap<&Name, &Voice> = BTreeMap::new();
        for voice in self.said.iter().filter(|voice| voice.change == change.id) {
            last.insert(&voice.person, voice);
        }
        let in_group = |person: &Name, group: &str| {
            PEOPLE.iter().any(|(known, groups)| person.as_str() == *known && groups.split(' ').any(|one| one == group))
        };
        let yes = |group: &str| {
            let says = |(person, voice): &(&&Name, &&Voice)| {
                voice.word == ConsentWord::Approve
                    && in_group(person, group)
                    && !change.authors.people.contains(**person)
            };
            last.iter().filter(says).count()
        };
        if last.values().any(|voice| voice.word == ConsentWord::Object) {
            return false;
        }
        let class = *change.classes.first().unwrap();
        let urgent =
            |(person, voice): (&&Name, &&Voice)| voice.word == ConsentWord::Urgent && in_group(person, "operators");
        if class != Class::People && last.iter().any(urgent) {
            return true;
        }
        let more = usize::from(!change.authors.vouched);
        let waited = class != Class::Deletions || self.seen.get(&at).is_some_and(|seen| self.now >= seen + WAITING);
        match class {
            Class::People => yes("operators") >= 2 + more,
            Class::Offers => yes("operators") > more && yes("council") >= 1,
            _ => waited && yes("operators") > more,
        }
    }
}

fn begun(line: &[Written]) -> Loop {
    let changes = line.iter().enumerate().map(|(at, written)| change(at, written)).collect();
    let (record, voices) = (Record::default(), Vec::new());
    Loop { changes, said: voices.clone(), voices, before: record.clone(), record, now: 1_000, seen: BTreeMap::new() }
}

const WORDS: [ConsentWord; 4] =
    [ConsentWord::Approve, ConsentWord::Approve, ConsentWord::Object, ConsentWord::Withdraw];

fn said(state: &Loop, person: usize, word: ConsentWord, change: usize) -> Voice {
    Voice {
        person: name(PEOPLE[person].0),
        word,
        change: state.changes[change % state.changes.len()].id.clone(),
        given: Given { head: commit(9), base: commit(9) },
        // Nobody says two things at once.
        when: state.now + i64::try_from(state.said.len()).unwrap(),
        reason: "a reason".to_owned(),
        via: Via::Signature { digest: String::new() },
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
    fn nothing_is_applied_that_was_not_agreed(line in line(), all in proptest::collection::vec(happens(), 1..40), urgent in any::<bool>()) {
        let mut state = begun(&line);
        let mut applied = 0;
        for one in all {
            match one {
                Happens::Said { person, word, change } => {
                    let word = if urgent && word == 1 { ConsentWord::Urgent } else { WORDS[word] };
                    let voice = said(&state, person, word, change);
                    state.said.push(voice.clone());
                    state.voices.push(voice);
                    // The loop sees it before anything else happens to it.
                    state.look_and_assert(&mut applied)?;
                }
                Happens::RefGoes { which } => {
                    if !state.voices.is_empty() {
                        let at = which % state.voices.len();
                        let gone = state.voices.remove(at);
                        // An approval goes with its ref; what was said against something does not.
                        if matches!(gone.word, ConsentWord::Approve | ConsentWord::Urgent) {
                            let outlives = state.record.said.contains(&gone);
                            state.said.retain(|voice| *voice != gone || outlives);
                        }
                    }
                }
                Happens::Looks { after } => {
                    state.now += after;
                    state.look_and_assert(&mut applied)?;
                }
                Happens::Restarts { behind } => {
                    let text = state.record.text();
                    let read = Record::parse(&text).map_err(TestCaseError::fail)?;
                    let copies = if behind { vec![state.before.clone(), read] } else { vec![read] };
                    let merged = Record::merged(copies, &contains);
                    for at in 0..state.changes.len() {
                        let (known, anew) = (state.judged(at, &state.record, &state.voices), state.judged(at, &merged, &state.voices));
                        prop_assert_eq!(known.allowed, anew.allowed);
                    }
                    state.record = merged;
                }
            }
        }
    }

    /// An approval more never takes anything away.
    #[test]
    fn an_approval_more_never_takes_away(line in line(), words in proptest::collection::vec((0..PEOPLE.len(), 0..4_usize, 0..4_usize), 0..12), person in 0..PEOPLE.len(), of in 0..4_usize) {
        let mut state = begun(&line);
        for (person, word, change) in words {
            let voice = said(&state, person, WORDS[word], change);
            state.said.push(voice.clone());
            state.voices.push(voice);
        }
        state.now += 500;
        let before: Vec<bool> = (0..state.changes.len()).map(|at| state.judged(at, &state.record, &state.voices).allowed.is_some()).collect();
        let more = said(&state, person, ConsentWord::Approve, of);
        let with: Vec<Voice> = state.voices.iter().cloned().chain([more]).collect();
        for (at, before) in before.into_iter().enumerate() {
            prop_assert!(!before || state.judged(at, &state.record, &with).allowed.is_some());
        }
    }
}

impl Loop {
    /// Looks; of what passes now, each change must be due, and nothing that passed comes back.
    fn look_and_assert(&mut self, applied: &mut usize) -> Result<(), TestCaseError> {
        let at = self.look();
        prop_assert!(at >= *applied, "what is applied was taken back");
        for passed in *applied..at {
            prop_assert!(self.is_due(passed), "change {passed} was applied: {:?}", self.changes[passed]);
        }
        *applied = at;
        Ok(())
    }
}
