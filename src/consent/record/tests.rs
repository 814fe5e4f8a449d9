use super::*;
use crate::consent::Given;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn commit(number: usize) -> CommitId {
    CommitId(format!("{number:040x}"))
}

fn change(number: usize) -> ChangeId {
    ChangeId(format!("{number:064x}"))
}

fn contains(commit: &CommitId, earlier: &CommitId) -> bool {
    commit >= earlier
}

fn used(number: usize, when: i64) -> Used {
    Used { change: change(number), commit: commit(number), when, by: BTreeSet::from([name("ada")]) }
}

fn voice(person: &str, word: ConsentWord, of: usize, when: i64) -> Voice {
    Voice {
        person: name(person),
        word,
        change: change(of),
        given: Given { head: commit(of), base: commit(0) },
        when,
        reason: "\\\"\u{1b}".repeat(500),
        via: Via::Signature { digest: format!("{person:-<56}{when:08x}") },
    }
}

#[test]
fn a_record_at_every_limit_fits_and_is_read_back() {
    let mut record = Record::default();
    let people: BTreeSet<Name> = (0..99).map(|at| name(&format!("{at:a>63}"))).collect();
    let person = people.first().unwrap().clone();
    for at in 0..MOST_USED + 7 {
        let one = Used { by: people.clone(), ..used(at, i64::MAX) };
        record.use_change(one, &contains);
    }
    for at in 0..2 * MOST_ANNOUNCED {
        record.announce(&change(10_000 + at), i64::MIN);
    }
    for at in 0..2 * MOST_SAID {
        record.note_said(&voice(person.as_str(), ConsentWord::Object, at, 7), i64::MAX);
    }
    for at in 0..2 * MOST_URGENT {
        let (change, before, commit) = (change(at), commit(at), commit(at + 1));
        let reason = "\\\"".repeat(500);
        let classes = BTreeSet::from([Class::Deletions, Class::Data, Class::Offers, Class::Clusters, Class::Routine]);
        record.open_urgent(UrgentUse {
            change,
            before,
            commit,
            person: person.clone(),
            reason,
            when: i64::MIN,
            classes,
        });
    }
    assert_eq!(
        (record.used.len(), record.announced.len(), record.said.len(), record.urgent.len()),
        (MOST_USED, MOST_ANNOUNCED, MOST_SAID, MOST_URGENT)
    );
    assert_eq!(record.forgotten, Some(ForgottenUse { commit: commit(6), when: i64::MAX }));
    let text = record.text();
    assert!(text.len() <= LARGEST, "{} bytes", text.len());
    assert_eq!(Record::parse(&text).unwrap().text(), text);
    assert!(!record.said[0].reason.contains('\u{1b}'), "what steers a terminal is not kept");
}

#[test]
fn a_copy_that_is_behind_brings_no_announcement_of_what_was_used_since() {
    let mut behind = Record::default();
    behind.announce(&change(1), 100);
    behind.announce(&change(2), 110);
    let mut record = behind.clone();
    record.use_change(used(1, 200), &contains);
    let merged = Record::merged(vec![behind.clone(), record.clone()], &contains);
    assert_eq!(merged.announced, BTreeMap::from([(change(2), 110)]));
    // Made again after a revert, it waits from then on.
    record.announce(&change(1), 300);
    let merged = Record::merged(vec![record, behind], &contains);
    assert_eq!(merged.announced, BTreeMap::from([(change(1), 300), (change(2), 110)]));
}

#[test]
fn what_is_forgotten_never_moves_back() {
    let full = |first: usize| {
        let mut record = Record::default();
        for at in first..=first + MOST_USED {
            record.use_change(used(at, i64::try_from(at).unwrap()), &contains);
        }
        record
    };
    let (behind, ahead) = (full(1), full(300));
    let forgotten = |at: usize| Some(ForgottenUse { commit: commit(at), when: i64::try_from(at).unwrap() });
    assert_eq!((behind.forgotten.clone(), ahead.forgotten.clone()), (forgotten(1), forgotten(300)));
    for copies in [vec![behind.clone(), ahead.clone()], vec![ahead.clone(), behind.clone()]] {
        let merged = Record::merged(copies, &contains);
        assert_eq!(merged.forgotten, forgotten(300));
        assert_eq!(merged.used.last().map(|used| used.commit.clone()), Some(commit(800)));
    }
    // Of commits of which none builds on another the later one counts: history was rewritten.
    let apart = |_: &CommitId, _: &CommitId| false;
    let one = |at: usize, when: i64| Record {
        forgotten: Some(ForgottenUse { commit: commit(at), when }),
        ..Record::default()
    };
    let merged = Record::merged(vec![one(9, 5), one(3, 7), one(8, 6)], &apart);
    assert_eq!(merged.forgotten.map(|forgotten| forgotten.when), Some(7));
}

#[test]
fn an_objection_stays_beside_what_takes_it_back() {
    let mut record = Record::default();
    let objection = voice("ada", ConsentWord::Object, 1, 100);
    assert!(record.note_said(&voice("ada", ConsentWord::Approve, 1, 90), 95), "of no objection nothing is to be kept");
    assert!(record.said.is_empty());
    record.note_said(&objection, 110);
    // Dated ahead of time: whether it counts is for the judge to say, and it replaces nothing.
    record.note_said(&voice("ada", ConsentWord::Withdraw, 1, 1_000_000), 120);
    let words: Vec<(ConsentWord, i64)> = record.said.iter().map(|said| (said.word, said.when)).collect();
    assert_eq!(words, [(ConsentWord::Object, 100), (ConsentWord::Withdraw, 1_000_000)]);
    // An objection that is dated ahead was said when it was seen.
    record.note_said(&voice("ben", ConsentWord::Object, 1, 1_000_000), 130);
    record.note_said(&voice("ben", ConsentWord::Object, 1, 1_000_000), 500);
    assert_eq!(record.said.last().map(|said| said.when), Some(130));
}

#[test]
fn room_is_made_for_what_is_open() {
    let mut record = Record::default();
    for at in 0..MOST_SAID {
        assert!(record.note_said(&voice("ada", ConsentWord::Object, at, 7), 8));
    }
    assert!(!record.note_said(&voice("ada", ConsentWord::Object, 9_999, 7), 8), "there is no room");
    let open = BTreeSet::from([change(0), change(9_999)]);
    record.fold(&open);
    assert_eq!(record.said.len(), MOST_SAID / 2);
    assert_eq!(record.said[0].change, change(0), "what is open stays");
    assert!(record.note_said(&voice("ada", ConsentWord::Object, 9_999, 7), 8));
}

#[test]
fn what_cannot_be_read_says_why_in_words() {
    let why = |text: &str| Record::parse(text).unwrap_err().to_string();
    let newer = r#"{"schema":"parcelle.dev/consent/v2","accepted":{"commit":"a"}}"#;
    assert_eq!(
        why(newer),
        "another parcelle wrote it: its schema is `parcelle.dev/consent/v2`, and this one reads `parcelle.dev/consent/v1`; run the newer one"
    );
    assert_eq!(why("{}"), "it is damaged at column 2 of line 1");
    assert_eq!(why("\u{1b}[31m"), "it is damaged at column 1 of line 1");
    assert_eq!(why(&" ".repeat(LARGEST + 1)), "it has more than 900 KiB");
    let odd = Record { accepted: Some(CommitId("../../x\u{1b}".to_owned())), ..Record::default() };
    assert_eq!(why(&odd.text()), "it names changes or commits as nobody does");
    let long = Record { announced: BTreeMap::from([(ChangeId("a".repeat(65)), 1)]), ..Record::default() };
    assert_eq!(why(&long.text()), "it names changes or commits as nobody does");
}
