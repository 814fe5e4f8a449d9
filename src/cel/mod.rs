//! Rules that definitions of custom kinds write in CEL (`x-kubernetes-validations`), judged as the API server does.
//!
//! kube brings the language (its `cel` feature: parser, functions, estimate of costs); here is what lies between it and the
//! server: values by the types of a schema, old values beside new ones, paths and words of errors, and what an evaluation
//! may cost. Nothing here panics or hangs, whatever a definition says: an expression that is too long, too deep or
//! unknown is left to the server, and one that costs too much ends where the server's evaluation would.

use serde_json::Value as Json;

mod admission;
mod convert;
mod definitions;
mod escape;
mod evaluate;
mod functions;
mod judge;
mod macros;
mod nodes;
mod numbers;
mod patterns;
mod program;
mod structure;
#[cfg(test)]
mod tests;
mod url;
mod values;

pub(crate) use admission::{AdmissionExpression, AdmissionNames};
pub(crate) use definitions::DefinitionRules;
pub(crate) use nodes::RuleReason;
pub(crate) use patterns::compiled as pattern;

/// The most that the evaluation of one expression may cost: `PerCallLimit` of the API server
/// (`staging/src/k8s.io/apiserver/pkg/apis/cel/config.go`).
const PER_CALL_LIMIT: u64 = 1_000_000;
/// The most that all expressions of one object may cost: `RuntimeCELCostBudget`, in the same file.
const RUNTIME_COST_BUDGET: u64 = 10_000_000;
/// The longest message that an expression may give, in bytes: `MaxEvaluatedMessageExpressionSizeBytes`, in the same file.
const LONGEST_MESSAGE: usize = 5 << 10;

/// The rules of one version of a definition. Expressions are compiled when they are first needed, and kept.
#[derive(Debug)]
pub(crate) struct Rules {
    root: nodes::RuleNode,
}

/// What the rules say of an object.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct RuleJudgement {
    /// Rules that do not hold, or whose evaluation is an error: the server refuses the object.
    pub(crate) broken: Vec<Broken>,
    /// Rules that do not hold for a value that is as it was: the server warns.
    pub(crate) as_before: Vec<Broken>,
    /// Rules of which nothing is known here: what the server says of them is seen when it is asked.
    pub(crate) left: Vec<Left>,
}

/// A rule that an object breaks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broken {
    /// The field as the server names it: `spec.paths[0]`; empty for the object itself.
    pub(crate) path: String,
    /// The field as a JSON pointer.
    pub(crate) pointer: String,
    pub(crate) reason: RuleReason,
    /// The value that the server shows; none for objects and lists.
    pub(crate) shown: Option<Json>,
    /// The rule's own message.
    pub(crate) detail: String,
    /// Whether it is what the evaluation cost that the server refuses.
    pub(crate) over_budget: bool,
}

/// A rule that cannot be evaluated here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Left {
    /// The rule's message, or the rule.
    pub(crate) rule: String,
    /// Why it cannot be.
    pub(crate) why: String,
}

impl Rules {
    /// Reads the rules of a schema (`openAPIV3Schema`); `None` where it has none.
    pub(crate) fn read(schema: &Json) -> Option<Self> {
        let root = nodes::RuleNode::read(schema, schema, true, 0, &mut nodes::Programs::default())?;
        Some(Self { root })
    }

    /// Judges an object as it would be stored; `old` is what is stored now.
    pub(crate) fn judge(&self, object: &Json, old: Option<&Json>) -> RuleJudgement {
        judge::judge(&self.root, object, old)
    }
}
