//! One policy over the objects of an organisation as they will be applied, whoever wrote what in them.
//!
//! An allowlist, not a list of what is forbidden: a field that parcelle renders nowhere (`schemas/policy/rendered-fields.txt`)
//! and that no hatch may write (`hands`) stands in no object. Of a value that names something, the organisation's
//! [`Grounds`] decide. Each value knows who wrote it: a hatch (`patch`, `object`, `env`) may write less than parcelle does.
//!
//! Pure, and asked three times: of a hatch on its own lines, of rendered objects in a check, and by the guard of plans.

use std::collections::BTreeSet;

use serde_json::Value;

mod grounds;
mod hands;
mod keys;
mod paths;
pub(crate) mod protected;
mod rules;
mod words;

use crate::finding::Code;
pub(crate) use grounds::{AppGrounds, ClusterGrounds, Grounds, Owned};
pub(crate) use rules::amount;
pub(crate) use words::{WritingHatch, of_hatch};

/// A label or annotation that parcelle writes itself.
pub(crate) const IDENTITY: Code = Code::new("E0604");
/// A pod with more rights than ours have.
pub(crate) const WEAKER: Code = Code::new("E0605");
/// A field that parcelle decides.
pub(crate) const RESERVED: Code = Code::new("E0606");
/// A field that no hatch writes.
pub(crate) const UNLISTED: Code = Code::new("E0609");
/// A value that names what is not the organisation's, or not the app's.
pub(crate) const FOREIGN: Code = Code::new("E0610");
/// A label or annotation that others obey.
pub(crate) const OBEYED: Code = Code::new("E0611");
/// A value that takes or gives too much.
pub(crate) const EXCESSIVE: Code = Code::new("E0612");

/// The codes of what the policy refuses.
pub(crate) const CODES: [Code; 7] = [IDENTITY, WEAKER, RESERVED, UNLISTED, FOREIGN, OBEYED, EXCESSIVE];

/// An object as it will be applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinalObject<'a> {
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    /// The app it belongs to; absent for the organisation's own objects.
    pub(crate) app: Option<&'a str>,
    pub(crate) body: &'a Value,
    /// The scalars that a hatch wrote, by JSON pointer.
    pub(crate) by_hand: &'a BTreeSet<String>,
}

/// Why an object may not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The place in the object, as a JSON pointer.
    pub(crate) pointer: String,
    pub(crate) code: Code,
    /// The fact.
    pub(crate) title: String,
    /// The rule that it breaks.
    pub(crate) why: String,
    /// The way out.
    pub(crate) help: String,
    /// Whether something is missing that our own pods have, or a field unknown that no hatch wrote: the renderer's mistake,
    /// not an attack.
    pub(crate) of_renderer: bool,
}

/// Everything in an object that the policy refuses; empty where it may be applied.
pub(crate) fn judge(object: &FinalObject<'_>, grounds: &Grounds) -> Vec<Violation> {
    let mut judged = rules::Judging { object, grounds, violations: Vec::new() };
    rules::check(&mut judged);
    judged.violations
}

/// The violations of an object that its author could have brought about: what the guard of plans refuses.
pub(crate) fn attacks(object: &FinalObject<'_>, grounds: &Grounds) -> Vec<Violation> {
    let mut violations = judge(object, grounds);
    violations.retain(|violation| !violation.of_renderer || !object.by_hand.is_empty());
    violations
}

#[cfg(test)]
mod tests;
