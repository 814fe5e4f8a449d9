//! The definitions that come with parcelle, and those of a garden over them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::finding::Findings;
use crate::model::definition::{self, Definitions};
use crate::model::{read, references};
use crate::name::Name;
use crate::schema::Checked;
use crate::source::{Sources, Span};
use crate::syntax;

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
    pub fn with(&self, files: &[Arc<Checked>], findings: &mut Findings) -> Self {
        let mut all = self.clone();
        let mut places: BTreeMap<Name, Span> = BTreeMap::new();
        let readable = files.iter().filter(|file| file.readable());
        for (file, node) in readable.flat_map(|file| file.document.nodes.iter().map(move |node| (file, node))) {
            let Some(name) = (node.name.value == "definition").then(|| read::name_at(node, 0)).flatten() else {
                continue;
            };
            let name = name.value;
            if let Some(first) = places.get(&name) {
                findings.push(references::same("definition", &name, node.head, *first));
                all.loaded.remove(&name);
                all.broken.insert(name);
                continue;
            }
            places.insert(name.clone(), node.head);
            all.loaded.remove(&name);
            let sound = !file.holds_broken(node);
            match sound.then(|| definition::load(node, &all.common, findings)).flatten() {
                Some(definition) => drop(all.loaded.insert(name, Arc::new(definition))),
                None => drop(all.broken.insert(name)),
            }
        }
        all
    }
}
