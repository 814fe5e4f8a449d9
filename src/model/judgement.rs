//! What a garden says of findings themselves: `allow CODE "reason"` accepts a doubt, `severity CODE WEIGHT` weighs it.
//!
//! What is wrong stays wrong: only doubts, and texts that merely look like secrets, can be accepted.

use std::collections::BTreeMap;

use crate::finding::{Applicability, Code, Finding, Findings, Severity};
use crate::schema::CheckedFile;
use crate::source::{FileId, Span};
use crate::syntax::Node;

/// A value that looks like a secret: of what is wrong, the one thing that can be accepted.
pub(crate) const LOOKS_SECRET: Code = Code::new("E0701");
/// A finding that is no matter of opinion.
pub(crate) const NO_DOUBT: Code = Code::new("E0420");
/// An `allow` that allows nothing.
pub(crate) const ALLOWS_NOTHING: Code = Code::new("W0106");

/// Everything that the garden says of findings.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    accepted: Vec<Accepted>,
    /// Where those about the whole garden stand among the accepted, by code: the first of each.
    anywhere: BTreeMap<Code, usize>,
    /// Where those about a node stand among the accepted, by its file.
    inside: BTreeMap<FileId, Vec<usize>>,
    /// The same of each code.
    about: BTreeMap<(FileId, Code), Vec<usize>>,
    weights: BTreeMap<Code, Severity>,
}

#[derive(Clone, Debug)]
struct Accepted {
    /// What it allows; `None` where no finding is called as it says.
    code: Option<Code>,
    /// The code as a person wrote it.
    written: String,
    /// The node that it is about; the whole garden where absent.
    within: Option<Span>,
    /// Its own node.
    place: Span,
    used: bool,
}

/// What one file says of findings.
#[derive(Debug, Default)]
pub(super) struct FileJudgement {
    accepted: Vec<Accepted>,
    weights: Vec<(Code, Severity)>,
    /// About lines that concern what is no doubt, or no finding at all.
    pub(super) found: Findings,
}

impl FileJudgement {
    /// Reads every `allow` and `severity` of a file; one about what is no doubt is a finding.
    pub(super) fn of(file: &CheckedFile) -> Self {
        let mut said = Self::default();
        file.document.nodes.iter().filter(|_| file.readable()).for_each(|node| said.node(file, node));
        said
    }

    fn node(&mut self, file: &CheckedFile, node: &Node) {
        let is_garden = node.name.value == "garden";
        for said in node.children.iter().filter(|child| !file.is_broken(child)) {
            let Some(written) = said.arg(0).map(|code| &code.text) else { continue };
            let code = Code::written(written);
            match said.name.value.as_str() {
                // The `allow` of an offer is about escape hatches.
                "allow" if node.name.value != "offer" => {
                    if let Some(code) = code.filter(|code| !is_acceptable(*code)) {
                        self.found.push(no_doubt(code, "allowed", said));
                    } else {
                        let within = (!is_garden).then_some(node.span);
                        let (written, place) = (written.clone(), said.head);
                        self.accepted.push(Accepted { code, written, within, place, used: false });
                    }
                }
                "severity" if is_garden => {
                    let weight = said.arg(1).and_then(|word| severity(&word.text));
                    match code {
                        None => self.found.push(weighs_nothing(written, said.head)),
                        Some(code) if code.is_doubt() => self.weights.extend(weight.map(|weight| (code, weight))),
                        Some(code) => self.found.push(no_doubt(code, "weighed", said)),
                    }
                }
                "app" | "retired" => self.node(file, said),
                _ => {}
            }
        }
    }
}

impl Judgement {
    /// What all files say together; what is wrong with it goes to `findings`.
    pub(super) fn of<'a>(files: impl Iterator<Item = &'a FileJudgement>, findings: &mut Findings) -> Self {
        let mut judgement = Self::default();
        for said in files {
            findings.extend_from(&said.found);
            said.accepted.iter().for_each(|accepted| judgement.accept(accepted));
            judgement.weights.extend(said.weights.iter().copied());
        }
        judgement
    }

    fn accept(&mut self, accepted: &Accepted) {
        let at = self.accepted.len();
        match accepted.within {
            None => drop(accepted.code.map(|code| self.anywhere.entry(code).or_insert(at))),
            Some(span) => {
                self.inside.entry(span.file).or_default().push(at);
                let about = accepted.code.map(|code| self.about.entry((span.file, code)).or_default());
                about.into_iter().for_each(|about| about.push(at));
            }
        }
        self.accepted.push(accepted.clone());
    }

    /// What is allowed about a node around a place: each code as it is written, and its line.
    pub(crate) fn allowed_around(&self, place: Span) -> impl Iterator<Item = (&str, Span)> {
        let inside = self.inside.get(&place.file).into_iter().flatten().map(|at| &self.accepted[*at]);
        let around = move |within: Span| within.start <= place.start && place.end <= within.end;
        let here = inside.filter(move |accepted| accepted.within.is_some_and(around));
        here.map(|accepted| (&*accepted.written, accepted.place))
    }

    /// Takes away what is allowed and weighs the rest.
    pub(crate) fn apply(&mut self, findings: &mut Findings) {
        if !self.weights.is_empty() {
            findings.weigh(|finding| self.weights.get(&finding.code).copied());
        }
        if !self.accepted.is_empty() {
            findings.retain(|finding| match self.first_about(finding) {
                None => true,
                Some(at) => {
                    self.accepted[at].used = true;
                    false
                }
            });
        }
    }

    /// The first `allow` that covers a finding.
    fn first_about(&self, finding: &Finding) -> Option<usize> {
        let place = finding.primary.span;
        let covers = |at: &usize| {
            let inside = |span: Span| span.start <= place.start && place.end <= span.end;
            self.accepted[*at].within.is_some_and(inside)
        };
        let about = self.about.get(&(place.file, finding.code));
        let inside = about.and_then(|all| all.iter().copied().find(covers));
        inside.into_iter().chain(self.anywhere.get(&finding.code).copied()).min()
    }

    /// Tells of each `allow` that allowed nothing.
    pub(crate) fn tell_of_unused(&self, findings: &mut Findings) {
        for unused in self.accepted.iter().filter(|accepted| !accepted.used) {
            let written = &unused.written;
            let title = match unused.code {
                Some(_) => format!("`allow {written}` allows nothing: there is no such finding here any more"),
                None => format!("`allow {written}` allows nothing: no finding is called `{written}`"),
            };
            let finding = Finding::warning(ALLOWS_NOTHING, title, unused.place)
                .why("it would hide the next one of its kind, for a reason that is not its own")
                .fix(Applicability::Safe, "take it away", unused.place, "");
            findings.push(finding);
        }
    }
}

fn is_acceptable(code: Code) -> bool {
    code.is_doubt() || code == LOOKS_SECRET
}

fn weighs_nothing(written: &str, place: Span) -> Finding {
    let title = format!("`severity {written}` weighs nothing: no finding is called `{written}`");
    Finding::warning(ALLOWS_NOTHING, title, place)
        .why("somebody meant another finding, and that one weighs what it always did")
        .fix(Applicability::Safe, "take it away", place, "")
}

fn severity(word: &str) -> Option<Severity> {
    Some(match word {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "hint" => Severity::Hint,
        _ => return None,
    })
}

fn no_doubt(code: Code, done: &str, said: &Node) -> Finding {
    let place = said.arg(0).map_or(said.head, |code| code.span);
    Finding::refused(NO_DOUBT, format!("`{code}` cannot be {done}: it is no doubt"), place)
        .why(format!("codes that begin with `W` are doubts; besides them only `{LOOKS_SECRET}` can be allowed"))
        .help(format!("mend what `parcelle explain {code}` describes"))
}
