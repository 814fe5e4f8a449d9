//! One meaning for a name: no two types of one name, wherever the crate can see them.

use std::collections::BTreeMap;

use super::files;
use super::tokens::{Token, after_group, reads, tokens, without_tests};

/// Names that several types have, how many, and why the word is right in each place. A name that fewer types share is to be
/// corrected or taken off.
const SHARED: &[(&str, usize, &str)] = &[
    ("Token", 2, "one of each lexer: of KDL and of expressions"),
    ("Value", 2, "one of each language: a scalar of KDL, and what an expression yields"),
];

/// The types that the tokens of a file declare for others to see: all but private ones.
fn declared<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        if tokens[at].text != "pub" {
            continue;
        }
        let item = if reads(tokens, at + 1, &["("]) { after_group(tokens, at + 1) } else { at + 1 };
        let is_type = ["struct", "enum", "union", "trait", "type"].iter().any(|word| reads(tokens, item, &[word]));
        if let Some(name) = tokens.get(item + 1).filter(|name| is_type && name.is_word()) {
            names.push(name.text);
        }
    }
    names
}

#[test]
fn no_two_types_share_a_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in files("src", ".rs") {
        for name in declared(&without_tests(&tokens(&text))) {
            places.entry(name.to_owned()).or_default().push(path.display().to_string());
        }
    }
    places.retain(|_, places| places.len() > 1);
    let mut wrong = String::new();
    for (name, places) in &places {
        match SHARED.iter().find(|(shared, ..)| shared == name) {
            Some((_, count, _)) if *count == places.len() => {}
            _ => wrong.push_str(&format!("`{name}` is declared {} times: {}\n", places.len(), places.join(", "))),
        }
    }
    for (name, count, _) in SHARED.iter().filter(|(name, ..)| !places.contains_key(*name)) {
        wrong.push_str(&format!("`{name}` is no more declared {count} times: take it off the list\n"));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn types_are_found_by_their_declarations() {
    let text = "pub struct A; pub(crate) enum B {} pub(in crate::x) trait C {} struct D; pub type E = A; pub fn f() {} \
                #[cfg(test)] pub struct G; // pub struct H";
    assert_eq!(declared(&without_tests(&tokens(text))), ["A", "B", "C", "E"]);
}
