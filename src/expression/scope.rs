//! The names an expression may use, with their types, and what is known to be there.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Expr, ExprKind, Function, Operator};
use super::{Expression, Type};

/// Names with their types, and the optional values that a condition around has proven to be there.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    names: BTreeMap<String, Type>,
    present: BTreeSet<String>,
}

impl Scope {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With one more name.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, kind: Type) -> Self {
        // What was known about an outer value of this name is not known about the inner one.
        self.present.retain(|path| !mentions(path, name));
        self.names.insert(name.to_owned(), kind);
        self
    }

    /// With one more value that is known to be there, by the path that reads it.
    #[must_use]
    pub(crate) fn knowing(mut self, path: &str) -> Self {
        self.present.insert(path.to_owned());
        self
    }

    /// With everything that holds where `condition` is true: each `has(…)` joined by `&&`.
    #[must_use]
    pub(crate) fn assume(&self, condition: &Expression) -> Self {
        self.assuming(&condition.root, true)
    }

    /// The type of a name.
    pub(crate) fn name(&self, name: &str) -> Option<&Type> {
        self.names.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Whether a path is known to be there.
    pub(super) fn knows(&self, path: &Expr) -> bool {
        self.present.contains(&path.to_string())
    }

    /// With what holds where the condition is `truth`.
    pub(super) fn assuming(&self, condition: &Expr, truth: bool) -> Self {
        let mut scope = self.clone();
        scope.learn(condition, truth);
        scope
    }

    fn learn(&mut self, condition: &Expr, truth: bool) {
        match &condition.kind {
            ExprKind::Not(of) => self.learn(of, !truth),
            ExprKind::Binary(Operator::And, left, right) if truth => {
                self.learn(left, true);
                self.learn(right, true);
            }
            ExprKind::Binary(Operator::Or, left, right) if !truth => {
                self.learn(left, false);
                self.learn(right, false);
            }
            ExprKind::Call(Function::Has, arguments) if truth => self.learn_path(&arguments[0]),
            _ => {}
        }
    }

    /// A path that is there has every part before it there.
    fn learn_path(&mut self, path: &Expr) {
        self.present.insert(path.to_string());
        if let ExprKind::Field(of, _) | ExprKind::Index(of, _) = &path.kind {
            self.learn_path(of);
        }
    }
}

/// Whether a printed path uses a name as a word of its own; too often yes is harmless, too seldom is not.
fn mentions(path: &str, name: &str) -> bool {
    path.split(|character: char| !(character.is_alphanumeric() || character == '_' || character == '-'))
        .any(|word| word == name)
}
