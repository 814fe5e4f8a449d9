//! The arrows between modules: each uses only those above it in `src/lib.rs`, in whichever way it names them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::tokens::{Token, after_group, reads, tokens, without_tests};
use super::{files, root};

/// The modules in the order of `src/lib.rs`.
fn order() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("the library has a root");
    let tokens = tokens(&lib);
    let names = (0..tokens.len()).filter(|at| reads(&tokens, at + 2, &[";"]) && tokens[*at].text == "mod");
    names.map(|at| tokens[at + 1].text.to_owned()).collect()
}

/// The path of the module that a file below `src` holds.
pub(super) fn module_of(path: &Path) -> Vec<String> {
    let below = path.strip_prefix("src").expect("a file below src").with_extension("");
    let mut module: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// A path as it is named somewhere, from the root of the crate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
}

/// What stands in one file: the paths that begin with `crate`, `self` or `super`, and what could hide one.
#[derive(Default)]
pub(super) struct Paths {
    pub(super) named: Vec<Named>,
    hidden: Vec<(usize, &'static str)>,
}

/// Ways to name a module that cannot be followed from here.
const HIDING: &[(&[&str], &str)] = &[
    (&["extern", "crate"], "gives a crate another name"),
    (&["#", "[", "path"], "a module lies where its path does not say"),
    (&["include", "!"], "takes in a file that is no module"),
    (&["macro_export"], "a macro can be used above its module"),
];

struct Walk<'a> {
    tokens: &'a [Token<'a>],
    found: Paths,
}

impl Walk<'_> {
    /// Goes over the tokens of one module from `at` to `end`.
    fn module(&mut self, module: &[String], mut at: usize, end: usize) {
        while at < end {
            if reads(self.tokens, at, &["mod"]) && reads(self.tokens, at + 2, &["{"]) {
                let after = after_group(self.tokens, at + 2);
                let inner = [module, &[self.tokens[at + 1].text.to_owned()]].concat();
                self.module(&inner, at + 3, after);
                at = after;
            } else if reads(self.tokens, at, &["macro_rules", "!"]) {
                let after = after_group(self.tokens, at + 3);
                self.macro_body(at, after);
                at = self.paths(module, at, after);
            } else {
                at = self.paths(module, at, at + 1);
            }
        }
    }

    /// What `super` means in a macro is decided where it is used.
    fn macro_body(&mut self, from: usize, to: usize) {
        for token in &self.tokens[from..to] {
            if token.text == "super" || token.text == "self" {
                self.found.hidden.push((token.line, "a macro names a module relative to where it is used"));
            }
        }
    }

    /// Follows each path that begins between `at` and `end`.
    fn paths(&mut self, module: &[String], mut at: usize, end: usize) -> usize {
        while at < end {
            let token = self.tokens[at];
            for (what, why) in HIDING {
                if reads(self.tokens, at, what) {
                    self.found.hidden.push((token.line, why));
                }
            }
            let begins = at == 0 || self.tokens[at - 1].text != "::";
            at = match token.text {
                "crate" if begins => self.path(Vec::new(), at + 1, self.is_visibility(at)),
                "super" if begins => self.path(up(module), at + 1, self.is_visibility(at)),
                "self" if begins && reads(self.tokens, at + 1, &["::"]) => self.path(module.to_vec(), at + 1, false),
                _ => at + 1,
            };
        }
        at
    }

    /// `pub(crate)` and `pub(super)` name nothing.
    fn is_visibility(&self, at: usize) -> bool {
        at > 1 && reads(self.tokens, at - 2, &["pub", "("]) && reads(self.tokens, at + 1, &[")"])
    }

    /// Follows one path, from what its first word means, to its end; groups of a `use` are followed each.
    fn path(&mut self, mut path: Vec<String>, mut at: usize, is_visibility: bool) -> usize {
        let line = self.tokens[at - 1].line;
        while reads(self.tokens, at, &["::"]) {
            let Some(next) = self.tokens.get(at + 1) else { break };
            match next.text {
                "{" => return self.group(&path, at + 2),
                "super" => path = up(&path),
                "self" => {}
                "$" => self.found.hidden.push((next.line, "a macro decides which module is meant")),
                _ if next.is_word() => path.push(next.text.to_owned()),
                _ => break,
            }
            at += 2;
        }
        if !is_visibility {
            self.found.named.push(Named { line, path });
        }
        at
    }

    /// Follows each path of a group whose first token stands at `at`; returns the place after it.
    fn group(&mut self, path: &[String], mut at: usize) -> usize {
        while let Some(token) = self.tokens.get(at) {
            let mut inner = path.to_vec();
            at = match token.text {
                "}" => return at + 1,
                "," => at + 1,
                "{" => self.group(path, at + 1),
                "self" => self.path(inner, at + 1, false),
                "super" => self.path(up(path), at + 1, false),
                _ if token.is_word() && !reads(self.tokens, at.saturating_sub(1), &["as"]) => {
                    inner.push(token.text.to_owned());
                    self.path(inner, at + 1, false)
                }
                "*" => {
                    self.found.named.push(Named { line: token.line, path: inner });
                    at + 1
                }
                _ => at + 1,
            };
            if reads(self.tokens, at, &["as"]) {
                at += 2;
            }
        }
        at
    }
}

fn up(path: &[String]) -> Vec<String> {
    path[..path.len().saturating_sub(1)].to_vec()
}

/// The paths that the text of a module names.
pub(super) fn paths(module: &[String], text: &str) -> Paths {
    let tokens = without_tests(&tokens(text));
    let mut walk = Walk { tokens: &tokens, found: Paths::default() };
    walk.module(module, 0, tokens.len());
    walk.found
}

/// What is wrong with the paths of a module, with lines.
fn violations(order: &[String], module: &[String], text: &str) -> Vec<(usize, String)> {
    let rank = |name: &String| order.iter().position(|known| known == name);
    let Some(own) = module.first().and_then(rank) else { return Vec::new() };
    let found = paths(module, text);
    let mut wrong: Vec<_> = found.hidden.into_iter().map(|(line, why)| (line, why.to_owned())).collect();
    for Named { line, path } in found.named {
        match path.first().map(|first| (first, rank(first))) {
            None => wrong.push((line, "names the root of the crate, and with it everything".to_owned())),
            Some((first, None)) => wrong.push((line, format!("`{first}` is no module of src/lib.rs"))),
            Some((first, Some(used))) if used > own => wrong.push((line, format!("`{first}` stands below"))),
            Some(_) => {}
        }
    }
    wrong
}

/// The modules that are built for tests only: `#[cfg(test)] mod NAME;`.
pub(super) fn test_modules(files: &[(std::path::PathBuf, String)]) -> BTreeSet<Vec<String>> {
    let mut modules = BTreeSet::new();
    for (path, text) in files {
        let tokens = tokens(text);
        for at in 0..tokens.len() {
            if reads(&tokens, at, &["#", "[", "cfg", "(", "test", ")", "]", "mod"]) && reads(&tokens, at + 9, &[";"]) {
                modules.insert([module_of(path), vec![tokens[at + 8].text.to_owned()]].concat());
            }
        }
    }
    modules
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let (order, files) = (order(), files("src", ".rs"));
    let tests = test_modules(&files);
    let mut wrong = String::new();
    for (path, text) in &files {
        let module = module_of(path);
        if tests.iter().any(|test| module.starts_with(test)) {
            continue;
        }
        for (line, why) in violations(&order, &module, text) {
            wrong.push_str(&format!("{}:{line}: {why}\n", path.display()));
        }
    }
    assert!(wrong.is_empty(), "modules use what stands below them in src/lib.rs:\n{wrong}");
}

#[test]
fn everything_in_the_library_stands_in_the_order() {
    let order = order();
    let strangers: Vec<_> = files("src", ".rs").into_iter().map(|(path, _)| path).collect();
    let strangers: Vec<_> =
        strangers.iter().filter(|path| !order.contains(&module_of(path)[0]) && !path.ends_with("lib.rs")).collect();
    assert_eq!(strangers, [Path::new("src/main.rs")], "src/lib.rs does not name their modules");
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("the library has a root");
    let words: Vec<_> = tokens(&lib).into_iter().map(|token| token.text).collect();
    assert!(!words.contains(&"use"), "what the root re-exports has no place in the order");
}

/// Whatever way is taken to a module that stands below, it is seen.
#[test]
fn no_spelling_hides_what_a_module_uses() {
    let order: Vec<String> = ["low", "own", "high"].map(str::to_owned).to_vec();
    let own = ["own".to_owned(), "part".to_owned()];
    for escape in [
        "use crate::high::A;",
        "use crate::{low::B, high::A};",
        "use crate::{\n    low::{self, B},\n    high::{A as C},\n};",
        "use {crate::low::B, crate::high::A};",
        "use super::super::high::A;",
        "use super::super::{low, high};",
        "use super::{super::high, B};",
        "use self::super::super::high::A;",
        "use crate as root;",
        "use crate::{self as root};",
        "use super::super as root;",
        "use super::super::*;",
        "use crate::*;",
        "use crate::low::B; fn f() { crate /* here */ :: high::g() }",
        "mod inner { use super::super::super::high::A; }",
        "mod inner { mod more { fn f() -> super::super::super::super::high::A {} } }",
        "macro_rules! m { () => { $crate::high::A } }",
        "macro_rules! m { ($a:ident) => { $crate::$a::A } }",
        "macro_rules! m { () => { super::high::A } }",
        "fn f() { println!(\"{}\", super::super::high::A) }",
        "fn f() { join!(crate, high) }",
        "fn f(_: &'a str) { let _ = '\"'; crate::high::g(\"\") }",
        "impl<T: crate::high::A> B for T {}",
        "pub(in crate::high) fn f() {}",
        "extern crate self as root;",
        "#[path = \"../high.rs\"] mod high;",
        "include!(\"../high.rs\");",
        "#[macro_export] macro_rules! m { () => {} }",
        "use crate::unknown::A;",
    ] {
        assert!(!violations(&order, &own, escape).is_empty(), "nothing is said of\n{escape}");
    }
    for good in [
        "use crate::low::{A, b::{self, C}};\nuse super::{other, Thing as Named, thing::*};\nuse std::fmt;",
        "pub(crate) struct A(pub(super) B, pub(in crate::own) C);",
        "fn f(self) -> Self { self.x; Self::y(\"crate::high::A\"); /* crate::high */ 'c' } // crate::high",
        "mod inner { use super::super::Thing; use crate::own::part::Other; }",
        "#[cfg(test)] mod tests { use crate::high::A; }",
        "macro_rules! m { ($($a:tt)*) => { $crate::low::g($($a)*) } }",
    ] {
        assert_eq!(violations(&order, &own, good), [], "{good}");
    }
}
