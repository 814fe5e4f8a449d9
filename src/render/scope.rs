//! What the expressions of a definition see of one app, and what they yield: text for kubelets, trees with origins.

use std::sync::Arc;

use crate::expression::{
    Budget, Environment, Expression, Piece, SecretRef, Template, Value, as_text, evaluate, work_of_text,
};
use crate::kind;
use crate::model::definition::{Guarded, NeedValue, environment};
use crate::model::{App, Layer, Organisation, Setting};
use crate::name::Name;
use crate::quantity::{Dimension, Quantity};
use crate::source::Span;

use super::naming;
use super::tree::Tree;

/// The names of one app with their values, and where its settings were written.
#[derive(Clone)]
pub(super) struct AppScope<'a> {
    organisation: &'a Organisation,
    app: &'a App,
    environment: Environment,
    /// The elements of the loops around, outermost first.
    turn: Vec<String>,
}

/// What an element of `@each` costs, whatever is made of it.
const WORK_OF_ELEMENT: u64 = 200;

/// One piece of an evaluated string.
pub(super) enum TextPart {
    /// Text of the definition.
    Own(String),
    /// Text that somebody wrote in a garden.
    Garden(String),
    /// A secret value, by its place.
    Secret(SecretRef),
}

impl<'a> AppScope<'a> {
    /// All names but `needs`.
    pub(crate) fn new(organisation: &'a Organisation, app: &'a App, budget: &Arc<Budget>) -> Self {
        let host =
            |workload: &str| Value::map([("host", Value::text(&naming::part(kind::SERVICE, &app.name, workload)))]);
        let alone = app.definition.workloads.iter().filter(|workload| workload.each.is_empty());
        let names = alone.map(|workload| workload.item.name.value.to_string());
        let workloads = names.map(|name| (name.clone(), host(&name))).collect();
        let environment = environment(organisation, app).within(budget).with("workloads", Value::Map(workloads));
        Self { organisation, app, environment, turn: Vec::new() }
    }

    /// With one more name.
    #[must_use]
    pub(crate) fn with(&self, name: &str, value: Value) -> Self {
        Self { environment: self.environment.clone().with(name, value), ..self.clone() }
    }

    /// The scopes in which a guarded part exists: none where a condition fails, one for each element it walks over.
    pub(crate) fn guarded<T>(&self, part: &Guarded<T>) -> Vec<AppScope<'a>> {
        let mut scopes = vec![self.clone()];
        for (name, list) in &part.each {
            let mut inner = Vec::new();
            for scope in &scopes {
                for item in scope.elements_of(list) {
                    if !scope.spend(WORK_OF_ELEMENT, list.span) {
                        return Vec::new();
                    }
                    inner.push(scope.at_element(name, item));
                }
            }
            scopes = inner;
        }
        scopes.retain(|scope| part.when.iter().all(|condition| scope.holds(condition)));
        scopes
    }

    /// The elements of a list; of a map its entries.
    fn elements_of(&self, list: &Expression) -> Vec<Value> {
        match self.evaluate(list) {
            Value::List(items) => items,
            Value::Map(entries) => entries
                .into_iter()
                .map(|(key, value)| Value::map([("key", Value::garden_text(&key)), ("value", value)]))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// What everything of the app may cost together.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        self.environment.budget()
    }

    /// Takes what making something costs, for what stands at a place; whether there was as much left.
    pub(crate) fn spend(&self, work: u64, place: Span) -> bool {
        self.environment.budget().spend(work, place)
    }

    /// Whether so much was made of the app that nothing more is.
    pub(crate) fn is_spent(&self) -> bool {
        self.environment.budget().beyond().is_some()
    }

    fn at_element(&self, name: &str, item: Value) -> Self {
        let text = element_text(&item);
        let mut scope = self.with(name, item);
        scope.turn.push(text);
        scope
    }

    /// The elements of so many of the loops around, outermost first.
    pub(crate) fn elements(&self, loops: usize) -> &[String] {
        &self.turn[..loops.min(self.turn.len())]
    }

    /// In how many loops the part stands.
    pub(crate) fn loops(&self) -> usize {
        self.turn.len()
    }

    /// The key in expressions of what is there for each element of the loops around.
    pub(crate) fn element_key(&self) -> String {
        self.turn.join("-")
    }

    /// The name of a part that stands in so many of the loops around.
    pub(crate) fn name_of(&self, part: &Name, loops: usize) -> Name {
        naming::of_element(part, self.elements(loops))
    }

    /// Whether a condition holds.
    pub(crate) fn holds(&self, condition: &Expression) -> bool {
        evaluate(condition, &self.environment) == Value::Bool(true)
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&self, expression: &Expression) -> Value {
        evaluate(expression, &self.environment)
    }

    /// The value of a string; a hole that is the whole string keeps its type.
    pub(crate) fn value(&self, template: &Template) -> Value {
        template.evaluate_value(&self.environment)
    }

    /// The string as one text, without secrets.
    pub(crate) fn text(&self, template: &Template) -> String {
        template.evaluate_text(&self.environment).text.to_string()
    }

    /// The string in pieces.
    pub(crate) fn parts(&self, template: &Template) -> Vec<TextPart> {
        template.pieces.iter().filter_map(|piece| self.part(piece, template.span)).collect()
    }

    fn part(&self, piece: &Piece, span: Span) -> Option<TextPart> {
        let hole = match piece {
            Piece::Literal(text) => {
                return self.spend(work_of_text(text.len()), span).then(|| TextPart::Own(text.clone()));
            }
            Piece::Hole(hole) => hole,
        };
        let value = self.evaluate(hole);
        if let Value::Secret(secret) = value {
            return Some(TextPart::Secret(secret));
        }
        let text = as_text(&value).filter(|text| self.spend(work_of_text(text.text.len()), hole.span))?;
        let part = if text.from_garden { TextPart::Garden } else { TextPart::Own };
        (!text.text.is_empty()).then(|| part(text.text.to_string()))
    }

    /// The string as a kubelet must be given it, with its origin.
    pub(crate) fn for_kubelet(&self, template: &Template) -> Tree {
        let text = for_kubelet(&self.parts(template), |_| String::new());
        Tree::from(text).at(self.origin(template))
    }

    /// The string as text, with its origin.
    pub(crate) fn tree(&self, template: &Template) -> Tree {
        Tree::from(self.text(template)).at(self.origin(template))
    }

    /// A whole number.
    pub(crate) fn integer(&self, template: &Template) -> Option<i64> {
        match self.value(template) {
            Value::Int(number) => Some(number),
            Value::Text(text) => text.text.parse().ok(),
            _ => None,
        }
    }

    /// The value of an option of a need or of a resource.
    pub(crate) fn option(&self, value: &NeedValue) -> Value {
        value.evaluate(&self.environment)
    }

    /// The names and their values.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// An amount of a dimension, from a literal, a hole, or text such as `10 GiB`.
    pub(crate) fn quantity(&self, value: &NeedValue, dimension: Dimension) -> Option<Quantity> {
        let quantity = match self.option(value) {
            Value::Quantity(quantity) => quantity,
            Value::Text(text) => {
                let (number, unit) = text.text.split_once(' ')?;
                Quantity::parse(number, unit.trim())?
            }
            _ => return None,
        };
        (quantity.dimension == dimension).then_some(quantity)
    }

    /// Where the value of an option was decided.
    pub(crate) fn origin_of_option(&self, value: &NeedValue, written: Span) -> Span {
        match value {
            NeedValue::Template(template) => self.origin(template),
            _ => written,
        }
    }

    /// The line that decided a string: that of the nearest setting it reads, otherwise its own.
    pub(crate) fn origin(&self, template: &Template) -> Span {
        let holes = template.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole),
            Piece::Literal(_) => None,
        });
        self.origin_of(holes).unwrap_or(template.span)
    }

    /// The line of the nearest setting that expressions read.
    pub(crate) fn origin_of<'e>(&self, expressions: impl Iterator<Item = &'e Expression>) -> Option<Span> {
        let read = expressions.flat_map(Expression::paths).filter_map(|path| self.written(path));
        // The first of the nearest layer.
        let nearest = read.fold(None, |best: Option<(Layer, Span)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        });
        nearest.map(|(_, span)| span)
    }

    /// Where what a path names was written.
    fn written(&self, path: &str) -> Option<(Layer, Span)> {
        let mut words = path.split('.');
        let (first, second) = (words.next()?, words.next()?);
        match (first, second) {
            ("settings", "at") => self.app.hosts.first().map(|host| (Layer::App, host.span)),
            ("settings", name) => self.app.settings.get(name).map(|setting| (setting.layer, inside(setting, words))),
            ("release", _) => {
                let chosen = self.app.settings.get("version").or_else(|| self.app.settings.get("channel"));
                chosen.map(|setting| (setting.layer, setting.span))
            }
            ("org", _) => Some((Layer::OrganisationDefaults, self.organisation.span)),
            _ => None,
        }
    }
}

/// The property or child at the rest of a path, as near as the setting was written.
fn inside<'w>(setting: &Setting, mut words: impl Iterator<Item = &'w str>) -> Span {
    let Some(word) = words.next() else { return setting.span };
    if let Some(written) = setting.props.get(word) {
        return written.span;
    }
    match setting.children.get(word).and_then(|keyed| keyed.values().next()) {
        Some(child) => inside(child, words),
        None => setting.span,
    }
}

/// An element as a word: its text, its number, or the key of a map's entry.
fn element_text(item: &Value) -> String {
    match item {
        Value::Text(text) => text.text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Map(_) => match item.field("key") {
            Value::Text(text) => text.text.to_string(),
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// The string as kubelets must be given it: they replace `$(NAME)` by a variable and read `$$` as `$`.
///
/// Every `$` of a garden is doubled, so that it comes out as it was written, whatever stands around it; a single `$` of the
/// definition in front of a garden's text or a secret's place is doubled too, since it would join with what follows.
pub(super) fn for_kubelet(parts: &[TextPart], mut variable: impl FnMut(&SecretRef) -> String) -> String {
    let mut out = String::new();
    let close = |out: &mut String| {
        let dollars = out.len() - out.trim_end_matches('$').len();
        if dollars % 2 == 1 {
            out.push('$');
        }
    };
    for part in parts {
        match part {
            TextPart::Own(text) => out.push_str(text),
            TextPart::Garden(text) => {
                close(&mut out);
                out.push_str(&text.replace('$', "$$"));
            }
            TextPart::Secret(secret) => {
                close(&mut out);
                let name = variable(secret);
                if !name.is_empty() {
                    out.push_str("$(");
                    out.push_str(&name);
                    out.push(')');
                }
            }
        }
    }
    out
}

/// The domain of an organisation: its own, or its name below the cluster's.
pub(super) fn domain(organisation: &Organisation) -> Option<String> {
    let below = || organisation.cluster.domain.as_ref().map(|domain| format!("{}.{domain}", organisation.name));
    organisation.domain.as_ref().map(|domain| domain.value.clone()).or_else(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kubelet makes of a text, after `k8s.io/kubernetes/third_party/forked/golang/expansion`.
    fn kubelet(text: &str, variable: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(next) = after.strip_prefix('$') {
                out.push('$');
                rest = next;
            } else if let Some((_, next)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
                out.push_str(variable);
                rest = next;
            } else {
                out.push('$');
                rest = after;
            }
        }
        out + rest
    }

    #[test]
    fn text_of_a_garden_reaches_the_container_as_written() {
        for text in ["$(DB_PASSWORD)", "$$(DB_PASSWORD)", "5$", "a$$$(X)$", "(DB_PASSWORD)"] {
            for before in ["", "$", "price: $", "$$"] {
                let parts = [TextPart::Own(before.into()), TextPart::Garden(text.into())];
                let given = for_kubelet(&parts, |_| String::new());
                let got = kubelet(&given, "SECRET");
                assert!(!got.contains("SECRET"), "{before}{text} was given as {given}");
                assert!(got.ends_with(text), "{before}{text} came out as {got}");
            }
        }
        let title = [TextPart::Garden("$(DB_PASSWORD)".into())];
        assert_eq!(for_kubelet(&title, |_| String::new()), "$$(DB_PASSWORD)");
    }

    #[test]
    fn a_secret_after_a_dollar_is_still_filled_in() {
        let secret = SecretRef { secret: "s".into(), key: "k".into() };
        let given = for_kubelet(&[TextPart::Own("cost$".into()), TextPart::Secret(secret)], |_| "NAME".into());
        assert_eq!(given, "cost$$$(NAME)");
        assert_eq!(kubelet(&given, "x"), "cost$x");
    }
}
