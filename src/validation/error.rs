//! One thing that is wrong with a field, in the words of the API server.

use std::fmt::Display;

use serde_json::{Value, json};

use crate::cel::{Broken, RuleReason};

/// Kind of a [`FieldError`], which decides reason and wording of its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldProblem {
    /// The value is wrong; holds the value as printed.
    Invalid(String),
    /// An object or a list breaks a rule of its definition; the value is not printed.
    Unprinted,
    /// The value has the wrong type; holds the value as printed.
    Type(String),
    /// The value is none of those allowed; holds the value as printed.
    Unsupported(String),
    /// Nothing is there.
    Required,
    /// Must not be there, or must not change.
    Forbidden,
    /// Appears twice; holds the value as printed, nothing where it is not printed.
    Duplicate(String),
    /// Points to something that is not there; holds the value as printed.
    NotFound(String),
    /// Longer than allowed.
    TooLong,
    /// More entries than allowed; holds the number found.
    TooMany(usize),
}

/// One thing wrong with one field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) problem: FieldProblem,
    pub(crate) detail: String,
}

/// Value as the real server prints it in an error: strings quoted, maps and lists as JSON.
fn printed(value: &Value) -> String {
    value.to_string()
}

impl FieldError {
    /// The value at `field` is wrong for the reason `detail`.
    pub(crate) fn invalid(field: impl Display, value: &Value, detail: impl Into<String>) -> Self {
        Self::new(field, FieldProblem::Invalid(printed(value)), detail)
    }

    /// The value at `field` is none of `allowed`.
    pub(crate) fn unsupported(field: impl Display, value: &Value, allowed: &[&str]) -> Self {
        let words: Vec<String> = allowed.iter().map(|word| format!("{word:?}")).collect();
        let detail = format!("supported values: {}", words.join(", "));
        Self::new(field, FieldProblem::Unsupported(printed(value)), detail)
    }

    /// Something must stand at `field`; `detail` may be empty.
    pub(crate) fn required(field: impl Display, detail: impl Into<String>) -> Self {
        Self::new(field, FieldProblem::Required, detail)
    }

    /// What stands at `field` must not, or must not change.
    pub(crate) fn forbidden(field: impl Display, detail: impl Into<String>) -> Self {
        Self::new(field, FieldProblem::Forbidden, detail)
    }

    /// The value at `field` appears twice.
    pub(crate) fn duplicate(field: impl Display, value: &Value) -> Self {
        Self::new(field, FieldProblem::Duplicate(printed(value)), "")
    }

    /// The value at `field` names something that is not there.
    pub(crate) fn not_found(field: impl Display, value: &Value) -> Self {
        Self::new(field, FieldProblem::NotFound(printed(value)), "")
    }

    pub(crate) fn new(field: impl Display, problem: FieldProblem, detail: impl Into<String>) -> Self {
        Self { field: field.to_string(), problem, detail: detail.into() }
    }

    /// The error of a rule in CEL that does not hold.
    pub(super) fn of_rule(broken: &Broken) -> Self {
        let field = if broken.path.is_empty() { "<nil>" } else { &broken.path };
        let shown = broken.shown.as_ref().map(printed);
        let (problem, detail) = match broken.reason {
            RuleReason::Invalid => {
                (shown.map_or(FieldProblem::Unprinted, FieldProblem::Invalid), broken.detail.as_str())
            }
            RuleReason::Forbidden => (FieldProblem::Forbidden, broken.detail.as_str()),
            RuleReason::Required => (FieldProblem::Required, broken.detail.as_str()),
            RuleReason::Duplicate => (FieldProblem::Duplicate(shown.unwrap_or_default()), ""),
        };
        Self::new(field, problem, detail)
    }

    /// Whether the rules of a definition are not asked because of this.
    pub(crate) fn hides_rules(&self) -> bool {
        use FieldProblem::{Required, TooLong, TooMany, Type, Unsupported};
        matches!(self.problem, Unsupported(_) | Required | TooLong | TooMany(_) | Type(_))
    }

    fn reason(&self) -> &'static str {
        match self.problem {
            FieldProblem::Invalid(_) | FieldProblem::Unprinted => "FieldValueInvalid",
            FieldProblem::Type(_) => "FieldValueTypeInvalid",
            FieldProblem::Unsupported(_) => "FieldValueNotSupported",
            FieldProblem::Required => "FieldValueRequired",
            FieldProblem::Forbidden => "FieldValueForbidden",
            FieldProblem::Duplicate(_) => "FieldValueDuplicate",
            FieldProblem::NotFound(_) => "FieldValueNotFound",
            FieldProblem::TooLong => "FieldValueTooLong",
            FieldProblem::TooMany(_) => "FieldValueTooMany",
        }
    }

    /// The words of the message behind the field: `Too long: may not be more than 63 bytes`.
    pub(crate) fn body(&self) -> String {
        let head = match &self.problem {
            FieldProblem::Invalid(value) | FieldProblem::Type(value) => {
                format!("Invalid value: {value}")
            }
            FieldProblem::Unprinted => "Invalid value".to_owned(),
            FieldProblem::Unsupported(value) => format!("Unsupported value: {value}"),
            FieldProblem::Required => "Required value".to_owned(),
            FieldProblem::Forbidden => "Forbidden".to_owned(),
            FieldProblem::Duplicate(value) if value.is_empty() => "Duplicate value".to_owned(),
            FieldProblem::Duplicate(value) => format!("Duplicate value: {value}"),
            FieldProblem::NotFound(value) => format!("Not found: {value}"),
            FieldProblem::TooLong => "Too long".to_owned(),
            FieldProblem::TooMany(count) => format!("Too many: {count}"),
        };
        if self.detail.is_empty() { head } else { format!("{head}: {}", self.detail) }
    }

    /// A cause of a `Status`.
    pub(crate) fn cause(&self) -> Value {
        json!({"reason": self.reason(), "message": self.body(), "field": self.field})
    }
}
