//! `offer` nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Doubt;
use super::doubt::definition;
use super::settings::{APP_WORDS, Reader, SettingsBlock};
use crate::finding::Findings;
use crate::model::definition::Definitions;
use crate::model::read::{amount_of, child, children, name_at, text_at};
use crate::model::{AppNode, Grants, Layer, Offer};
use crate::name::Name;
use crate::schema::CheckedFile;
use crate::syntax::Node;

/// An offer; absent where not even its name can be read.
pub(in crate::model) fn read(
    file: &CheckedFile,
    node: &Node,
    definitions: &Definitions,
    doubt: &Doubt,
    findings: &mut Findings,
) -> Option<Offer> {
    let name = name_at(node, 0)?;
    let allow = child(file, node, "allow");
    let apps = children(file, node, "app")
        .filter_map(|app| app_node(file, app, Layer::OfferApp, definitions, doubt, findings));
    let apps: BTreeMap<_, _> = apps.map(|app| (app.name.value.clone(), app)).collect();
    let defaults = defaults(file, node, Layer::OfferDefaults, definitions, findings);
    Some(Offer {
        grants: child(file, node, "grants").map(|block| Grants::of(file, block)).unwrap_or_default(),
        allows: allow.into_iter().flat_map(|node| &node.args).map(|hatch| hatch.text.clone()).collect(),
        only: children(file, node, "only")
            .flat_map(|node| &node.args)
            .filter_map(|name| Name::new(&name.text).ok())
            .collect(),
        defaults: defaults.settings,
        sound: defaults.sound,
        complete: !file.holds_broken(node),
        apps,
        span: node.head,
        name: name.value,
    })
}

impl Grants {
    /// The ceilings that a block says.
    pub(in crate::model) fn of(file: &CheckedFile, block: &Node) -> Self {
        let amount = |name| amount_of(file, block, name);
        Self { cpu: amount("cpu"), memory: amount("memory"), storage: amount("storage") }
    }
}

/// The `defaults` of an offer or an organisation.
pub(super) fn defaults(
    file: &CheckedFile,
    node: &Node,
    layer: Layer,
    definitions: &Definitions,
    findings: &mut Findings,
) -> SettingsBlock {
    let Some(block) = child(file, node, "defaults") else {
        return SettingsBlock { settings: BTreeMap::new(), sound: true };
    };
    let reader = Reader { declarations: &definitions.common, owner: "`defaults`", words: &[], layer };
    reader.read(file, block, findings)
}

/// An app as one layer writes it: `app DEFINITION NAME { … }` or `retired app DEFINITION NAME { … }`.
pub(super) fn app_node(
    file: &CheckedFile,
    node: &Node,
    layer: Layer,
    definitions: &Definitions,
    doubt: &Doubt,
    findings: &mut Findings,
) -> Option<AppNode> {
    let first = usize::from(node.name.value == "retired");
    let (written, name) = (text_at(node, first)?, name_at(node, first + 1)?);
    let known = if file.is_malformed(node) {
        definitions.loaded.get(written.value.as_str())
    } else {
        definition(definitions, doubt, &written, findings)
    };
    let said = match known {
        None => SettingsBlock { settings: BTreeMap::new(), sound: false },
        Some(definition) => {
            let owner = format!("`{}`", definition.name);
            let reader = Reader { declarations: &definition.settings, owner: &owner, words: APP_WORDS, layer };
            reader.read(file, node, findings)
        }
    };
    Some(AppNode {
        name,
        definition: written,
        settings: said.settings,
        sound: said.sound,
        node: Arc::new(node.clone()),
    })
}
