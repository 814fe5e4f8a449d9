//! Two trees of KDL compared: which node is which, and what of it is another.

use std::collections::{BTreeMap, BTreeSet};

use super::written::{arguments, head, name_of, pair, rest, text};
use super::{Became, EditedLine, KnownEdit, MOST_EDITS, Part, extent};
use crate::plan::Place;
use crate::schema::Language;
use crate::schema::language::{NodeShape, Occurs, Shape};
use crate::source::{LineColumn, Sources, Span};
use crate::syntax::{Node, Scalar, Value};

/// Blocks whose names say nothing beside the words inside of them.
const SILENT: &[&str] = &[
    "garden",
    "cluster",
    "offer",
    "organisation",
    "definition",
    "app",
    "retired",
    "defaults",
    "backup",
    "provides",
    "releases",
    "settings",
];
/// What is called by its name alone where it is new or gone.
const NAMED: &[&str] = &["garden", "cluster", "offer", "organisation", "definition", "app", "retired", "without"];
/// Properties that tell repeated settings apart.
const KEYS: &[&str] = &["by", "from", "name"];

/// Adds what the files of two states differ by. A node that passed to another file is the same.
pub(super) fn compare_files(old: (&Sources, &[Node]), new: (&Sources, &[Node]), found: &mut Vec<KnownEdit>) {
    let (gone, come): (Vec<&Node>, Vec<&Node>) = (old.1.iter().collect(), new.1.iter().collect());
    let top = &Language::embedded().garden_file;
    let mut comparing = Comparing { old: old.0, new: new.0, found };
    let mut pairing = Pairing::of(gone, come);
    let key = |node: &Node| Some(key_of(node, shape_of(top, node), false));
    let path = |sources: &Sources, node: &Node| sources.path(node.span.file).unwrap_or_default().to_owned();
    pairing.by(|node| Some((path(old.0, node), key(node)?)), |node| Some((path(new.0, node), key(node)?)));
    let moves = |node: &Node| (node.name.value != "edition").then(|| key(node)).flatten();
    pairing.by(moves, moves);
    pairing.by(turned, turned);
    let block = Block { shape: Some(top), ..Block::default() };
    for (was, is) in pairing.done() {
        // A new file has its edition like all others.
        let alone = was.is_none() || is.is_none();
        if !(alone && was.or(is).is_some_and(|node| node.name.value == "edition")) {
            comparing.both(was, is, &block);
        }
    }
}

struct Comparing<'a> {
    old: &'a Sources,
    new: &'a Sources,
    found: &'a mut Vec<KnownEdit>,
}

/// What is known around a node.
#[derive(Clone, Default)]
struct Block<'a> {
    part: Option<Part>,
    app: Option<String>,
    path: Vec<String>,
    /// The names of the blocks around it that say something.
    told: Vec<String>,
    around: Vec<LineColumn>,
    shape: Option<&'a Shape>,
}

/// What became of a part of a node, with where it stands after that.
struct Found {
    became: Became,
    word: String,
    was: Option<String>,
    is: Option<String>,
    exact: Span,
}

impl Comparing<'_> {
    fn both(&mut self, was: Option<&Node>, is: Option<&Node>, block: &Block<'_>) {
        if self.found.len() > 2 * MOST_EDITS {
            return;
        }
        match (was, is) {
            (Some(was), Some(is)) => self.pair(was, is, block),
            (Some(node), None) => self.whole(node, Became::Gone, block),
            (None, Some(node)) => self.whole(node, Became::New, block),
            (None, None) => {}
        }
    }

    /// A node that is new or gone.
    fn whole(&mut self, node: &Node, became: Became, block: &Block<'_>) {
        let shape = block.shape.and_then(|shape| shape_of(shape, node));
        let name = node.name.value.as_str();
        let keys = if NAMED.contains(&name) { Vec::new() } else { keys_of(node, shape) };
        let mut words = block.told.clone();
        words.push(name.to_owned());
        words.extend(keys.iter().filter_map(|at| node.arg(*at)).map(|value| value.text.clone()));
        let value = if NAMED.contains(&name) {
            head(node).strip_prefix(name).unwrap_or_default().trim().to_owned()
        } else {
            rest(node, &keys)
        };
        let value = match value.split_once(' ') {
            Some((what, rest)) if name == "retired" => {
                words.push(what.to_owned());
                rest.to_owned()
            }
            _ => value,
        };
        let value = Some(if value.is_empty() { name.to_owned() } else { value });
        let (was, is) = if became == Became::Gone { (value, None) } else { (None, value) };
        let found = Found { became, word: words.join(" "), was, is, exact: node.span };
        self.add(node, found, block);
    }

    fn pair(&mut self, was: &Node, is: &Node, block: &Block<'_>) {
        if was.name.value != is.name.value {
            let (before, after) = (Some(head(was)), Some(head(is)));
            let found = Found { became: Became::Turned, word: String::new(), was: before, is: after, exact: is.span };
            return self.add(is, found, block);
        }
        let shape = block.shape.and_then(|shape| shape_of(shape, is));
        let keys = keys_of(is, shape);
        let is_renamed = keys.iter().any(|at| was.arg(*at).map(|v| &v.text) != is.arg(*at).map(|v| &v.text));
        if is_renamed {
            let args = |node: &Node| arguments(name_of(node), &node.args.iter().collect::<Vec<_>>());
            let word = is.name.value.clone();
            let found = Found { became: Became::Turned, word, was: args(was), is: args(is), exact: is.head };
            self.add(is, found, block);
        } else {
            self.arguments(was, is, &keys, block);
        }
        self.properties(was, is, &keys, block);
        let skipped = if is_renamed { "was" } else { "" };
        let kept = |node: &'_ Node| -> Vec<usize> {
            (0..node.children.len()).filter(|at| node.children[*at].name.value != skipped).collect()
        };
        let old: Vec<&Node> = kept(was).into_iter().map(|at| &was.children[at]).collect();
        let new: Vec<&Node> = kept(is).into_iter().map(|at| &is.children[at]).collect();
        let block = block.inside(is, self.new, shape);
        for (was, is) in pairs(old, new, block.shape) {
            self.both(was, is, &block);
        }
    }

    fn arguments(&mut self, was: &Node, is: &Node, keys: &[usize], block: &Block<'_>) {
        fn rest<'n>(node: &'n Node, keys: &[usize]) -> Vec<&'n Value> {
            let args = node.args.iter().enumerate().filter(|(at, _)| !keys.contains(at));
            args.map(|(_, value)| value).collect()
        }
        let (old, new) = (rest(was, keys), rest(is, keys));
        if old.len() == new.len() && old.iter().zip(&new).all(|(one, other)| is_same(one, other)) {
            return;
        }
        let exact = match (new.first(), new.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => is.head,
        };
        let mut words = block.told.clone();
        words.push(is.name.value.clone());
        words.extend(keys.iter().filter_map(|at| is.arg(*at)).map(|value| value.text.clone()));
        let (before, after) = (arguments(name_of(was), &old), arguments(name_of(is), &new));
        let found = Found { became: Became::Changed, word: words.join(" "), was: before, is: after, exact };
        self.add(is, found, block);
    }

    fn properties(&mut self, was: &Node, is: &Node, keys: &[usize], block: &Block<'_>) {
        let names = is.props.iter().chain(&was.props).map(|prop| prop.name.value.as_str());
        let mut seen = BTreeSet::new();
        for name in names.filter(|name| seen.insert(*name)) {
            let (old, new) = (was.prop(name), is.prop(name));
            if old.zip(new).is_some_and(|(old, new)| is_same(old, new)) {
                continue;
            }
            let of = if new.is_some() { is } else { was };
            let span = is.props.iter().find(|prop| prop.name.value == name).map_or(is.head, |prop| prop.span);
            let shown = |value: Option<&Value>| value.map(|value| text(name, value, true));
            let word = property_word(of, name, keys, &block.told);
            let found = Found { became: Became::Changed, word, was: shown(old), is: shown(new), exact: span };
            self.add(is, found, block);
            if let Some(last) = self.found.last_mut() {
                last.path.push(name.to_owned());
            }
        }
    }

    fn add(&mut self, node: &Node, found: Found, block: &Block<'_>) {
        let Found { became, word, was, is, exact } = found;
        let sources = if became == Became::Gone { self.old } else { self.new };
        let (was, is) = pair(was, is);
        let inside = block.inside(node, sources, None);
        let there = became != Became::Gone;
        self.found.push(KnownEdit {
            edit: EditedLine { place: Place::of(sources, exact), word, was, is },
            became,
            part: inside.part.unwrap_or(Part::Other),
            app: inside.app,
            path: inside.path,
            exact: there.then(|| extent(sources, exact)),
            node: there.then(|| extent(sources, node.span)),
            around: block.around.clone(),
            states: 1,
        });
    }
}

/// `every night at`, or `nights … to` where something stands between.
fn property_word(node: &Node, property: &str, keys: &[usize], told: &[String]) -> String {
    let first = node.props.first().is_some_and(|prop| prop.name.value == property);
    let mut words = told.to_vec();
    words.push(node.name.value.clone());
    let args = node.args.iter().enumerate();
    let args = args.filter(|(at, value)| keys.contains(at) || (first && !value.quoted));
    words.extend(args.map(|(_, value)| value.text.clone()));
    words.extend((!first).then(|| "…".to_owned()));
    words.push(property.to_owned());
    words.join(" ")
}

impl<'a> Block<'a> {
    /// What is known inside of a node of it.
    fn inside(&self, node: &Node, sources: &Sources, shape: Option<&'a NodeShape>) -> Self {
        let name = node.name.value.as_str();
        let arg = |at: usize| node.arg(at).map(|value| value.text.clone());
        let mut block = self.clone();
        block.path.push(name.to_owned());
        if !SILENT.contains(&name) {
            block.told.push(name.to_owned());
        }
        let is_app = match (name, arg(0).as_deref()) {
            ("app", _) => {
                block.app = arg(1);
                true
            }
            ("retired", Some("app")) => {
                block.app = arg(2);
                true
            }
            ("without", _) => {
                block.app = arg(0);
                true
            }
            _ => false,
        };
        if self.part.is_none() {
            block.part = Some(part_of(name, arg(0), arg(1)));
        } else if !is_app {
            block.around.push(sources.start(node.span));
        }
        let form = |shape: &'a NodeShape| {
            let forms = Language::embedded().forms(&shape.shape);
            let form = forms.into_iter().find(|(form, _)| Some(form.as_str()) == arg(0).as_deref());
            form.map_or(&shape.shape, |(_, shape)| shape)
        };
        block.shape = shape.map(form);
        block
    }
}

fn part_of(name: &str, first: Option<String>, second: Option<String>) -> Part {
    let first = first.unwrap_or_default();
    match name {
        "garden" => Part::Garden,
        "cluster" => Part::Cluster(first),
        "offer" => Part::Offer(first),
        "organisation" => Part::Organisation(first),
        "definition" => Part::Definition(first),
        "retired" => Part::Organisation(second.unwrap_or_default()),
        _ => Part::Other,
    }
}

/// The old and the new node of each that one of the two blocks has; what is new stands where it does, what is gone at the end.
fn pairs<'a>(
    old: Vec<&'a Node>,
    new: Vec<&'a Node>,
    shape: Option<&Shape>,
) -> Vec<(Option<&'a Node>, Option<&'a Node>)> {
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    old.iter().for_each(|node| counts.entry(node.name.value.as_str()).or_default()[0] += 1);
    new.iter().for_each(|node| counts.entry(node.name.value.as_str()).or_default()[1] += 1);
    let is_repeated = |node: &Node| counts[node.name.value.as_str()].iter().any(|count| *count > 1);
    let known = |node: &Node| shape.and_then(|shape| shape_of(shape, node));
    let mut pairing = Pairing::of(old, new);
    let key = |node: &Node| Some(key_of(node, known(node), is_repeated(node)));
    pairing.by(key, key);
    pairing.by(turned, turned);
    let renamed = |node: &Node| {
        let name = if node.name.value == "app" { node.arg(1) } else { None };
        name.map(|name| name.text.clone())
    };
    pairing
        .by(renamed, |node| node.child("was").filter(|_| node.name.value == "app")?.arg(0).map(|was| was.text.clone()));
    let loose = |node: &Node| {
        let tells = known(node).is_some_and(|known| !known.key.is_empty() || !known.shape.forms.is_empty());
        (!tells).then(|| node.name.value.clone())
    };
    pairing.by(loose, loose);
    pairing.done()
}

/// An app or organisation and the same, retired.
fn turned(node: &Node) -> Option<String> {
    match node.name.value.as_str() {
        "retired" => Some(head(node).trim_start_matches("retired ").to_owned()),
        "app" | "organisation" => Some(head(node)),
        _ => None,
    }
}

/// Which of two blocks' nodes are the same, found in steps: the surest first.
struct Pairing<'a> {
    old: Vec<Option<&'a Node>>,
    new: Vec<(&'a Node, Option<&'a Node>)>,
}

impl<'a> Pairing<'a> {
    fn of(old: Vec<&'a Node>, new: Vec<&'a Node>) -> Self {
        Self { old: old.into_iter().map(Some).collect(), new: new.into_iter().map(|node| (node, None)).collect() }
    }

    /// Pairs what has the same key, in order; nodes without one are left.
    fn by<K: Ord>(&mut self, old: impl Fn(&Node) -> Option<K>, new: impl Fn(&Node) -> Option<K>) {
        let mut by_key: BTreeMap<K, Vec<usize>> = BTreeMap::new();
        for (at, node) in self.old.iter().enumerate().rev() {
            if let Some(key) = node.and_then(&old) {
                by_key.entry(key).or_default().push(at);
            }
        }
        for (node, was) in self.new.iter_mut().filter(|(_, was)| was.is_none()) {
            let at = new(node).and_then(|key| by_key.get_mut(&key)?.pop());
            *was = at.and_then(|at| self.old[at].take());
        }
    }

    fn done(self) -> Vec<(Option<&'a Node>, Option<&'a Node>)> {
        let new = self.new.into_iter().map(|(is, was)| (was, Some(is)));
        new.chain(self.old.into_iter().flatten().map(|was| (Some(was), None))).collect()
    }
}

/// The word that a block of this shape knows by a node's name.
fn shape_of<'a>(shape: &'a Shape, node: &Node) -> Option<&'a NodeShape> {
    Language::embedded().node(shape, &node.name.value)
}

/// The arguments that tell a node from others of its name.
fn keys_of(node: &Node, shape: Option<&NodeShape>) -> Vec<usize> {
    match shape {
        Some(shape) if shape.occurs == Occurs::Many && !shape.key.is_empty() => shape.key.clone(),
        Some(shape) if shape.occurs == Occurs::Many && !shape.shape.forms.is_empty() => (0..node.args.len()).collect(),
        _ => Vec::new(),
    }
}

/// What a node is known by in its block.
fn key_of(node: &Node, shape: Option<&NodeShape>, repeated: bool) -> Vec<String> {
    let mut key = vec![node.name.value.clone()];
    match shape {
        Some(shape) if shape.occurs != Occurs::Many => {}
        Some(shape) if shape.key.is_empty() && shape.shape.forms.is_empty() => {
            key.extend(node.args.iter().map(|value| value.text.clone()));
        }
        Some(_) => {
            key.extend(keys_of(node, shape).iter().filter_map(|at| node.arg(*at)).map(|value| value.text.clone()));
        }
        None if repeated => {
            let told = KEYS.iter().find_map(|name| node.prop(name)).or(node.arg(0));
            key.extend(told.map(|value| value.text.clone()));
        }
        None => {}
    }
    key
}

/// Whether two values are the same to whoever reads them.
fn is_same(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| matches!(value.scalar, Scalar::Text);
    one.text == other.text && text(one) == text(other)
}
