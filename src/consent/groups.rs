//! That the finding about groups which are too small agrees with the judge: over all small sets of rules, groups and kinds of changes.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::git::CommitId;
use crate::model::{ApprovalRule, BY_EFFECT, Class, Consent, ConsentSource, Person};
use crate::name::Name;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// People of a group for each rule, all in all of them.
fn people(count: usize, groups: &[Name]) -> BTreeMap<Name, Person> {
    let person = |number: usize| Person {
        email: format!("p{number}@example.org"),
        groups: groups.iter().cloned().collect(),
        accounts: BTreeMap::new(),
        keys: BTreeSet::new(),
    };
    (0..count).map(|number| (name(&format!("p{number}")), person(number))).collect()
}

/// The groups of which the judge misses somebody though all but the author approve.
fn missed(rules: &Consent, people: &BTreeMap<Name, Person>, classes: &BTreeSet<Class>) -> BTreeSet<Name> {
    let is_contribution = classes.contains(&Class::Contribution);
    let author = people.keys().next().filter(|_| !is_contribution).cloned();
    let change = Change {
        id: ChangeId("c".to_owned()),
        before: CommitId("a".to_owned()),
        after: CommitId("b".to_owned()),
        files: Vec::new(),
        classes: classes.clone(),
        authors: Authors { people: author.into_iter().collect(), others: BTreeSet::new(), vouched: rules.signed },
        unsigned: Vec::new(),
    };
    let voice = |person: &Name| Voice {
        person: person.clone(),
        word: ConsentWord::Approve,
        change: change.id.clone(),
        given: Given { head: change.after.clone(), base: change.before.clone() },
        when: 0,
        reason: String::new(),
        via: Via::Signature { digest: String::new() },
    };
    let voices: Vec<Voice> = people.keys().map(voice).collect();
    let question = Question {
        rules,
        people,
        change: &change,
        voices: &voices,
        record: &Record::default(),
        earlier: &[],
        announced: None,
        now: 0,
        contains: &|_, _| true,
    };
    judge(&question).missing.into_iter().map(|missing| missing.from).collect()
}

#[test]
fn a_group_is_too_small_where_the_judge_could_never_be_content() {
    let kinds: Vec<BTreeSet<Class>> = BY_EFFECT
        .iter()
        .flat_map(|effect| [BTreeSet::from([*effect]), BTreeSet::from([*effect, Class::Contribution])])
        .collect();
    let classes = [None, Some(Class::Routine), Some(Class::Offers), Some(Class::Contribution)];
    let groups = [name("first"), name("second"), name("third")];
    let mut seen = BTreeSet::new();
    for number in 0..(3 * 4 * 3 * 4 * 4 * 2_usize) {
        let mut rest = number;
        let mut digit = |base: usize| {
            let digit = rest % base;
            rest /= base;
            digit
        };
        let count = |digit: usize| u32::try_from(digit).unwrap();
        let signed = digit(2) == 1;
        let approvals = vec![
            ApprovalRule { count: count(digit(3)), from: groups[0].clone(), class: classes[digit(4)] },
            ApprovalRule { count: count(digit(3)), from: groups[1].clone(), class: classes[digit(4)] },
            ApprovalRule { count: 1, from: groups[2].clone(), class: classes[digit(4)] },
        ];
        let rules = Consent { approvals, signed, sources: vec![ConsentSource::Signatures], ..Consent::default() };
        for size in 0..5 {
            let people = people(size, &groups);
            let missed: BTreeSet<Name> = kinds.iter().flat_map(|kind| missed(&rules, &people, kind)).collect();
            for (at, group) in groups.iter().enumerate() {
                let asked = rules.asked_at_most(at);
                assert_eq!(
                    missed.contains(group),
                    size < asked.people,
                    "{size} people, {group}: {asked:?} of {rules:?}"
                );
                seen.insert(asked.people);
            }
        }
    }
    assert_eq!(seen, BTreeSet::from([0, 1, 2, 3, 4]));
}
