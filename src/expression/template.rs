//! Strings with holes.

use super::budget::work_of_text;
use super::evaluate::{Environment, evaluate};
use super::parser::{TextPosition, parse_at};
use super::{Expression, Piece, Scope, Segment, Template, Text, Type, Value, check};
use crate::finding::{Code, Finding, Findings};
use crate::source::Span;

const UNCLOSED: Code = Code::new("E0504");
const NO_TEXT: Code = Code::new("E0509");

/// The most findings about one string; the holes behind them are not read.
const MOST_FINDINGS: usize = 20;

/// Parses a string of a definition: `${…}` are holes, `$${` is a literal `${`. A hole that is no expression is a
/// finding and is left out. `span` is where the string stands, quotes included.
pub(crate) fn parse_template(text: &str, span: Span, findings: &mut Findings) -> Template {
    let place = TextPosition::of(text, span);
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let (mut at, told) = (0, findings.len());
    while let Some(offset) = text[at..].find("${").filter(|_| findings.len() < told + MOST_FINDINGS) {
        let start = at + offset;
        if text[..start].ends_with('$') && start > at {
            literal.push_str(&text[at..start]);
            literal.push('{');
            at = start + 2;
            continue;
        }
        literal.push_str(&text[at..start]);
        let Some(end) = end_of_hole(text, start + 2) else {
            findings.push(
                Finding::error(UNCLOSED, "`${` is never closed", place.span(start..start + 2))
                    .help("close it with `}`, or write `$${` for a literal `${`"),
            );
            at = text.len();
            break;
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        match parse_at(&text[start + 2..end], &place.part(start + 2..end)) {
            Ok(expression) => pieces.push(Piece::Hole(expression)),
            Err(finding) => findings.push(*finding),
        }
        at = end + 1;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Template { pieces, span }
}

/// The closing brace of a hole that starts at `from`; braces inside texts do not count.
fn end_of_hole(text: &str, from: usize) -> Option<usize> {
    let mut in_text = false;
    let mut escaped = false;
    for (offset, byte) in text[from..].bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'\'' => in_text = !in_text,
            b'}' if !in_text => return Some(from + offset),
            _ => {}
        }
    }
    None
}

impl Template {
    /// A string without holes.
    pub(crate) fn literal(text: &str, span: Span) -> Self {
        let pieces = if text.is_empty() { Vec::new() } else { vec![Piece::Literal(text.to_owned())] };
        Self { pieces, span }
    }

    /// The text, where there is no hole.
    pub(crate) fn as_literal(&self) -> Option<&str> {
        match &self.pieces[..] {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The one hole that is the whole string.
    pub(crate) fn as_hole(&self) -> Option<&Expression> {
        match &self.pieces[..] {
            [Piece::Hole(expression)] => Some(expression),
            _ => None,
        }
    }

    /// The type: that of the hole where it is the whole string, otherwise text. A secret inside a text makes it
    /// [`Type::Secret`]; whether that is allowed is the caller's question.
    ///
    /// # Errors
    /// The finding of the first hole that does not type, or has no spelling inside a text (`E0509`).
    pub(crate) fn check(&self, scope: &Scope) -> Result<Type, Box<Finding>> {
        if let Some(hole) = self.as_hole() {
            return check(hole, scope);
        }
        let mut kind = Type::Text;
        for piece in &self.pieces {
            let Piece::Hole(hole) = piece else { continue };
            match check(hole, scope)? {
                Type::Secret => kind = Type::Secret,
                found @ (Type::List(_) | Type::Map(_) | Type::Object(_)) => {
                    return Err(Box::new(no_text(hole, &found)));
                }
                _ => {}
            }
        }
        Ok(kind)
    }

    /// The string in pieces: adjacent text is one segment and keeps its taint.
    pub(crate) fn evaluate(&self, environment: &Environment) -> Vec<Segment> {
        let mut segments = Segments::default();
        for piece in &self.pieces {
            let value = match piece {
                Piece::Literal(text) => {
                    if environment.budget().spend(work_of_text(text.len()), self.span) {
                        segments.push(text, false);
                    }
                    continue;
                }
                Piece::Hole(hole) => evaluate(hole, environment),
            };
            if let Value::Secret(secret) = value {
                segments.close();
                segments.done.push(Segment::Secret(secret));
            } else if let Some(text) = as_text(&value)
                && environment.budget().spend(work_of_text(text.text.len()), hole_span(piece, self.span))
            {
                segments.push(&text.text, text.from_garden);
            }
        }
        segments.close();
        segments.done
    }

    /// The value: a hole that is the whole string keeps its type, otherwise it is a text (secrets left out).
    pub(crate) fn evaluate_value(&self, environment: &Environment) -> Value {
        match self.as_hole() {
            Some(hole) => evaluate(hole, environment),
            None => Value::Text(self.evaluate_text(environment)),
        }
    }

    /// The string as one text. Secrets are left out: where they are allowed, use [`Template::evaluate`].
    pub(crate) fn evaluate_text(&self, environment: &Environment) -> Text {
        let (mut whole, mut from_garden) = (String::new(), false);
        for segment in self.evaluate(environment) {
            if let Segment::Text(text) = segment {
                whole.push_str(&text.text);
                from_garden |= text.from_garden;
            }
        }
        Text { text: whole.into(), from_garden }
    }
}

fn hole_span(piece: &Piece, string: Span) -> Span {
    match piece {
        Piece::Hole(hole) => hole.span,
        Piece::Literal(_) => string,
    }
}

/// The segments of a string so far, the last text among them still open.
#[derive(Default)]
struct Segments {
    done: Vec<Segment>,
    text: String,
    from_garden: bool,
}

impl Segments {
    fn push(&mut self, text: &str, from_garden: bool) {
        self.text.push_str(text);
        self.from_garden |= from_garden && !text.is_empty();
    }

    /// Ends the open text.
    fn close(&mut self) {
        let (text, from_garden) = (std::mem::take(&mut self.text), std::mem::take(&mut self.from_garden));
        if !text.is_empty() {
            self.done.push(Segment::Text(Text { text: text.into(), from_garden }));
        }
    }
}

/// The finding that a list or a group has no spelling as text.
pub(crate) fn no_text(hole: &Expression, found: &Type) -> Finding {
    let what = match found {
        Type::List(_) => "a list",
        Type::Map(_) => "a map",
        _ => "a group of fields",
    };
    let finding = Finding::error(NO_TEXT, format!("`{}` is {what} and has no one spelling", hole.text), hole.span)
        .why("here stands a text");
    match found {
        Type::List(_) => finding.help(format!("write `${{join({}, ' ')}}`", hole.text)),
        _ => finding.help("name one of its fields"),
    }
}

/// The spelling of a scalar inside a text: amounts as Kubernetes writes them.
pub(crate) fn as_text(value: &Value) -> Option<Text> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value) => Some(Text::own(if *value { "true" } else { "false" })),
        Value::Int(value) => Some(Text::own(&value.to_string())),
        Value::Quantity(quantity) => Some(Text::own(&quantity.canonical())),
        Value::Absent | Value::Secret(_) | Value::List(_) | Value::Map(_) => None,
    }
}
