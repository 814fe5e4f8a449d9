//! What every part of a definition is read with: the names in scope, the sink, and strings with their types.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Guarded, NeedValue};
use crate::expression::{self, Expression, Field, Piece, Scope, Template, Type};
use crate::finding::{Code, Finding, Findings};
use crate::name::Name;
use crate::quantity::Dimension;
use crate::schema::scalar;
use crate::source::{Span, Spanned};
use crate::syntax::{Node, Value};

/// A value of another type than its place wants.
pub(super) const WRONG_TYPE: Code = Code::new("E0506");
/// A secret where it would be readable.
pub(super) const SECRET_PLACE: Code = Code::new("E0508");
/// A guard that wraps what it cannot.
const BAD_GUARD: Code = Code::new("E0254");
/// The same name twice.
pub(super) const TWICE: Code = Code::new("E0255");

/// The most findings about one definition, after which no more strings of it are read.
const MOST_FINDINGS: usize = 200;

/// The sink, and whether all was readable: a definition with an error in it is not used.
pub(super) struct Context<'a> {
    pub(super) findings: &'a mut Findings,
    /// The needs that are there once for each element of one list, with that list: inside a loop over the same list the
    /// one of the element is known to be there.
    pub(super) repeated: Vec<(String, Expression)>,
}

/// `@each NAME in="…"`: the name and the list.
pub(super) type Loop = (String, Expression);

/// A node with the guards around it and the names it sees.
pub(super) struct Flat<'a> {
    pub(super) node: &'a Node,
    pub(super) scope: Scope,
    when: Vec<Expression>,
    pub(super) each: Vec<Loop>,
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
    /// Whether so much is wrong that more says nothing: a definition with an error in it is not used.
    pub(super) fn is_hopeless(&self) -> bool {
        self.findings.len() > MOST_FINDINGS
    }

    /// Adds a finding.
    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The nodes of a block with their guards taken off: `@when "…" { … }` and `@each NAME in="…" { … }`.
    pub(super) fn flatten<'n>(&mut self, nodes: &'n [Node], scope: &Scope) -> Vec<Flat<'n>> {
        let mut flat = Vec::new();
        self.flatten_into(nodes, scope, &[], &[], &mut flat);
        flat
    }

    fn flatten_into<'n>(
        &mut self,
        nodes: &'n [Node],
        scope: &Scope,
        when: &[Expression],
        each: &[Loop],
        flat: &mut Vec<Flat<'n>>,
    ) {
        for node in nodes {
            match node.name.value.as_str() {
                "@when" => {
                    let Some(condition) = self.condition(node, scope) else { continue };
                    let inner = scope.assume(&condition);
                    let when: Vec<Expression> = when.iter().cloned().chain([condition]).collect();
                    self.flatten_into(&node.children, &inner, &when, each, flat);
                }
                "@each" => {
                    let Some((name, list, inner)) = self.elements(node, scope) else { continue };
                    let each: Vec<_> = each.iter().cloned().chain([(name, list)]).collect();
                    self.flatten_into(&node.children, &inner, when, &each, flat);
                }
                _ => flat.push(Flat { node, scope: scope.clone(), when: when.to_vec(), each: each.to_vec() }),
            }
        }
    }

    fn condition(&mut self, node: &Node, scope: &Scope) -> Option<Expression> {
        let text = node.arg(0)?;
        self.expression(text, scope, &Type::Bool)
    }

    /// The name, the list and the names inside of `@each NAME in="…"`; of a map each element has `key` and `value`.
    fn elements(&mut self, node: &Node, scope: &Scope) -> Option<(String, Expression, Scope)> {
        let (name, list) = (node.arg(0)?, node.prop("in")?);
        let good = self.names_element(name, scope);
        let expression = self.parsed(list)?;
        let (element, known) = match self.checked(expression::check(&expression, scope))? {
            Type::Any => (Type::Any, name.text.clone()),
            Type::List(inner) => (*inner, name.text.clone()),
            Type::Map(inner) => {
                let fields = [("key", Type::Text), ("value", *inner)];
                let field = |(name, kind): (&str, Type)| (name.to_owned(), Field { kind, optional: false });
                (Type::Object(Arc::new(fields.map(field).into())), format!("{}.key", name.text))
            }
            other => {
                self.push(
                    Finding::error(
                        WRONG_TYPE,
                        format!("`@each` walks over lists and maps, not over {other}"),
                        list.span,
                    )
                    .help("name a setting of type `list-of` or `map-of`, or one that is `repeatable`"),
                );
                return None;
            }
        };
        let mut inner = scope.clone().with(&name.text, element);
        for (need, _) in self.repeated.iter().filter(|(_, walked)| walked.printed() == expression.printed()) {
            inner = inner.knowing(&format!("needs.{need}[{known}]"));
        }
        good.then(|| (name.text.clone(), expression, inner))
    }

    /// Whether a word can stand for an element: a name of expressions that means nothing yet.
    fn names_element(&mut self, name: &Value, scope: &Scope) -> bool {
        if scope.name(&name.text).is_some() {
            self.push(
                Finding::error(BAD_GUARD, format!("`{}` means something else already", name.text), name.span)
                    .why("inside the block it would be the element, and what it meant could not be read there")
                    .help("give the element another name"),
            );
            return false;
        }
        let is_name = |text: &str| expression::parse(text, name.span).is_ok_and(|parsed| parsed.is_name());
        if is_name(&name.text) {
            return true;
        }
        self.push(
            Finding::error(BAD_GUARD, format!("`{}` is no name for an element", name.text), name.span)
                .why("expressions inside the block name the element by it")
                .help("write a word of letters and digits: `@each group in=\"settings.groups\"`"),
        );
        false
    }

    /// Refuses `@each` around what has one fixed name.
    pub(super) fn once(&mut self, flat: &Flat) {
        if !flat.each.is_empty() {
            let title = format!("`{}` cannot stand inside `@each`", flat.word());
            self.push(
                Finding::error(BAD_GUARD, title, flat.node.head)
                    .why("it has one name, so there would be several of the same name")
                    .help("`@each` may wrap needs, workloads, jobs, `env`, `file`, `volume` and `object`"),
            );
        }
    }

    /// A part whose name is given an ending for each element: that must be a word.
    pub(super) fn named_by_element(&mut self, flat: &Flat) {
        for (name, _) in &flat.each {
            let kind = flat.scope.name(name);
            let key = match kind {
                Some(Type::Object(fields)) => fields.get("key").map(|field| &field.kind),
                kind => kind,
            };
            if matches!(key, None | Some(Type::Text | Type::Choice(_) | Type::Int | Type::Any)) && key.is_some() {
                continue;
            }
            let is = kind.map(ToString::to_string).unwrap_or_default();
            let title = format!("`{}` cannot be named after `{name}`", flat.word());
            self.push(
                Finding::error(BAD_GUARD, title, flat.node.head)
                    .why(format!("the name of each ends in its element, and `{name}` is {is}"))
                    .help("walk over words: a list of texts, or one made by `LIST.map(x, x.id)`"),
            );
        }
    }

    /// What stands inside `@each` and names itself must do so by the element.
    pub(super) fn varies(&mut self, flat: &Flat, name: &Template) {
        for (element, _) in &flat.each {
            let mentioned = name.pieces.iter().any(|piece| match piece {
                Piece::Hole(hole) => hole.text.split(|letter: char| !is_of_name(letter)).any(|word| word == element),
                Piece::Literal(_) => false,
            });
            if !mentioned {
                let title = format!("each turn of `@each {element}` makes the same `{}`", flat.word());
                self.push(
                    Finding::error(BAD_GUARD, title, name.span)
                        .why("of several of the same name only one would count")
                        .help(format!("name the element in it: `${{{element}}}`")),
                );
            }
        }
    }

    /// Whether what is repeated by `loops` is one thing where `around` stands: inside the same loops. A finding otherwise.
    pub(super) fn inside(&mut self, what: &str, name: &str, span: Span, loops: &[Loop], around: &[Loop]) -> bool {
        let same = |(one, other): (&Loop, &Loop)| one.0 == other.0 && one.1.printed() == other.1.printed();
        if loops.len() <= around.len() && loops.iter().zip(around).all(same) {
            return true;
        }
        let written: Vec<String> =
            loops.iter().map(|(name, list)| format!("@each {name} in=\"{}\"", list.text)).collect();
        self.push(
            Finding::error(BAD_GUARD, format!("there are several of the {what} `{name}`"), span)
                .why(format!("it stands inside `{}`", written.join(" { ")))
                .help("name it inside the same `@each`, where it is the one of the element"),
        );
        false
    }

    /// Refuses any guard around what a block says once and for all.
    pub(super) fn unguardable(&mut self, flat: &Flat) {
        let title = format!("`{}` cannot stand inside `@when` or `@each`", flat.word());
        self.push(
            Finding::error(BAD_GUARD, title, flat.node.head)
                .help("let its value depend on the setting: `\"${settings.x ? 'a' : 'b'}\"`"),
        );
    }

    /// Refuses a guard around what a definition takes in.
    pub(super) fn always(&mut self, flat: &Flat) {
        self.push(
            Finding::error(BAD_GUARD, "`use` cannot stand inside `@when` or `@each`", flat.node.head)
                .why("what a definition is made of does not depend on an app")
                .help("write it at the top of the definition, and guard the parts inside the other one"),
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
        if self.is_hopeless() {
            return None;
        }
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
        if self.is_hopeless() {
            return Template::literal("", value.span);
        }
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
}

/// Letters that names in expressions hold.
fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-')
}
