//! Settings as KDL that can be pasted: what a layer wrote, and what a value would be written as.

use crate::expression::Value;
use crate::model::Setting;
use crate::model::definition::{KeyedBy, SettingDeclaration};
use crate::syntax::Value as Written;

/// A setting as KDL on one line: `scale min=2 max=6`, `backup { keep daily=7; }`; words in the order of their declaration.
pub(crate) fn setting_text(declaration: &SettingDeclaration, setting: &Setting) -> String {
    named(&declaration.name, declaration, setting)
}

fn named(name: &str, declaration: &SettingDeclaration, setting: &Setting) -> String {
    // The nodes of a repeatable setting stand side by side.
    if let Some(nodes) = setting.children.get(name).filter(|_| declaration.keyed_by.is_some()) {
        return nodes.values().map(|node| one(name, declaration, node)).collect::<Vec<_>>().join("; ");
    }
    one(name, declaration, setting)
}

fn one(name: &str, declaration: &SettingDeclaration, setting: &Setting) -> String {
    if setting.args.is_empty() && setting.props.is_empty() && setting.children.is_empty() {
        return value_kdl(declaration, &setting.value).unwrap_or_else(|| name.to_owned());
    }
    let args = setting.args.iter().map(spelling).collect();
    // An empty list that a definition has by default is written as a property without a word.
    let says = |value: &&Written| value.quoted || !value.text.is_empty();
    let mut props: Vec<_> = setting.props.iter().filter(|(_, value)| says(value)).collect();
    props.sort_by_key(|(name, _)| order(declaration, name));
    let props = props.into_iter().map(|(name, value)| format!("{name}={}", spelling(value))).collect();
    let mut children: Vec<_> = setting.children.iter().collect();
    children.sort_by_key(|(name, _)| order(declaration, name));
    let children = children.into_iter().flat_map(|(name, keyed)| {
        let member = declaration.members.get(name).unwrap_or(declaration);
        keyed.values().map(move |child| one(name, member, child))
    });
    node(name, args, props, children.collect())
}

/// Where a member was declared; those that are not known come last.
fn order<'a>(declaration: &SettingDeclaration, name: &'a str) -> (bool, crate::source::Span, &'a str) {
    let member = declaration.members.get(name);
    (member.is_none(), member.map_or(declaration.span, |member| member.span), name)
}

fn node(name: &str, args: Vec<String>, props: Vec<String>, children: Vec<String>) -> String {
    let mut text = std::iter::once(name.to_owned()).chain(args).chain(props).collect::<Vec<_>>().join(" ");
    if !children.is_empty() {
        text.push_str(" { ");
        children.iter().for_each(|child| text.push_str(&format!("{child}; ")));
        text.push('}');
    }
    text
}

fn spelling(value: &Written) -> String {
    if value.quoted { format!("{:?}", value.text) } else { value.text.clone() }
}

/// A value as the node that would be written for it; `None` where it says nothing (an empty list, a group without words).
pub(crate) fn value_kdl(declaration: &SettingDeclaration, value: &Value) -> Option<String> {
    let name = &declaration.name;
    match value {
        Value::Absent => None,
        Value::List(items) if items.is_empty() => None,
        Value::Map(nodes) if declaration.keyed_by.is_some() => {
            let by_argument = declaration.keyed_by == Some(KeyedBy::Argument);
            let nodes = nodes.iter().map(|(key, value)| match value {
                Value::Map(members) => {
                    group(declaration, by_argument.then(|| word(key)).into_iter().collect(), members)
                }
                value => format!("{name} {} {}", word(key), value_text(value)),
            });
            Some(nodes.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
        }
        Value::Map(members) if !declaration.members.is_empty() => {
            let first = members.get("is").map(value_text).into_iter().collect();
            Some(group(declaration, first, members)).filter(|text| text != name)
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{} {}", word(key), value_text(value))).collect();
            Some(node(name, Vec::new(), Vec::new(), entries)).filter(|text| text != name)
        }
        value => Some(format!("{name} {}", value_text(value))),
    }
}

fn group(
    declaration: &SettingDeclaration,
    first: Vec<String>,
    values: &std::collections::BTreeMap<String, Value>,
) -> String {
    let mut members: Vec<_> = declaration.members.iter().collect();
    members.sort_by_key(|(_, member)| member.span);
    let said = |name: &str| values.get(name).filter(|value| !says_nothing(value));
    let (props, blocks): (Vec<_>, Vec<_>) = members.into_iter().partition(|(_, member)| member.as_property);
    let props = props.iter().filter_map(|(name, _)| Some(format!("{name}={}", prop_text(said(name)?))));
    let blocks = blocks.iter().filter_map(|(name, member)| value_kdl(member, said(name)?));
    node(&declaration.name, first, props.collect(), blocks.collect())
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Absent => true,
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.values().all(says_nothing),
        _ => false,
    }
}

/// A value after `=`: a list is one text there.
fn prop_text(value: &Value) -> String {
    match value {
        Value::List(_) => format!("{:?}", value_text(value)),
        value => value_text(value),
    }
}

fn word(text: &str) -> String {
    crate::schema::scalar::quoted_where_needed(text)
}

/// A value as people write it.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::Absent => "nothing".to_owned(),
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => word(&text.text),
        Value::Quantity(quantity) => quantity.to_string(),
        Value::Secret(_) => "a secret".to_owned(),
        Value::List(items) => items.iter().map(value_text).collect::<Vec<_>>().join(" "),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}={}", value_text(value)));
            entries.collect::<Vec<_>>().join(" ")
        }
    }
}
