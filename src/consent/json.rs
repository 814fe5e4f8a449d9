//! What came of consent, for programs: times as RFC 3339, commits and changes by their whole ids.

use serde_json::{Value, json};

use super::words::sentences;
use super::{Agreement, Missing, Objection, OpenChange, UrgentUse};
use crate::git::CommitId;

impl Agreement {
    /// What came of consent, as one value.
    pub(crate) fn json(&self) -> Value {
        let change = |by: usize| self.open.get(by).map(|open| &open.change.id.0);
        let held = self.held.iter().map(|(name, held)| {
            json!({
                "organisation": name, "at": held.at.0, "by": held.by.and_then(change), "with": held.with,
                "why": self.why_held(name),
            })
        });
        let unheard = self.unheard.iter().map(|one| json!({ "statement": one.place, "why": one.why }));
        json!({
            "head": commit(self.head.as_ref()),
            "accepted": commit(self.accepted.as_ref()),
            "first": self.is_first,
            "lostSince": self.lost.map(time),
            "open": self.open.iter().map(OpenChange::json).collect::<Vec<_>>(),
            "held": held.collect::<Vec<_>>(),
            "urgent": self.urgent.iter().map(urgent).collect::<Vec<_>>(),
            "unheard": unheard.collect::<Vec<_>>(),
            "unheardReviews": self.unheard_reviews,
            "silent": self.silent,
        })
    }
}

impl OpenChange {
    /// The same, with what is to be known of it besides.
    pub(crate) fn json_with(&self, notes: &[String]) -> Value {
        let mut value = self.json();
        if !notes.is_empty() {
            value["notes"] = notes.into();
        }
        value
    }

    /// A change and what it waits for, as one value.
    pub(crate) fn json(&self) -> Value {
        let verdict = &self.verdict;
        let authors = &self.change.authors;
        json!({
            "change": self.change.id.0,
            "before": self.change.before.0,
            "after": self.change.after.0,
            "summary": self.summary,
            "files": self.change.files,
            "classes": self.change.classes,
            "authors": { "people": authors.people, "others": authors.others, "proven": authors.vouched },
            "allowed": verdict.allowed.is_some(),
            "approved": verdict.approved,
            "missing": verdict.missing.iter().map(missing).collect::<Vec<_>>(),
            "objections": verdict.objections.iter().map(objection).collect::<Vec<_>>(),
            "until": verdict.until.map(time),
            "holds": self.holds,
            "holdsGarden": self.holds_garden,
            "says": sentences(verdict),
        })
    }
}

fn missing(missing: &Missing) -> Value {
    let Missing { count, from, class, who, one_more } = missing;
    json!({ "count": count, "from": from, "class": class, "who": who, "oneMore": one_more })
}

fn objection(objection: &Objection) -> Value {
    json!({ "person": objection.person, "reason": objection.reason, "since": time(objection.when) })
}

fn urgent(urgent: &UrgentUse) -> Value {
    let UrgentUse { change, before, commit, person, reason, when, classes } = urgent;
    json!({
        "change": change.0, "before": before.0, "after": commit.0, "person": person, "reason": reason, "since": time(*when),
        "classes": classes,
    })
}

fn commit(id: Option<&CommitId>) -> Option<&String> {
    id.map(|id| &id.0)
}

fn time(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}
