//! Schemas from KDL.
//!
//! The embedded schemas are checked against `schema.kdl` by a test, so that reading them needs no findings.

use crate::finding::Findings;
use crate::schema::language::{EntryShape, Language, NodeShape, Occurs, Shape};
use crate::schema::scalar::ScalarType;
use crate::source::FileId;
use crate::syntax::{self, Node};

/// Reads the texts of schemas, and which settings every app has.
pub(super) fn read(texts: &[(&str, &str)], settings: &str) -> Language {
    let mut language = Language::default();
    for (_, text) in texts {
        let document = syntax::parse(FileId(u32::MAX), text, &mut Findings::default());
        for node in &document.nodes {
            let place = match node.name.value.as_str() {
                "schema" => &mut language.schemas,
                "group" => &mut language.groups,
                _ => continue,
            };
            place.insert(text_at(node, 0), shape(node));
        }
    }
    let settings = syntax::parse(FileId(u32::MAX), settings, &mut Findings::default());
    let blocks = settings.nodes.iter().filter(|node| node.name.value == "settings");
    language.settings = blocks.flat_map(|block| block.children_named("setting")).map(|node| text_at(node, 0)).collect();
    let kinds = language.schemas.iter().filter(|(kind, _)| *kind != "schema");
    language.garden_file.nodes = kinds.flat_map(|(_, shape)| shape.nodes.clone()).collect();
    language
}

fn shape(node: &Node) -> Shape {
    let about = |name: &str| node.child(name).map(|child| text_at(child, 0));
    let entries = |name| node.children_named(name).map(|child| entry(child, name == "prop")).collect();
    Shape {
        about: about("about"),
        example: about("example"),
        args: entries("arg"),
        rest: node.child("args").map(|child| entry(child, false)),
        props: entries("prop"),
        forms: node.children_named("form").map(|form| (text_at(form, 0), shape(form))).collect(),
        nodes: node.children_named("node").map(node_shape).collect(),
        uses: node.children_named("use").map(|group| text_at(group, 0)).collect(),
        open: about("open"),
        guards: node.child("guards").is_some_and(|child| text_at(child, 0) == "on"),
    }
}

fn entry(node: &Node, is_property: bool) -> EntryShape {
    let kind = match prop(node, "type").as_str() {
        "choice" => ScalarType::Choice(node.children_named("option").map(|option| text_at(option, 0)).collect()),
        word => ScalarType::parse(word).unwrap_or(ScalarType::Any),
    };
    let required = match prop(node, "occurs").as_str() {
        "once" => true,
        "optional" => false,
        _ => !is_property,
    };
    EntryShape { name: text_at(node, 0), kind, required, about: node.child("about").map(|about| text_at(about, 0)) }
}

fn node_shape(node: &Node) -> NodeShape {
    let shape = shape(node);
    let occurs = match prop(node, "occurs").as_str() {
        "once" => Occurs::Once,
        "many" => Occurs::Many,
        _ => Occurs::Optional,
    };
    let position = |name: &str| shape.args.iter().position(|arg| arg.name == name);
    let key = prop(node, "key").split_whitespace().filter_map(position).collect();
    NodeShape { name: text_at(node, 0), occurs, key, shape }
}

fn text_at(node: &Node, at: usize) -> String {
    node.arg(at).map(|value| value.text.clone()).unwrap_or_default()
}

fn prop(node: &Node, name: &str) -> String {
    node.prop(name).map(|value| value.text.clone()).unwrap_or_default()
}
