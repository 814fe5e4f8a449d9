//! KDL nodes to the values of Kubernetes fields, by the facts of each field.
//!
//! A node with arguments is a scalar, or a list where the field is one; properties and children are entries of a map; a
//! repeated node is a list of maps, whose first argument fills the single key of the list.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use crate::finding::{Code, Finding, Findings};
use crate::merge::{List, ListKind, ObjectSchema, ScalarKind, TypeId, TypeRef, TypeShape, canonical_quantity};
use crate::quantity::Quantity;
use crate::render::rules::limits::TWICE;
use crate::render::scope::AppScope;
use crate::render::tree::Tree;
use crate::schema::suggest::nearest;
use crate::source::Span;
use crate::syntax::{Node, Scalar as Written, Value as Word};

/// A field that the kind does not have.
pub(crate) const UNKNOWN: Code = Code::new("E0601");
/// A value of the wrong type.
pub(crate) const MISTYPED: Code = Code::new("E0602");

/// The children of a node of a garden, or of an unfolded one of a definition: nothing in them is a hole.
pub(super) fn children(node: &Node, facts: Option<&TypeRef>, findings: &mut Findings) -> Tree {
    Mapper { facts, findings }.block(node, facts.map(TypeRef::root))
}

/// The text of a word of a definition, holes filled in. What is no template was refused when the definition loaded.
pub(super) fn filled(scope: &AppScope, word: &Word) -> String {
    let template = crate::expression::parse_template(&word.text, word.span, &mut Findings::default());
    scope.text(&template)
}

struct Mapper<'a> {
    facts: Option<&'a TypeRef>,
    findings: &'a mut Findings,
}

impl Mapper<'_> {
    fn shape(&self, id: TypeId) -> Option<TypeShape> {
        self.facts.map(|facts| facts.table().get(id).shape.clone())
    }

    /// Properties and children as a map.
    fn block(&mut self, node: &Node, id: Option<TypeId>) -> Tree {
        let shape = id.and_then(|id| self.shape(id));
        let object = match shape {
            Some(TypeShape::Map(object)) => Some(object),
            _ => None,
        };
        let mut map = Tree::map::<String>([]);
        for prop in &node.props {
            let Ok(field) = self.field(object.as_ref(), &prop.name.value, prop.name.span) else { continue };
            let value = self.word(&prop.value, field);
            map.set(&prop.name.value, value);
        }
        for (name, nodes) in by_name(&node.children) {
            let Ok(field) = self.field(object.as_ref(), name, nodes[0].name.span) else { continue };
            let value = self.nodes(&nodes, field);
            map.set(name, value);
        }
        map.at(node.head)
    }

    /// The type of a field; unknown where there are no facts. An error is said already.
    fn field(&mut self, object: Option<&ObjectSchema>, name: &str, span: Span) -> Result<Option<TypeId>, ()> {
        let Some(object) = object else { return Ok(None) };
        if let Some(id) = object.child(name) {
            return Ok(Some(id));
        }
        if object.preserve_unknown {
            return Ok(None);
        }
        let mut finding = Finding::error(UNKNOWN, format!("there is no field `{name}` here"), span);
        finding = if let Some(near) = nearest(name, object.fields.keys().map(|key| &**key)) {
            let (title, guess) = (format!("write `{near}`"), crate::finding::Applicability::Guess);
            finding.help(format!("did you mean `{near}`?")).fix(guess, title, span, near)
        } else {
            let known: Vec<String> = object.fields.keys().take(12).map(|key| format!("`{key}`")).collect();
            finding.help(format!("known are {}", known.join(", ")))
        };
        self.findings.push(finding);
        Err(())
    }

    /// All nodes of one name.
    fn nodes(&mut self, nodes: &[&Node], id: Option<TypeId>) -> Tree {
        match id.and_then(|id| self.shape(id)) {
            Some(TypeShape::List(list)) => self.list(nodes, &list),
            Some(TypeShape::Map(_)) => {
                let merged = self.block(nodes[0], id);
                self.no_arguments(nodes[0]);
                self.once(nodes);
                merged
            }
            Some(TypeShape::Scalar(scalar)) => {
                self.once(nodes);
                self.scalar(nodes[0], scalar)
            }
            Some(TypeShape::Any) | None => self.anything(nodes),
        }
    }

    fn once(&mut self, nodes: &[&Node]) {
        if let Some(second) = nodes.get(1) {
            let name = &second.name.value;
            let finding = Finding::error(MISTYPED, format!("`{name}` stands twice, and is no list"), second.head)
                .also(nodes[0].head, "here first")
                .help("leave one of them");
            self.findings.push(finding);
        }
    }

    fn no_arguments(&mut self, node: &Node) {
        if let Some(word) = node.args.first() {
            let name = &node.name.value;
            let finding = Finding::error(MISTYPED, format!("`{name}` holds fields, no value"), word.span)
                .help(format!("write `{name} {{ … }}`"));
            self.findings.push(finding);
        }
    }

    /// Arguments for items that are scalars, a node for each item that is a map.
    fn list(&mut self, nodes: &[&Node], list: &List) -> Tree {
        let items = self.shape(list.items);
        let (first, nodes) = (nodes[0], items_of(nodes));
        if !matches!(items, Some(TypeShape::Map(_))) {
            nodes.iter().for_each(|node| self.no_fields(first, node));
            let words = nodes.iter().flat_map(|node| &node.args);
            let items: Vec<(Tree, Span)> = words.map(|word| (self.word(word, Some(list.items)), word.span)).collect();
            return self.each_once(first, items, list).at(first.head);
        }
        let key = match &list.kind {
            ListKind::Map(keys) => match &keys[..] {
                [(key, _)] => Some(key.to_string()),
                [first, rest @ ..] if rest.iter().all(|(_, default)| default.is_some()) => Some(first.0.to_string()),
                _ => None,
            },
            ListKind::Atomic | ListKind::Set => None,
        };
        let items: Vec<(Tree, Span)> =
            nodes.iter().map(|node| (self.item(node, list.items, key.as_deref()), node.head)).collect();
        self.each_once(first, items, list)
    }

    /// Refuses fields where values stand: nothing of what is written is left out without a word.
    fn no_fields(&mut self, list: &Node, item: &Node) {
        let field = item.children.first().map(|child| (&child.name.value, child.head));
        let property = item.props.first().map(|prop| (&prop.name.value, prop.name.span));
        if let Some((field, span)) = field.or(property) {
            let name = &list.name.value;
            let finding = Finding::error(MISTYPED, format!("`{name}` holds values, no field `{field}`"), span)
                .help(format!("write `{name} \"one\" \"two\"`"));
            self.findings.push(finding);
        }
    }

    /// The items without those whose key stood there before, each of which is a mistake: a patch would lay the second over
    /// the first.
    fn each_once(&mut self, node: &Node, items: Vec<(Tree, Span)>, list: &List) -> Tree {
        let (mut kept, mut first_of) = (Vec::new(), BTreeMap::new());
        for (item, span) in items {
            match key_of(list, &item).map(|key| first_of.entry(key)) {
                Some(Entry::Occupied(first)) => self.twice(node, &item, (*first.get(), span), list),
                Some(Entry::Vacant(place)) => {
                    place.insert(span);
                    kept.push(item);
                }
                None => kept.push(item),
            }
        }
        Tree::list(kept)
    }

    fn twice(&mut self, node: &Node, item: &Tree, (first, second): (Span, Span), list: &List) {
        let keys: Vec<&str> = match &list.kind {
            ListKind::Map(keys) => keys.iter().map(|(key, _)| &**key).collect(),
            ListKind::Atomic | ListKind::Set => Vec::new(),
        };
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let words: Vec<String> = match item.scalar() {
            Some(value) => vec![plain(value)],
            None => keys.iter().filter_map(|key| item.get(key)).map(plain).collect(),
        };
        let name = &node.name.value;
        let finding = Finding::error(TWICE, format!("`{}` stands twice in `{name}`", words.join("/")), second)
            .label("said again")
            .also(first, "said here first")
            .why("each stands there once: the API server takes no second")
            .help("leave one of the two out, or call it otherwise");
        self.findings.push(finding);
    }

    fn item(&mut self, node: &Node, id: TypeId, key: Option<&str>) -> Tree {
        let mut item = self.block(node, Some(id));
        match (key, node.args.first()) {
            (_, None) => {}
            (Some(key), Some(word)) => {
                let field = match self.shape(id) {
                    Some(TypeShape::Map(object)) => object.child(key),
                    _ => None,
                };
                let value = self.word(word, field);
                item.set(key, value);
            }
            (None, Some(_)) => self.no_arguments(node),
        }
        item
    }

    fn scalar(&mut self, node: &Node, scalar: ScalarKind) -> Tree {
        if let ([number, unit], ScalarKind::Quantity) = (&node.args[..], scalar)
            && let Some(quantity) = Quantity::parse(&number.text, &unit.text)
        {
            return Tree::from(quantity).at(number.span.to(unit.span));
        }
        if let [word] = &node.args[..] {
            return self.typed(word, scalar);
        }
        let name = &node.name.value;
        let finding = Finding::error(MISTYPED, format!("`{name}` is one {}", words(scalar)), node.head)
            .help(format!("write `{name} VALUE`"));
        self.findings.push(finding);
        Tree::ABSENT
    }

    /// A word for a field of a known or unknown type.
    fn word(&mut self, word: &Word, id: Option<TypeId>) -> Tree {
        match id.and_then(|id| self.shape(id)) {
            Some(TypeShape::Scalar(scalar)) => self.typed(word, scalar),
            Some(TypeShape::List(_)) => self.typed(word, ScalarKind::String),
            Some(TypeShape::Map(_)) => {
                self.findings.push(
                    Finding::error(MISTYPED, "fields stand here, no value", word.span).help("write them in `{ … }`"),
                );
                Tree::ABSENT
            }
            Some(TypeShape::Any) | None => self.guessed(word),
        }
    }

    /// Text with its holes filled in; a hole that is the whole keeps its type.
    fn typed(&mut self, word: &Word, scalar: ScalarKind) -> Tree {
        let text = word.text.clone();
        let integer = || text.parse::<i64>().ok().map(Value::from);
        let fitting = match scalar {
            ScalarKind::String | ScalarKind::Time | ScalarKind::MicroTime | ScalarKind::Bytes => {
                Some(Value::from(text.clone()))
            }
            ScalarKind::Integer => integer(),
            ScalarKind::SmallInteger => text.parse::<i32>().ok().map(Value::from),
            ScalarKind::Number => integer().or_else(|| text.parse::<f64>().ok().map(Value::from)),
            ScalarKind::IntOrString => Some(integer().unwrap_or_else(|| Value::from(text.clone()))),
            ScalarKind::Boolean => match text.as_str() {
                "on" | "true" => Some(Value::from(true)),
                "off" | "false" => Some(Value::from(false)),
                _ => None,
            },
            ScalarKind::Quantity => canonical_quantity(&text).ok().map(Value::from),
        };
        let most = if scalar == ScalarKind::SmallInteger { i64::from(i32::MAX) } else { i64::MAX };
        if fitting.is_none()
            && matches!(scalar, ScalarKind::Integer | ScalarKind::SmallInteger)
            && text.parse::<f64>().is_ok_and(|number| number.fract() == 0.0)
        {
            let finding = Finding::error(MISTYPED, format!("`{text}` is over what stands here"), word.span)
                .why(format!("Kubernetes holds whole numbers up to {most} there"))
                .help("write a smaller number, in digits");
            self.findings.push(finding);
            return Tree::ABSENT;
        }
        let Some(value) = fitting else {
            self.findings.push(
                Finding::error(MISTYPED, format!("`{text}` is no {}", words(scalar)), word.span)
                    .help(format!("write {}", example(scalar))),
            );
            return Tree::ABSENT;
        };
        Tree::from(value).at(word.span)
    }

    /// Without facts: numbers are numbers, `on` and `off` are true and false, the rest is text.
    fn guessed(&mut self, word: &Word) -> Tree {
        let value = match (&word.scalar, word.text.as_str()) {
            (Written::Integer(number), _) => i64::try_from(*number).map_or(Value::Null, Value::from),
            (Written::Bool(flag), _) => Value::from(*flag),
            (_, "on") if !word.quoted => Value::from(true),
            (_, "off") if !word.quoted => Value::from(false),
            (_, text) => Value::from(text),
        };
        Tree::from(value).at(word.span)
    }

    fn anything(&mut self, nodes: &[&Node]) -> Tree {
        let mut values: Vec<Tree> = Vec::new();
        for node in items_of(nodes) {
            let block = !node.children.is_empty() || !node.props.is_empty();
            if block {
                let mut item = self.block(node, None);
                if let Some(name) = node.args.first() {
                    item.set("name", self.guessed(name));
                }
                values.push(item);
            } else {
                let words: Vec<Tree> = node.args.iter().map(|word| self.guessed(word)).collect();
                values.extend(words);
            }
        }
        let is_list = values.len() != 1 || nodes.iter().any(|node| lists_items(node));
        if is_list { Tree::list(values) } else { values.remove(0) }
    }
}

/// The nodes that are the items of a list: each of one name, or those called `-` in it.
fn items_of<'n>(nodes: &[&'n Node]) -> Vec<&'n Node> {
    let items = |node: &'n Node| if lists_items(node) { node.children.iter().collect() } else { vec![node] };
    nodes.iter().flat_map(|node| items(node)).collect()
}

/// Whether a node has nothing but items called `-`.
fn lists_items(node: &Node) -> bool {
    let bare = node.args.is_empty() && node.props.is_empty() && !node.children.is_empty();
    bare && node.children.iter().all(|child| child.name.value == "-")
}

/// The nodes of each name, in the order in which the names first stand.
fn by_name(nodes: &[Node]) -> Vec<(&str, Vec<&Node>)> {
    let (mut all, mut places): (Vec<(&str, Vec<&Node>)>, BTreeMap<&str, usize>) = Default::default();
    for node in nodes {
        let place = *places.entry(&node.name.value).or_insert(all.len());
        if place == all.len() {
            all.push((&node.name.value, Vec::new()));
        }
        all[place].1.push(node);
    }
    all
}

/// The key of an item of a list, each part as JSON; none for one that may stand there any number of times.
fn key_of(list: &List, item: &Tree) -> Option<Vec<String>> {
    match &list.kind {
        ListKind::Atomic => None,
        ListKind::Set => item.scalar().map(|value| vec![value.to_string()]),
        ListKind::Map(keys) => {
            keys.iter().map(|(key, default)| Some(item.get(key).or(default.as_ref())?.to_string())).collect()
        }
    }
}

fn words(scalar: ScalarKind) -> &'static str {
    match scalar {
        ScalarKind::String | ScalarKind::Bytes => "text",
        ScalarKind::Integer | ScalarKind::SmallInteger | ScalarKind::Number => "number",
        ScalarKind::Boolean => "`on` or `off`",
        ScalarKind::IntOrString => "number or text",
        ScalarKind::Quantity => "amount",
        ScalarKind::Time | ScalarKind::MicroTime => "time",
    }
}

fn example(scalar: ScalarKind) -> &'static str {
    match scalar {
        ScalarKind::String | ScalarKind::Bytes => "a text in quotes",
        ScalarKind::Integer | ScalarKind::SmallInteger | ScalarKind::Number => "a number, such as `3`",
        ScalarKind::Boolean => "`on` or `off`",
        ScalarKind::IntOrString => "a number or a text, such as `8080` or `\"25%\"`",
        ScalarKind::Quantity => "an amount, such as `512 MiB` or `\"250m\"`",
        ScalarKind::Time | ScalarKind::MicroTime => "a time, such as `\"2026-12-01T08:00:00Z\"`",
    }
}
