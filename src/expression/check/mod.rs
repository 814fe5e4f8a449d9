//! The type of an expression, or why it has none.

mod operators;

use super::tree::{Expr, ExprKind, Function, Walk};
use super::{Expression, Scope, Type};
use crate::finding::{Applicability, Code, Finding};
use crate::quantity::Quantity;
use crate::schema::suggest::nearest;
use crate::source::Span;

const NAME: Code = Code::new("E0505");
const MISMATCH: Code = Code::new("E0506");
const OPTIONAL: Code = Code::new("E0507");
const SECRET: Code = Code::new("E0508");
const CHOICE: Code = Code::new("E0510");
const QUANTITY: Code = Code::new("E0511");

/// The type of an expression under a scope.
///
/// # Errors
/// The finding of the first part that has no type: an unknown name (`E0505`), types that do not fit (`E0506`), an
/// optional value that nothing tested (`E0507`), a secret that is computed with (`E0508`), a word that is none of a
/// choice (`E0510`), an amount that is none (`E0511`).
pub fn check(expression: &Expression, scope: &Scope) -> Result<Type, Box<Finding>> {
    let precise = expression.span.range().len() == expression.text.len();
    Checker { precise }.value(&expression.root, scope)
}

/// Checks that an expression has the type that its place wants.
///
/// # Errors
/// As [`check`], and `E0506` where the type is another.
pub(crate) fn check_as(expression: &Expression, scope: &Scope, wanted: &Type) -> Result<(), Box<Finding>> {
    let found = check(expression, scope)?;
    if fits(&found, wanted) {
        Ok(())
    } else {
        Err(Box::new(mismatch(&expression.text, &found, wanted, expression.span)))
    }
}

/// Whether a value of type `found` can stand where `wanted` is asked for.
pub(super) fn fits(found: &Type, wanted: &Type) -> bool {
    match (found, wanted) {
        (Type::Any, _)
        | (_, Type::Any)
        | (Type::Choice(_), Type::Text | Type::Choice(_))
        | (Type::Text, Type::Choice(_)) => true,
        (Type::List(left), Type::List(right)) | (Type::Map(left), Type::Map(right)) => fits(left, right),
        (left, right) => left == right,
    }
}

fn mismatch(text: &str, found: &Type, wanted: &Type, span: Span) -> Finding {
    Finding::error(MISMATCH, format!("`{text}` is {found}"), span).why(format!("here stands {wanted}"))
}

/// The type that both have, where one fits the other.
fn common(left: &Type, right: &Type) -> Option<Type> {
    match (left, right) {
        (Type::Any, _) | (_, Type::Any) => Some(Type::Any),
        (Type::Choice(a), Type::Choice(b)) if a == b => Some(left.clone()),
        (Type::Choice(_) | Type::Text, Type::Choice(_) | Type::Text) => Some(Type::Text),
        (Type::List(a), Type::List(b)) => common(a, b).map(|inner| Type::List(Box::new(inner))),
        (Type::Map(a), Type::Map(b)) => common(a, b).map(|inner| Type::Map(Box::new(inner))),
        (left, right) => (left == right).then(|| left.clone()),
    }
}

/// A type and whether the value may be absent.
struct Found {
    kind: Type,
    optional: bool,
}

struct Checker {
    precise: bool,
}

impl Checker {
    /// The type of a value that must be there.
    fn value(&self, tree: &Expr, scope: &Scope) -> Result<Type, Box<Finding>> {
        let found = self.maybe(tree, scope, false)?;
        if found.optional && !scope.knows(tree) { Err(Box::new(untested(tree, scope))) } else { Ok(found.kind) }
    }

    /// The type of a value that may be absent; inside `has` the parts of a path may be, too.
    fn maybe(&self, tree: &Expr, scope: &Scope, inside_has: bool) -> Result<Found, Box<Finding>> {
        let always = |kind| Ok(Found { kind, optional: false });
        match &tree.kind {
            ExprKind::Bool(_) => always(Type::Bool),
            ExprKind::Int(_) => always(Type::Int),
            ExprKind::Text(_) => always(Type::Text),
            ExprKind::List(items) => self.list(items, scope).and_then(always),
            ExprKind::Name(name) => match scope.name(name) {
                Some(kind) => always(kind.clone()),
                None => Err(Box::new(self.unknown(name, None, scope.names(), tree.span))),
            },
            ExprKind::Field(of, name) => {
                let kind = self.part(of, scope, inside_has)?;
                self.field(&kind, of, name, self.end_of(tree.span, name))
            }
            ExprKind::Index(of, at) => {
                let kind = self.part(of, scope, inside_has)?;
                self.index(&kind, of, at, scope)
            }
            ExprKind::Not(of) => self.wants(of, scope, &Type::Bool).map(|()| Type::Bool).and_then(always),
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right, scope).and_then(always),
            ExprKind::Choose(condition, yes, no) => self.choose(condition, yes, no, scope).and_then(always),
            ExprKind::Call(function, arguments) => self.call(*function, arguments, tree, scope),
            ExprKind::Each(walk, of, name, body) => self.each(*walk, of, name, body, scope).and_then(always),
        }
    }

    /// The place of a name that ends a span; the whole where places are not exact.
    fn end_of(&self, span: Span, name: &str) -> Span {
        let range = span.range();
        if self.precise { Span::new(span.file, range.end.saturating_sub(name.len())..range.end) } else { span }
    }

    fn part(&self, of: &Expr, scope: &Scope, inside_has: bool) -> Result<Type, Box<Finding>> {
        if inside_has { self.maybe(of, scope, true).map(|found| found.kind) } else { self.value(of, scope) }
    }

    fn wants(&self, tree: &Expr, scope: &Scope, wanted: &Type) -> Result<(), Box<Finding>> {
        let found = self.value(tree, scope)?;
        if found == Type::Secret {
            return Err(Box::new(secret(tree)));
        }
        if fits(&found, wanted) {
            Ok(())
        } else {
            Err(Box::new(mismatch(&tree.to_string(), &found, wanted, tree.span)))
        }
    }

    fn list(&self, items: &[Expr], scope: &Scope) -> Result<Type, Box<Finding>> {
        let mut inner = Type::Any;
        for (at, item) in items.iter().enumerate() {
            let kind = self.value(item, scope)?;
            if kind == Type::Secret {
                return Err(Box::new(secret(item)));
            }
            inner = if at == 0 {
                kind
            } else {
                common(&inner, &kind).ok_or_else(|| mismatch(&item.to_string(), &kind, &inner, item.span))?
            };
        }
        Ok(Type::List(Box::new(inner)))
    }

    fn field(&self, kind: &Type, of: &Expr, name: &str, span: Span) -> Result<Found, Box<Finding>> {
        match kind {
            Type::Any => Ok(Found { kind: Type::Any, optional: false }),
            Type::Map(inner) => Ok(Found { kind: (**inner).clone(), optional: true }),
            Type::Object(fields) => {
                let Some(field) = fields.get(name) else {
                    return Err(Box::new(self.unknown(name, Some(of), fields.keys().map(String::as_str), span)));
                };
                Ok(Found { kind: field.kind.clone(), optional: field.optional })
            }
            other => Err(Box::new(
                Finding::error(MISMATCH, format!("`{of}` has no field `{name}`"), span).why(format!("it is {other}")),
            )),
        }
    }

    fn index(&self, kind: &Type, of: &Expr, at: &Expr, scope: &Scope) -> Result<Found, Box<Finding>> {
        let (wanted, inner, optional) = match kind {
            Type::Any => (Type::Any, Type::Any, false),
            Type::List(inner) => (Type::Int, (**inner).clone(), true),
            Type::Map(inner) => (Type::Text, (**inner).clone(), true),
            Type::Object(_) => {
                let ExprKind::Text(name) = &at.kind else {
                    return Err(Box::new(
                        Finding::error(MISMATCH, format!("`{of}` is no list and no map"), at.span)
                            .help("name the field after a dot"),
                    ));
                };
                return self.field(kind, of, name, at.span);
            }
            other => {
                return Err(Box::new(
                    Finding::error(MISMATCH, format!("`{of}` is no list and no map"), at.span)
                        .why(format!("it is {other}")),
                ));
            }
        };
        self.wants(at, scope, &wanted)?;
        Ok(Found { kind: inner, optional })
    }

    fn choose(&self, condition: &Expr, yes: &Expr, no: &Expr, scope: &Scope) -> Result<Type, Box<Finding>> {
        self.wants(condition, scope, &Type::Bool)?;
        let left = self.value(yes, &scope.assuming(condition, true))?;
        let right = self.value(no, &scope.assuming(condition, false))?;
        common(&left, &right).ok_or_else(|| {
            Finding::error(MISMATCH, "the two values of `? :` have different types", yes.span.to(no.span))
                .why(format!("`{yes}` is {left}, `{no}` is {right}"))
                .into()
        })
    }

    fn call(&self, function: Function, arguments: &[Expr], whole: &Expr, scope: &Scope) -> Result<Found, Box<Finding>> {
        let always = |kind| Ok(Found { kind, optional: false });
        let first = &arguments[0];
        match function {
            Function::Has => {
                if !first.is_path() {
                    return Err(Box::new(
                        Finding::error(MISMATCH, format!("`has` cannot ask about `{first}`"), first.span)
                            .why("it asks whether a setting or a field is there"),
                    ));
                }
                self.maybe(first, scope, true)?;
                always(Type::Bool)
            }
            Function::Quantity => {
                literal_quantity(first).map(|quantity| Type::Quantity(quantity.dimension)).and_then(always)
            }
            Function::Lower => self.wants(first, scope, &Type::Text).map(|()| Type::Text).and_then(always),
            Function::Join => {
                self.wants(first, scope, &Type::List(Box::new(Type::Text)))?;
                self.wants(&arguments[1], scope, &Type::Text)?;
                always(Type::Text)
            }
            Function::Size => match self.value(first, scope)? {
                Type::List(_) | Type::Map(_) | Type::Text | Type::Choice(_) | Type::Any => always(Type::Int),
                Type::Secret => Err(Box::new(secret(first))),
                other => Err(Box::new(
                    Finding::error(MISMATCH, format!("`{first}` has no size"), first.span)
                        .why(format!("it is {other}; lists, maps and texts have one")),
                )),
            },
            Function::Hash => {
                for argument in arguments {
                    if self.value(argument, scope)? == Type::Secret {
                        return Err(Box::new(secret(argument)));
                    }
                }
                always(Type::Text)
            }
            Function::Min | Function::Max => self.extreme(arguments, whole, scope),
        }
    }

    /// `min(a, b)` of values; `min(list)` may be absent, since the list may be empty.
    fn extreme(&self, arguments: &[Expr], whole: &Expr, scope: &Scope) -> Result<Found, Box<Finding>> {
        let first = self.value(&arguments[0], scope)?;
        let single = arguments.len() == 1;
        let mut kind = match (single, first) {
            (true, Type::List(inner)) => *inner,
            (_, kind) => kind,
        };
        for argument in &arguments[1..] {
            let next = self.value(argument, scope)?;
            kind = common(&kind, &next).ok_or_else(|| mismatch(&argument.to_string(), &next, &kind, argument.span))?;
        }
        if matches!(kind, Type::Int | Type::Quantity(_) | Type::Any) {
            return Ok(Found { kind, optional: single });
        }
        Err(Box::new(
            Finding::error(MISMATCH, format!("`{whole}` compares what has no order"), whole.span)
                .why(format!("each is {kind}; whole numbers and amounts have an order")),
        ))
    }

    fn each(&self, walk: Walk, of: &Expr, name: &str, body: &Expr, scope: &Scope) -> Result<Type, Box<Finding>> {
        let element = match self.value(of, scope)? {
            Type::List(inner) => *inner,
            Type::Map(_) => Type::Text,
            Type::Any => Type::Any,
            other => {
                return Err(Box::new(
                    Finding::error(MISMATCH, format!("`{of}` is no list and no map"), of.span)
                        .why(format!("it is {other}; `{}` walks over elements", walk.name())),
                ));
            }
        };
        let inner = scope.clone().with(name, element.clone());
        if walk == Walk::Map {
            let kind = self.value(body, &inner)?;
            return if kind == Type::Secret { Err(Box::new(secret(body))) } else { Ok(Type::List(Box::new(kind))) };
        }
        self.wants(body, &inner, &Type::Bool)?;
        Ok(if walk == Walk::Filter { Type::List(Box::new(element)) } else { Type::Bool })
    }

    fn unknown<'a>(&self, name: &str, of: Option<&Expr>, known: impl Iterator<Item = &'a str>, span: Span) -> Finding {
        let known: Vec<&str> = known.collect();
        let title = match of {
            Some(of) => format!("`{of}` has no `{name}`"),
            None => format!("there is no `{name}` here"),
        };
        let mut finding = Finding::error(NAME, title, span);
        if known.is_empty() {
            finding = finding.why("there is none here");
        } else if known.len() <= 40 {
            finding = finding.why(format!("there are `{}`", known.join("`, `")));
        }
        if let Some((left, right)) = name.split_once('-')
            && known.contains(&left)
        {
            return finding.help(format!("a hyphen belongs to the name; minus is written `{left} - {right}`"));
        }
        self.suggest(finding, name, known, span, str::to_owned)
    }

    fn suggest<'a>(
        &self,
        finding: Finding,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
        span: Span,
        spelled: impl Fn(&str) -> String,
    ) -> Finding {
        let Some(near) = nearest(word, known) else { return finding };
        let finding = finding.help(format!("did you mean `{near}`?"));
        if self.precise {
            finding.fix(Applicability::Guess, format!("write `{near}`"), span, spelled(near))
        } else {
            finding
        }
    }
}

fn untested(tree: &Expr, scope: &Scope) -> Finding {
    // The outermost part that is not known to be there is `tree` itself: its parts were checked before.
    let names: Vec<&str> = scope.names().collect();
    let finding = Finding::error(OPTIONAL, format!("`{tree}` may be absent"), tree.span);
    if tree.is_path() && !names.is_empty() {
        finding.help(format!("test it first: `has({tree}) ? {tree} : …`, or `@when \"has({tree})\"` around it"))
    } else {
        finding.help("give it at least two values, so that there always is one")
    }
}

fn secret(tree: &Expr) -> Finding {
    Finding::error(SECRET, format!("`{tree}` is a secret"), tree.span)
        .why("its value is known to the cluster only: nothing is computed with it")
        .help("put it whole into a string: `\"${…}\"` in `env` or `file`")
}

/// The literal amount of `quantity('8 GiB')`.
pub(super) fn literal_quantity(tree: &Expr) -> Result<Quantity, Box<Finding>> {
    let ExprKind::Text(text) = &tree.kind else {
        return Err(Box::new(
            Finding::error(QUANTITY, "`quantity` takes a literal amount", tree.span)
                .help("write `quantity('8 GiB')`; a setting of type `size` is an amount already"),
        ));
    };
    text.split_once(' ').and_then(|(number, unit)| Quantity::parse(number, unit)).ok_or_else(|| {
        Finding::error(QUANTITY, format!("`{text}` is no amount"), tree.span)
            .help("an amount is a number, a blank and a unit: `8 GiB`, `250 millicores`, `90 days`")
            .into()
    })
}
