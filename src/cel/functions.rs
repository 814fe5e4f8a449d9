//! The functions and operators of rules: those of the language here, those of Kubernetes by kube's library.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kube::core::cel::KubeCelExt as _;
use kube::core::cel::cel::common::ast::{CallExpr, Expr, IdedExpr, operators};
use kube::core::cel::cel::{Context, ExecutionError, Value as LibraryValue};

use super::convert;
use super::evaluate::{Evaluated, Evaluation, EvaluationFault, NameScope, error, no_overload};
use super::numbers;
use super::url::Url;
use super::values::{CelValue, ListValue, MapKey, from_library, to_library};

/// What a letter counts in the cost of a call that goes over a text (`StringTraversalCostFactor` of `cel-go`: 0.1).
const LETTERS_A_STEP: u64 = 10;
/// What a letter counts in the cost of a pattern (`RegexStringLengthCostFactor` of `cel-go`: 0.25).
const PATTERN_LETTERS_A_STEP: u64 = 4;

/// Names before the dot of functions that belong to no value.
const FAMILIES: [&str; 11] =
    ["optional", "math", "sets", "lists", "strings", "base64", "ip", "cidr", "format", "jsonpatch", "cel"];

/// The type that a name stands for.
pub(super) fn type_of_name(name: &str) -> Option<&'static str> {
    const TYPES: [&str; 11] =
        ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "optional_type"];
    TYPES.into_iter().find(|known| *known == name)
}

/// The value of a call whose arguments are all evaluated.
pub(super) fn call(run: &mut Evaluation<'_>, call: &CallExpr, scope: &NameScope<'_>) -> Evaluated {
    let mut name = call.func_name.clone();
    let mut args = Vec::with_capacity(call.args.len() + 1);
    let mut method = false;
    if let Some(target) = &call.target {
        match &target.expr {
            Expr::Ident(family) if FAMILIES.contains(&family.as_str()) => name = format!("{family}.{name}"),
            _ => {
                args.push(run.value(target, scope)?);
                method = true;
            }
        }
    }
    for arg in &call.args {
        args.push(run.value(arg, scope)?);
    }
    run.spend(cost(&name, &args))?;
    match operator(run, &name, &args) {
        Some(answer) => answer,
        None => match plain(run, &name, method, &args) {
            Some(answer) => answer,
            None => library(&name, method, &args),
        },
    }
}

fn steps(size: u64, letters: u64) -> u64 {
    size.div_ceil(letters)
}

/// What a call costs, after `interpreter/runtimecost.go` of `cel-go` and `pkg/cel/library/cost.go` of the API server.
fn cost(name: &str, args: &[CelValue]) -> u64 {
    let size = |at: usize| args.get(at).map_or(0, CelValue::size);
    match name {
        "startsWith" | "endsWith" => steps(size(1), LETTERS_A_STEP),
        operators::IN => match args.get(1) {
            Some(CelValue::List(list)) => list.items.len() as u64,
            _ => 1,
        },
        operators::EQUALS
        | operators::NOT_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS => steps(size(0).min(size(1)), LETTERS_A_STEP),
        operators::ADD if matches!(args.first(), Some(CelValue::Text(_) | CelValue::Bytes(_))) => {
            steps(size(0) + size(1), LETTERS_A_STEP)
        }
        "lists.range" => match args.first() {
            Some(CelValue::Int(count)) => u64::try_from(*count).unwrap_or(0),
            _ => 1,
        },
        "distinct" => size(0).saturating_mul(size(0)),
        "sets.contains" | "sets.equivalent" | "sets.intersects" => size(0).saturating_mul(size(1)),
        "replace" => steps(size(0) + (size(0) + 1).saturating_mul(size(2)) / size(1).max(1), LETTERS_A_STEP),
        "join" => size(0).saturating_mul(1 + steps(size(1), LETTERS_A_STEP)) + args.first().map_or(0, traversal),
        "matches" | "find" | "findAll" => steps(size(0) + 1, LETTERS_A_STEP) * steps(size(1), PATTERN_LETTERS_A_STEP),
        "contains" => steps(size(0), LETTERS_A_STEP) * steps(size(1), LETTERS_A_STEP),
        operators::ADD
        | operators::SUBSTRACT
        | operators::MULTIPLY
        | operators::DIVIDE
        | operators::MODULO
        | operators::LOGICAL_NOT
        | operators::NEGATE
        | "size" => 1,
        _ => 1 + args.iter().map(traversal).fold(0, u64::saturating_add),
    }
}

/// What going over a value costs.
fn traversal(value: &CelValue) -> u64 {
    match value {
        CelValue::Text(_) | CelValue::Bytes(_) => steps(value.size(), LETTERS_A_STEP),
        CelValue::List(list) => list.items.iter().map(|item| 1 + traversal(item)).fold(0, u64::saturating_add),
        CelValue::Map(map) => map.values().map(|item| 1 + traversal(item)).fold(0, u64::saturating_add),
        _ => 0,
    }
}

fn operator(run: &mut Evaluation<'_>, name: &str, args: &[CelValue]) -> Option<Evaluated> {
    let answer = match (name, args) {
        (operators::LOGICAL_NOT, [CelValue::Bool(value)]) => Ok(CelValue::Bool(!value)),
        (operators::NEGATE, [value]) => numbers::negated(value),
        (operators::EQUALS, [one, two]) => {
            one.equals(two, &mut run.work).map(CelValue::Bool).map_err(EvaluationFault::from)
        }
        (operators::NOT_EQUALS, [one, two]) => {
            one.equals(two, &mut run.work).map(|equal| CelValue::Bool(!equal)).map_err(EvaluationFault::from)
        }
        (operators::LESS, [one, two]) => ordered(one, two, std::cmp::Ordering::is_lt),
        (operators::LESS_EQUALS, [one, two]) => ordered(one, two, std::cmp::Ordering::is_le),
        (operators::GREATER, [one, two]) => ordered(one, two, std::cmp::Ordering::is_gt),
        (operators::GREATER_EQUALS, [one, two]) => ordered(one, two, std::cmp::Ordering::is_ge),
        (operators::IN, [item, CelValue::List(list)]) => contained(run, item, list),
        (operators::IN, [item, CelValue::Map(map)]) => {
            Ok(CelValue::Bool(MapKey::of(item).is_some_and(|key| map.contains_key(&key))))
        }
        (operators::ADD, [CelValue::Text(one), CelValue::Text(two)]) => {
            let joined = format!("{one}{two}");
            run.work.spend(joined.len() / 64).map(|()| CelValue::text(&joined)).map_err(EvaluationFault::from)
        }
        (operators::ADD, [CelValue::Bytes(one), CelValue::Bytes(two)]) => {
            Ok(CelValue::Bytes(one.iter().chain(two.iter()).copied().collect()))
        }
        (operators::ADD, [CelValue::List(one), CelValue::List(two)]) => {
            one.joined(two, &mut run.work).map_err(EvaluationFault::from)
        }
        (
            operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
            [one, two],
        ) => numbers::calculated(name, one, two),
        (operators::LOGICAL_NOT | operators::IN, _) => Err(no_overload()),
        _ => return None,
    };
    Some(answer)
}

fn ordered(one: &CelValue, two: &CelValue, holds: fn(std::cmp::Ordering) -> bool) -> Evaluated {
    match (one, two) {
        (CelValue::Double(one), two) if one.is_nan() && matches!(two, CelValue::Double(_)) => Ok(CelValue::Bool(false)),
        _ => one.compared(two).map(|order| CelValue::Bool(holds(order))).ok_or_else(no_overload),
    }
}

fn contained(run: &mut Evaluation<'_>, item: &CelValue, list: &ListValue) -> Evaluated {
    for known in &list.items {
        if known.equals(item, &mut run.work)? {
            return Ok(CelValue::Bool(true));
        }
    }
    Ok(CelValue::Bool(false))
}

/// Functions of the language, and those in which the library differs from the server.
fn plain(run: &mut Evaluation<'_>, name: &str, method: bool, args: &[CelValue]) -> Option<Evaluated> {
    let is = |value: bool| Ok(CelValue::Bool(value));
    Some(match (name, args) {
        ("size", [value @ (CelValue::Text(_) | CelValue::Bytes(_) | CelValue::List(_) | CelValue::Map(_))]) => {
            i64::try_from(value.size()).map(CelValue::Int).map_err(|_| error("integer overflow"))
        }
        ("startsWith", [CelValue::Text(text), CelValue::Text(part)]) => is(text.starts_with(&**part)),
        ("endsWith", [CelValue::Text(text), CelValue::Text(part)]) => is(text.ends_with(&**part)),
        ("contains", [CelValue::Text(text), CelValue::Text(part)]) => is(text.contains(&**part)),
        ("matches", [CelValue::Text(text), CelValue::Text(pattern)]) => {
            run.pattern(pattern).map(|pattern| CelValue::Bool(pattern.is_match(text)))
        }
        ("find", [CelValue::Text(text), CelValue::Text(pattern)]) => {
            let pattern = run.pattern(pattern);
            pattern.map(|pattern| CelValue::text(pattern.find(text).map_or("", |found| found.as_str())))
        }
        ("findAll", [CelValue::Text(text), CelValue::Text(pattern)]) => {
            let pattern = run.pattern(pattern);
            pattern.map(|pattern| {
                CelValue::list(pattern.find_iter(text).map(|found| CelValue::text(found.as_str())).collect())
            })
        }
        ("format", [CelValue::Text(text), _]) if has_wide_number(text) => {
            Err(EvaluationFault::Left("it writes a number that is too wide".to_owned()))
        }
        ("quantity" | "isQuantity", [CelValue::Text(text)]) if is_odd_quantity(text) => {
            Err(EvaluationFault::Left("it reads a quantity that is too long".to_owned()))
        }
        ("type", [value]) if !method => Ok(CelValue::Type(value.type_name())),
        ("dyn", [value]) if !method => Ok(value.clone()),
        ("string" | "int" | "uint" | "double" | "bool", [value]) if convert::is_ours(value) => {
            convert::converted(name, value)
        }
        ("isURL", [CelValue::Text(text)]) => is(Url::read(text).is_some()),
        ("url", [CelValue::Text(text)]) => Url::read(text).map(|url| CelValue::Url(Arc::new(url))).ok_or_else(|| {
            error(format!("URL parse error during conversion from string: parse {text:?}: invalid URI"))
        }),
        (_, [CelValue::Url(url)]) if method => url.call(name).ok_or_else(no_overload),
        ("optional.none", []) => Ok(CelValue::Optional(None)),
        ("optional.of", [value]) => Ok(CelValue::Optional(Some(Arc::new(value.clone())))),
        ("optional.ofNonZeroValue", [value]) => {
            Ok(CelValue::Optional((!convert::is_zero(value)).then(|| Arc::new(value.clone()))))
        }
        ("hasValue", [CelValue::Optional(inner)]) => is(inner.is_some()),
        ("value", [CelValue::Optional(inner)]) => {
            inner.as_deref().cloned().ok_or_else(|| error("optional.none() dereference"))
        }
        ("or", [value @ CelValue::Optional(inner), other]) => Ok(if inner.is_some() { value } else { other }.clone()),
        ("orValue", [CelValue::Optional(inner), other]) => Ok(inner.as_deref().unwrap_or(other).clone()),
        _ => return None,
    })
}

/// Whether a format asks for more than 99 digits.
fn has_wide_number(format: &str) -> bool {
    format.split("%.").skip(1).any(|after| after.bytes().take_while(u8::is_ascii_digit).count() > 2)
}

/// Whether a text would be a quantity of more digits than the library can handle in good time.
fn is_odd_quantity(text: &str) -> bool {
    let exponent = text.split(['e', 'E']).nth(1).unwrap_or_default();
    text.len() > 64 || exponent.bytes().filter(u8::is_ascii_digit).count() > 2
}

thread_local! {
    /// The functions of Kubernetes, as kube brings them.
    static LIBRARY: OnceCell<Context<'static>> = const { OnceCell::new() };
}

/// Calls a function of the library; `None` where it fails.
pub(super) fn by_library(name: &str, args: &[CelValue]) -> Option<CelValue> {
    library(name, false, args).ok()
}

fn library(name: &str, method: bool, args: &[CelValue]) -> Evaluated {
    let ident = |at: usize| IdedExpr { id: 0, expr: Expr::Ident(format!("@{at}")) };
    let mut idents: Vec<IdedExpr> = (0..args.len()).map(ident).collect();
    let target = (method && !idents.is_empty()).then(|| Box::new(idents.remove(0)));
    let call = Expr::Call(CallExpr { func_name: name.to_owned(), target, args: idents });
    let call = IdedExpr { id: 0, expr: call };
    let answer = LIBRARY.with(|library| {
        let library = library.get_or_init(|| Context::default().with_all());
        let mut names = library.new_inner_scope();
        for (at, arg) in args.iter().enumerate() {
            names.add_variable_from_value(format!("@{at}"), to_library(arg));
        }
        catch_unwind(AssertUnwindSafe(|| LibraryValue::resolve(&call, &names)))
    });
    match answer {
        Ok(Ok(value)) => Ok(from_library(value)),
        Ok(Err(ExecutionError::UndeclaredReference(_))) => {
            Err(EvaluationFault::Left(format!("the function `{name}` is not known here")))
        }
        Ok(Err(ExecutionError::FunctionError { message, .. })) => Err(EvaluationFault::Error(message)),
        Ok(Err(
            ExecutionError::InvalidArgumentCount { .. }
            | ExecutionError::UnsupportedTargetType { .. }
            | ExecutionError::NotSupportedAsMethod { .. }
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::NoSuchOverload
            | ExecutionError::MissingArgumentOrTarget
            | ExecutionError::ValuesNotComparable(..),
        )) => Err(no_overload()),
        Ok(Err(other)) => Err(EvaluationFault::Error(other.to_string())),
        Err(_) => Err(EvaluationFault::Left(format!("the function `{name}` failed here"))),
    }
}

/// A key in the words of an error.
pub(super) fn shown(value: &CelValue) -> String {
    match value {
        CelValue::Text(text) => text.to_string(),
        CelValue::Int(value) => value.to_string(),
        CelValue::Uint(value) => value.to_string(),
        CelValue::Bool(value) => value.to_string(),
        other => other.type_name().to_owned(),
    }
}
