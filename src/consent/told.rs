//! What came of consent, as people read it: what waits for whom, until when, and which commit holds it up.

use super::{Agreement, Allowed, HeldBack, OpenChange};
use crate::name::Name;
use crate::plan::minute;
use crate::visible;

/// The most organisations that are named in one sentence.
const MOST_NAMED: usize = 5;
/// The most statements, and the most reviews, that are told one by one.
const MOST_UNHEARD: usize = 5;

impl Agreement {
    /// A sentence a line: what is open, the oldest first, then what people are to know besides.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let accepted = self.accepted.as_ref().map_or("", |commit| commit.short());
        if self.is_first {
            lines.push(format!("{accepted} is accepted as it is: nothing was applied before, so nobody was asked"));
        }
        if let Some(since) = self.lost {
            let since = minute(since);
            lines.push(format!(
                "the record of who agreed was lost (seen {since}); {accepted} is accepted, the oldest commit that anything is applied at, and what came after is asked for again"
            ));
        }
        for open in &self.open {
            lines.push(open.line(self));
        }
        for (name, held) in &self.held {
            if held.by.is_none() {
                lines.push(self.held_words(name, held));
            }
        }
        for urgent in &self.urgent {
            lines.push(format!(
                "{} was applied since {} said on {} that it is urgent (“{}”), and is not agreed yet: `parcelle approve {}`",
                urgent.commit.short(),
                urgent.person,
                minute(urgent.when),
                visible::line(&urgent.reason),
                urgent.commit.short()
            ));
        }
        for unheard in self.unheard.iter().take(MOST_UNHEARD) {
            let (place, why) = (visible::line(&unheard.place), visible::line(&unheard.why));
            lines.push(format!("the statement {place} does not count: {why}"));
        }
        if self.unheard.len() > MOST_UNHEARD {
            lines.push(format!("{} more statements do not count", self.unheard.len() - MOST_UNHEARD));
        }
        lines.extend(self.unheard_reviews.iter().take(MOST_UNHEARD).map(|one| visible::line(one)));
        if self.unheard_reviews.len() > MOST_UNHEARD {
            lines.push(format!("{} more reviews do not count", self.unheard_reviews.len() - MOST_UNHEARD));
        }
        lines.extend(self.silent.iter().map(|why| visible::line(why)));
        lines
    }

    /// Why an organisation stays behind the newest commit; absent where it does not.
    pub(crate) fn why_held(&self, name: &Name) -> Option<String> {
        let held = self.held.get(name)?;
        let open = held.by.and_then(|by| self.open.get(by));
        Some(open.map_or_else(
            || self.held_words(name, held),
            |open| format!("at {} until {} is agreed: {}", held.at.short(), open.change.after.short(), open.waits()),
        ))
    }

    fn held_words(&self, name: &Name, held: &HeldBack) -> String {
        match &held.with {
            Some(with) => format!(
                "{name} stays at {}: what it gives or takes goes together with {with}, which waits",
                held.at.short()
            ),
            None => format!("{name} stays at {}: what it asks for is another's in what is applied", held.at.short()),
        }
    }
}

impl OpenChange {
    /// The change, what it waits for, and whom it holds.
    fn line(&self, agreement: &Agreement) -> String {
        let mut text =
            format!("{} ({}) waits: {}", self.change.after.short(), visible::line(&self.summary), self.waits());
        if !self.holds.is_empty() {
            let at = self.holds.iter().find_map(|name| agreement.held.get(name)).map_or("", |held| held.at.short());
            let named: Vec<&str> = self.holds.iter().take(MOST_NAMED).map(Name::as_str).collect();
            let more = self.holds.len().saturating_sub(MOST_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            text.push_str(&format!("; until then {}{more} stay at {at}", named.join(", ")));
        }
        if self.holds_garden {
            text.push_str("; until then the rules, the people and the clusters' own objects stay as they are");
        }
        text
    }

    /// The verdict in sentences, for whoever asks about this change.
    pub(crate) fn explained(&self) -> Vec<String> {
        let classes: Vec<&str> = self.change.classes.iter().map(|class| super::words::words_of(*class)).collect();
        let mut lines = vec![format!("it is {}", classes.join(", "))];
        lines.push(match self.verdict.allowed {
            Some(Allowed::NothingAsked) => "no rule asks anybody about it: it may be applied".to_owned(),
            Some(Allowed::Agreed) => {
                let people: Vec<&str> = self.verdict.approved.iter().map(Name::as_str).collect();
                let by = if people.is_empty() { String::new() } else { format!(" by {}", people.join(", ")) };
                format!("it is agreed{by}: it may be applied")
            }
            Some(Allowed::Urgent) => "somebody says that it is urgent: it is applied, and agreed afterwards".to_owned(),
            Some(Allowed::Recorded) => "it was allowed before, and what was said of it is used".to_owned(),
            None => "it waits".to_owned(),
        });
        lines.extend(super::words::sentences(&self.verdict));
        lines
    }

    /// The approvals, objections and times that the change waits for.
    pub(crate) fn waits(&self) -> String {
        super::words::waits(&self.verdict)
    }
}
