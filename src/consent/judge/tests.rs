use super::*;
use crate::consent::{Authors, ChangeId, Given, UrgentUse, Used};
use crate::model::{ApprovalRule, Class};
use crate::name::Name;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn commit(number: usize) -> CommitId {
    CommitId(format!("{number:040x}"))
}

/// A change that two operators must approve, from commit 4 to 5.
struct Asked {
    change: Change,
    voices: Vec<Voice>,
    record: Record,
    earlier: Vec<CommitId>,
    now: i64,
    /// Whether no commit builds on another: history was rewritten.
    apart: bool,
}

impl Asked {
    fn new() -> Self {
        let change = Change {
            id: ChangeId("c".repeat(64)),
            before: commit(4),
            after: commit(5),
            files: Vec::new(),
            classes: BTreeSet::from([Class::Routine]),
            authors: Authors { people: BTreeSet::new(), others: BTreeSet::new(), vouched: true },
            unsigned: Vec::new(),
        };
        Self { change, voices: Vec::new(), record: Record::default(), earlier: Vec::new(), now: 1_000, apart: false }
    }

    /// Somebody says something, looking at a base.
    fn says(&mut self, person: &str, word: ConsentWord, base: usize, when: i64) -> &mut Self {
        self.voices.push(Voice {
            person: name(person),
            word,
            change: self.change.id.clone(),
            given: Given { head: commit(5), base: commit(base) },
            when,
            reason: "too soon".to_owned(),
            via: Via::Signature { digest: format!("{person} {when}") },
        });
        self
    }

    fn verdict(&self) -> ConsentVerdict {
        let person = |groups: &[&str]| Person {
            email: String::new(),
            groups: groups.iter().map(|group| name(group)).collect(),
            accounts: BTreeMap::new(),
            keys: BTreeSet::new(),
        };
        let people = ["ada", "ben", "cleo"].map(|one| (name(one), person(&["operators"])));
        let approvals = vec![ApprovalRule { count: 2, from: name("operators"), class: None }];
        let contains = |commit: &CommitId, earlier: &CommitId| commit == earlier || (!self.apart && commit > earlier);
        judge(&Question {
            rules: &Consent { approvals, ..Consent::default() },
            people: &BTreeMap::from(people),
            change: &self.change,
            voices: &self.voices,
            record: &self.record,
            earlier: &self.earlier,
            announced: None,
            now: self.now,
            contains: &contains,
        })
    }

    fn approved(&self) -> Vec<String> {
        self.verdict().approved.iter().map(Name::to_string).collect()
    }
}

use ConsentWord::{Approve, Object, Urgent, Withdraw};

#[test]
fn who_says_that_it_is_urgent_and_approves_says_both() {
    let mut asked = Asked::new();
    asked.says("ada", Urgent, 4, 900).says("ada", Approve, 4, 910);
    let verdict = asked.verdict();
    assert_eq!(verdict.allowed, Some(Allowed::Urgent));
    assert_eq!(asked.approved(), ["ada"]);
    // Taken back, neither counts.
    asked.says("ada", Withdraw, 4, 920);
    assert_eq!((asked.verdict().allowed, asked.approved()), (None, Vec::new()));
}

#[test]
fn who_objects_and_says_that_it_is_urgent_still_objects() {
    let mut asked = Asked::new();
    asked.says("ada", Object, 4, 900).says("ada", Urgent, 4, 910);
    assert_eq!(asked.verdict().allowed, None);
    assert_eq!(asked.verdict().objections.len(), 1);
}

#[test]
fn a_later_approval_that_does_not_count_hides_none_that_does() {
    let mut asked = Asked::new();
    let by = BTreeSet::new();
    asked.record.used.push(Used { change: asked.change.id.clone(), commit: commit(2), when: 500, by });
    asked.says("ada", Approve, 4, 900).says("ada", Approve, 1, 950).says("ben", Approve, 4, 900);
    assert_eq!(asked.verdict().allowed, Some(Allowed::Agreed));
    asked.says("cleo", Approve, 4, 1_000_000);
    let why: Vec<String> =
        asked.verdict().discounted.into_iter().map(|one| format!("{} {}", one.person, one.why)).collect();
    assert_eq!(
        why,
        ["ada it was used for 000000000000, and the same change anew needs new ones", "cleo it is dated ahead of time"]
    );
}

#[test]
fn an_approval_that_was_used_up_still_takes_an_objection_back() {
    let mut asked = Asked::new();
    let by = BTreeSet::new();
    asked.record.used.push(Used { change: asked.change.id.clone(), commit: commit(2), when: 500, by });
    asked.says("ada", Object, 0, 300).says("ada", Approve, 0, 400);
    asked.says("ben", Approve, 4, 900).says("cleo", Approve, 4, 900);
    assert_eq!(asked.verdict().allowed, Some(Allowed::Agreed));
}

#[test]
fn an_objection_that_is_dated_ahead_can_be_withdrawn_once_it_was_seen() {
    let mut asked = Asked::new();
    asked.says("ada", Approve, 4, 900).says("ben", Approve, 4, 900).says("cleo", Object, 4, 1_000_000);
    assert_eq!(asked.verdict().allowed, None, "it counts at once");
    let objection = asked.voices.last().unwrap().clone();
    asked.record.note_said(&objection, asked.now);
    asked.now = 1_010;
    asked.says("cleo", Withdraw, 4, 1_005);
    assert_eq!(asked.verdict().allowed, Some(Allowed::Agreed));
    // A withdrawal that is dated ahead takes nothing back before that.
    asked.voices.last_mut().unwrap().when = 5_000;
    assert_eq!(asked.verdict().allowed, None);
    asked.now = 5_000;
    assert_eq!(asked.verdict().allowed, Some(Allowed::Agreed));
}

#[test]
fn the_same_change_twice_on_the_line_needs_two_rounds() {
    let mut asked = Asked::new();
    asked.earlier = vec![commit(2)];
    asked.says("ada", Approve, 0, 900).says("ben", Approve, 0, 900);
    assert_eq!(asked.approved(), Vec::<String>::new());
    asked.says("ada", Approve, 2, 901).says("ben", Approve, 3, 901);
    assert_eq!(asked.approved(), ["ada", "ben"]);
}

#[test]
fn where_history_was_rewritten_times_say_what_was_used() {
    let mut asked = Asked::new();
    let by = BTreeSet::new();
    asked.apart = true;
    asked.now = 100_000;
    asked.record.used.push(Used { change: asked.change.id.clone(), commit: commit(9), when: 50_000, by });
    asked.says("ada", Approve, 4, 50_600).says("ben", Approve, 4, 50_601);
    assert_eq!(asked.approved(), ["ben"]);
}

#[test]
fn where_too_much_waits_to_be_agreed_nothing_more_is_urgent() {
    let mut asked = Asked::new();
    asked.says("ada", Urgent, 4, 900);
    for at in 0.. {
        if asked.record.is_full_of_urgent() {
            break;
        }
        assert_eq!(asked.verdict().allowed, Some(Allowed::Urgent));
        let (person, reason, classes) = (name("ada"), String::new(), BTreeSet::new());
        let (before, commit) = (commit(at), commit(at + 1));
        let change = ChangeId(format!("{at:064}"));
        asked.record.open_urgent(UrgentUse { change, before, commit, person, reason, when: 1, classes });
    }
    assert_eq!(asked.verdict().allowed, None);
    assert_eq!(asked.verdict().discounted[0].why, "64 urgent changes wait to be agreed, and no more may");
}
