//! `cluster` nodes.

use std::collections::BTreeMap;

use crate::model::read::{child, name_at, spelled, text_of};
use crate::model::{Cluster, Layer, ProviderChoice, Setting};
use crate::schema::CheckedFile;
use crate::source::Spanned;
use crate::syntax::Node;

/// The zone of clusters that say none.
const UTC: &str = "Etc/UTC";

/// A cluster; absent where not even its name can be read.
pub(in crate::model) fn read(file: &CheckedFile, node: &Node) -> Option<Cluster> {
    let name = name_at(node, 0)?;
    let provides = child(file, node, "provides");
    let choices = provides.into_iter().flat_map(|block| &block.children).filter(|need| !file.is_broken(need));
    Some(Cluster {
        title: text_of(file, node, "title").map_or_else(|| name.value.to_string(), |title| title.value),
        uid: text_of(file, node, "uid").unwrap_or_else(|| Spanned::new(String::new(), node.head)),
        timezone: text_of(file, node, "timezone").map_or_else(|| UTC.to_owned(), |zone| zone.value),
        domain: text_of(file, node, "domain").map(|domain| domain.value),
        complete: !file.holds_broken(node),
        provides: choices.filter_map(|need| Some((need.name.value.clone(), choice(need)?))).collect(),
        span: node.head,
        name: name.value,
    })
}

fn choice(node: &Node) -> Option<ProviderChoice> {
    let provider = spelled(node.arg(0)?);
    Some(ProviderChoice { need: node.name.clone(), provider, options: options(node) })
}

/// A block of options as a tree of settings.
fn options(node: &Node) -> Setting {
    let mut children: BTreeMap<String, BTreeMap<String, Setting>> = BTreeMap::new();
    for child in &node.children {
        children.entry(child.name.value.clone()).or_default().entry(String::new()).or_insert_with(|| options(child));
    }
    Setting {
        span: node.head,
        layer: Layer::Definition,
        args: node.args.clone(),
        props: node.props.iter().map(|prop| (prop.name.value.clone(), prop.value.clone())).collect(),
        children,
        value: crate::expression::Value::Absent,
    }
}
