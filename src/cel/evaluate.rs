//! Expressions, evaluated. The cost of each step is counted as the API server counts it, so that an evaluation ends where
//! the server's would; what the server's tree of an expression cannot hold does not come here.
//!
//! The tree is kube's, and so are most functions. The evaluator is ours: that of the library keeps no count, copies what it
//! selects, and answers optional fields otherwise than the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::core::cel::cel::Value as LibraryValue;
use kube::core::cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, SelectExpr, operators,
};

use super::functions;
use super::patterns::Patterns;
use super::values::{Allowance, CelValue, MapKey, TooMuch, from_library};

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EvaluationFault {
    /// An error of the language, in the words of the server.
    Error(String),
    /// It costs more than one call may.
    CallLimit,
    /// It cannot be evaluated here, for this reason.
    Left(String),
}

impl From<TooMuch> for EvaluationFault {
    fn from(TooMuch: TooMuch) -> Self {
        Self::CallLimit
    }
}

pub(super) type Evaluated = Result<CelValue, EvaluationFault>;

/// An error of the language.
pub(super) fn error(text: impl Into<String>) -> EvaluationFault {
    EvaluationFault::Error(text.into())
}

pub(super) fn no_overload() -> EvaluationFault {
    error("no such overload")
}

/// A name with its value, and the names around it.
pub(super) struct NameScope<'s> {
    pub(super) name: &'s str,
    pub(super) value: Evaluated,
    pub(super) outer: Option<&'s NameScope<'s>>,
}

impl NameScope<'_> {
    fn find(&self, name: &str) -> Option<&Evaluated> {
        let mut scope = Some(self);
        while let Some(here) = scope {
            if here.name == name {
                return Some(&here.value);
            }
            scope = here.outer;
        }
        None
    }
}

/// One evaluation: what it has cost, and what it may.
pub(super) struct Evaluation<'p> {
    pub(super) cost: u64,
    limit: u64,
    pub(super) work: Allowance,
    pub(super) patterns: &'p mut Patterns,
}

/// Steps that one evaluation may take beside what they cost: the comparison of large values costs the server little.
pub(super) const MOST_WORK: u64 = 20_000_000;
/// The work that compiling a pattern counts as.
const PATTERN_WORK: usize = 100_000;
/// Costs of making lists and maps, of `cel-go/common/cost.go`.
const LIST_COST: u64 = 10;
const MAP_COST: u64 = 30;

impl<'p> Evaluation<'p> {
    /// An evaluation that may cost so much, and make so much work in all.
    pub(super) fn new(limit: u64, work: u64, patterns: &'p mut Patterns) -> Self {
        Self { cost: 0, limit, work: Allowance(work.min(MOST_WORK)), patterns }
    }

    pub(super) fn spend(&mut self, cost: u64) -> Result<(), EvaluationFault> {
        self.cost = self.cost.saturating_add(cost);
        self.work.spend(1)?;
        if self.cost > self.limit { Err(EvaluationFault::CallLimit) } else { Ok(()) }
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, of: &IdedExpr, scope: &NameScope<'_>) -> Evaluated {
        self.work.spend(1)?;
        match &of.expr {
            Expr::Literal(literal) => LibraryValue::try_from(literal.to_val().as_ref())
                .map(from_library)
                .map_err(|_| EvaluationFault::Left("a literal of an unknown type".to_owned())),
            Expr::Ident(name) => {
                self.spend(1)?;
                match scope.find(name) {
                    Some(value) => value.clone(),
                    None => functions::type_of_name(name)
                        .map(CelValue::Type)
                        .ok_or_else(|| EvaluationFault::Left(format!("`{name}` is not known here"))),
                }
            }
            Expr::Select(select) => self.select(select, scope),
            Expr::Call(call) => self.call(call, scope),
            Expr::Comprehension(fold) => self.fold(fold, scope),
            Expr::List(list) => {
                self.spend(LIST_COST)?;
                let mut items = Vec::with_capacity(list.elements.len());
                for (place, element) in list.elements.iter().enumerate() {
                    match self.value(element, scope)? {
                        CelValue::Optional(inner) if list.optional_indices.contains(&place) => {
                            items.extend(inner.map(|inner| (*inner).clone()));
                        }
                        item => items.push(item),
                    }
                }
                Ok(CelValue::list(items))
            }
            Expr::Map(map) => {
                self.spend(MAP_COST)?;
                let mut entries = BTreeMap::new();
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else { return Err(no_overload()) };
                    let key = self.value(&entry.key, scope)?;
                    let key = MapKey::of(&key).ok_or_else(|| error("unsupported key type"))?;
                    let value = match self.value(&entry.value, scope)? {
                        CelValue::Optional(inner) if entry.optional => inner.as_deref().cloned(),
                        value => Some(value),
                    };
                    entries.extend(value.map(|value| (key, value)));
                }
                Ok(CelValue::Map(Arc::new(entries)))
            }
            Expr::Struct(_) | Expr::Unspecified => Err(EvaluationFault::Left("it makes a message".to_owned())),
        }
    }

    /// A compiled pattern. Compiling one is much work for what it costs.
    pub(super) fn pattern(&mut self, pattern: &Arc<str>) -> Result<&regex::Regex, EvaluationFault> {
        if !self.patterns.knows(pattern) {
            self.work.spend(PATTERN_WORK)?;
        }
        let unreadable = || EvaluationFault::Left("it uses a pattern that cannot be read here".to_owned());
        self.patterns.get(pattern).ok_or_else(unreadable)
    }

    pub(super) fn truth(&mut self, of: &IdedExpr, scope: &NameScope<'_>) -> Result<bool, EvaluationFault> {
        match self.value(of, scope)? {
            CelValue::Bool(value) => Ok(value),
            _ => Err(no_overload()),
        }
    }

    /// `a.b`, and `has(a.b)`.
    fn select(&mut self, select: &SelectExpr, scope: &NameScope<'_>) -> Evaluated {
        let operand = self.value(&select.operand, scope)?;
        self.spend(1)?;
        let key = MapKey::Text(select.field.as_str().into());
        if select.test {
            return match &operand {
                CelValue::Optional(inner) => Ok(CelValue::Bool(
                    inner.as_ref().is_some_and(|inner| member(inner, &key).is_ok_and(|value| value.is_some())),
                )),
                value => Ok(CelValue::Bool(member(value, &key)?.is_some())),
            };
        }
        match &operand {
            CelValue::Optional(inner) => optional_member(inner.as_deref(), &key),
            value => member(value, &key)?.ok_or_else(|| error(format!("no such key: {}", select.field))),
        }
    }

    fn call(&mut self, call: &CallExpr, scope: &NameScope<'_>) -> Evaluated {
        let args = call.args.as_slice();
        match (call.func_name.as_str(), args) {
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let taken = if self.truth(condition, scope)? { yes } else { no };
                return self.value(taken, scope);
            }
            (operators::LOGICAL_OR, [left, right]) => return self.either(left, right, true, scope),
            (operators::LOGICAL_AND, [left, right]) => return self.either(left, right, false, scope),
            (operators::NOT_STRICTLY_FALSE, [of]) => {
                self.spend(1)?;
                return match self.value(of, scope) {
                    Ok(CelValue::Bool(false)) => Ok(CelValue::Bool(false)),
                    Ok(_) | Err(EvaluationFault::Error(_)) => Ok(CelValue::Bool(true)),
                    Err(other) => Err(other),
                };
            }
            (operators::OPT_SELECT | operators::OPT_INDEX, [operand, key]) => {
                let (operand, key) = (self.value(operand, scope)?, self.value(key, scope)?);
                self.spend(1)?;
                return optional_index(&operand, &key);
            }
            (operators::INDEX, [operand, key]) => {
                let (operand, key) = (self.value(operand, scope)?, self.value(key, scope)?);
                self.spend(1)?;
                return match &operand {
                    CelValue::Optional(_) => optional_index(&operand, &key),
                    _ => indexed(&operand, &key),
                };
            }
            _ => {}
        }
        if let Some(answer) = self.lazy(call, scope) {
            return answer;
        }
        functions::call(self, call, scope)
    }

    /// `||` where `wanted` is true, `&&` where it is false: an error on one side is no error where the other side decides.
    fn either(&mut self, left: &IdedExpr, right: &IdedExpr, wanted: bool, scope: &NameScope<'_>) -> Evaluated {
        let mut fault = None;
        for side in [left, right] {
            match self.truth(side, scope) {
                Ok(value) if value == wanted => return Ok(CelValue::Bool(wanted)),
                Ok(_) => {}
                Err(EvaluationFault::Error(text)) => fault = fault.or(Some(text)),
                Err(other) => return Err(other),
            }
        }
        fault.map_or(Ok(CelValue::Bool(!wanted)), |text| Err(EvaluationFault::Error(text)))
    }

    fn fold(&mut self, fold: &ComprehensionExpr, scope: &NameScope<'_>) -> Evaluated {
        let range = self.value(&fold.iter_range, scope)?;
        let items = iterated(&range)?;
        let mut result = self.value(&fold.accu_init, scope);
        for (key, value) in items {
            let item = NameScope { name: &fold.iter_var, value: Ok(key), outer: Some(scope) };
            let second = fold.iter_var2.as_deref().map(|name| NameScope { name, value: Ok(value), outer: Some(&item) });
            let names = second.as_ref().unwrap_or(&item);
            if let Some(taken) = self.appended(fold, names, &mut result) {
                taken?;
                continue;
            }
            let inner = NameScope { name: &fold.accu_var, value: result, outer: Some(names) };
            if !self.truth(&fold.loop_cond, &inner)? {
                result = inner.value;
                break;
            }
            result = match self.value(&fold.loop_step, &inner) {
                Err(fault @ (EvaluationFault::CallLimit | EvaluationFault::Left(_))) => return Err(fault),
                result => result,
            };
        }
        let inner = NameScope { name: &fold.accu_var, value: result, outer: Some(scope) };
        self.value(&fold.result, &inner)
    }

    /// A step that appends to the list made so far (`map` and `filter`), done in place. `None` for any other step.
    fn appended(
        &mut self,
        fold: &ComprehensionExpr,
        scope: &NameScope<'_>,
        result: &mut Evaluated,
    ) -> Option<Result<(), EvaluationFault>> {
        let (condition, step) = match &fold.loop_step.expr {
            Expr::Call(call) if call.func_name == operators::CONDITIONAL => match call.args.as_slice() {
                [condition, step, IdedExpr { expr: Expr::Ident(kept), .. }] if *kept == fold.accu_var => {
                    (Some(condition), step)
                }
                _ => return None,
            },
            _ => (None, &fold.loop_step),
        };
        let Expr::Call(add) = &step.expr else { return None };
        let [IdedExpr { expr: Expr::Ident(kept), .. }, IdedExpr { expr: Expr::List(list), .. }] = add.args.as_slice()
        else {
            return None;
        };
        let [item] = list.elements.as_slice() else { return None };
        if add.func_name != operators::ADD || *kept != fold.accu_var {
            return None;
        }
        let Ok(CelValue::List(made)) = result else { return Some(Ok(())) };
        let made = Arc::get_mut(made)?;
        let mut next = || {
            if let Some(condition) = condition
                && !self.truth(condition, scope)?
            {
                return self.spend(1).map(|()| None);
            }
            let item = self.value(item, scope)?;
            self.spend(LIST_COST + 2)?;
            Ok(Some(item))
        };
        match next() {
            Ok(item) => made.items.extend(item),
            Err(fault @ EvaluationFault::Error(_)) => *result = Err(fault),
            Err(fault) => return Some(Err(fault)),
        }
        Some(Ok(()))
    }
}

/// What a comprehension goes over: of a list items, or places and items; of a map keys, or keys and values.
pub(super) fn iterated(range: &CelValue) -> Result<Vec<(CelValue, CelValue)>, EvaluationFault> {
    match range {
        CelValue::List(list) => Ok(list.items.iter().map(|item| (item.clone(), item.clone())).collect()),
        CelValue::Map(map) => Ok(map.iter().map(|(key, value)| (key.value(), value.clone())).collect()),
        _ => Err(no_overload()),
    }
}

/// The member of a map; `None` where there is none.
pub(super) fn member(value: &CelValue, key: &MapKey) -> Result<Option<CelValue>, EvaluationFault> {
    match value {
        CelValue::Map(map) => Ok(map.get(key).cloned()),
        _ => Err(no_overload()),
    }
}

fn optional_member(value: Option<&CelValue>, key: &MapKey) -> Evaluated {
    let found = value.map(|value| member(value, key)).transpose()?.flatten();
    Ok(CelValue::Optional(found.map(Arc::new)))
}

/// `a[b]`.
fn indexed(operand: &CelValue, key: &CelValue) -> Evaluated {
    match operand {
        CelValue::List(list) => {
            let place = match key {
                CelValue::Int(place) => *place,
                CelValue::Uint(place) => i64::try_from(*place).unwrap_or(i64::MAX),
                _ => return Err(error("unsupported index")),
            };
            let item = usize::try_from(place).ok().and_then(|place| list.items.get(place));
            item.cloned().ok_or_else(|| error(format!("index out of bounds: {place}")))
        }
        CelValue::Map(map) => {
            let of = MapKey::of(key).ok_or_else(no_overload)?;
            map.get(&of).cloned().ok_or_else(|| error(format!("no such key: {}", functions::shown(key))))
        }
        _ => Err(no_overload()),
    }
}

fn optional_index(operand: &CelValue, key: &CelValue) -> Evaluated {
    let operand = match operand {
        CelValue::Optional(None) => return Ok(CelValue::Optional(None)),
        CelValue::Optional(Some(inner)) => inner,
        value => value,
    };
    match indexed(operand, key) {
        Ok(value) => Ok(CelValue::Optional(Some(Arc::new(value)))),
        Err(EvaluationFault::Error(text)) if text.starts_with("no such key") || text.starts_with("index out") => {
            Ok(CelValue::Optional(None))
        }
        Err(other) => Err(other),
    }
}
