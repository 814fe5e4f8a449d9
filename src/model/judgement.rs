//! What a garden says of findings themselves: `allow CODE "reason"` accepts a doubt, `severity CODE WEIGHT` weighs it.
//!
//! What is wrong stays wrong: only doubts (`W…`), and texts that merely look like secrets, can be accepted.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::finding::{Applicability, Code, Finding, Findings, Severity};
use crate::model::rules::secrets::LOOKS_SECRET;
use crate::schema::Checked;
use crate::source::Span;
use crate::syntax::Node;

/// A finding that is no matter of opinion.
pub const NO_DOUBT: Code = Code("E0420");
/// An `allow` that allows nothing.
pub const ALLOWS_NOTHING: Code = Code("W0106");

/// Everything that the garden says of findings.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    accepted: Vec<Accepted>,
    weights: BTreeMap<String, Severity>,
}

/// One `allow`.
#[derive(Clone, Debug)]
struct Accepted {
    code: String,
    /// The node that it is about; the whole garden where absent.
    within: Option<Span>,
    /// Its own node.
    place: Span,
    used: bool,
}

impl Judgement {
    /// Reads every `allow` and `severity` of the files; one about what is no doubt is a finding.
    pub(super) fn read(files: &[Arc<Checked>], findings: &mut Findings) -> Self {
        let mut judgement = Self::default();
        for file in files.iter().filter(|file| file.readable()) {
            for node in &file.document.nodes {
                judgement.node(file, node, findings);
            }
        }
        judgement
    }

    fn node(&mut self, file: &Checked, node: &Node, findings: &mut Findings) {
        let is_garden = node.name.value == "garden";
        for said in node.children.iter().filter(|child| !file.is_broken(child)) {
            let Some(code) = said.arg(0).map(|code| code.text.clone()) else { continue };
            match said.name.value.as_str() {
                // The `allow` of an offer is about escape hatches.
                "allow" if node.name.value != "offer" => {
                    if is_acceptable(&code) {
                        let within = (!is_garden).then_some(node.span);
                        self.accepted.push(Accepted { code, within, place: said.head, used: false });
                    } else {
                        findings.push(no_doubt(&code, "allowed", said));
                    }
                }
                "severity" if is_garden => {
                    let weight = said.arg(1).and_then(|word| severity(&word.text));
                    if code.starts_with('W') {
                        self.weights.extend(weight.map(|weight| (code, weight)));
                    } else {
                        findings.push(no_doubt(&code, "weighed", said));
                    }
                }
                "app" | "retired" => self.node(file, said, findings),
                _ => {}
            }
        }
    }

    /// Takes away what is allowed and weighs the rest.
    pub fn apply(&mut self, findings: &mut Findings) {
        findings.retain_mut(|finding| {
            if let Some(weight) = self.weights.get(finding.code.0) {
                finding.severity = *weight;
            }
            let place = finding.primary.span;
            let covers = |accepted: &&mut Accepted| {
                let inside = |span: Span| span.file == place.file && span.start <= place.start && place.end <= span.end;
                accepted.code == finding.code.0 && accepted.within.is_none_or(inside)
            };
            let accepted = self.accepted.iter_mut().find(covers);
            accepted.map(|accepted| accepted.used = true).is_none()
        });
    }

    /// Tells of each `allow` that allowed nothing; `is_known` says which codes there are.
    pub fn tell_of_unused(&self, is_known: impl Fn(&str) -> bool, findings: &mut Findings) {
        for unused in self.accepted.iter().filter(|accepted| !accepted.used) {
            let code = &unused.code;
            let title = if is_known(code) {
                format!("`allow {code}` allows nothing: there is no such finding here any more")
            } else {
                format!("`allow {code}` allows nothing: no finding is called `{code}`")
            };
            let finding = Finding::warning(ALLOWS_NOTHING, title, unused.place)
                .why("it would hide the next one of its kind, for a reason that is not its own")
                .fix(Applicability::Safe, "take it away", unused.place, "");
            findings.push(finding);
        }
    }
}

fn is_acceptable(code: &str) -> bool {
    code.starts_with('W') || code == LOOKS_SECRET.0
}

fn severity(word: &str) -> Option<Severity> {
    Some(match word {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "hint" => Severity::Hint,
        _ => return None,
    })
}

fn no_doubt(code: &str, done: &str, said: &Node) -> Finding {
    let place = said.arg(0).map_or(said.head, |code| code.span);
    Finding::error(NO_DOUBT, format!("`{code}` cannot be {done}: it is no doubt"), place)
        .why(format!("codes that begin with `W` are doubts; besides them only `{}` can be allowed", LOOKS_SECRET.0))
        .help(format!("mend what `parcelle explain {code}` describes"))
}
