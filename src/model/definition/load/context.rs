//! What every part of a definition is read with: the names in scope, the sink, and strings with their types.

use std::collections::BTreeMap;

use super::super::{Guarded, NeedValue};
use crate::expression::{self, Expression, Scope, Template, Type};
use crate::finding::{Code, Finding, Findings};
use crate::name::Name;
use crate::quantity::Dimension;
use crate::schema::scalar;
use crate::source::{Span, Spanned};
use crate::syntax::{Node, Value};

/// A value of another type than its place wants.
pub(super) const WRONG_TYPE: Code = Code("E0506");
/// A secret where it would be readable.
pub(super) const SECRET_PLACE: Code = Code("E0508");
/// A guard that wraps what it cannot.
const BAD_GUARD: Code = Code("E0254");
/// The same name twice.
const TWICE: Code = Code("E0255");

/// The sink, and whether all was readable: a definition with an error in it is not used.
pub(super) struct Context<'a> {
    pub(super) findings: &'a mut Findings,
}

/// A node with the guards around it and the names it sees.
pub(super) struct Flat<'a> {
    pub(super) node: &'a Node,
    pub(super) scope: Scope,
    when: Vec<Expression>,
    each: Vec<(String, Expression)>,
}

impl Flat<'_> {
    /// The node's name.
    pub(super) fn word(&self) -> &str {
        &self.node.name.value
    }

    /// Whether a guard of its own block is around it.
    pub(super) fn is_guarded(&self) -> bool {
        !self.when.is_empty() || self.is_repeated()
    }

    /// Whether it is there once for each element of a list.
    pub(super) fn is_repeated(&self) -> bool {
        !self.each.is_empty()
    }

    /// A part under the guards of its node.
    pub(super) fn guarded<T>(&self, item: T) -> Guarded<T> {
        Guarded { when: self.when.clone(), each: self.each.clone(), item }
    }
}

/// What a string may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrets {
    /// Secrets, too: environment variables and files.
    Allowed,
    /// Nothing secret: the value says where.
    Refused(&'static str),
}

impl Context<'_> {
    /// Adds a finding.
    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The nodes of a block with their guards taken off: `@when "…" { … }` and `@each NAME in="…" { … }`.
    pub(super) fn flatten<'n>(&mut self, nodes: &'n [Node], scope: &Scope) -> Vec<Flat<'n>> {
        let mut flat = Vec::new();
        self.flatten_into(nodes, scope, (&[], &[]), &mut flat);
        flat
    }

    fn flatten_into<'n>(
        &mut self,
        nodes: &'n [Node],
        scope: &Scope,
        guards: (&[Expression], &[(String, Expression)]),
        flat: &mut Vec<Flat<'n>>,
    ) {
        let (when, each) = guards;
        for node in nodes {
            match node.name.value.as_str() {
                "@when" => {
                    let Some(condition) = self.condition(node, scope) else { continue };
                    let inner = scope.assume(&condition);
                    let when: Vec<Expression> = when.iter().cloned().chain([condition]).collect();
                    self.flatten_into(&node.children, &inner, (&when, each), flat);
                }
                "@each" => {
                    let Some((name, list, inner)) = self.elements(node, scope) else { continue };
                    let each: Vec<_> = each.iter().cloned().chain([(name, list)]).collect();
                    self.flatten_into(&node.children, &inner, (when, &each), flat);
                }
                _ => flat.push(Flat { node, scope: scope.clone(), when: when.to_vec(), each: each.to_vec() }),
            }
        }
    }

    fn condition(&mut self, node: &Node, scope: &Scope) -> Option<Expression> {
        let text = node.arg(0)?;
        self.expression(text, scope, &Type::Bool)
    }

    fn elements(&mut self, node: &Node, scope: &Scope) -> Option<(String, Expression, Scope)> {
        let (name, list) = (node.arg(0)?, node.prop("in")?);
        let expression = self.parsed(list)?;
        let element = match self.checked(expression::check(&expression, scope))? {
            Type::List(inner) => *inner,
            Type::Map(_) => Type::Text,
            other => {
                self.push(Finding::error(
                    WRONG_TYPE,
                    format!("`@each` walks over lists and maps, not over {other}"),
                    list.span,
                ));
                return None;
            }
        };
        Some((name.text.clone(), expression, scope.clone().with(&name.text, element)))
    }

    /// Refuses `@each` around what has one fixed name.
    pub(super) fn once(&mut self, flat: &Flat) {
        if !flat.each.is_empty() {
            let title = format!("`{}` cannot stand inside `@each`", flat.word());
            self.push(
                Finding::error(BAD_GUARD, title, flat.node.head)
                    .why("it has one name, so there would be several of the same name")
                    .help("`@each` may wrap `file` and `object`, whose names may hold `${…}`"),
            );
        }
    }

    /// Refuses any guard around what a block says once and for all.
    pub(super) fn unguardable(&mut self, flat: &Flat) {
        let title = format!("`{}` cannot stand inside `@when` or `@each`", flat.word());
        self.push(
            Finding::error(BAD_GUARD, title, flat.node.head)
                .help("let its value depend on the setting: `\"${settings.x ? 'a' : 'b'}\"`"),
        );
    }

    /// A finding where the name was there before.
    pub(super) fn unique(&mut self, names: &mut BTreeMap<String, Span>, what: &str, name: &Spanned<Name>) {
        if let Some(first) = names.insert(name.value.to_string(), name.span) {
            let title = format!("there are two {what} called `{}`", name.value);
            self.push(
                Finding::error(TWICE, title, name.span).also(first, "the first of them").help("rename one of them"),
            );
        }
    }

    /// The name that is a node's argument; one that is none is the schema's finding.
    pub(super) fn name(value: Option<&Value>) -> Option<Spanned<Name>> {
        let value = value?;
        Some(Spanned::new(Name::new(&value.text).ok()?, value.span))
    }

    fn checked<T>(&mut self, result: Result<T, Box<Finding>>) -> Option<T> {
        result.map_err(|finding| self.push(*finding)).ok()
    }

    fn parsed(&mut self, text: &Value) -> Option<Expression> {
        self.checked(expression::parse(&text.text, text.span))
    }

    /// An expression of a type: the whole string, without `${…}` around it.
    pub(super) fn expression(&mut self, text: &Value, scope: &Scope, wanted: &Type) -> Option<Expression> {
        let expression = self.parsed(text)?;
        self.checked(expression::check_as(&expression, scope, wanted))?;
        Some(expression)
    }

    /// An expression of any type that is no secret.
    pub(super) fn any_expression(&mut self, text: &Value, scope: &Scope) -> Option<Expression> {
        let expression = self.parsed(text)?;
        self.checked(expression::check(&expression, scope))?;
        Some(expression)
    }

    /// A string with holes, as text.
    pub(super) fn text(&mut self, value: &Value, scope: &Scope, secrets: Secrets) -> Template {
        let template = expression::parse_template(&value.text, value.span, self.findings);
        match self.checked(template.check(scope)) {
            Some(Type::Secret) => self.no_secret(value, secrets),
            Some(found @ (Type::List(_) | Type::Map(_) | Type::Object(_))) => {
                if let Some(hole) = template.as_hole() {
                    self.push(expression::no_text(hole, &found));
                }
            }
            _ => {}
        }
        template
    }

    /// A string that is a leaf of data: a hole that is the whole string keeps its type.
    pub(super) fn leaf(&mut self, value: &Value, scope: &Scope, secrets: Secrets) -> Template {
        let template = expression::parse_template(&value.text, value.span, self.findings);
        if self.checked(template.check(scope)) == Some(Type::Secret) {
            self.no_secret(value, secrets);
        }
        template
    }

    fn no_secret(&mut self, value: &Value, secrets: Secrets) {
        if let Secrets::Refused(place) = secrets {
            self.push(
                Finding::error(SECRET_PLACE, format!("a secret cannot stand in {place}"), value.span)
                    .why("there it could be read by everybody who may see the object")
                    .help("put it into `env` or `file`"),
            );
        }
    }

    /// A string whose value has a type: a whole hole of it, or a literal that reads as one.
    pub(super) fn typed(&mut self, value: &Value, scope: &Scope, wanted: &Type) -> Template {
        let template = expression::parse_template(&value.text, value.span, self.findings);
        let Some(literal) = template.as_literal() else {
            let Some(found) = self.checked(template.check(scope)) else { return template };
            let text = *wanted == Type::Text
                && !matches!(found, Type::Secret | Type::List(_) | Type::Map(_) | Type::Object(_));
            if found != *wanted && !text {
                let place = template.as_hole().map_or(value.span, |hole| hole.span);
                let written = template.as_hole().map_or(value.text.as_str(), |hole| &hole.text);
                let finding = Finding::error(WRONG_TYPE, format!("`{written}` is {found}"), place);
                self.push(finding.why(format!("here stands {wanted}")));
            }
            return template;
        };
        let fits = match wanted {
            Type::Int => literal.parse::<i64>().is_ok(),
            Type::Bool => matches!(literal, "on" | "off"),
            Type::Text => true,
            _ => false,
        };
        if !fits {
            let wants = if *wanted == Type::Bool { "`on` or `off`".to_owned() } else { wanted.to_string() };
            let finding = Finding::error(WRONG_TYPE, format!("`{literal}` is not {wants}"), value.span);
            self.push(finding.help("write it out, or compute it in `\"${…}\"`"));
        }
        template
    }

    /// An amount: `10 GiB`, or one string that is a hole of that dimension.
    pub(super) fn amount(&mut self, node: &Node, scope: &Scope, dimension: Dimension) -> Option<NeedValue> {
        let first = node.arg(0)?;
        if first.text.contains("${") {
            return Some(NeedValue::Template(self.typed(first, scope, &Type::Quantity(dimension))));
        }
        match scalar::amount(dimension, &format!("`{}`", node.name.value), first, node.arg(1)) {
            Ok(quantity) => Some(NeedValue::Quantity(quantity)),
            Err(finding) => {
                self.push(*finding);
                None
            }
        }
    }

    /// A literal amount of time in whole seconds.
    pub(super) fn seconds(&mut self, node: &Node) -> Option<u32> {
        let first = node.arg(0)?;
        match scalar::amount(Dimension::Duration, &format!("`{}`", node.name.value), first, node.arg(1)) {
            Ok(quantity) => u32::try_from(quantity.amount).ok(),
            Err(finding) => {
                self.push(*finding);
                None
            }
        }
    }
}
