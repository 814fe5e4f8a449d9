//! Settings as they are written, before anything is decoded, and the values of those that are.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::expression::Value;
use crate::model::definition::SettingDeclaration;
use crate::model::{Layer, Setting};
use crate::source::Span;
use crate::syntax::{Node, Scalar, Value as Written};

/// The setting that a node says: its arguments, properties and children, each with its own place, not decoded yet.
///
/// Children of a repeatable member are told apart by their key; others have the empty one.
pub(crate) fn written(declaration: &SettingDeclaration, node: &Node, layer: Layer) -> Setting {
    let mut children: BTreeMap<String, BTreeMap<String, Setting>> = BTreeMap::new();
    for child in &node.children {
        let member = declaration.members.get(&child.name.value);
        let key = member.and_then(|member| member.keyed_by.as_ref()?.key(child)).map(str::to_owned);
        let setting = written(member.unwrap_or(declaration), child, layer);
        children.entry(child.name.value.clone()).or_default().entry(key.unwrap_or_default()).or_insert(setting);
    }
    Setting {
        span: node.head,
        layer,
        args: node.args.clone(),
        props: node.props.iter().map(|prop| (prop.name.value.clone(), prop.value.clone())).collect(),
        children,
        value: Value::Absent,
    }
}

/// A text as if it had been written, for defaults that are composed.
pub(in crate::model::definition) fn as_written(text: &str, span: Span) -> Written {
    let scalar = text.parse().map_or(Scalar::Text, Scalar::Integer);
    Written { scalar, text: text.to_owned(), quoted: false, span }
}

/// `settings` of expressions: the values of effective settings that have one.
pub fn settings_value<S: Borrow<Setting>>(settings: &BTreeMap<String, S>) -> Value {
    let values = settings.iter().map(|(name, setting)| (name.clone(), setting.borrow().value.clone()));
    Value::map(values.filter(|(_, value)| *value != Value::Absent))
}
