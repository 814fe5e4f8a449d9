//! `@when` and `@each` inside the blocks of an object: the nodes that are there for one app, holes of elements filled in.

use crate::expression::{self, Value, work_of_text, work_of_value};
use crate::finding::Findings;
use crate::model::definition::Guarded;
use crate::render::scope::AppScope;
use crate::syntax::{Node, Property, Scalar, Value as Word};

/// The node with the guards of its block taken off; unchanged ones are not touched.
pub(super) fn unfold(scope: &AppScope, node: &Node) -> Node {
    let children = node.children.iter().flat_map(|child| unfolded(scope, child)).collect();
    Node {
        name: node.name.clone(),
        note: None,
        args: node.args.clone(),
        props: node.props.clone(),
        children,
        span: node.span,
        head: node.head,
    }
}

/// What a node costs whose words are copied, and read where they are expressions.
fn work(node: &Node) -> u64 {
    let is_guard = node.name.value.starts_with('@');
    let of = |word: &Word| {
        let letters = u64::try_from(word.text.len()).unwrap_or(u64::MAX);
        if is_guard || word.text.contains("${") { letters } else { work_of_text(word.text.len()) }
    };
    let words = node.args.iter().chain(node.props.iter().map(|prop| &prop.value));
    words.fold(work_of_text(node.name.value.len()), |work, word| work + of(word))
}

fn unfolded(scope: &AppScope, node: &Node) -> Vec<Node> {
    if !scope.spend(work(node), node.head) {
        return Vec::new();
    }
    let guard = match node.name.value.as_str() {
        "@when" => node.arg(0).and_then(parsed).map(|when| (vec![when], Vec::new())),
        "@each" => {
            let list = node.prop("in").and_then(parsed);
            node.arg(0).zip(list).map(|(name, list)| (Vec::new(), vec![(name.text.clone(), list)]))
        }
        _ => return vec![filled(scope, unfold(scope, node))],
    };
    // What does not parse was refused when the definition loaded.
    let Some((when, each)) = guard else { return Vec::new() };
    let inside = |scope: AppScope| node.children.iter().flat_map(|child| unfolded(&scope, child)).collect::<Vec<_>>();
    scope.guarded(&Guarded { when, each, item: () }).into_iter().flat_map(inside).collect()
}

fn parsed(word: &Word) -> Option<expression::Expression> {
    expression::parse(&word.text, word.span).ok()
}

/// The node with the holes of its own words filled in, which may name the element around it; a list stands for its elements.
fn filled(scope: &AppScope, node: Node) -> Node {
    let args = node.args.iter().flat_map(|word| words(scope, word)).collect();
    let value = |word: &Word| words(scope, word).into_iter().next().unwrap_or_else(|| word.clone());
    let props = node.props.iter().map(|prop| Property { value: value(&prop.value), ..prop.clone() }).collect();
    Node { args, props, ..node }
}

fn words(scope: &AppScope, word: &Word) -> Vec<Word> {
    if !word.text.contains("${") {
        return vec![word.clone()];
    }
    let template = expression::parse_template(&word.text, word.span, &mut Findings::default());
    match scope.value(&template) {
        Value::List(items) => {
            let spelled = |item: &Value| scope.spend(work_of_value(item), word.span).then(|| spelled(item, word));
            items.iter().map_while(spelled).collect()
        }
        value => vec![spelled(&value, word)],
    }
}

/// A value as if it were written in the place of a hole.
fn spelled(value: &Value, hole: &Word) -> Word {
    let scalar = match value {
        Value::Int(number) => Scalar::Integer((*number).into()),
        Value::Bool(flag) => Scalar::Bool(*flag),
        _ => Scalar::Text,
    };
    let text = match value.to_json() {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Word { scalar, text, quoted: hole.quoted, span: hole.span }
}
