//! The types of operators: what stands on both sides, and what comes of it.

use std::sync::Arc;

use super::{CHOICE, Checker, MISMATCH, common, fits, secret};
use crate::expression::tree::{Expr, ExprKind, Operator};
use crate::expression::{Scope, Type};
use crate::finding::Finding;
use crate::quantity::Dimension;
use crate::source::Span;

impl Checker {
    pub(super) fn binary(
        &self,
        operator: Operator,
        left: &Expr,
        right: &Expr,
        scope: &Scope,
    ) -> Result<Type, Box<Finding>> {
        use Operator::{And, AtLeast, AtMost, Equal, In, Less, Minus, More, Or, Plus, Times, Unequal};
        if let And | Or = operator {
            self.wants(left, scope, &Type::Bool)?;
            self.wants(right, &scope.assuming(left, operator == And), &Type::Bool)?;
            return Ok(Type::Bool);
        }
        let types = (self.value(left, scope)?, self.value(right, scope)?);
        for (tree, kind) in [(left, &types.0), (right, &types.1)] {
            if *kind == Type::Secret {
                return Err(Box::new(secret(tree)));
            }
        }
        let result = match operator {
            Equal | Unequal => {
                self.comparable_words(left, right, &types)?;
                common(&types.0, &types.1).map(|_| Type::Bool)
            }
            In => {
                self.member(left, right, &types)?;
                contains(&types.1, &types.0).then_some(Type::Bool)
            }
            Less | AtMost | More | AtLeast => ordered(&types).then_some(Type::Bool),
            Plus => sum(&types).or_else(|| joined_lists(&types)),
            Minus => sum(&types).filter(|kind| *kind != Type::Text),
            Times => product(&types),
            And | Or => None,
        };
        result.ok_or_else(|| no_operator(operator, left, right, &types).into())
    }

    /// `settings.office == 'onlyofice'`: a literal that is none of the words can never be equal.
    fn comparable_words(&self, left: &Expr, right: &Expr, types: &(Type, Type)) -> Result<(), Box<Finding>> {
        match (types, &left.kind, &right.kind) {
            ((Type::Choice(words), _), _, ExprKind::Text(text)) => self.known_word(words, text, left, right.span),
            ((_, Type::Choice(words)), ExprKind::Text(text), _) => self.known_word(words, text, right, left.span),
            _ => Ok(()),
        }
    }

    fn member(&self, left: &Expr, right: &Expr, types: &(Type, Type)) -> Result<(), Box<Finding>> {
        if let (ExprKind::Text(text), Type::List(inner)) = (&left.kind, &types.1)
            && let Type::Choice(words) = &**inner
        {
            return self.known_word(words, text, right, left.span);
        }
        if let (Type::Choice(words), ExprKind::List(items)) = (&types.0, &right.kind) {
            for item in items {
                if let ExprKind::Text(text) = &item.kind {
                    self.known_word(words, text, left, item.span)?;
                }
            }
        }
        Ok(())
    }

    fn known_word(&self, words: &[String], text: &Arc<str>, of: &Expr, span: Span) -> Result<(), Box<Finding>> {
        if words.iter().any(|word| **word == **text) {
            return Ok(());
        }
        let finding = Finding::error(CHOICE, format!("`{of}` is never `{text}`"), span)
            .why(format!("it is one of `{}`", words.join("`, `")));
        Err(Box::new(self.suggest(finding, text, words.iter().map(String::as_str), span, |near| format!("'{near}'"))))
    }
}

fn contains(container: &Type, element: &Type) -> bool {
    match container {
        Type::Any => true,
        Type::List(inner) => common(inner, element).is_some(),
        Type::Map(_) | Type::Object(_) => fits(element, &Type::Text),
        _ => false,
    }
}

fn ordered(types: &(Type, Type)) -> bool {
    match types {
        (Type::Any, other) | (other, Type::Any) => {
            matches!(other, Type::Any | Type::Int | Type::Quantity(_) | Type::Text | Type::Choice(_))
        }
        (Type::Int, Type::Int) | (Type::Text | Type::Choice(_), Type::Text | Type::Choice(_)) => true,
        (Type::Quantity(left), Type::Quantity(right)) => left == right,
        _ => false,
    }
}

fn sum(types: &(Type, Type)) -> Option<Type> {
    match types {
        (Type::Any, kind) | (kind, Type::Any)
            if matches!(kind, Type::Any | Type::Int | Type::Text | Type::Quantity(_)) =>
        {
            Some(kind.clone())
        }
        (Type::Int, Type::Int) => Some(Type::Int),
        (Type::Text | Type::Choice(_), Type::Text | Type::Choice(_)) => Some(Type::Text),
        (Type::Quantity(left), Type::Quantity(right)) if left == right => Some(types.0.clone()),
        _ => None,
    }
}

fn joined_lists(types: &(Type, Type)) -> Option<Type> {
    match types {
        (Type::List(_), Type::List(_)) => common(&types.0, &types.1),
        _ => None,
    }
}

fn product(types: &(Type, Type)) -> Option<Type> {
    match types {
        (Type::Int | Type::Any, Type::Int) | (Type::Int, Type::Any) => Some(Type::Int),
        (Type::Quantity(dimension), Type::Int) | (Type::Int, Type::Quantity(dimension)) => {
            Some(Type::Quantity(*dimension))
        }
        _ => None,
    }
}

fn no_operator(operator: Operator, left: &Expr, right: &Expr, types: &(Type, Type)) -> Finding {
    let sign = operator.sign();
    let span = left.span.to(right.span);
    let finding = Finding::error(MISMATCH, format!("`{sign}` does not fit between these types"), span)
        .why(format!("`{left}` is {}, `{right}` is {}", types.0, types.1));
    match types {
        (Type::Quantity(dimension), Type::Int) | (Type::Int, Type::Quantity(dimension)) => {
            let example = match dimension {
                Dimension::Size => "8 GiB",
                Dimension::Cpu => "250 millicores",
                Dimension::Duration => "90 days",
            };
            finding.help(format!("write the amount with its unit: `quantity('{example}')`"))
        }
        (Type::Bool, Type::Text) | (Type::Text, Type::Bool) => {
            finding.help("an `on-off` setting is a condition by itself: `settings.x`, `!settings.x`")
        }
        _ => finding,
    }
}
