//! What is wrong or doubtful in what people wrote, and the sink that collects it.
//!
//! A finding is not a failure: findings accumulate, all of one run are shown at once; failures are typed errors.

mod code;
mod effect;
mod settle;

pub use code::{Code, page, pages};
pub use effect::Effect;
pub(crate) use effect::Extent;
pub(crate) use settle::MUST_BE_QUOTED;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::name::Name;
use crate::source::{FileId, Sources, Span};

/// The longest text of a finding, in bytes; of a longer one the middle is left out.
const LONGEST_TEXT: usize = 2_000;

/// The most further places of one finding: more than the blocks that may be open at the end of a file.
const MOST_LABELS: usize = 40;

/// How many further places of what is said of many are shown.
const MOST_PLACES: usize = 9;

/// How much a finding weighs. Warnings and hints never stop, freeze or change an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Stops the organisation it is in, and those that use the broken file.
    Error,
    /// Doubtful; stops nothing.
    Warning,
    /// Worth knowing; nothing is wrong.
    Hint,
}

/// A marked place with a few words beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The bytes that are marked.
    pub span: Span,
    /// What stands there, in the user's words; may be empty.
    pub text: String,
}

/// How far a fix may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicability {
    /// Changes nothing but the mistake: `parcelle fix` applies it.
    Safe,
    /// Probably what was meant.
    Guess,
    /// Has a part that a person must fill in.
    NeedsFilling,
}

/// A replacement of the bytes under a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The bytes that go.
    pub(crate) span: Span,
    /// The text that comes.
    pub(crate) replacement: String,
}

/// A way out: edits that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What applying it does, as an instruction: "quote it".
    pub title: String,
    /// How far it may be trusted.
    pub applicability: Applicability,
    /// The edits; they do not overlap.
    pub(crate) edits: Vec<Edit>,
}

/// Something wrong or doubtful in what people wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stable code.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// What it leaves unknown.
    pub(crate) effect: Effect,
    /// The fact in the user's words, lowercase, names in backticks.
    pub title: String,
    /// The place it is about.
    pub primary: Label,
    /// Further places, possibly in other files.
    pub secondary: Vec<Label>,
    /// The rule and the values that broke it.
    pub why: Option<String>,
    /// What to do next; one line each.
    pub help: Vec<String>,
    /// Edits that mend it.
    pub fixes: Vec<Fix>,
    /// The organisation it stops although the primary label lies in a file of no or another organisation.
    pub(crate) stops: Option<Name>,
}

impl Finding {
    /// An error at `span` about something that was read and whose meaning is lost.
    pub fn error(code: Code, title: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Error, Effect::MeaningLost, title.into(), span)
    }

    /// An error at `span` about something that is understood and refused.
    pub(crate) fn refused(code: Code, title: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Error, Effect::MeaningKnown, title.into(), span)
    }

    /// An error at `span` about a text whose form is wrong, which takes so much away.
    pub(crate) fn unreadable(code: Code, extent: Extent, title: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Error, Effect::Unreadable(extent), title.into(), span)
    }

    /// A warning at `span`.
    pub(crate) fn warning(code: Code, title: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Warning, Effect::MeaningKnown, title.into(), span)
    }

    /// A hint at `span`.
    pub(crate) fn hint(code: Code, title: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Hint, Effect::MeaningKnown, title.into(), span)
    }

    fn new(code: Code, severity: Severity, effect: Effect, title: String, span: Span) -> Self {
        let primary = Label { span, text: String::new() };
        Self {
            code,
            severity,
            effect,
            title: cut(title),
            primary,
            secondary: Vec::new(),
            why: None,
            help: Vec::new(),
            fixes: Vec::new(),
            stops: None,
        }
    }

    /// Words beside the primary place.
    #[must_use]
    pub(crate) fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = cut(text.into());
        self
    }

    /// A further place, in any file; of very many the first ones are shown.
    #[must_use]
    pub(crate) fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        if self.secondary.len() < MOST_LABELS {
            self.secondary.push(Label { span, text: cut(text.into()) });
        }
        self
    }

    /// The rule and the values that broke it.
    #[must_use]
    pub fn why(mut self, text: impl Into<String>) -> Self {
        self.why = Some(cut(text.into()));
        self
    }

    /// A line that says what to do next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(cut(text.into()));
        self
    }

    /// A way out as one edit.
    #[must_use]
    pub(crate) fn fix(
        mut self,
        applicability: Applicability,
        title: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
    ) -> Self {
        let edits = vec![Edit { span, replacement: replacement.into() }];
        self.fixes.push(Fix { title: cut(title.into()), applicability, edits });
        self
    }

    /// Names the organisation that this stops.
    #[must_use]
    pub(crate) fn stops(mut self, organisation: Name) -> Self {
        self.stops = Some(organisation);
        self
    }

    /// Says the same of another place, beside those that are shown already.
    fn also_at(&mut self, other: &Label) {
        if self.secondary.len() < MOST_PLACES {
            let says_more = !other.text.is_empty() && other.text != self.primary.text;
            let text = if says_more { other.text.clone() } else { "and here".to_owned() };
            self.secondary.push(Label { span: other.span, text });
        }
    }

    /// Every text of it.
    fn texts(&self) -> impl Iterator<Item = &String> {
        let labels = self.secondary.iter().chain([&self.primary]).map(|label| &label.text);
        let fixes = self.fixes.iter().map(|fix| &fix.title);
        labels.chain(fixes).chain(&self.help).chain(&self.why).chain([&self.title])
    }

    /// The file of the primary place.
    pub fn file(&self) -> FileId {
        self.primary.span.file
    }
}

/// A text without its middle, where it is longer than anybody reads: words that people wrote may have any length.
fn cut(text: String) -> String {
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    let (start, end) =
        (text.floor_char_boundary(LONGEST_TEXT / 2), text.ceil_char_boundary(text.len() - LONGEST_TEXT / 4));
    format!("{} … {}", &text[..start], &text[end..])
}

/// The one sink. Findings come in any order and are read in file order. A copy shares what it holds.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    all: Vec<Arc<Finding>>,
}

impl Findings {
    /// Adds one finding to the sink.
    pub fn push(&mut self, finding: Finding) {
        self.all.push(Arc::new(finding));
    }

    /// Adds all of another sink.
    pub fn extend(&mut self, other: Findings) {
        self.all.extend(other.all);
    }

    /// Adds all of another sink, which keeps them.
    pub(crate) fn extend_from(&mut self, other: &Findings) {
        self.all.extend(other.all.iter().cloned());
    }

    /// Sorts by file, place, code and text, and drops exact repetitions.
    pub fn sort(&mut self) {
        self.all.sort_by(|a, b| (a.primary.span, a.code, &a.title).cmp(&(b.primary.span, b.code, &b.title)));
        self.all.dedup();
    }

    /// Sorts by path, place, code and text, whatever order the files were read in, and drops exact repetitions.
    pub(crate) fn sort_in(&mut self, sources: &Sources) {
        let path = |finding: &Finding| &*sources.file(finding.file()).path;
        self.all.sort_by(|a, b| {
            let place = |finding: &Finding| (finding.primary.span.start, finding.primary.span.end, finding.code);
            (path(a), place(a), &a.title).cmp(&(path(b), place(b), &b.title))
        });
        self.all.dedup();
    }

    /// Of those of a code that say the same of several places keeps the first, with the other places beside it.
    pub(crate) fn join(&mut self, code: Code) {
        let mut joined: Vec<Arc<Finding>> = Vec::with_capacity(self.all.len());
        let mut first_of: BTreeMap<String, usize> = BTreeMap::new();
        for finding in std::mem::take(&mut self.all) {
            if finding.code != code {
                joined.push(finding);
            } else if let Some(first) = first_of.get(&finding.title) {
                Arc::make_mut(&mut joined[*first]).also_at(&finding.primary);
            } else {
                first_of.insert(finding.title.clone(), joined.len());
                joined.push(finding);
            }
        }
        self.all = joined;
    }

    /// Keeps the `most` that weigh most, and one finding in place of the others: `more` is given how many there are, and the
    /// first of the heaviest among them.
    pub(crate) fn limit(&mut self, most: usize, more: impl FnOnce(usize, &Finding) -> Finding) {
        let mut weights: Vec<Severity> = self.iter().map(|finding| finding.severity).collect();
        weights.sort_unstable();
        let Some(least) = weights.get(most).copied() else { return };
        let mut room = most - weights.partition_point(|weight| *weight < least);
        let mut left_out = Vec::new();
        self.all.retain(|finding| {
            let is_kept = finding.severity < least || finding.severity == least && room > 0;
            if finding.severity == least && room > 0 {
                room -= 1;
            } else if !is_kept {
                left_out.push(Arc::clone(finding));
            }
            is_kept
        });
        let first = left_out.iter().min_by_key(|finding| finding.severity).expect("one was over the most");
        self.push(more(left_out.len(), first));
    }

    /// Limits the findings of each file, which lie file by file.
    pub(crate) fn limit_each_file(&mut self, most: usize, more: impl Fn(usize, &Finding) -> Finding) {
        let all = std::mem::take(&mut self.all);
        for of_file in all.chunk_by(|one, other| one.file() == other.file()) {
            let mut of_file = Findings { all: of_file.to_vec() };
            of_file.limit(most, &more);
            self.all.append(&mut of_file.all);
        }
    }

    /// Keeps those for which `keep` says so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Finding) -> bool) {
        self.all.retain(|finding| keep(finding));
    }

    /// Leaves a secret out of every text about a file.
    pub(crate) fn conceal(&mut self, file: FileId, secret: &str) {
        for finding in self.all.iter_mut().filter(|finding| finding.file() == file) {
            if !finding.texts().any(|text| text.contains(secret)) {
                continue;
            }
            let finding = Arc::make_mut(finding);
            let labels = finding.secondary.iter_mut().chain([&mut finding.primary]).map(|label| &mut label.text);
            let fixes = finding.fixes.iter_mut().map(|fix| &mut fix.title);
            let texts =
                labels.chain(fixes).chain(&mut finding.help).chain(&mut finding.why).chain([&mut finding.title]);
            texts.for_each(|text| *text = text.replace(secret, "•••"));
        }
    }

    /// Gives each the weight that `weight` has for it, if any.
    pub(crate) fn weigh(&mut self, weight: impl Fn(&Finding) -> Option<Severity>) {
        for finding in &mut self.all {
            if let Some(weight) = weight(finding).filter(|weight| *weight != finding.severity) {
                Arc::make_mut(finding).severity = weight;
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> Iter<'_> {
        self.all.iter().map(|finding| &**finding)
    }

    /// How many there are of any severity.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none of any severity.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// The findings of a sink, in order.
pub(crate) type Iter<'a> = std::iter::Map<std::slice::Iter<'a, Arc<Finding>>, fn(&'a Arc<Finding>) -> &'a Finding>;
/// The findings of a sink, in order, each by itself.
pub(crate) type IntoIter = std::iter::Map<std::vec::IntoIter<Arc<Finding>>, fn(Arc<Finding>) -> Finding>;

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter().map(Arc::unwrap_or_clone)
    }
}
