//! The agreement of a merge request in words: a verdict that can be read aloud, then what it comes from.

use std::collections::BTreeSet;

use super::agreement::RequestAgreement;
use crate::consent::words::words_of;
use crate::consent::{Allowed, Change, ConsentVerdict, Discounted, Missing, Objection};
use crate::forge::StatusState;
use crate::forge::consent::ForgeUnheard;
use crate::name::Name;

/// The most bytes of the description of a status, the least that any forge takes.
const LONGEST_DESCRIPTION: usize = 140;
/// The most lines of what does not count.
const MOST_DISCOUNTED: usize = 10;
/// So many names stand in one line.
const NAMED: usize = 5;

/// The agreement to a request that edits no file of the garden.
pub(super) fn nothing() -> RequestAgreement {
    let verdict = "no file of the garden changes, so nobody has to agree".to_owned();
    RequestAgreement { lines: Vec::new(), state: StatusState::Success, description: verdict }
}

/// Everything that is told of an agreement.
pub(super) struct ToldAgreement<'a> {
    pub(super) change: &'a Change,
    pub(super) verdict: &'a ConsentVerdict,
    /// What was said on the forge and counts for nothing.
    pub(super) unheard: &'a [ForgeUnheard],
    /// How long people may object, in words.
    pub(super) waiting: Option<String>,
    /// What its readers must know of how it was found out.
    pub(super) notes: &'a [String],
}

/// An agreement that could not be found out.
pub(super) fn unknown(why: &str) -> RequestAgreement {
    let verdict = format!("who has agreed is not known: {why}");
    RequestAgreement { lines: vec![verdict.clone()], state: StatusState::Error, description: cut(&verdict) }
}

impl ToldAgreement<'_> {
    pub(super) fn agreement(&self) -> RequestAgreement {
        let ConsentVerdict { missing, objections, refused, .. } = self.verdict;
        let state = match () {
            () if !objections.is_empty() || !refused.is_empty() => StatusState::Failure,
            () if !missing.is_empty() => StatusState::Pending,
            () => StatusState::Success,
        };
        let verdict = self.verdict();
        let mut lines = vec![verdict.clone()];
        lines.extend(self.approved());
        lines.extend(missing.iter().map(who_could));
        lines.extend(objections.iter().map(|Objection { person, reason, .. }| format!("`{person}` objects: {reason}")));
        lines.extend(refused.iter().cloned());
        lines.extend(self.discounted());
        lines.extend(self.waits());
        lines.extend(self.wrote());
        lines.extend(self.notes.iter().cloned());
        RequestAgreement { lines, state, description: cut(&verdict) }
    }

    /// The verdict in a sentence.
    fn verdict(&self) -> String {
        let ConsentVerdict { allowed, approved, missing, objections, refused, .. } = self.verdict;
        let objecting: BTreeSet<&Name> = objections.iter().map(|objection| &objection.person).collect();
        if !objecting.is_empty() {
            let verb = if objecting.len() == 1 { "objects" } else { "object" };
            return format!("{} {verb}: nothing is applied until that is taken back", names(&objecting, "and"));
        }
        if let Some(first) = refused.first() {
            return format!("it cannot be allowed as it stands: {first}");
        }
        if !missing.is_empty() {
            let asked: Vec<String> = missing.iter().map(lacking).collect();
            return format!("{} must agree", asked.join(", and "));
        }
        let after =
            self.waiting.as_ref().map(|time| format!(", then people may object for {time}")).unwrap_or_default();
        match (allowed, approved.is_empty()) {
            (Some(Allowed::NothingAsked), _) | (_, true) => format!("nobody has to agree to this{after}"),
            _ => format!("all who must agree have agreed{after}"),
        }
    }

    fn approved(&self) -> Option<String> {
        let approved: BTreeSet<&Name> = self.verdict.approved.iter().collect();
        (!approved.is_empty()).then(|| format!("{} approved exactly this", names(&approved, "and")))
    }

    /// What does not count, with the reason.
    fn discounted(&self) -> Vec<String> {
        let own = self.verdict.discounted.iter();
        let mut lines: Vec<String> =
            own.map(|Discounted { person, why }| format!("what `{person}` said does not count: {why}")).collect();
        let unheard: BTreeSet<&ForgeUnheard> = self.unheard.iter().collect();
        let said = unheard.iter().map(|ForgeUnheard { account, why }| {
            format!("what `{}` said on the forge does not count: {why}", account.replace('`', ""))
        });
        lines.extend(said);
        let more = lines.len().saturating_sub(MOST_DISCOUNTED);
        lines.truncate(MOST_DISCOUNTED);
        lines.extend((more > 0).then(|| format!("{more} more do not count")));
        lines
    }

    /// How long people may object: a CI does not know since when.
    fn waits(&self) -> Option<String> {
        let time = self.waiting.as_ref()?;
        Some(format!("people may object for {time}, counted from when the loop sees it first"))
    }

    fn wrote(&self) -> Option<String> {
        let authors = &self.change.authors;
        let people: BTreeSet<&Name> = authors.people.iter().collect();
        let mut wrote = match (people.is_empty(), authors.others.is_empty()) {
            (true, true) => return None,
            (true, false) => "written by nobody among the people".to_owned(),
            (false, _) => format!("written by {}", names(&people, "and")),
        };
        if !authors.vouched {
            wrote.push_str(", as the commits say; neither a forge nor their signatures prove it");
        }
        Some(wrote)
    }
}

/// `2 more of operators (to what concerns money)`.
fn lacking(missing: &Missing) -> String {
    let Missing { count, from, class, .. } = missing;
    let class = class.map(|class| format!(" (to {})", words_of(class))).unwrap_or_default();
    format!("{count} more of `{from}`{class}")
}

/// Who could give what is missing.
fn who_could(missing: &Missing) -> String {
    let who: BTreeSet<&Name> = missing.who.iter().collect();
    let could =
        if who.is_empty() { "nobody is left who could".to_owned() } else { format!("{} could", names(&who, "or")) };
    let one_more = if missing.one_more { "; one of them because nothing proves who wrote it" } else { "" };
    format!("{}: {could}{one_more}", lacking(missing))
}

/// Names in one line.
fn names(names: &BTreeSet<&Name>, last: &str) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(NAMED);
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    match shown.pop() {
        Some(end) if shown.is_empty() => end,
        Some(end) => format!("{} {last} {end}", shown.join(", ")),
        None => String::new(),
    }
}

/// A description within its bytes, without the marks of code.
fn cut(text: &str) -> String {
    let text = crate::visible::line(&text.replace('`', ""));
    if text.len() <= LONGEST_DESCRIPTION {
        return text;
    }
    let end = text.floor_char_boundary(LONGEST_DESCRIPTION - '…'.len_utf8());
    format!("{}…", text[..end].trim_end())
}
