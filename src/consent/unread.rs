//! Statements that are there and not read: any of them may be an objection, so nothing new is allowed by what is known without them.

use std::collections::BTreeMap;

use super::{Allowed, ConsentVerdict};
use crate::git::{MOST_OF_A_PERSON, MOST_STATEMENTS, Statements};
use crate::model::{Consent, Person};
use crate::name::Name;

/// The rules and people that count.
type Rules<'a> = (&'a Consent, &'a BTreeMap<Name, Person>);

/// Those of the people in whose name statements are there that are not read, and how many.
fn unread<'a>(statements: &'a Statements, (rules, people): Rules<'a>) -> impl Iterator<Item = (&'a Name, usize)> {
    let counts = rules.asks();
    let unread = statements.unread.iter().filter(move |(name, _)| counts && people.contains_key(*name));
    unread.map(|(name, count)| (name, *count))
}

/// Why the refs of statements could not be looked at, where they count.
fn silent<'a>(statements: &'a Statements, (rules, _): Rules<'_>) -> Option<&'a String> {
    statements.silent.as_ref().filter(|_| rules.asks())
}

/// Takes back that a change is allowed while statements of people are not read: one of them may be an objection. What was allowed
/// and is applied stays.
pub(crate) fn hold_for_unread(verdict: &mut ConsentVerdict, statements: &Statements, rules: Rules<'_>) {
    if verdict.allowed == Some(Allowed::Recorded) {
        return;
    }
    let people: Vec<&str> = unread(statements, rules).map(|(name, _)| name.as_str()).collect();
    if !people.is_empty() {
        let people = people.join(", ");
        verdict.refused.push(format!("not all statements of {people} are read, and one may be an objection"));
    }
    if silent(statements, rules).is_some() {
        verdict.refused.push("what people signed could not be looked at, and one may object".to_owned());
    }
    if !verdict.refused.is_empty() {
        verdict.allowed = None;
    }
}

/// What is not read, whose it is, and what to do about it, a sentence each.
pub(crate) fn unread_words(statements: &Statements, rules: Rules<'_>) -> Vec<String> {
    let words = |(name, count): (&Name, usize)| {
        let (verb, they) = if count == 1 { ("statement is", "it") } else { ("statements are", "they") };
        format!(
            "{count} {verb} there in the name of {name} and not read: read are at most {MOST_OF_A_PERSON} of one person, \
             {MOST_STATEMENTS} of all, and what can be fetched; {they} may object, so nothing new is allowed meanwhile; delete those that are not needed: `git push origin \
             --delete REF…` for refs/parcelle-consent/*/{name}-* of changes that are applied, or that {name} did not sign"
        )
    };
    let mut all: Vec<String> = unread(statements, rules).map(words).collect();
    all.extend(silent(statements, rules).map(|why| format!("{why}; nothing new is allowed until they are")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApprovalRule, ConsentSource};

    fn name(text: &str) -> Name {
        Name::new(text).expect("a name")
    }

    fn person() -> Person {
        Person { email: "a@example.org".to_owned(), groups: [].into(), accounts: [].into(), keys: [].into() }
    }

    #[test]
    fn an_objection_that_is_not_read_is_never_passed_over() {
        let mut rules = Consent {
            approvals: vec![ApprovalRule { count: 1, from: name("operators"), class: None }],
            sources: vec![ConsentSource::Signatures],
            ..Consent::default()
        };
        let people = BTreeMap::from([(name("camille"), person())]);
        let held = |statements: &Statements, rules: &Consent, allowed: Allowed| {
            let mut verdict = ConsentVerdict { allowed: Some(allowed), ..ConsentVerdict::default() };
            hold_for_unread(&mut verdict, statements, (rules, &people));
            assert_eq!(verdict.allowed.is_none(), !verdict.refused.is_empty());
            verdict.allowed.is_none()
        };
        let of = |who: &str| Statements { unread: BTreeMap::from([(name(who), 31)]), ..Statements::default() };
        for allowed in [Allowed::Agreed, Allowed::NothingAsked, Allowed::Urgent] {
            assert!(held(&of("camille"), &rules, allowed), "{allowed:?}");
            assert!(!held(&of("a-stranger"), &rules, allowed), "{allowed:?}");
            assert!(held(&Statements { silent: Some("gone".to_owned()), ..Statements::default() }, &rules, allowed));
        }
        assert!(!held(&of("camille"), &rules, Allowed::Recorded), "what is applied stays");
        let words = unread_words(&of("camille"), (&rules, &people));
        let [words] = &words[..] else { panic!("{words:?}") };
        assert!(words.starts_with("31 statements are there in the name of camille and not read"), "{words}");
        assert!(words.contains("refs/parcelle-consent/*/camille-*"), "{words}");
        rules.sources.clear();
        assert!(
            held(&of("camille"), &rules, Allowed::Agreed),
            "a signed objection counts whatever the sources of approvals are"
        );
        rules.approvals.clear();
        assert!(!held(&of("camille"), &rules, Allowed::NothingAsked), "nobody is asked");
    }
}
