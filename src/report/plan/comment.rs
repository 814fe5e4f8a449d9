//! A plan as a comment that a forge takes: organisation by organisation, in full as long as there is room. What deletes,
//! replaces, retires or is refused is never left out: where there is no room it is folded to who, what and how many.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::markdown::{details, is_urgent};
use super::text;
use super::words::{counted, has_news, many, word};
use super::{Markdown, Tally, first, hatches};
use crate::name::Name;
use crate::plan::day;
use crate::plan::{OrganisationPlan, PlanHead, Verb};
use crate::report::markup::{code, escape};

/// A comment as it grows.
pub(crate) struct Comment {
    head: String,
    /// The organisations that are told in full, in their order.
    told: Vec<Told>,
    /// Those that are folded to what is urgent, by name.
    folded: BTreeMap<Name, String>,
    /// Those that are folded to their numbers, nothing of them being urgent.
    brief: Vec<String>,
    /// Bytes of all that is told.
    size: usize,
    /// Room for what is listed; a line that says what was left out fits besides.
    room: usize,
    /// Organisations of which nothing is urgent, left out.
    left_out: usize,
    /// What is urgent of organisations for whose names there is no room either.
    counted: Urgent,
    /// How many those are.
    nameless: usize,
}

struct Told {
    organisation: Name,
    text: String,
    /// What is left of it where there is no room: nothing where nothing is urgent.
    fold: Option<String>,
}

impl Comment {
    /// Its head: of which plan, what that comes to, and what acts later.
    pub(crate) fn begin(head: &PlanHead, tally: &Tally, how: Markdown) -> Self {
        let mut out = format!("<!-- parcelle plan {} -->\n", head.garden);
        let commit: String = head.commit.chars().take(12).collect();
        let at = if commit.is_empty() { String::new() } else { format!(" at {}", code(&commit)) };
        let _ = writeln!(out, "### Plan for {}{at}\n", code(head.garden.as_str()));
        for line in text::summary(tally).lines() {
            let _ = writeln!(out, "{}", escape(line));
        }
        for (line, place) in tally.new_hatches() {
            let _ = writeln!(out, "- {} {}", code(line), code(place));
        }
        for says in tally.first().take(first::SHOWN) {
            let _ = writeln!(out, "- **first** {}", escape(says));
        }
        if let Some(more) = first::more(tally.first().count()) {
            let _ = writeln!(out, "- **first** {more}");
        }
        let mut room = how.at_most.saturating_sub(ASIDE);
        later(&mut out, tally, room / 3);
        room = room.saturating_sub(out.len());
        Self {
            head: out,
            told: Vec::new(),
            folded: BTreeMap::new(),
            brief: Vec::new(),
            size: 0,
            room,
            left_out: 0,
            counted: Urgent::default(),
            nameless: 0,
        }
    }

    /// One organisation more: in full, folded, or counted, as there is room.
    pub(crate) fn add(&mut self, plan: &OrganisationPlan) {
        if !has_news(plan) {
            return;
        }
        let (text, fold) = (details(plan), fold(plan));
        if self.size + text.len() <= self.room {
            self.size += text.len();
            self.told.push(Told { organisation: plan.organisation.clone(), text, fold });
            return;
        }
        let Some(fold) = fold else {
            let (name, counts) = (code(plan.organisation.as_str()), counted(&plan.counts()));
            let line = format!("- {name}: {}\n", escape(&counts));
            if self.size + line.len() <= self.room {
                self.size += line.len();
                self.brief.push(line);
            } else {
                self.left_out += 1;
            }
            return;
        };
        self.make_room(fold.len());
        if self.size + fold.len() <= self.room {
            self.size += fold.len();
            self.folded.insert(plan.organisation.clone(), fold);
            return;
        }
        self.nameless += 1;
        self.counted.add(plan);
    }

    /// Lets what is less urgent give way, the last first.
    fn make_room(&mut self, bytes: usize) {
        while self.size + bytes > self.room {
            if let Some(brief) = self.brief.pop() {
                self.size -= brief.len();
                self.left_out += 1;
                continue;
            }
            let Some(last) = self.told.pop() else { break };
            self.size -= last.text.len();
            match last.fold {
                Some(fold) => {
                    self.size += fold.len();
                    self.folded.insert(last.organisation, fold);
                }
                None => self.left_out += 1,
            }
        }
    }

    /// The whole of it.
    pub(crate) fn end(self) -> String {
        let mut out = self.head;
        if !self.folded.is_empty() {
            out.push_str("\n**Not in full for want of room, and not to be overlooked:**\n\n");
            self.folded.values().for_each(|fold| out.push_str(fold));
        }
        if self.nameless > 0 {
            let more = many(self.nameless, "organisation");
            let _ = writeln!(out, "- **and in {more} more:** {}", escape(&self.counted.words().join("; ")));
        }
        self.told.iter().for_each(|told| out.push_str(&told.text));
        if !self.brief.is_empty() {
            out.push_str("\n**Not in full for want of room:**\n\n");
            self.brief.iter().for_each(|brief| out.push_str(brief));
        }
        if self.left_out > 0 {
            let more = many(self.left_out, "organisation");
            let _ = writeln!(out, "\n… and {more} more with changes that take nothing away.");
        }
        if self.folded.len() + self.brief.len() + self.nameless + self.left_out > 0 {
            out.push_str("\nAll of it: `parcelle plan` in text or JSON, which is never cut.\n");
        }
        out
    }
}

/// Bytes for the lines that say what was left out.
const ASIDE: usize = 1_000;

/// What acts later, brakes and days first; what there is no room for is counted.
fn later(out: &mut String, tally: &Tally, room: usize) {
    let (end, mut rest) = (out.len() + room, 0);
    for line in tally.later() {
        let origin = line.origin.map(|place| format!(" {}", code(&place))).unwrap_or_default();
        let line = format!("- **later** {}{origin}\n", escape(&line.says));
        if out.len() + line.len() <= end {
            out.push_str(&line);
        } else {
            rest += 1;
        }
    }
    if rest > 0 {
        let _ = writeln!(out, "- **later** {} more", many(rest, "line"));
    }
    if let Some(hour) = tally.hour() {
        let _ = writeln!(out, "\n{}", escape(&hour));
    }
}

/// What must not be overlooked of an organisation, in a line; nothing where there is nothing of the kind.
fn fold(plan: &OrganisationPlan) -> Option<String> {
    let mut urgent = Urgent::default();
    urgent.add(plan);
    let mut parts = urgent.words();
    let until = |until: i64| format!("retired until {}", day(until));
    parts.extend(plan.retired.iter().map(|(app, retired)| format!("{app} {}", until(retired.until))));
    parts.extend(plan.retired_organisation.map(|retired| format!("all of it {}", until(retired.until))));
    parts.extend((!plan.lost.is_empty()).then(|| "data is gone".to_owned()));
    parts.extend(plan.hatches.iter().any(|hatch| hatch.new).then(|| hatches::counted(plan)).flatten());
    let name = code(plan.organisation.as_str());
    let all = counted(&plan.counts());
    (!parts.is_empty()).then(|| format!("- {name}: {} (in all: {})\n", escape(&parts.join("; ")), escape(&all)))
}

/// How many objects are deleted, replaced or refused, by verb and kind.
#[derive(Default)]
struct Urgent(BTreeMap<&'static str, BTreeMap<String, usize>>);

impl Urgent {
    fn add(&mut self, plan: &OrganisationPlan) {
        for action in plan.actions.iter().filter(|action| is_urgent(action) || action.verb() == Verb::Replace) {
            let kinds = self.0.entry(word(action.verb())).or_default();
            *kinds.entry(action.id.kind.to_string()).or_default() += 1;
        }
    }

    /// `delete 1 Database, 2 PersistentVolumeClaim`, a text a verb.
    fn words(&self) -> Vec<String> {
        let of_verb = |(verb, kinds): (&&str, &BTreeMap<String, usize>)| {
            let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            format!("{verb} {}", kinds.join(", "))
        };
        self.0.iter().map(of_verb).collect()
    }
}
