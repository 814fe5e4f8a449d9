//! Environment variables of containers.

use std::collections::{BTreeMap, BTreeSet};

use super::naming;
use super::pod::PodContext;
use super::scope::{AppScope, TextPart, for_kubelet};
use super::tree::{Tree, tree};
use crate::expression::{SecretRef, Template};
use crate::model::EnvValue;
use crate::model::definition::{Env, Guarded};
use crate::source::Span;

/// The variables: those of the definition in order, each after the secrets that it names; then the app's own `env` lines,
/// which replace variables of their name.
pub(super) fn environment(asked: &PodContext) -> Vec<Tree> {
    let mut variables = Variables { taken: taken_names(asked), ..Variables::default() };
    for guarded in &asked.pod.env {
        for scope in asked.scope.guarded(guarded) {
            let name = variable_name(&scope, &guarded.item.name);
            if !asked.app.env.contains_key(&name) {
                let parts = scope.parts(&guarded.item.value);
                variables.add(&name, &parts, scope.origin(&guarded.item.value));
            }
        }
    }
    let of_definition = variables.list.len();
    for (name, value) in &asked.app.env {
        let part = match &value.value {
            EnvValue::Text(text) => TextPart::Garden(text.clone()),
            EnvValue::Secret(secret) => TextPart::Secret(secret.clone()),
        };
        variables.add(name, &[part], value.span);
    }
    let lines = variables.list.split_off(of_definition).into_iter().map(Tree::by_hand);
    variables.list.into_iter().chain(lines).collect()
}

/// The name of a variable, in the characters that names of variables take.
fn variable_name(scope: &AppScope, name: &Template) -> String {
    let taken = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    scope.text(name).chars().map(|letter| if taken(letter) { letter } else { '_' }).collect()
}

fn taken_names(asked: &PodContext) -> BTreeSet<String> {
    let name = |guarded: &Guarded<Env>| {
        asked.scope.guarded(guarded).iter().map(|scope| variable_name(scope, &guarded.item.name)).collect::<Vec<_>>()
    };
    let own = asked.pod.env.iter().flat_map(name);
    own.chain(asked.app.env.keys().cloned()).collect()
}

#[derive(Default)]
struct Variables {
    list: Vec<Tree>,
    /// Variables that hold one secret whole, by that secret.
    secrets: BTreeMap<SecretRef, String>,
    taken: BTreeSet<String>,
    done: BTreeSet<String>,
}

impl Variables {
    fn add(&mut self, name: &str, parts: &[TextPart], origin: Span) {
        if !self.done.insert(name.to_owned()) {
            return;
        }
        if let [TextPart::Secret(secret)] = parts {
            self.secrets.entry(secret.clone()).or_insert_with(|| name.to_owned());
            self.list.push(secret_variable(name, secret, origin));
            return;
        }
        let mut before = Vec::new();
        let value = for_kubelet(parts, |secret| {
            let known = self.secrets.get(secret).cloned();
            known.unwrap_or_else(|| {
                let name = self.fresh(secret);
                before.push(secret_variable(&name, secret, origin));
                name
            })
        });
        self.list.append(&mut before);
        // An empty value vanishes in the server, and means the same.
        let value = (!value.is_empty()).then(|| Tree::from(value).at(origin));
        self.list.push(tree! { "name": name, "value": value }.at(origin));
    }

    /// A name for a variable that only other variables read.
    fn fresh(&mut self, secret: &SecretRef) -> String {
        let word = |text: &str| -> String {
            text.chars()
                .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
                .collect()
        };
        let mut name = format!("PARCELLE_{}_{}", word(&secret.secret), word(&secret.key));
        if self.taken.contains(&name) {
            name = format!("{name}_{}", naming::hash(&[&secret.secret, &secret.key], 6));
        }
        self.taken.insert(name.clone());
        self.secrets.insert(secret.clone(), name.clone());
        name
    }
}

fn secret_variable(name: &str, secret: &SecretRef, origin: Span) -> Tree {
    let key = tree! { "name": &*secret.secret, "key": &*secret.key };
    tree! { "name": name, "valueFrom": tree! { "secretKeyRef": key } }.at(origin)
}
