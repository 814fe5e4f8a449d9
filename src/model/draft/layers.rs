//! The four layers, merged by one rule: the nearer wins, word by word.
//!
//! | case | result |
//! |---|---|
//! | scalar | the nearer layer replaces the whole node |
//! | properties, same first argument or none | property by property |
//! | first argument differs | the nearer node replaces all |
//! | children | child by child, then as above |
//! | list as arguments | replaced; `add` and `without` extend |
//! | keyed nodes | merged by key |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Setting;
use crate::model::definition::{SettingDeclaration, SettingType};
use crate::syntax::Value as Written;

/// The first words of a list that extends the one of the layer below instead of replacing it.
const EXTENDING: [&str; 2] = ["add", "without"];

/// The effective setting of its layers, nearest first; shared with a layer where only one has a say.
pub(super) fn effective(declaration: &SettingDeclaration, nearest_first: &[Arc<Setting>]) -> Option<Arc<Setting>> {
    let (farthest, nearer) = nearest_first.split_last()?;
    let settled = settle(declaration, farthest);
    Some(nearer.iter().rev().fold(settled, |far, near| merge(Some(declaration), near, &far)))
}

/// The farthest layer by itself: a list that would extend another extends nothing.
fn settle(declaration: &SettingDeclaration, setting: &Arc<Setting>) -> Arc<Setting> {
    match extension(Some(declaration), setting) {
        None => Arc::clone(setting),
        Some((adds, words)) => {
            let args = if adds { words.to_vec() } else { Vec::new() };
            Arc::new(Setting { args, ..Setting::clone(setting) })
        }
    }
}

/// `near` over `far`.
fn merge(declaration: Option<&SettingDeclaration>, near: &Arc<Setting>, far: &Arc<Setting>) -> Arc<Setting> {
    if let Some((adds, words)) = extension(declaration, near) {
        let args = if adds { union(&far.args, words) } else { difference(&far.args, words) };
        return Arc::new(Setting { args, ..Setting::clone(near) });
    }
    let replaced = !same_first(near, far) || far.props.is_empty() && far.children.is_empty() && !near.args.is_empty();
    if replaced || is_list(declaration) {
        return Arc::clone(near);
    }
    Arc::new(merged(declaration, near, far))
}

/// Property by property and child by child.
fn merged(declaration: Option<&SettingDeclaration>, near: &Setting, far: &Setting) -> Setting {
    let mut props = far.props.clone();
    props.extend(near.props.iter().map(|(name, value)| (name.clone(), value.clone())));
    let mut children = far.children.clone();
    for (name, keyed) in &near.children {
        let member = declaration.and_then(|declaration| member(declaration, name));
        let below = children.entry(name.clone()).or_default();
        for (key, child) in keyed {
            let child = match below.remove(key) {
                None => child.clone(),
                Some(far) => Setting::clone(&merge(member, &Arc::new(child.clone()), &Arc::new(far))),
            };
            below.insert(key.clone(), child);
        }
    }
    let args = if near.args.is_empty() { far.args.clone() } else { near.args.clone() };
    Setting { args, props, children, span: near.span, layer: near.layer, value: near.value.clone() }
}

/// The declaration of a child: a member of a group, or the setting itself where it is one of a repeatable's nodes.
fn member<'a>(declaration: &'a SettingDeclaration, name: &str) -> Option<&'a SettingDeclaration> {
    declaration
        .members
        .get(name)
        .or_else(|| (declaration.keyed_by.is_some() && declaration.name == name).then_some(declaration))
}

/// Whether the first arguments agree; one that says none leaves the other's.
fn same_first(near: &Setting, far: &Setting) -> bool {
    match (near.args.first(), far.args.first()) {
        (Some(near), Some(far)) => near.text == far.text,
        _ => true,
    }
}

fn is_list(declaration: Option<&SettingDeclaration>) -> bool {
    declaration.is_some_and(|declaration| matches!(declaration.kind, SettingType::List(..)))
}

/// The words that a list adds (or takes away, where false).
fn extension<'a>(declaration: Option<&SettingDeclaration>, setting: &'a Setting) -> Option<(bool, &'a [Written])> {
    let (first, words) = setting.args.split_first()?;
    let extends = is_list(declaration) && !first.quoted && EXTENDING.contains(&first.text.as_str());
    extends.then_some((first.text == "add", words))
}

fn union(far: &[Written], added: &[Written]) -> Vec<Written> {
    let known = texts(far);
    far.iter().chain(added.iter().filter(|word| !known.contains(word.text.as_str()))).cloned().collect()
}

fn difference(far: &[Written], without: &[Written]) -> Vec<Written> {
    let gone = texts(without);
    far.iter().filter(|word| !gone.contains(word.text.as_str())).cloned().collect()
}

fn texts(words: &[Written]) -> BTreeSet<&str> {
    words.iter().map(|word| word.text.as_str()).collect()
}

/// Layers of settings by name, each nearest first.
pub(super) type Layers = BTreeMap<String, Vec<Arc<Setting>>>;

/// Puts the settings of a layer behind those of the layers nearer than it.
pub(super) fn lay(layers: &mut Layers, farther: &BTreeMap<String, Arc<Setting>>) {
    for (name, setting) in farther {
        layers.entry(name.clone()).or_default().push(Arc::clone(setting));
    }
}
