//! A verdict in sentences.

use super::{ConsentVerdict, Discounted, Missing};
use crate::model::Class;
use crate::name::Name;
use crate::plan::minute;
use crate::visible;

/// What a change waits for, as the end of a sentence.
pub(crate) fn waits(verdict: &ConsentVerdict) -> String {
    let sentences = sentences(verdict);
    if sentences.is_empty() { "nothing".to_owned() } else { sentences.join("; ") }
}

/// What stands in the way of a change, and what does not count, a sentence each.
pub(crate) fn sentences(verdict: &ConsentVerdict) -> Vec<String> {
    let mut all: Vec<String> = verdict.refused.clone();
    for objection in &verdict.objections {
        let (person, since) = (&objection.person, minute(objection.when));
        all.push(format!(
            "{person} objects since {since}: “{}”; {person} takes it back with `parcelle withdraw`, or where it was said",
            visible::line(&objection.reason)
        ));
    }
    all.extend(verdict.missing.iter().map(missing));
    if let Some(until) = verdict.until {
        all.push(format!("people may object until {}", minute(until)));
    }
    if !all.is_empty() && !verdict.approved.is_empty() {
        let people: Vec<&str> = verdict.approved.iter().map(Name::as_str).collect();
        all.insert(0, format!("{} agreed", people.join(" and ")));
    }
    all.extend(verdict.discounted.iter().map(discounted));
    all
}

fn missing(missing: &Missing) -> String {
    let Missing { count, from, class, who, one_more } = missing;
    let what = class.map(|class| format!(" to {}", words_of(class))).unwrap_or_default();
    let people: Vec<&str> = who.iter().map(Name::as_str).collect();
    let who = match people.as_slice() {
        [] => " (nobody is left who could: add somebody to the group)".to_owned(),
        people => format!(" ({})", people.join(", ")),
    };
    let why = if *one_more { ", one of them because nothing proves who wrote it" } else { "" };
    format!("{count} more of {from}{who} must agree{what}{why}")
}

fn discounted(one: &Discounted) -> String {
    format!("what {} said does not count: {}", one.person, visible::line(&one.why))
}

/// A class of changes, as people say it.
pub(crate) fn words_of(class: Class) -> &'static str {
    match class {
        Class::Deletions => "a deletion",
        Class::Data => "what touches data",
        Class::Offers => "what concerns money",
        Class::People => "who decides",
        Class::Clusters => "clusters and definitions",
        Class::Contribution => "a contribution from outside",
        Class::Routine => "a routine change",
    }
}
