//! Expressions, compiled. What a stranger wrote is read with care: long ones, deep ones and those of a kind that nobody
//! evaluates here are refused before anything could go wrong.

use std::sync::{Arc, OnceLock};

use kube::core::cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};
use kube::core::cel::cel::parser::Parser;
use kube::core::cel::{CompiledSchema, WarningKind, estimate_rule_cost};

/// The longest expression that is read, in bytes.
const LONGEST: usize = 16 << 10;
/// How deep brackets may stand in each other in an expression.
const DEEPEST_BRACKETS: usize = 48;
/// How deep the tree of an expression may be.
const DEEPEST_TREE: usize = 200;
/// What one rule may cost by an estimate with the limits of its schema: `StaticEstimatedCostLimit` of the API server
/// (`apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`), which refuses a definition with a dearer
/// one. kube's estimate is coarser than the server's.
const STATIC_ESTIMATED_COST_LIMIT: u64 = 10_000_000;
/// The stack for reading an expression: the parser takes tens of kilobytes a level where it is not optimised.
const STACK: usize = 64 << 20;

/// An expression as it stands in a definition, compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Program {
    source: Box<str>,
    compiled: OnceLock<Result<Compiled, String>>,
}

/// An expression of a rule, compiled: a tree that is evaluated.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) tree: IdedExpr,
    /// Whether it names `oldSelf`.
    pub(super) uses_old: bool,
}

impl Program {
    pub(super) fn new(source: &str) -> Arc<Self> {
        Arc::new(Self { source: source.into(), compiled: OnceLock::new() })
    }

    /// One of too many expressions, which is not read.
    pub(super) fn refused() -> Arc<Self> {
        let compiled = OnceLock::from(Err("its definition has more rules than are read here".to_owned()));
        Arc::new(Self { source: Box::default(), compiled })
    }

    #[cfg(test)]
    pub(super) fn is_refused(&self) -> bool {
        self.compiled.get().is_some_and(Result::is_err)
    }

    /// The compiled expression; the reason where it cannot be evaluated here. `limits` are those of the schema it stands in;
    /// without a schema no cost is estimated.
    pub(super) fn compiled(&self, limits: Option<&CompiledSchema>) -> Result<&Compiled, &str> {
        let compiled = self.compiled.get_or_init(|| compiled_apart(&self.source, limits));
        compiled.as_ref().map_err(String::as_str)
    }
}

/// Compiles on a stack of its own.
fn compiled_apart(source: &str, limits: Option<&CompiledSchema>) -> Result<Compiled, String> {
    check_text(source)?;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || compile(source, limits));
        let thread = thread.map_err(|error| format!("no thread to read it: {error}"))?;
        thread.join().unwrap_or_else(|_| Err("it could not be read".to_owned()))
    })
}

/// Refuses what is too long or too deep to be read.
fn check_text(source: &str) -> Result<(), String> {
    if source.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let (mut depth, mut deepest, mut conditions) = (0_usize, 0, 0_usize);
    for (_, letter) in code(source) {
        match letter {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => conditions += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > DEEPEST_BRACKETS || conditions > DEEPEST_TREE {
        return Err("it nests too deeply".to_owned());
    }
    Ok(())
}

/// The bytes of an expression, with their places, that are not inside of texts, comments or blanks.
fn code(source: &str) -> impl Iterator<Item = (usize, u8)> {
    let bytes = source.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let letter = *bytes.get(at)?;
            let begin = at;
            match letter {
                b'\'' | b'"' => {
                    let raw = begin.checked_sub(1).is_some_and(|before| matches!(bytes[before], b'r' | b'R'));
                    at = end_of_text(bytes, begin, raw);
                    return Some((begin, letter));
                }
                b'/' if bytes.get(at + 1) == Some(&b'/') => {
                    at += bytes[at..].iter().position(|letter| *letter == b'\n').unwrap_or(bytes.len() - at);
                }
                _ if letter.is_ascii_whitespace() => at += 1,
                _ => {
                    at += 1;
                    return Some((begin, letter));
                }
            }
        }
    })
}

/// Where the text ends whose quote stands at `begin`.
fn end_of_text(bytes: &[u8], begin: usize, raw: bool) -> usize {
    let quote = bytes[begin];
    let long = bytes[begin..].starts_with(&[quote; 3]);
    let mut at = begin + if long { 3 } else { 1 };
    while let Some(letter) = bytes.get(at) {
        match letter {
            b'\\' if !raw => at += 2,
            letter if *letter != quote => at += 1,
            _ if long && !bytes[at..].starts_with(&[quote; 3]) => at += 1,
            _ => return at + if long { 3 } else { 1 },
        }
    }
    bytes.len()
}

/// The expression without pairs of `!`, of which the parser would take two for one. Pairs of `-` are not read at all.
fn without_pairs(source: &str) -> Result<String, String> {
    let code: Vec<(usize, u8)> = code(source).collect();
    let mut out = source.as_bytes().to_vec();
    let mut at = 0;
    while let Some((place, letter)) = code.get(at) {
        let next = code.get(at + 1);
        let pair = next.filter(|(_, next)| next == letter && code.get(at + 2).is_none_or(|(_, after)| *after != b'='));
        match (letter, pair) {
            (b'!', Some((second, _))) => {
                (out[*place], out[*second]) = (b' ', b' ');
                at += 2;
            }
            (b'-', Some(_)) => return Err("it takes the negative of a negative".to_owned()),
            _ => at += 1,
        }
    }
    String::from_utf8(out).map_err(|_| "it is no text".to_owned())
}

fn compile(source: &str, limits: Option<&CompiledSchema>) -> Result<Compiled, String> {
    let tree = Parser::new().enable_optional_syntax(true).parse(&without_pairs(source)?);
    let tree = tree.map_err(|error| format!("it is no expression: {}", first_line(&error.to_string())))?;
    let mut seen = Seen::default();
    seen.look(&tree, 0)?;
    let estimates = limits.into_iter().flat_map(|limits| estimate_rule_cost(source, limits));
    let mut dear = estimates.filter(|warning| warning.kind == WarningKind::CostExceeded).filter(|warning| {
        let estimated = warning.message.split(' ').find_map(|word| word.parse::<u64>().ok());
        estimated.is_none_or(|estimated| estimated > STATIC_ESTIMATED_COST_LIMIT)
    });
    match dear.next() {
        Some(warning) => Err(format!("it may cost too much: {}", warning.message)),
        None => Ok(Compiled { tree, uses_old: seen.uses_old }),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

#[derive(Default)]
struct Seen {
    uses_old: bool,
}

impl Seen {
    fn look(&mut self, of: &IdedExpr, depth: usize) -> Result<(), String> {
        if depth > DEEPEST_TREE {
            return Err("it nests too deeply".to_owned());
        }
        match &of.expr {
            Expr::Call(call) => {
                let mut parts = call.target.as_deref().into_iter().chain(&call.args);
                parts.try_for_each(|part| self.look(part, depth + 1))
            }
            Expr::Comprehension(fold) => {
                let parts = [&fold.iter_range, &fold.accu_init, &fold.loop_cond, &fold.loop_step, &fold.result];
                parts.into_iter().try_for_each(|part| self.look(part, depth + 1))
            }
            Expr::List(list) => list.elements.iter().try_for_each(|part| self.look(part, depth + 1)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.look(&entry.key, depth + 1)?;
                    self.look(&entry.value, depth + 1)
                }
                EntryExpr::StructField(_) => Err("it makes a message".to_owned()),
            }),
            Expr::Select(select) => self.look(&select.operand, depth + 1),
            Expr::Ident(name) => {
                self.uses_old |= name == "oldSelf";
                Ok(())
            }
            Expr::Literal(_) => Ok(()),
            Expr::Struct(_) => Err("it makes a message".to_owned()),
            Expr::Unspecified => Err("it says nothing".to_owned()),
        }
    }
}
