//! What the rules make of a change and of what was said of it.

use std::collections::{BTreeMap, BTreeSet};

use self::last_words::LastWords;
use super::{Change, ConsentWord, Contains, Record, Via, Voice};
use crate::git::CommitId;
use crate::model::{Class, Consent, Person};
use crate::name::Name;

mod last_words;
#[cfg(test)]
mod tests;

/// Everything that a verdict depends on.
pub(crate) struct Question<'a> {
    /// The rules and people of the accepted commit.
    pub(crate) rules: &'a Consent,
    pub(crate) people: &'a BTreeMap<Name, Person>,
    pub(crate) change: &'a Change,
    /// What was said of this change, in any order; of others too, which count for nothing here.
    pub(crate) voices: &'a [Voice],
    pub(crate) record: &'a Record,
    /// The commits of the line that the same change came to before, applied or not.
    pub(crate) earlier: &'a [CommitId],
    /// When parcelle saw the change first, in Unix seconds; absent where it sees it now.
    pub(crate) announced: Option<i64>,
    /// The time, in Unix seconds, by parcelle's clock.
    pub(crate) now: i64,
    /// Whether the first commit is the second one or builds on it.
    pub(crate) contains: Contains<'a>,
}

/// Why a change may be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// No rule asks for anything.
    NothingAsked,
    /// All who must have agreed, and nobody objects.
    Agreed,
    /// An operator said that it is urgent; it is to be agreed afterwards.
    Urgent,
    /// It was allowed before, and is applied.
    Recorded,
}

/// Approvals that a rule asks for and that are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// How many more.
    pub(crate) count: u32,
    pub(crate) from: Name,
    /// For which class it is asked; absent where for every change.
    pub(crate) class: Option<Class>,
    /// Those who could give one: in the group, not authors, and not said yes.
    pub(crate) who: BTreeSet<Name>,
    /// Whether one of them is asked for only because nobody vouches for who wrote it.
    pub(crate) one_more: bool,
}

/// What somebody said, and why it does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Discounted {
    pub(crate) person: Name,
    /// In words, after "the approval of PERSON does not count: ".
    pub(crate) why: String,
}

/// An objection that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) person: Name,
    pub(crate) reason: String,
    pub(crate) when: i64,
}

/// Whether a change may be applied, and why, or what it waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConsentVerdict {
    /// Absent where it may not.
    pub(crate) allowed: Option<Allowed>,
    /// Who approved it, and counts.
    pub(crate) approved: BTreeSet<Name>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) discounted: Vec<Discounted>,
    pub(crate) objections: Vec<Objection>,
    /// Until when people may object, in Unix seconds; absent where nothing waits, or the time has passed.
    pub(crate) until: Option<i64>,
    /// Why it cannot be allowed by anybody as it stands: commits that are not signed.
    pub(crate) refused: Vec<String>,
}

/// So far ahead of our clock a word may be dated, in seconds: clocks differ.
const AHEAD: i64 = 600;
/// The group whose people may say that something is urgent.
pub(crate) const OPERATORS: &str = "operators";

impl ConsentVerdict {
    /// Whether all who must agree have, whatever time there is to object, and nobody objects.
    pub(crate) fn is_agreed(&self) -> bool {
        self.missing.is_empty() && self.objections.is_empty() && self.refused.is_empty()
    }
}

/// What the rules make of a change.
pub(crate) fn judge(question: &Question<'_>) -> ConsentVerdict {
    let Question { rules, change, record, .. } = question;
    if record.used.iter().any(|used| used.change == change.id && used.commit == change.after) {
        return ConsentVerdict { allowed: Some(Allowed::Recorded), ..ConsentVerdict::default() };
    }
    if !rules.asks() {
        return ConsentVerdict { allowed: Some(Allowed::NothingAsked), ..ConsentVerdict::default() };
    }
    let mut verdict = ConsentVerdict::default();
    let said = question.said(&mut verdict.discounted);
    let objections = said.objections();
    let objection =
        |(when, voice): (i64, &Voice)| Objection { person: voice.person.clone(), reason: voice.reason.clone(), when };
    verdict.objections.extend(objections.map(objection));
    let unsigned = change.unsigned.iter().filter(|_| rules.signed);
    verdict.refused.extend(unsigned.map(|(commit, why)| format!("commit {} does not count: {why}", commit.short())));
    let approvals: BTreeSet<&Name> = question.approvals(&said, &mut verdict.discounted);
    question.count(&approvals, &mut verdict);
    verdict.until = question.until();
    let stands = verdict.objections.is_empty() && verdict.refused.is_empty();
    let agreed = verdict.missing.is_empty() && verdict.until.is_none();
    let asked = rules.approvals.iter().map(|rule| rule.class).chain(rules.waiting.iter().map(|rule| rule.class));
    let is_asked = rules.signed || asked.into_iter().any(|class| question.concerns(class));
    verdict.allowed = match (stands, agreed) {
        (false, _) => None,
        (true, true) if !is_asked => Some(Allowed::NothingAsked),
        (true, true) => Some(Allowed::Agreed),
        (true, false) => question.is_urgent(&said, &mut verdict.discounted).then_some(Allowed::Urgent),
    };
    verdict
}

impl Question<'_> {
    /// Whether a rule for a class is about this change.
    fn concerns(&self, class: Option<Class>) -> bool {
        class.is_none_or(|class| self.change.classes.contains(&class))
    }

    /// Whether a word is dated so far ahead that it does not count yet. An objection counts at once, whatever its date.
    fn is_ahead(&self, voice: &Voice) -> bool {
        voice.word != ConsentWord::Object && voice.when > self.now.saturating_add(AHEAD)
    }

    /// When somebody said something, as it counts against what else they said. A signed objection that is dated ahead was said when
    /// it was seen, as the record remembers.
    fn said_at(&self, voice: &Voice) -> i64 {
        if voice.word != ConsentWord::Object || !matches!(voice.via, Via::Signature { .. }) {
            return voice.when;
        }
        let known = self.record.said.iter().find(|known| known.via == voice.via && known.word == voice.word);
        known.map_or(self.now, |known| known.when).min(voice.when)
    }

    /// What each of the people said last about this change, besides what counts for nothing. What lies in the record counts also
    /// where its source is gone.
    fn said(&self, discounted: &mut Vec<Discounted>) -> LastWords<'_> {
        let mut last = LastWords::default();
        let all = self.voices.iter().chain(&self.record.said);
        for voice in all.filter(|voice| voice.change == self.change.id) {
            let counts = match voice.word {
                _ if !self.people.contains_key(&voice.person) => {
                    Err("they are not among the garden's people".to_owned())
                }
                _ if self.is_ahead(voice) => Err("it is dated ahead of time".to_owned()),
                ConsentWord::Approve | ConsentWord::Urgent => match self.used_up(voice) {
                    Some(why) => {
                        // It is no yes any more, and still no objection.
                        if voice.word == ConsentWord::Approve {
                            last.of(voice).takes_back(voice.when);
                        }
                        Err(why)
                    }
                    None => Ok(voice.when),
                },
                ConsentWord::Object | ConsentWord::Withdraw => Ok(self.said_at(voice)),
            };
            match counts {
                Ok(when) => last.of(voice).add(voice, when),
                Err(why) => {
                    let one = Discounted { person: voice.person.clone(), why };
                    if !discounted.contains(&one) {
                        discounted.push(one);
                    }
                }
            }
        }
        last
    }

    /// Why what somebody said was used up before this change came to where it stands; absent where it was not. Where history was
    /// rewritten since, commits do not say what came first: the times do.
    fn used_up(&self, voice: &Voice) -> Option<String> {
        let is_before = |commit: &CommitId, when: i64| {
            if (self.contains)(&self.change.after, commit) {
                !(self.contains)(&voice.given.base, commit)
            } else {
                voice.when <= when.saturating_add(AHEAD)
            }
        };
        let mut same = self.record.used.iter().filter(|used| used.change == self.change.id);
        if let Some(used) = same.find(|used| is_before(&used.commit, used.when)) {
            return Some(format!("it was used for {}, and the same change anew needs new ones", used.commit.short()));
        }
        if let Some(earlier) = self.earlier.iter().find(|commit| !(self.contains)(&voice.given.base, commit)) {
            return Some(format!("it is about {}, and the same change anew needs new ones", earlier.short()));
        }
        let forgotten = self.record.forgotten.as_ref();
        let forgotten = forgotten.filter(|forgotten| is_before(&forgotten.commit, forgotten.when));
        forgotten.map(|_| "it was given too long ago".to_owned())
    }

    /// Those who approve and may: none of the authors.
    fn approvals<'v>(&self, said: &LastWords<'v>, discounted: &mut Vec<Discounted>) -> BTreeSet<&'v Name> {
        let (own, approvals): (BTreeSet<&Name>, BTreeSet<&Name>) =
            said.approving().partition(|person| self.change.authors.people.contains(*person));
        let wrote = |person: &Name| Discounted { person: person.clone(), why: format!("{person} wrote it") };
        discounted.extend(own.into_iter().map(wrote));
        approvals
    }

    /// Counts approvals rule by rule. Where nobody vouches for who wrote it, the rule that asks for the most asks for one more.
    fn count(&self, approvals: &BTreeSet<&Name>, verdict: &mut ConsentVerdict) {
        let rules: Vec<_> = self.rules.approvals.iter().filter(|rule| self.concerns(rule.class)).collect();
        let strictest = (0..rules.len()).max_by_key(|at| (rules[*at].count, std::cmp::Reverse(*at)));
        let mut counted = BTreeSet::new();
        for (at, rule) in rules.into_iter().enumerate() {
            let is_in = |name: &Name| self.people.get(name).is_some_and(|person| person.groups.contains(&rule.from));
            let one_more = !self.change.authors.vouched && strictest == Some(at);
            let have: BTreeSet<&Name> = approvals.iter().copied().filter(|name| is_in(name)).collect();
            let asked = rule.count.saturating_add(u32::from(one_more));
            let count = asked.saturating_sub(u32::try_from(have.len()).unwrap_or(u32::MAX));
            counted.extend(have.iter().map(|name| (*name).clone()));
            if count == 0 {
                continue;
            }
            let could =
                |name: &&Name| is_in(name) && !have.contains(*name) && !self.change.authors.people.contains(*name);
            let who = self.people.keys().filter(could).cloned().collect();
            verdict.missing.push(Missing { count, from: rule.from.clone(), class: rule.class, who, one_more });
        }
        let groups = self.rules.approvals.iter().filter(|rule| self.concerns(rule.class)).count() > 0;
        let outside = approvals.iter().filter(|name| groups && !counted.contains(**name));
        verdict.discounted.extend(outside.map(|person| Discounted {
            person: (*person).clone(),
            why: "no rule asks for somebody of their groups".to_owned(),
        }));
        verdict.approved = counted;
    }

    /// Until when people may object, where that is still to come.
    fn until(&self) -> Option<i64> {
        let rules = self.rules.waiting.iter().filter(|rule| self.concerns(rule.class));
        let longest = rules.map(|rule| rule.time.amount).max()?;
        let until = self.announced.unwrap_or(self.now).saturating_add(i64::try_from(longest).unwrap_or(i64::MAX));
        (until > self.now).then_some(until)
    }

    /// Whether an operator says that it cannot wait, and it is nothing that has to.
    fn is_urgent(&self, said: &LastWords<'_>, discounted: &mut Vec<Discounted>) -> bool {
        let classes = &self.change.classes;
        let must_wait =
            classes.contains(&Class::People) || (classes.contains(&Class::Deletions) && classes.contains(&Class::Data));
        let Some(voice) = self.urgent_among(said) else { return false };
        let why = match (must_wait, self.record.is_full_of_urgent()) {
            (true, _) => "who decides and what data is deleted is never urgent".to_owned(),
            (_, true) => format!("{} urgent changes wait to be agreed, and no more may", self.record.urgent.len()),
            (false, false) => return true,
        };
        discounted.push(Discounted { person: voice.person.clone(), why });
        false
    }

    /// The last word of an operator who says that it cannot wait.
    fn urgent_among<'v>(&self, said: &LastWords<'v>) -> Option<&'v Voice> {
        let is_operator = |name: &Name| {
            self.people.get(name).is_some_and(|person| person.groups.iter().any(|group| group.as_str() == OPERATORS))
        };
        said.urgent().find(|voice| is_operator(&voice.person))
    }

    /// Who says that it is urgent, and why; absent where no operator does.
    pub(crate) fn urgent_voice(&self) -> Option<&Voice> {
        self.urgent_among(&self.said(&mut Vec::new()))
    }
}
