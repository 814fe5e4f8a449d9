//! The rules of a definition, each at its place in the schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::core::cel::{CompiledSchema, compile_schema};
use serde_json::{Map, Value as Json};

use super::program::Program;
use super::structure::{DEEPEST, Structure, flag};
use super::values::Order;

/// One place of a schema at or below which there are rules.
#[derive(Debug)]
pub(super) struct RuleNode {
    /// The type of the values here, where there are rules at this very place.
    pub(super) structure: Option<Arc<Structure>>,
    pub(super) rules: Vec<DefinitionRule>,
    /// The list limits of the schema here, for the estimate of what a rule costs.
    pub(super) limits: Arc<CompiledSchema>,
    pub(super) order: Order,
    pub(super) list: Option<Arc<Structure>>,
    pub(super) items: Option<Box<RuleNode>>,
    pub(super) properties: BTreeMap<Box<str>, RuleNode>,
    pub(super) values: Option<Box<RuleNode>>,
    pub(super) all_of: Vec<RuleNode>,
}

/// One rule.
#[derive(Debug)]
pub(super) struct DefinitionRule {
    pub(super) program: Arc<Program>,
    /// The rule as it is written, for messages.
    pub(super) text: Box<str>,
    pub(super) message: Option<Box<str>>,
    pub(super) message_program: Option<Arc<Program>>,
    pub(super) reason: RuleReason,
    /// Fields below the place that the rule is about, outermost first.
    pub(super) field_path: Vec<PathStep>,
    pub(super) optional_old: bool,
}

/// The kind of error that a broken rule is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RuleReason {
    #[default]
    Invalid,
    Forbidden,
    Required,
    Duplicate,
}

/// A step of a path to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathStep {
    Field(Box<str>),
    Key(Box<str>),
    Index(usize),
}

/// Programs of equal text, shared within a definition.
#[derive(Default)]
pub(super) struct Programs {
    known: BTreeMap<String, Arc<Program>>,
    bytes: usize,
}

/// The most expressions of one definition that are read, in bytes.
const MOST_TEXT: usize = 256 << 10;

impl Programs {
    fn get(&mut self, text: &str) -> Arc<Program> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        self.bytes += text.len();
        let program = if self.bytes > MOST_TEXT { Program::refused() } else { Program::new(text) };
        self.known.insert(text.to_owned(), Arc::clone(&program));
        program
    }
}

impl RuleNode {
    /// Reads the rules of a schema; `None` where there are none. `validation` says the rules, `structure` the types: they
    /// differ below `allOf`.
    pub(super) fn read(
        validation: &Json,
        structure: &Json,
        resource: bool,
        depth: usize,
        programs: &mut Programs,
    ) -> Option<Self> {
        if depth > DEEPEST || !has_rules(validation) {
            return None;
        }
        let resource = resource || flag(structure, "x-kubernetes-embedded-resource");
        let mut below = |validation: &Json, structure: &Json| {
            let both = validation.is_object() && structure.is_object();
            both.then(|| Self::read(validation, structure, false, depth + 1, programs)).flatten()
        };
        let items = below(&validation["items"], &structure["items"]).map(Box::new);
        let values = below(&validation["additionalProperties"], &structure["additionalProperties"]).map(Box::new);
        let properties = validation["properties"].as_object().into_iter().flatten().filter_map(|(name, validation)| {
            Some((name.as_str().into(), below(validation, structure["properties"].get(name)?)?))
        });
        let properties = properties.collect();
        let all_of = validation["allOf"].as_array().into_iter().flatten();
        let all_of = all_of.filter_map(|one| Self::read(one, structure, resource, depth + 1, programs)).collect();
        let rules = validation["x-kubernetes-validations"].as_array().into_iter().flatten();
        let rules: Vec<DefinitionRule> = rules.filter_map(|rule| DefinitionRule::read(rule, programs)).collect();
        let typed = (!rules.is_empty()).then(|| Structure::read(structure, resource, depth));
        let is_list = items.is_some();
        let list = is_list.then(|| typed.clone().unwrap_or_else(|| Structure::read(structure, resource, depth)));
        Some(Self {
            limits: limits(structure, rules.is_empty()),
            order: list.as_ref().map(|list| list.order().clone()).unwrap_or_default(),
            structure: typed,
            rules,
            list,
            items,
            properties,
            values,
            all_of,
        })
    }
}

/// The limits of a schema as kube's estimate takes them: its own and those of its fields.
fn limits(schema: &Json, none: bool) -> Arc<CompiledSchema> {
    let known = |schema: &Json| {
        let keys = ["maxItems", "maxLength", "maxProperties"].into_iter();
        let keys = keys.filter_map(|key| Some((key.to_owned(), schema.get(key)?.clone())));
        let mut known: Map<String, Json> = keys.collect();
        if schema["items"].is_object() {
            known.insert("items".to_owned(), Json::Object(Map::new()));
        }
        known
    };
    let mut own = if none { Map::new() } else { known(schema) };
    if !none && let Some(properties) = schema["properties"].as_object() {
        let properties = properties.iter().map(|(name, schema)| (name.clone(), Json::Object(known(schema))));
        own.insert("properties".to_owned(), Json::Object(properties.collect()));
    }
    Arc::new(compile_schema(&Json::Object(own)))
}

/// Whether a schema has rules somewhere.
pub(super) fn has_rules(schema: &Json) -> bool {
    let below = |value: &Json| value.is_object() && has_rules(value);
    schema["x-kubernetes-validations"].as_array().is_some_and(|rules| !rules.is_empty())
        || schema["properties"].as_object().is_some_and(|all| all.values().any(has_rules))
        || schema["allOf"].as_array().is_some_and(|all| all.iter().any(has_rules))
        || below(&schema["items"])
        || below(&schema["additionalProperties"])
}

impl DefinitionRule {
    fn read(rule: &Json, programs: &mut Programs) -> Option<Self> {
        let word = |name: &str| rule[name].as_str().filter(|word| !word.is_empty());
        let text = word("rule")?;
        let mut program = |text: &str| programs.get(text);
        Some(Self {
            program: program(text),
            text: text.trim().into(),
            message: word("message").map(|message| message.trim().into()),
            message_program: word("messageExpression").map(program),
            reason: match word("reason") {
                Some("FieldValueForbidden") => RuleReason::Forbidden,
                Some("FieldValueRequired") => RuleReason::Required,
                Some("FieldValueDuplicate") => RuleReason::Duplicate,
                _ => RuleReason::Invalid,
            },
            field_path: word("fieldPath").map(steps).unwrap_or_default(),
            optional_old: flag(rule, "optionalOldSelf"),
        })
    }

    /// The rule in the words of an error: its message, or itself.
    pub(super) fn named(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.text)
    }

    /// What is said where the rule does not hold.
    pub(super) fn detail(&self) -> String {
        self.message.as_deref().map_or_else(|| format!("failed rule: {}", self.text), str::to_owned)
    }
}

/// The steps of a path such as `.spec['a.b'].size`.
fn steps(path: &str) -> Vec<PathStep> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("['") {
            let mut name = String::new();
            let mut letters = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((at, letter)) = letters.next() {
                match letter {
                    '\'' => {
                        end = at;
                        break;
                    }
                    '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
                    other => name.push(other),
                }
            }
            steps.push(PathStep::Key(name.into()));
            rest = quoted[end..].trim_start_matches('\'').trim_start_matches(']');
            continue;
        }
        let after = rest.strip_prefix('.').unwrap_or(rest);
        let end = after.find(['.', '[']).unwrap_or(after.len());
        if end == 0 {
            break;
        }
        steps.push(PathStep::Field(after[..end].into()));
        rest = &after[end..];
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_paths_are_read() {
        let field = |name: &str| PathStep::Field(name.into());
        let key = |name: &str| PathStep::Key(name.into());
        assert_eq!(steps(".size"), [field("size")]);
        assert_eq!(steps(".a.b"), [field("a"), field("b")]);
        assert_eq!(steps(".labels['x.y/z']"), [field("labels"), key("x.y/z")]);
        assert_eq!(steps("['it\\'s'].b"), [key("it's"), field("b")]);
        assert_eq!(steps("['unfinished"), [key("unfinished")]);
    }
}
