//! Macros of Kubernetes' CEL that kube's parser leaves as calls: what they hold is evaluated for each item, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::core::cel::cel::common::ast::{CallExpr, Expr, IdedExpr};

use super::evaluate::{Evaluated, Evaluation, EvaluationFault, NameScope, error, iterated, no_overload};
use super::values::{CelValue, MapKey};

impl Evaluation<'_> {
    /// The value of a call that is a macro; `None` for a plain call.
    pub(super) fn lazy(&mut self, call: &CallExpr, scope: &NameScope<'_>) -> Option<Evaluated> {
        let target = call.target.as_deref()?;
        let name = |at: usize| match call.args.get(at).map(|arg| &arg.expr) {
            Some(Expr::Ident(name)) => Some(name.as_str()),
            _ => None,
        };
        Some(match (call.func_name.as_str(), call.args.len()) {
            ("bind", 3) if matches!(&target.expr, Expr::Ident(family) if family == "cel") => {
                let value = self.value(&call.args[1], scope);
                if matches!(value, Err(EvaluationFault::CallLimit | EvaluationFault::Left(_))) {
                    return Some(value);
                }
                self.value(&call.args[2], &NameScope { name: name(0)?, value, outer: Some(scope) })
            }
            ("optMap", 2) => self.of_optional(target, name(0)?, &call.args[1], scope, true),
            ("optFlatMap", 2) => self.of_optional(target, name(0)?, &call.args[1], scope, false),
            ("sortBy", 2) => self.sorted_by(target, name(0)?, &call.args[1], scope),
            ("all" | "exists" | "existsOne" | "exists_one", 3) => {
                self.tested(&call.func_name, target, [name(0)?, name(1)?], &call.args[2], scope)
            }
            ("transformList" | "transformMap" | "transformMapEntry", 3 | 4) => {
                self.transformed(&call.func_name, target, [name(0)?, name(1)?], &call.args[2..], scope)
            }
            _ => return None,
        })
    }

    fn of_optional(
        &mut self,
        target: &IdedExpr,
        name: &str,
        body: &IdedExpr,
        scope: &NameScope<'_>,
        wrap: bool,
    ) -> Evaluated {
        match self.value(target, scope)? {
            CelValue::Optional(None) => Ok(CelValue::Optional(None)),
            CelValue::Optional(Some(inner)) => {
                let value = self.value(body, &NameScope { name, value: Ok((*inner).clone()), outer: Some(scope) })?;
                Ok(if wrap { CelValue::Optional(Some(Arc::new(value))) } else { value })
            }
            _ => Err(no_overload()),
        }
    }

    fn sorted_by(&mut self, target: &IdedExpr, name: &str, body: &IdedExpr, scope: &NameScope<'_>) -> Evaluated {
        let mut keyed = Vec::new();
        for (item, _) in iterated(&self.value(target, scope)?)? {
            let key = self.value(body, &NameScope { name, value: Ok(item.clone()), outer: Some(scope) })?;
            keyed.push((key, item));
        }
        if keyed.windows(2).any(|pair| pair[0].0.compared(&pair[1].0).is_none()) {
            return Err(no_overload());
        }
        self.spend(keyed.len() as u64)?;
        keyed.sort_by(|one, two| one.0.compared(&two.0).unwrap_or(std::cmp::Ordering::Equal));
        Ok(CelValue::list(keyed.into_iter().map(|(_, item)| item).collect()))
    }

    /// The entries of a range of which places or keys are named too.
    fn entries(
        &mut self,
        range: &IdedExpr,
        scope: &NameScope<'_>,
    ) -> Result<Vec<(CelValue, CelValue)>, EvaluationFault> {
        let range = self.value(range, scope)?;
        let entries = iterated(&range)?;
        self.spend(entries.len() as u64)?;
        if !matches!(range, CelValue::List(_)) {
            return Ok(entries);
        }
        let place = |at: usize| CelValue::Int(i64::try_from(at).unwrap_or(i64::MAX));
        Ok(entries.into_iter().enumerate().map(|(at, (_, item))| (place(at), item)).collect())
    }

    fn tested(
        &mut self,
        test: &str,
        range: &IdedExpr,
        names: [&str; 2],
        body: &IdedExpr,
        scope: &NameScope<'_>,
    ) -> Evaluated {
        let (mut fault, mut held, mut failed) = (None, 0_usize, 0_usize);
        for (key, value) in self.entries(range, scope)? {
            let key = NameScope { name: names[0], value: Ok(key), outer: Some(scope) };
            let value = NameScope { name: names[1], value: Ok(value), outer: Some(&key) };
            match self.truth(body, &value) {
                Ok(true) => held += 1,
                Ok(false) => failed += 1,
                Err(EvaluationFault::Error(text)) => fault = fault.or(Some(text)),
                Err(other) => return Err(other),
            }
            if test == "all" && failed > 0 || test == "exists" && held > 0 {
                return Ok(CelValue::Bool(held > 0 && test == "exists"));
            }
        }
        match (fault, test) {
            (Some(text), _) => Err(EvaluationFault::Error(text)),
            (None, "all") => Ok(CelValue::Bool(true)),
            (None, "exists") => Ok(CelValue::Bool(false)),
            (None, _) => Ok(CelValue::Bool(held == 1)),
        }
    }

    fn transformed(
        &mut self,
        into: &str,
        range: &IdedExpr,
        names: [&str; 2],
        bodies: &[IdedExpr],
        scope: &NameScope<'_>,
    ) -> Evaluated {
        let (filter, body) = match bodies {
            [filter, body] => (Some(filter), body),
            [body] => (None, body),
            _ => return Err(no_overload()),
        };
        let (mut list, mut map) = (Vec::new(), BTreeMap::new());
        for (key, value) in self.entries(range, scope)? {
            let outer = NameScope { name: names[0], value: Ok(key.clone()), outer: Some(scope) };
            let inner = NameScope { name: names[1], value: Ok(value), outer: Some(&outer) };
            if let Some(filter) = filter
                && !self.truth(filter, &inner)?
            {
                continue;
            }
            let made = self.value(body, &inner)?;
            match (into, made) {
                ("transformList", made) => list.push(made),
                ("transformMap", made) => drop(map.insert(MapKey::of(&key).ok_or_else(no_overload)?, made)),
                (_, CelValue::Map(made)) => {
                    for (key, value) in &*made {
                        if map.insert(key.clone(), value.clone()).is_some() {
                            return Err(error(format!("insert failed: key {key:?} already exists")));
                        }
                    }
                }
                _ => return Err(no_overload()),
            }
        }
        Ok(if into == "transformList" { CelValue::list(list) } else { CelValue::Map(Arc::new(map)) })
    }
}
