//! What is said of a value whose form is wrong, once its setting is known.
//!
//! Reading mends the form without knowing what a setting wants: it takes `22h` for an amount and `6:30` for a text. Where the
//! setting says otherwise, its word stands in place of the reader's: one finding a mistake, and none that leads to the next.

use super::arguments::{empty, subject};
use super::check::Check;
use super::language::{EntryShape, Shape};
use super::scalar::{BAD_AMOUNT, ScalarType, amount, mismatch};
use crate::finding::{Applicability, Code, Finding, MUST_BE_QUOTED};
use crate::source::Span;
use crate::syntax::{Node, Scalar, Value};

/// A number with its unit glued to it.
const GLUED_UNIT: Code = Code::new("E0013");
/// An amount in a property.
const AMOUNT_IN_PROPERTY: Code = Code::new("E0014");
/// A word that KDL reserves.
const RESERVED: Code = Code::new("E0015");

/// A finding about the form of a file, as far as those who read its words ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FormMistake {
    span: Span,
    code: Code,
    /// Whether one of its fixes is safe.
    is_safe: bool,
}

impl FormMistake {
    pub(super) fn of(finding: &Finding) -> Self {
        let is_safe = finding.fixes.iter().any(|fix| fix.applicability == Applicability::Safe);
        Self { span: finding.primary.span, code: finding.code, is_safe }
    }

    /// Whether it lies in a span, or begins there.
    pub(super) fn is_within(&self, span: Span) -> bool {
        self.span.start < span.end && span.start < self.span.end.max(self.span.start + 1)
    }

    /// Whether it takes nothing away but the form of a value.
    pub(crate) fn is_of_value(&self) -> bool {
        Finding::is_of_value(self.code)
    }

    /// Whether it is about a value.
    pub(crate) fn is_about(&self, value: &Value) -> bool {
        let starts_in = (value.span.start..value.span.end).contains(&self.span.start);
        let is_around = self.code == AMOUNT_IN_PROPERTY && (self.span.start..self.span.end).contains(&value.span.start);
        self.is_of_value() && (starts_in || is_around)
    }
}

/// What stands in place of a mistake of a value's form, if anything: `said` is what its setting says of the value as a text.
pub(crate) fn in_place_of(mistake: &FormMistake, value: &Value, said: Option<Finding>) -> Option<Finding> {
    if value.scalar == Scalar::Broken {
        return None;
    }
    match said {
        // It is an amount, and the setting wants one of that kind.
        Some(said) if mistake.code == GLUED_UNIT && said.code == BAD_AMOUNT && !said.fixes.is_empty() => None,
        None if matches!(mistake.code, GLUED_UNIT | AMOUNT_IN_PROPERTY) => Some(must_be_quoted(value)),
        None if mistake.code == RESERVED && !mistake.is_safe && value.text != "null" => Some(must_be_quoted(value)),
        said => said,
    }
}

/// The finding about a text that KDL reads as something else where it stands without quotes.
fn must_be_quoted(value: &Value) -> Finding {
    let text = &value.text;
    Finding::error(MUST_BE_QUOTED, format!("`{text}` must stand in quotes"), value.span)
        .why("a text stands here; without quotes, KDL reads a number or a word of its own")
        .fix(Applicability::Safe, "quote it", value.span, format!("{text:?}"))
}

/// Says of the values of a line whose form was wrong what their settings say.
pub(super) fn refit(check: &mut Check<'_>, shape: &Shape, node: &Node, written: &[Value]) {
    let mistakes: Vec<FormMistake> = check.malformed.iter().copied().filter(|one| one.is_within(node.head)).collect();
    let mut line = Line { mistakes, node, said: Vec::new() };
    let mut rest = written.iter();
    for expected in &shape.args {
        let Some(value) = rest.next() else { break };
        let subject = subject(shape, expected, node);
        match expected.kind {
            ScalarType::Amount(_) if line.is_glued(value) => line.value(expected, &subject, value, None),
            ScalarType::Amount(_) => line.value(expected, &subject, value, rest.next()),
            _ => line.value(expected, &subject, value, None),
        }
    }
    let subject = format!("`{}`", node.name.value);
    if let Some(expected) = &shape.rest {
        rest.for_each(|value| line.value(expected, &subject, value, None));
    }
    let known = check.language.props(shape);
    for property in &node.props {
        let name = &property.name.value;
        if let Some(expected) = known.iter().find(|known| known.name == *name) {
            line.value(expected, &format!("`{name}`"), &property.value, None);
        }
    }
    line.said.into_iter().for_each(|finding| check.push(node, finding));
}

/// A line with mistakes of form.
struct Line<'a> {
    mistakes: Vec<FormMistake>,
    node: &'a Node,
    said: Vec<Finding>,
}

impl Line<'_> {
    fn is_glued(&self, value: &Value) -> bool {
        self.mistakes.iter().any(|mistake| mistake.code == GLUED_UNIT && mistake.is_about(value))
    }

    fn value(&mut self, expected: &EntryShape, subject: &str, value: &Value, unit: Option<&Value>) {
        let about = |value: &Value| self.mistakes.iter().find(|mistake| mistake.is_about(value));
        let mistaken = about(value).map(|mistake| (mistake, value));
        let mistaken = mistaken.or_else(|| unit.and_then(|unit| Some((about(unit)?, unit))));
        let said = match expected.kind {
            ScalarType::Amount(dimension) => amount(dimension, subject, value, unit).err().map(|finding| *finding),
            _ => mismatch(&expected.kind, subject, value).or_else(|| empty(expected, self.node, value)),
        };
        self.said.extend(match mistaken {
            Some((mistake, place)) => in_place_of(mistake, place, said),
            // What stands beside a value whose form is wrong reads as it is written.
            None => said.filter(|_| self.mistakes.iter().all(FormMistake::is_of_value)),
        });
    }
}
