//! An object against the rules of its definition: in the order, with the paths and in the words of the API server
//! (`apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go`).

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::evaluate::{Evaluated, Evaluation, EvaluationFault, MOST_WORK, NameScope};
use super::nodes::{DefinitionRule, PathStep, RuleNode, RuleReason};
use super::patterns::Patterns;
use super::structure::Structure;
use super::values::{CelValue, Order};
use super::{Broken, LONGEST_MESSAGE, Left, PER_CALL_LIMIT, RUNTIME_COST_BUDGET, RuleJudgement};

pub(super) fn judge(root: &RuleNode, object: &Json, old: Option<&Json>) -> RuleJudgement {
    let mut judge = Judge {
        found: RuleJudgement::default(),
        budget: RUNTIME_COST_BUDGET,
        work: MOST_WORK_OF_OBJECT,
        spent: false,
        patterns: Patterns::default(),
        path: Vec::new(),
    };
    let since = Since { current: old, parent: None };
    judge.node(root, object, old, since);
    judge.found
}

struct Judge {
    found: RuleJudgement,
    budget: u64,
    /// The work that may still be made.
    work: u64,
    /// Whether the budget is used up: nothing more is judged.
    spent: bool,
    patterns: Patterns,
    path: Vec<PathStep>,
}

/// What a value is compared with to tell whether it is as it was.
#[derive(Clone, Copy, Default)]
struct Since<'a> {
    /// The old value of this very place; none where it has none.
    current: Option<&'a Json>,
    /// The new and the old value of the nearest place above that has one.
    parent: Option<(&'a Json, &'a Json)>,
}

impl<'a> Since<'a> {
    /// The same for a place below this one, of which that is the old value.
    fn below(self, here: &'a Json, old: Option<&'a Json>) -> Self {
        match self.current {
            None => self,
            Some(current) => Self { current: old, parent: Some((here, current)) },
        }
    }

    /// Whether an error of the value is passed over, since nothing changed.
    fn is_same(self, value: &Json, structure: &Structure) -> bool {
        match (self.current, self.parent) {
            (Some(old), _) => structure.is_same(value, old),
            (None, Some((new, old))) => new == old,
            (None, None) => false,
        }
    }
}

impl Judge {
    fn node<'a>(&mut self, node: &RuleNode, value: &'a Json, old: Option<&'a Json>, since: Since<'a>) {
        let old = old.filter(|old| !old.is_null());
        if value.is_null() || self.spent {
            return;
        }
        self.rules(node, value, old, since);
        for one in &node.all_of {
            self.node(one, value, old, Since { current: None, parent: since.parent });
        }
        match value {
            Json::Array(items) => self.items(node, value, items, old, since),
            Json::Object(fields) => self.fields(node, value, fields, old, since),
            _ => {}
        }
    }

    fn items<'a>(
        &mut self,
        node: &RuleNode,
        list: &'a Json,
        items: &'a [Json],
        old: Option<&'a Json>,
        since: Since<'a>,
    ) {
        let (Some(of), Some(structure)) = (&node.items, &node.list) else { return };
        let old = old.and_then(Json::as_array);
        let before = since.current.and_then(Json::as_array);
        for (place, item) in items.iter().enumerate() {
            let fellow = old.and_then(|old| structure.fellow(item, old));
            let current = match node.order {
                Order::Keyed(_) => before.and_then(|before| structure.fellow(item, before)),
                Order::Place => before.and_then(|before| before.get(place)),
                Order::Set | Order::Atomic => None,
            };
            self.below(PathStep::Index(place), of, item, fellow, since.below(list, current));
        }
    }

    fn fields<'a>(
        &mut self,
        node: &RuleNode,
        map: &'a Json,
        fields: &'a Map<String, Json>,
        old: Option<&'a Json>,
        since: Since<'a>,
    ) {
        for (name, value) in fields {
            let old = old.and_then(|old| old.get(name));
            let is_type = since.parent.is_none() && ["apiVersion", "kind"].contains(&name.as_str());
            let current = since.current.and_then(|current| current.get(name));
            let since = if is_type { Since::default() } else { since.below(map, current) };
            if let Some(of) = node.properties.get(name.as_str()) {
                self.below(PathStep::Field(name.as_str().into()), of, value, old, since);
            } else if let Some(of) = &node.values {
                self.below(PathStep::Key(name.as_str().into()), of, value, old, since);
            }
        }
    }

    fn below<'a>(&mut self, step: PathStep, node: &RuleNode, value: &'a Json, old: Option<&'a Json>, since: Since<'a>) {
        self.path.push(step);
        self.node(node, value, old, since);
        self.path.pop();
    }

    /// The rules of one place.
    fn rules(&mut self, node: &RuleNode, value: &Json, old: Option<&Json>, since: Since<'_>) {
        let Some(structure) = &node.structure else { return };
        if self.budget == 0 {
            return self.out_of_budget(structure, OUT_OF_BUDGET.to_owned());
        }
        let own = structure.value(value);
        let before = old.map(|old| structure.value(old));
        for rule in &node.rules {
            let compiled = match rule.program.compiled(Some(&node.limits)) {
                Ok(compiled) => compiled,
                Err(why) => {
                    self.left(rule, why);
                    continue;
                }
            };
            if compiled.uses_old && old.is_none() && !rule.optional_old {
                continue;
            }
            let place = Place { node, rule, structure, value, own: &own, before: before.as_ref() };
            let old_self =
                if rule.optional_old { Some(CelValue::Optional(before.clone().map(Arc::new))) } else { before.clone() };
            let (answer, cost) = self.evaluated(&compiled.tree, &own, old_self);
            if cost > self.budget {
                return self.out_of_budget(structure, OUT_OF_BUDGET.to_owned());
            }
            self.budget -= cost;
            match answer {
                Ok(CelValue::Bool(true)) => {}
                Ok(CelValue::Bool(false)) => {
                    let passed_over = !compiled.uses_old && since.is_same(value, structure);
                    self.broken(&place, passed_over);
                }
                Ok(_) => self.left(rule, "it is neither true nor false"),
                Err(EvaluationFault::Left(why)) => self.left(rule, &why),
                Err(EvaluationFault::CallLimit) => {
                    let named = rule.named();
                    return self.out_of_budget(
                        structure,
                        format!("'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: {named}"),
                    );
                }
                Err(EvaluationFault::Error(text)) => self.failed(&place, &text),
            }
            if self.spent {
                return;
            }
        }
    }

    fn evaluated(
        &mut self,
        tree: &kube::core::cel::cel::common::ast::IdedExpr,
        own: &CelValue,
        old: Option<CelValue>,
    ) -> (Evaluated, u64) {
        let mut run = Evaluation::new(PER_CALL_LIMIT, self.work, &mut self.patterns);
        let own = NameScope { name: "self", value: Ok(own.clone()), outer: None };
        let old = old.map(|old| NameScope { name: "oldSelf", value: Ok(old), outer: Some(&own) });
        let answer = run.value(tree, old.as_ref().unwrap_or(&own));
        let made = self.work.min(MOST_WORK) - run.work.0;
        let cost = run.cost.max(1);
        self.work = self.work.saturating_sub(made);
        (answer, cost)
    }

    /// An evaluation that ended in an error of the language.
    fn failed(&mut self, place: &Place<'_>, text: &str) {
        let named = place.rule.named();
        let detail = if text.starts_with("no such overload") {
            format!(
                "'{text}': call arguments did not match a supported operator, function or macro signature for rule: {named}"
            )
        } else {
            format!("{text} evaluating rule: {named}")
        };
        let broken = self.error(&[], RuleReason::Invalid, Some(type_word(place.structure)), detail);
        self.found.broken.push(broken);
    }

    /// A rule that does not hold.
    fn broken(&mut self, place: &Place<'_>, passed_over: bool) {
        let Place { rule, structure, value, .. } = place;
        let shown = (!matches!(value, Json::Object(_) | Json::Array(_))).then(|| (*value).clone());
        let broken = match self.message(place) {
            Message::Said(detail) => self.error(&rule.field_path, rule.reason, shown, detail),
            Message::None => self.error(&rule.field_path, rule.reason, shown, rule.detail()),
            Message::TooDear(detail) => {
                self.spent = true;
                let error = self.error(&rule.field_path, RuleReason::Invalid, Some(type_word(structure)), detail);
                Broken { over_budget: true, ..error }
            }
        };
        let to = if passed_over { &mut self.found.as_before } else { &mut self.found.broken };
        to.push(broken);
    }

    /// What the message expression of a rule says.
    fn message(&mut self, place: &Place<'_>) -> Message {
        let Some(program) = &place.rule.message_program else { return Message::None };
        let Ok(compiled) = program.compiled(Some(&place.node.limits)) else { return Message::None };
        let (answer, cost) = self.evaluated(&compiled.tree, place.own, place.before.cloned());
        if cost > self.budget {
            return Message::TooDear(
                "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run"
                    .to_owned(),
            );
        }
        self.budget -= cost;
        match answer {
            Ok(CelValue::Text(text)) => {
                let text = text.trim();
                let usable = !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n');
                if usable { Message::Said(text.to_owned()) } else { Message::None }
            }
            Err(EvaluationFault::CallLimit) => Message::TooDear(
                "no further validation rules will be run due to call cost exceeds limit for messageExpression"
                    .to_owned(),
            ),
            _ => Message::None,
        }
    }

    fn out_of_budget(&mut self, structure: &Structure, detail: String) {
        self.spent = true;
        let error = self.error(&[], RuleReason::Invalid, Some(type_word(structure)), detail);
        self.found.broken.push(Broken { over_budget: true, ..error });
    }

    fn left(&mut self, rule: &DefinitionRule, why: &str) {
        self.found.left.push(Left { rule: rule.named().to_owned(), why: why.to_owned() });
    }

    fn error(&self, below: &[PathStep], reason: RuleReason, shown: Option<Json>, detail: String) -> Broken {
        let path = match (written(&self.path), written(below)) {
            (own, below) if below.is_empty() => own,
            (own, below) if own.is_empty() => below,
            (own, below) => format!("{own}.{below}"),
        };
        let steps = self.path.iter().chain(below);
        let pointer = steps.map(|step| match step {
            PathStep::Field(name) | PathStep::Key(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            PathStep::Index(place) => format!("/{place}"),
        });
        Broken { path, pointer: pointer.collect(), reason, shown, detail, over_budget: false }
    }
}

/// The work that all evaluations of one object may make: six of the longest.
const MOST_WORK_OF_OBJECT: u64 = 6 * MOST_WORK;
const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// A rule beside the value that it is asked of.
struct Place<'p> {
    node: &'p RuleNode,
    rule: &'p DefinitionRule,
    structure: &'p Structure,
    value: &'p Json,
    own: &'p CelValue,
    before: Option<&'p CelValue>,
}

enum Message {
    Said(String),
    None,
    TooDear(String),
}

/// The type of a value, which the server shows in its place where a rule cannot be evaluated.
fn type_word(structure: &Structure) -> Json {
    Json::from(&*structure.word)
}

/// A path as the server writes it.
fn written(path: &[PathStep]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            PathStep::Field(name) if out.is_empty() => out.push_str(name),
            PathStep::Field(name) => out.extend([".", name]),
            PathStep::Key(name) => out.extend(["[", name, "]"]),
            PathStep::Index(place) => out.push_str(&format!("[{place}]")),
        }
    }
    out
}
