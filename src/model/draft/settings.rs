//! What one layer says of settings: read by their declarations, once for each node of a file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::definition::{self, SettingDeclaration};
use crate::model::{Layer, Setting};
use crate::schema::suggest::{nearest, without_capitals};
use crate::schema::{CheckedFile, TWICE, UNKNOWN_PROPERTY, UNKNOWN_WORD};
use crate::source::Span;
use crate::syntax::Node;

/// A setting under its earlier name.
pub(crate) const RENAMED: Code = Code::new("W0104");
/// A setting that should not be used any more.
pub(crate) const DEPRECATED: Code = Code::new("W0103");

/// The most findings about the settings of one block.
const MOST_FINDINGS: usize = 200;

/// Words of an app's block that are no settings; the schema has checked them.
pub(crate) const APP_WORDS: &[&str] = &["hold", "was", "adopt", "field", "env", "patch", "allow", "keep-data"];

/// The settings that a block says.
pub(super) struct SettingsBlock {
    /// Settings by name.
    pub(crate) settings: BTreeMap<String, Arc<Setting>>,
    /// Whether no finding is about any of them.
    pub(crate) sound: bool,
}

/// Who reads a block of settings, and by which declarations.
pub(super) struct Reader<'a> {
    /// The declarations that count.
    pub(crate) declarations: &'a BTreeMap<String, SettingDeclaration>,
    /// What the block belongs to, for messages: "`nextcloud`".
    pub(crate) owner: &'a str,
    /// Words that are no settings.
    pub(crate) words: &'a [&'static str],
    /// Which layer the block is.
    pub(crate) layer: Layer,
}

impl Reader<'_> {
    /// Reads the block of `node`.
    pub(super) fn read(&self, file: &CheckedFile, node: &Node, findings: &mut Findings) -> SettingsBlock {
        let before = findings.len();
        let mut first: BTreeMap<(&str, Option<&str>), &Node> = BTreeMap::new();
        let mut settings = BTreeMap::new();
        let mut sound = !file.holds_broken(node);
        for child in node.children.iter().filter(|child| !self.words.contains(&child.name.value.as_str())) {
            // A file with so much wrong in it is not read further.
            if findings.len() > before + MOST_FINDINGS {
                break;
            }
            // What was malformed is mended by guess only: nothing more is said about it.
            if file.holds_broken(child) {
                continue;
            }
            let Some(declaration) = self.declaration(child, findings) else { continue };
            let key = declaration.keyed_by.as_ref().and_then(|keyed_by| keyed_by.key(child));
            if let Some(earlier) = first.insert((declaration.name.as_str(), key), child) {
                findings.push(twice(child, earlier));
                continue;
            }
            self.setting(declaration, child, &mut settings, findings);
        }
        sound &= findings.iter().skip(before).all(|finding| finding.severity != crate::finding::Severity::Error);
        SettingsBlock {
            settings: settings.into_iter().map(|(name, setting)| (name, Arc::new(setting))).collect(),
            sound,
        }
    }

    fn setting(
        &self,
        declaration: &SettingDeclaration,
        node: &Node,
        settings: &mut BTreeMap<String, Setting>,
        findings: &mut Findings,
    ) {
        repeated(declaration, node, findings);
        let mut said = Findings::default();
        self.decoded(declaration, node, settings, &mut said);
        let moves = said.iter().any(|finding| finding.code == UNKNOWN_PROPERTY);
        let keys = if moves { keys(node) } else { BTreeMap::new() };
        said.into_iter().for_each(|finding| findings.push(at_the_key(&keys, finding)));
    }

    fn decoded(
        &self,
        declaration: &SettingDeclaration,
        node: &Node,
        settings: &mut BTreeMap<String, Setting>,
        findings: &mut Findings,
    ) {
        let written = definition::written(declaration, node, self.layer);
        let Some(keyed_by) = &declaration.keyed_by else {
            definition::check_layer(declaration, &written, findings);
            settings.insert(declaration.name.clone(), written);
            return;
        };
        let key = keyed_by.key(node).unwrap_or_default().to_owned();
        let alone = container(declaration, [(key.clone(), written.clone())]);
        definition::check_layer(declaration, &alone, findings);
        let all = settings
            .entry(declaration.name.clone())
            .or_insert_with(|| container(declaration, [(key.clone(), written.clone())]));
        all.children.entry(declaration.name.clone()).or_default().insert(key, written);
    }

    fn declaration(&self, node: &Node, findings: &mut Findings) -> Option<&SettingDeclaration> {
        let word = node.name.value.as_str();
        if let Some(declaration) = self.declarations.get(word) {
            if let Some(reason) = &declaration.deprecated {
                let finding = Finding::warning(DEPRECATED, format!("`{word}` should not be used any more"), node.head);
                findings.push(finding.why(reason.clone()));
            }
            return Some(declaration);
        }
        let renamed = self.declarations.values().find(|declaration| declaration.was.as_deref() == Some(word));
        if let Some(declaration) = renamed {
            let name = &declaration.name;
            let finding = Finding::warning(RENAMED, format!("`{word}` is called `{name}` now"), node.name.span)
                .help(format!("write `{name}`"))
                .fix(Applicability::Safe, format!("write `{name}`"), node.name.span, name.clone());
            findings.push(finding);
            return Some(declaration);
        }
        findings.push(self.unknown(node));
        None
    }

    fn unknown(&self, node: &Node) -> Finding {
        let word = node.name.value.as_str();
        let finding = Finding::refused(UNKNOWN_WORD, format!("{} has no setting `{word}`", self.owner), node.name.span);
        let known = self.declarations.keys().map(String::as_str).chain(self.words.iter().copied());
        if let Some(meant) = nearest(word, known) {
            return without_capitals(finding, word, meant).fix(
                Applicability::Guess,
                format!("write `{meant}`"),
                node.name.span,
                meant,
            );
        }
        if matches!(word, "version" | "image" | "replicas" | "resources" | "limits") {
            return finding.help(
                "images, replicas and resources are the definition's; an app says `version`, `scale` and `size`",
            );
        }
        let own: Vec<&str> =
            self.declarations.values().filter(|known| !known.common).map(|known| known.name.as_str()).collect();
        let common: Vec<&str> =
            self.declarations.values().filter(|known| known.common).map(|known| known.name.as_str()).collect();
        let finding =
            if own.is_empty() { finding } else { finding.help(format!("its own settings are {}", and(&own))) };
        finding.help(format!("every app has {}", and(&common)))
    }
}

/// A finding about a property that is not known, moved from its value to its key.
fn at_the_key(keys: &BTreeMap<Span, Span>, mut finding: Finding) -> Finding {
    if let Some(key) = keys.get(&finding.primary.span).filter(|_| finding.code == UNKNOWN_PROPERTY) {
        finding.primary.span = *key;
    }
    finding
}

/// Where the key of each property of a node and of those in it stands, by the place of its value.
fn keys(node: &Node) -> BTreeMap<Span, Span> {
    let mut keys: BTreeMap<Span, Span> = node.props.iter().map(|prop| (prop.value.span, prop.name.span)).collect();
    node.children.iter().for_each(|child| keys.extend(self::keys(child)));
    keys
}

fn and(words: &[&str]) -> String {
    crate::schema::suggest::either(words.iter().copied()).replace(" or ", " and ")
}

/// The one setting that holds the nodes of a repeatable one by key.
fn container<const N: usize>(declaration: &SettingDeclaration, nodes: [(String, Setting); N]) -> Setting {
    let first = &nodes[0].1;
    let (span, layer) = (first.span, first.layer);
    let children = BTreeMap::from([(declaration.name.clone(), nodes.into_iter().collect())]);
    Setting { span, layer, args: Vec::new(), props: BTreeMap::new(), children, value: crate::expression::Value::Absent }
}

/// Findings about what is said twice inside a setting's node.
fn repeated(declaration: &SettingDeclaration, node: &Node, findings: &mut Findings) {
    let mut seen: BTreeMap<(&str, Option<&str>), &Node> = BTreeMap::new();
    for child in &node.children {
        let member = declaration.members.get(&child.name.value);
        let key = member.and_then(|member| member.keyed_by.as_ref()?.key(child));
        match seen.entry((&child.name.value, key)) {
            Entry::Vacant(place) => drop(place.insert(child)),
            Entry::Occupied(first) => findings.push(twice(child, first.get())),
        }
        if let Some(member) = member {
            repeated(member, child, findings);
        }
    }
}

fn twice(node: &Node, first: &Node) -> Finding {
    Finding::error(TWICE, format!("`{}` is written twice", node.name.value), node.head)
        .label("again")
        .also(first.head, "first here")
        .why("parcelle does not choose which of the two is meant")
        .help("keep one of them")
}
