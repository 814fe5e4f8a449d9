//! The check of a node's line: arguments and properties.

use std::collections::BTreeMap;

use crate::finding::{Applicability, Code, Finding};
use crate::schema::check::{Check, TWICE, called};
use crate::schema::language::{EntryShape, Shape};
use crate::schema::scalar::{MALFORMED, NOT_AN_OPTION, ScalarType, amount, mismatch};
use crate::schema::suggest::{either, nearest, without_capitals};
use crate::syntax::{Node, Value};

/// The longest title, reason or the like, in bytes.
const LONGEST_TEXT: usize = 10_000;

/// An argument or property that must be there is not.
pub(crate) const MISSING: Code = Code::new("E0104");
/// More arguments than belong there.
pub(crate) const SUPERFLUOUS: Code = Code::new("E0105");
/// A property that does not stand on that line.
pub(crate) const UNKNOWN_PROPERTY: Code = Code::new("E0106");

/// Checks arguments and properties; the shape that the block has, or none where that cannot be told. Of a line whose
/// form was wrong only the shape is told.
pub(super) fn check_line<'a>(
    check: &mut Check<'a>,
    shape: &'a Shape,
    node: &Node,
    malformed: bool,
) -> Option<&'a Shape> {
    let forms = check.language.forms(shape);
    if malformed {
        let word = node.arg(0).map(|first| first.text.as_str());
        let form = || forms.iter().find(|(form, _)| Some(form.as_str()) == word).map(|(_, form)| form);
        return if forms.is_empty() { Some(shape) } else { form() };
    }
    if forms.is_empty() {
        arguments(check, shape, node, &node.args);
        properties(check, shape, node);
        return Some(shape);
    }
    let form = form(check, &forms, node)?;
    arguments(check, form, node, &node.args[1..]);
    properties(check, form, node);
    Some(form)
}

fn form<'a>(check: &mut Check<'_>, forms: &[&'a (String, Shape)], node: &Node) -> Option<&'a Shape> {
    let words = || forms.iter().map(|(word, _)| word.as_str());
    let name = &node.name.value;
    let Some(first) = node.arg(0) else {
        let finding = Finding::error(MISSING, format!("`{name}` does not say which"), node.head)
            .help(format!("write {} after it", either(words())));
        check.push(node, finding);
        return None;
    };
    let found = forms.iter().find(|(word, _)| *word == first.text).map(|(_, form)| form);
    if found.is_none() {
        let finding = Finding::error(NOT_AN_OPTION, format!("`{name}` cannot be `{}`", first.text), first.span);
        let finding = match nearest(&first.text, words()) {
            Some(word) => finding.label(format!("did you mean `{word}`?")).fix(
                Applicability::Guess,
                format!("write `{word}`"),
                first.span,
                word,
            ),
            None => finding,
        };
        check.push(node, finding.help(format!("it is {}", either(words()))));
    }
    found
}

fn arguments(check: &mut Check<'_>, shape: &Shape, node: &Node, written: &[Value]) {
    let mut rest = written;
    for expected in &shape.args {
        let Some((first, after)) = rest.split_first() else {
            if expected.required {
                let finding = missing_argument(shape, expected, node);
                check.push(node, finding);
            }
            return;
        };
        let subject = subject(shape, expected, node);
        rest = after;
        if let ScalarType::Amount(dimension) = expected.kind {
            let unit = rest.first();
            if let Err(finding) = amount(dimension, &subject, first, unit) {
                check.push(node, *finding);
                // Whether the second word is the unit cannot be told; a cascade helps nobody.
                return;
            }
            rest = &rest[1..];
        } else if let Some(finding) = mismatch(&expected.kind, &subject, first)
            .or_else(|| empty(expected, node, first))
            .or_else(|| too_long(expected, node, first))
        {
            check.push(node, finding);
        }
    }
    match &shape.rest {
        Some(expected) => further(check, expected, node, rest),
        None if !rest.is_empty() => {
            let finding = superfluous(check, shape, node, rest);
            check.push(node, finding);
        }
        None => {}
    }
}

fn further(check: &mut Check<'_>, expected: &EntryShape, node: &Node, rest: &[Value]) {
    if rest.is_empty() && expected.required {
        let title = format!("`{}` names no {}", node.name.value, expected.name);
        let finding = Finding::error(MISSING, title, node.head);
        check.push(node, finding.help(format!("write {} after it", expected.kind.describe())));
    }
    let mut seen: BTreeMap<&str, &Value> = BTreeMap::new();
    for value in rest {
        let first = seen.entry(&value.text).or_insert(value);
        if first.span != value.span && expected.kind != ScalarType::Template {
            let finding = said_twice(&node.name.value, value, first);
            check.push(node, finding);
        }
        if let Some(finding) = mismatch(&expected.kind, &format!("`{}`", node.name.value), value) {
            check.push(node, finding);
        }
    }
}

/// The finding about a title, a reason or the like that nobody reads: it stands with every object that it is about.
fn too_long(expected: &EntryShape, node: &Node, value: &Value) -> Option<Finding> {
    let is_long = expected.kind == ScalarType::Text && value.text.len() > LONGEST_TEXT;
    is_long.then(|| {
        let name = &node.name.value;
        Finding::error(MALFORMED, format!("the {} of `{name}` is too long", expected.name), value.span)
            .why(format!("it has {} bytes, and at most {LONGEST_TEXT}", value.text.len()))
            .help("write what people read")
    })
}

/// The finding about a text without a letter in it.
fn empty(expected: &EntryShape, node: &Node, value: &Value) -> Option<Finding> {
    let is_empty = expected.kind == ScalarType::Text && expected.required && value.text.trim().is_empty();
    is_empty.then(|| {
        let name = &node.name.value;
        let finding = Finding::error(MALFORMED, format!("the {} of `{name}` is empty", expected.name), value.span);
        finding.help(match &expected.about {
            Some(about) => format!("write it: {about}"),
            None => format!("write {}", expected.kind.describe()),
        })
    })
}

/// The finding about a word that a list holds already.
pub(crate) fn said_twice(list: &str, again: &Value, first: &Value) -> Finding {
    Finding::error(TWICE, format!("`{list}` says `{}` twice", again.text), again.span)
        .label("again")
        .also(first.span, "first here")
        .help("keep one of them")
}

fn missing_argument(shape: &Shape, expected: &EntryShape, node: &Node) -> Finding {
    let finding = Finding::error(MISSING, format!("{} lacks its {}", called(node), expected.name), node.head);
    match &shape.example {
        Some(example) => finding.help(format!("write it as `{example}`")),
        None => finding.help(format!("write {} after it", expected.kind.describe())),
    }
}

fn superfluous(check: &Check<'_>, shape: &Shape, node: &Node, rest: &[Value]) -> Finding {
    let extra = &rest[0];
    let span = extra.span.to(rest[rest.len() - 1].span);
    let finding = Finding::error(SUPERFLUOUS, format!("`{}` has a word too many", node.name.value), span);
    let word = extra.text.as_str();
    if check.language.props(shape).iter().any(|prop| prop.name == word) {
        return finding.help(format!("`{word}` wants a value: `{word}=…`"));
    }
    if check.language.node(shape, word).is_some() {
        return finding.help(format!("`{word}` stands in its block: `{} {{ {word} … }}`", node.name.value));
    }
    let quotable = shape.args.last().is_some_and(|arg| arg.kind == ScalarType::Text);
    if quotable && node.args.iter().all(|value| !value.quoted) {
        let words: Vec<&str> = node.args[shape.args.len() - 1..].iter().map(|value| value.text.as_str()).collect();
        let quoted = format!("{:?}", words.join(" "));
        let from = node.args[shape.args.len() - 1].span;
        return finding.help("a text of several words stands in quotes").fix(
            Applicability::Guess,
            "put it in quotes",
            from.to(span),
            quoted,
        );
    }
    match &shape.example {
        Some(example) => finding.help(format!("write it as `{example}`")),
        None => finding.help("take it away"),
    }
}

fn properties(check: &mut Check<'_>, shape: &Shape, node: &Node) {
    let known = check.language.props(shape);
    let mut unknown = false;
    for (at, property) in node.props.iter().enumerate() {
        let name = property.name.value.as_str();
        let expected = known.iter().find(|prop| prop.name == name);
        unknown |= expected.is_none();
        let finding = match expected {
            Some(expected) => mismatch(&expected.kind, &format!("`{name}`"), &property.value),
            None => Some(unknown_property(check, shape, node, at)),
        };
        if let Some(finding) = finding {
            check.push(node, finding);
        }
    }
    // What is missing may be what an unknown word was meant as.
    let told = unknown || node.args.is_empty() && shape.args.iter().any(|arg| arg.required);
    if !told && node.props.is_empty() && says_nothing(check, shape, node) {
        let finding = Finding::error(MISSING, format!("`{}` says nothing", node.name.value), node.head);
        let example = shape.example.as_ref().map(|example| format!("write it as `{example}`, or take it away"));
        check.push(node, finding.help(example.unwrap_or_else(|| "take it away".to_owned())));
        return;
    }
    for expected in known.iter().filter(|prop| !told && prop.required && node.prop(&prop.name).is_none()) {
        let finding = Finding::error(MISSING, format!("{} lacks `{}=`", called(node), expected.name), node.head);
        let finding = match &shape.example {
            Some(example) => finding.help(format!("write it as `{example}`")),
            None => finding.help(format!("add `{}=` with {}", expected.name, expected.kind.describe())),
        };
        check.push(node, finding);
    }
}

/// Whether a node that only has properties has none, so that it means nothing.
fn says_nothing(check: &Check<'_>, shape: &Shape, node: &Node) -> bool {
    let only_props = shape.args.is_empty() && shape.rest.is_none() && check.language.nodes(shape).is_empty();
    only_props
        && check.language.open(shape).is_none()
        && !check.language.props(shape).is_empty()
        && node.args.is_empty()
}

fn unknown_property(check: &Check<'_>, shape: &Shape, node: &Node, at: usize) -> Finding {
    let property = &node.props[at];
    let name = property.name.value.as_str();
    let title = format!("`{name}=` does not stand on the line of `{}`", node.name.value);
    let finding = Finding::error(UNKNOWN_PROPERTY, title, property.name.span);
    let known = check.language.props(shape);
    if check.language.node(shape, name).is_some() || check.language.open(shape).is_some() {
        let value = &property.value.text;
        let line = called(node);
        return finding
            .help(format!("settings stand in the block: `{} {{ {name} {value}; }}`", line.trim_matches('`')));
    }
    if let Some(meant) = nearest(name, known.iter().map(|prop| prop.name.as_str())) {
        return without_capitals(finding, name, meant).fix(
            Applicability::Guess,
            format!("write `{meant}`"),
            property.name.span,
            meant,
        );
    }
    if known.is_empty() {
        return finding.help("take it away: there are no properties on this line");
    }
    finding.help(format!("here stand {}", either(known.iter().map(|prop| prop.name.as_str())).replace(" or ", " and ")))
}

fn subject(shape: &Shape, expected: &EntryShape, node: &Node) -> String {
    if shape.args.len() == 1 && expected.kind != ScalarType::Name {
        format!("`{}`", node.name.value)
    } else {
        format!("the {} of `{}`", expected.name, node.name.value)
    }
}
