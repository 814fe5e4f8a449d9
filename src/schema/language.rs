//! The vocabulary of schemas as values, and the embedded description of the language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::schema::reader;
use crate::schema::scalar::ScalarType;

/// The texts of `schemas/language/`, with the names that findings about them show.
pub(crate) const TEXTS: &[(&str, &str)] = &[
    ("<schemas>/language/common.kdl", include_str!("../../schemas/language/common.kdl")),
    ("<schemas>/language/garden.kdl", include_str!("../../schemas/language/garden.kdl")),
    ("<schemas>/language/cluster.kdl", include_str!("../../schemas/language/cluster.kdl")),
    ("<schemas>/language/offer.kdl", include_str!("../../schemas/language/offer.kdl")),
    ("<schemas>/language/organisation.kdl", include_str!("../../schemas/language/organisation.kdl")),
    ("<schemas>/language/definition.kdl", include_str!("../../schemas/language/definition.kdl")),
    ("<schemas>/language/schema.kdl", include_str!("../../schemas/language/schema.kdl")),
];

/// The settings that every app has, in the words of definitions.
const SETTINGS: &str = include_str!("../../schemas/language/common-settings.kdl");

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| reader::read(TEXTS, SETTINGS));

/// The whole language as its schemas describe it.
#[derive(Clone, Debug, Default)]
pub struct Language {
    /// What may stand at the top of a file, by kind of file: `garden`, `organisation`, …, and `schema`.
    pub(crate) schemas: BTreeMap<String, Shape>,
    /// What several nodes share, by name.
    pub(crate) groups: BTreeMap<String, Shape>,
    /// The settings that every app has: they stand in blocks that are open here.
    pub(crate) settings: Vec<String>,
    /// The top of a garden's files: that of all kinds together, since where something lies does not matter.
    pub(crate) garden_file: Shape,
}

/// What a node, or the top of a file, may hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// What it is, in a sentence.
    pub(crate) about: Option<String>,
    /// How it is written.
    pub(crate) example: Option<String>,
    /// Arguments in order; an amount takes two.
    pub(crate) args: Vec<EntryShape>,
    /// All further arguments.
    pub(crate) rest: Option<EntryShape>,
    pub(crate) props: Vec<EntryShape>,
    /// Shapes by first argument; then the arguments above do not apply.
    pub(crate) forms: Vec<(String, Shape)>,
    /// Nodes of the block, in order.
    pub(crate) nodes: Vec<NodeShape>,
    /// Groups whose properties and nodes are taken in.
    pub(crate) uses: Vec<String>,
    /// Other words are allowed in the block: what checks them.
    pub(crate) open: Option<String>,
    /// `@when` and `@each` may wrap the nodes of the block.
    pub(crate) guards: bool,
}

/// An argument or a property.
#[derive(Clone, Debug)]
pub struct EntryShape {
    /// Its name: the key of a property, a word for messages otherwise.
    pub(crate) name: String,
    /// What it may be.
    pub(crate) kind: ScalarType,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// What it says, in a sentence.
    pub(crate) about: Option<String>,
}

/// A node that may stand in a block.
#[derive(Clone, Debug)]
pub(crate) struct NodeShape {
    pub(crate) name: String,
    pub(crate) occurs: Occurs,
    /// The arguments (their positions) that tell repeated ones apart; empty where any repetition goes.
    pub(crate) key: Vec<usize>,
    /// What it may hold.
    pub(crate) shape: Shape,
}

/// How often a node may stand in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occurs {
    Once,
    /// At most once.
    Optional,
    /// Any number of times.
    Many,
}

impl Language {
    /// The language that this parcelle speaks.
    pub fn embedded() -> &'static Self {
        &LANGUAGE
    }

    /// All nodes that may stand in the block of a shape, those of its groups included.
    pub(crate) fn nodes<'a>(&'a self, shape: &'a Shape) -> Vec<&'a NodeShape> {
        let mut nodes: Vec<&NodeShape> = shape.nodes.iter().collect();
        for group in shape.uses.iter().filter_map(|name| self.groups.get(name)) {
            nodes.extend(self.nodes(group));
        }
        nodes
    }

    /// A node of the block of a shape.
    pub(crate) fn node<'a>(&'a self, shape: &'a Shape, name: &str) -> Option<&'a NodeShape> {
        let own = shape.nodes.iter().find(|node| node.name == name);
        own.or_else(|| {
            let groups = shape.uses.iter().filter_map(|group| self.groups.get(group));
            groups.into_iter().find_map(|group| self.node(group, name))
        })
    }

    /// All properties of a shape, those of its groups included.
    pub(crate) fn props<'a>(&'a self, shape: &'a Shape) -> Vec<&'a EntryShape> {
        let mut props: Vec<&EntryShape> = shape.props.iter().collect();
        for group in shape.uses.iter().filter_map(|name| self.groups.get(name)) {
            props.extend(self.props(group));
        }
        props
    }

    /// The shapes by first argument, those of its groups included.
    pub(crate) fn forms<'a>(&'a self, shape: &'a Shape) -> Vec<&'a (String, Shape)> {
        let mut forms: Vec<&(String, Shape)> = shape.forms.iter().collect();
        for group in shape.uses.iter().filter_map(|name| self.groups.get(name)) {
            forms.extend(self.forms(group));
        }
        forms
    }

    /// What checks words that a shape does not list, where it is open.
    pub(crate) fn open<'a>(&'a self, shape: &'a Shape) -> Option<&'a str> {
        let groups = shape.uses.iter().filter_map(|name| self.groups.get(name));
        shape.open.as_deref().or_else(|| groups.into_iter().find_map(|group| self.open(group)))
    }

    /// Whether guards may wrap the nodes of a shape's block.
    pub(crate) fn guards(&self, shape: &Shape) -> bool {
        shape.guards || shape.uses.iter().filter_map(|name| self.groups.get(name)).any(|group| self.guards(group))
    }

    /// Where a word may stand: the nodes of garden files that hold it, such as `organisation` or `offer grants`.
    pub(crate) fn homes(&self, word: &str) -> Vec<String> {
        let mut homes = Vec::new();
        for node in &self.garden_file.nodes {
            self.collect_homes(word, &node.name, &node.shape, 0, &mut homes);
        }
        homes
    }

    fn collect_homes(&self, word: &str, path: &str, shape: &Shape, depth: usize, homes: &mut Vec<String>) {
        if depth > 4 {
            return;
        }
        for node in self.nodes(shape) {
            if node.name == word && !homes.iter().any(|home| home == path) {
                homes.push(path.to_owned());
            }
            self.collect_homes(word, &format!("{path} {}", node.name), &node.shape, depth + 1, homes);
        }
        for (form, inner) in self.forms(shape) {
            self.collect_homes(word, &format!("{path} {form}"), inner, depth + 1, homes);
        }
    }
}
