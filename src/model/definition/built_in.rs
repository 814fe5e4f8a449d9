//! The definitions that come with parcelle, and those of a garden over them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::finding::{Code, Finding, Findings};
use crate::model::definition::{self, Definitions};
use crate::model::{PlacedFile, names, read};
use crate::name::Name;
use crate::source::Sources;
use crate::syntax;

/// A definition that takes the place of one that comes with parcelle without saying so, or says so and does not.
const REPLACES: Code = Code::new("W0105");

/// Tells of a definition of the garden that has the name of a built-in one by accident.
fn tell_of_replacing(name: &Name, node: &syntax::Node, built_in: bool, findings: &mut Findings) {
    let said = node.child("replaces");
    if let Some(said) = said.filter(|_| !built_in) {
        let title = format!("no definition `{name}` comes with parcelle that this one could replace");
        findings.push(Finding::warning(REPLACES, title, said.head).help("take `replaces` away"));
    } else if built_in && said.is_none() {
        let title = format!("`{name}` takes the place of the definition that comes with parcelle");
        let finding = Finding::warning(REPLACES, title, node.head)
            .why("of two definitions of a name the garden's own counts, and it no longer changes with parcelle")
            .help("where that is meant, say so in its block: `replaces \"why\"`")
            .help("where it is not, give it another name");
        findings.push(finding);
    }
}

impl Definitions {
    /// The definitions that come with parcelle; their texts are added to `sources`.
    pub fn built_in(sources: &mut Sources) -> Self {
        let files = definition::built_in(sources);
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        let mut findings = Findings::default();
        let mut documents = Vec::new();
        for file in files {
            let source = sources.file(file);
            context.update(source.path.as_bytes());
            context.update(source.text.as_bytes());
            documents.push(syntax::parse(file, &source.text, &mut findings));
        }
        context.update(env!("CARGO_PKG_VERSION").as_bytes());
        let mut definitions = definition::load_built_in(&documents, &mut findings);
        definitions.hash = context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        definitions
    }

    /// These, and over them those that files of a garden hold. One that a finding is about is among the broken.
    #[must_use]
    pub fn with(&self, files: &[Arc<PlacedFile>], findings: &mut Findings) -> Self {
        let mut all = self.clone();
        let mut places: BTreeMap<Name, &crate::syntax::Node> = BTreeMap::new();
        let mut waiting = Vec::new();
        let readable = files.iter().map(|file| &file.checked).filter(|file| file.readable());
        for (file, node) in readable.flat_map(|file| file.document.nodes.iter().map(move |node| (file, node))) {
            let Some(name) = (node.name.value == "definition").then(|| read::name_at(node, 0)).flatten() else {
                continue;
            };
            let name = name.value;
            if let Some(first) = places.get(&name) {
                names::same("definition", &name, node, first, findings);
                all.loaded.remove(&name);
                all.broken.insert(name);
                continue;
            }
            tell_of_replacing(&name, node, self.loaded.contains_key(&name), findings);
            places.insert(name.clone(), node);
            all.loaded.remove(&name);
            if file.holds_broken(node) {
                all.broken.insert(name);
            } else {
                waiting.push((name, node));
            }
        }
        all.load_in_order(waiting, findings);
        all
    }

    /// Takes over from earlier ones, loaded over the same built-in ones, what is written as it was there.
    pub(crate) fn share_with(&mut self, before: &Self) {
        for (name, definition) in &mut self.loaded {
            let same = before.loaded.get(name).filter(|before| before.written == definition.written);
            if let Some(same) = same {
                *definition = Arc::clone(same);
            }
        }
    }

    /// Loads each after those that it uses; those that are left wait for each other.
    fn load_in_order(&mut self, mut waiting: Vec<(Name, &syntax::Node)>, findings: &mut Findings) {
        loop {
            waiting.retain(|(name, _)| !self.broken.contains(name));
            let waits = |node: &syntax::Node| {
                definition::uses(node).any(|used| waiting.iter().any(|(name, _)| name.as_str() == used))
            };
            let Some(at) = waiting.iter().position(|(_, node)| !waits(node)) else { break };
            let (name, node) = waiting.remove(at);
            match definition::load(node, self, findings) {
                Some(definition) => drop(self.loaded.insert(name, Arc::new(definition))),
                None => drop(self.broken.insert(name)),
            }
        }
        for (name, node) in &waiting {
            // Others only wait for those that need themselves.
            let mut reached: BTreeSet<&str> = definition::uses(node).collect();
            for _ in 0..waiting.len() {
                let next = waiting.iter().filter(|(name, _)| reached.contains(name.as_str()));
                let next: Vec<&str> = next.flat_map(|(_, node)| definition::uses(node)).collect();
                reached.extend(next);
            }
            if reached.contains(name.as_str()) {
                findings.push(definition::circle(node));
            }
        }
        self.broken.extend(waiting.into_iter().map(|(name, _)| name));
    }
}
