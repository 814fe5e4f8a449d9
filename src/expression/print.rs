//! Expressions and values as text.

use std::fmt;

use super::tree::{Expr, ExprKind};
use super::{Type, Value};
use crate::quantity::Dimension;

impl fmt::Display for Expr {
    /// The canonical spelling; parsing it gives an equal tree.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Bool(value) => write!(out, "{value}"),
            ExprKind::Int(value) => write!(out, "{value}"),
            ExprKind::Text(text) => write!(out, "{}", quoted(text)),
            ExprKind::Name(name) => write!(out, "{name}"),
            ExprKind::List(items) => {
                out.write_str("[")?;
                comma_separated(out, items)?;
                out.write_str("]")
            }
            ExprKind::Field(of, name) => {
                tight(out, of)?;
                write!(out, ".{name}")
            }
            ExprKind::Index(of, at) => {
                tight(out, of)?;
                write!(out, "[{at}]")
            }
            ExprKind::Not(of) => {
                out.write_str("!")?;
                tight(out, of)
            }
            ExprKind::Binary(operator, left, right) => {
                operand(out, left, operator.binding(), operator.binding() != 3)?;
                write!(out, " {} ", operator.sign())?;
                operand(out, right, operator.binding(), false)
            }
            ExprKind::Choose(condition, yes, no) => {
                operand(out, condition, 1, true)?;
                write!(out, " ? {yes} : {no}")
            }
            ExprKind::Call(function, arguments) => {
                write!(out, "{}(", function.name())?;
                comma_separated(out, arguments)?;
                out.write_str(")")
            }
            ExprKind::Each(walk, of, name, body) => {
                tight(out, of)?;
                write!(out, ".{}({name}, {body})", walk.name())
            }
        }
    }
}

fn comma_separated(out: &mut fmt::Formatter<'_>, items: &[Expr]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.write_str(", ")?;
        }
        write!(out, "{item}")?;
    }
    Ok(())
}

/// An operand of an operator that binds as `binding`; one that binds as tightly needs no parentheses where `same`.
fn operand(out: &mut fmt::Formatter<'_>, tree: &Expr, binding: u8, same: bool) -> fmt::Result {
    let loose = match &tree.kind {
        ExprKind::Choose(..) => true,
        ExprKind::Binary(operator, ..) => operator.binding() < binding || (operator.binding() == binding && !same),
        _ => false,
    };
    if loose { write!(out, "({tree})") } else { write!(out, "{tree}") }
}

/// What a field, an index or `!` applies to.
fn tight(out: &mut fmt::Formatter<'_>, tree: &Expr) -> fmt::Result {
    match tree.kind {
        ExprKind::Choose(..) | ExprKind::Binary(..) | ExprKind::Not(_) | ExprKind::Int(_) => write!(out, "({tree})"),
        _ => write!(out, "{tree}"),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for character in text.chars() {
        match character {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}

impl fmt::Display for Value {
    /// As a finding shows it: texts in backticks, amounts in their unit, a secret without its value.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => out.write_str("absent"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Text(text) => write!(out, "`{}`", text.text),
            Self::Quantity(quantity) => write!(out, "{quantity}"),
            Self::Secret(_) => out.write_str("a secret"),
            Self::List(items) => {
                out.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(out, "{}{item}", if at > 0 { ", " } else { "" })?;
                }
                out.write_str("]")
            }
            Self::Map(entries) => {
                out.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    write!(out, "{}{key}: {value}", if at > 0 { ", " } else { "" })?;
                }
                out.write_str("}")
            }
        }
    }
}

impl fmt::Display for Type {
    /// With its article: "a text", "an amount of bytes".
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => out.write_str("true or false"),
            Self::Int => out.write_str("a whole number"),
            Self::Text => out.write_str("a text"),
            Self::Choice(words) => write!(out, "one of `{}`", words.join("`, `")),
            Self::Quantity(Dimension::Size) => out.write_str("an amount of bytes"),
            Self::Quantity(Dimension::Cpu) => out.write_str("an amount of processor time"),
            Self::Quantity(Dimension::Duration) => out.write_str("an amount of time"),
            Self::Secret => out.write_str("a secret"),
            Self::List(inner) => match **inner {
                Self::Any => out.write_str("a list"),
                _ => write!(out, "a list, each {inner}"),
            },
            Self::Map(_) => out.write_str("a map"),
            Self::Object(_) => out.write_str("a group of fields"),
            Self::Any => out.write_str("anything"),
        }
    }
}
