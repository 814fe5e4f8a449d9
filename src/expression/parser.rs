//! Text to tree: precedence climbing with limits, and places inside the string that holds the expression.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use super::Expression;
use super::lexer::{LexError, Token, tokens};
use super::tree::{Expr, ExprKind, FUNCTIONS, Function, Operator, WALKS};
use crate::finding::{Applicability, Code, Finding};
use crate::schema::suggest::nearest;
use crate::source::Span;

/// The longest expression, in bytes.
pub(crate) const MAX_LENGTH: usize = 4096;
/// The deepest nesting of a tree; a chain of ten `&&` is ten deep.
pub(crate) const MAX_DEPTH: usize = 64;

const SYNTAX: Code = Code::new("E0501");
const LIMIT: Code = Code::new("E0502");
const FUNCTION: Code = Code::new("E0503");

/// Parses one expression. `span` is where the string stands, quotes included or not.
///
/// # Errors
/// The finding of the first mistake (`E0501` syntax, `E0502` limits, `E0503` functions).
pub fn parse(text: &str, span: Span) -> Result<Expression, Box<Finding>> {
    parse_at(text, &TextPosition::of(text, span))
}

/// Parses an expression whose place is known.
pub(super) fn parse_at(text: &str, place: &TextPosition) -> Result<Expression, Box<Finding>> {
    if text.len() > MAX_LENGTH {
        let title = format!("the expression has {} characters", text.len());
        return Err(Box::new(
            Finding::error(LIMIT, title, place.whole())
                .why(format!("an expression has at most {MAX_LENGTH} characters"))
                .help("move parts of it into an `@when` or a rule of its own"),
        ));
    }
    let tokens = tokens(text).map_err(|error| lex_finding(text, place, error))?;
    let mut parser = Parser { text, place, tokens: &tokens, at: 0, nesting: 0 };
    if tokens.is_empty() {
        return Err(Box::new(
            Finding::error(SYNTAX, "the expression is empty", place.whole()).help("write a name such as `settings.at`"),
        ));
    }
    let root = parser.choose()?;
    if parser.at < tokens.len() {
        return Err(Box::new(parser.unexpected("an operator or the end")));
    }
    Ok(Expression { text: text.into(), span: place.whole(), root: Arc::new(root) })
}

fn lex_finding(text: &str, place: &TextPosition, error: LexError) -> Finding {
    let span = place.span(error.range.clone());
    let mut finding = Finding::error(SYNTAX, error.title, span);
    if place.precise && text.get(error.range) == Some("-") {
        finding = finding.fix(Applicability::Guess, "put blanks around it", span, " - ");
    }
    match error.help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Where the text of an expression stands in its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextPosition {
    span: Span,
    start: usize,
    length: usize,
    /// Whether each byte of the text is a byte of the file: false where escapes lie between.
    pub(crate) precise: bool,
}

impl TextPosition {
    /// The place of the content `text` of a string at `span`. Where their lengths differ by more than the two
    /// quotes, escapes (or a raw string) hide the exact places and the whole string is meant.
    pub(crate) fn of(text: &str, span: Span) -> Self {
        let range = span.range();
        let start = match range.len().checked_sub(text.len()) {
            Some(0) => Some(range.start),
            Some(2) => Some(range.start + 1),
            _ => None,
        };
        Self { span, start: start.unwrap_or(range.start), length: text.len(), precise: start.is_some() }
    }

    /// The place of a part of the text.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        Self { start: self.start + range.start, length: range.len(), ..*self }
    }

    /// The place of all of it.
    pub(crate) fn whole(&self) -> Span {
        self.span(0..self.length)
    }

    /// The span of a byte range of the text.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        if self.precise {
            Span::new(self.span.file, self.start + range.start..self.start + range.end)
        } else {
            self.span
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    place: &'a TextPosition,
    tokens: &'a [(Token, Range<usize>)],
    at: usize,
    nesting: usize,
}

impl Parser<'_> {
    /// `condition ? yes : no`
    fn choose(&mut self) -> Result<Expr, Box<Finding>> {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(Box::new(too_deep(self.place.whole())));
        }
        let condition = self.binary(1)?;
        let tree = if self.take("?") {
            let yes = self.choose()?;
            self.expect(":", "`:` and the other value")?;
            let no = self.choose()?;
            let span = condition.span.to(no.span);
            node(ExprKind::Choose(Box::new(condition), Box::new(yes), Box::new(no)), span)
        } else {
            Ok(condition)
        };
        self.nesting -= 1;
        tree
    }

    fn binary(&mut self, least: u8) -> Result<Expr, Box<Finding>> {
        let mut left = self.unary()?;
        while let Some(operator) = self.operator().filter(|operator| operator.binding() >= least) {
            self.at += 1;
            let right = self.binary(operator.binding() + 1)?;
            let span = left.span.to(right.span);
            left = node(ExprKind::Binary(operator, Box::new(left), Box::new(right)), span)?;
            if operator.binding() == 3 && self.operator().is_some_and(|next| next.binding() == 3) {
                let finding = Finding::error(SYNTAX, "comparisons do not chain", self.here());
                return Err(Box::new(finding.help("join two comparisons with `&&`")));
            }
        }
        Ok(left)
    }

    fn operator(&self) -> Option<Operator> {
        use Operator::{And, AtLeast, AtMost, Equal, In, Less, Minus, More, Or, Plus, Times, Unequal};
        let sign = match self.peek()? {
            Token::Sign(sign) => *sign,
            Token::Word(word) if &**word == "in" => "in",
            _ => return None,
        };
        [Or, And, Equal, Unequal, AtMost, AtLeast, Less, More, In, Plus, Minus, Times]
            .into_iter()
            .find(|operator| operator.sign() == sign)
    }

    fn unary(&mut self) -> Result<Expr, Box<Finding>> {
        let start = self.here();
        let mut signs = 0;
        while self.take("!") {
            signs += 1;
        }
        let mut tree = self.postfix()?;
        for _ in 0..signs {
            let span = start.to(tree.span);
            tree = node(ExprKind::Not(Box::new(tree)), span)?;
        }
        Ok(tree)
    }

    fn postfix(&mut self) -> Result<Expr, Box<Finding>> {
        let mut tree = self.primary()?;
        loop {
            if self.take(".") {
                let (name, span) = self.name("the name of a field")?;
                tree = if self.next_is("(") {
                    self.call(&name, span, Some(tree))?
                } else {
                    let whole = tree.span.to(span);
                    node(ExprKind::Field(Box::new(tree), name), whole)?
                };
            } else if self.take("[") {
                let at = self.choose()?;
                let end = self.expect("]", "`]`")?;
                let span = tree.span.to(end);
                tree = node(ExprKind::Index(Box::new(tree), Box::new(at)), span)?;
            } else {
                return Ok(tree);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Box<Finding>> {
        let span = self.here();
        match self.peek().cloned() {
            Some(Token::Int(value)) => self.leaf(ExprKind::Int(value), span),
            Some(Token::Text(text)) => self.leaf(ExprKind::Text(text), span),
            Some(Token::Word(word)) if &*word == "true" || &*word == "false" => {
                self.leaf(ExprKind::Bool(&*word == "true"), span)
            }
            Some(Token::Word(word)) if &*word != "in" => {
                self.at += 1;
                if self.next_is("(") { self.call(&word, span, None) } else { node(ExprKind::Name(word), span) }
            }
            Some(Token::Sign("(")) => {
                self.at += 1;
                let inner = self.choose()?;
                self.expect(")", "`)`")?;
                Ok(inner)
            }
            Some(Token::Sign("[")) => {
                self.at += 1;
                let (items, end) = self.arguments("]")?;
                node(ExprKind::List(items), span.to(end))
            }
            _ => Err(Box::new(self.unexpected("a value"))),
        }
    }

    fn leaf(&mut self, kind: ExprKind, span: Span) -> Result<Expr, Box<Finding>> {
        self.at += 1;
        node(kind, span)
    }

    /// `name(…)`, or `of.name(…)`, which is `name(of, …)`.
    fn call(&mut self, name: &str, span: Span, of: Option<Expr>) -> Result<Expr, Box<Finding>> {
        self.at += 1;
        let method = of.is_some();
        let start = of.as_ref().map_or(span, |of| of.span);
        let (written, end) = self.arguments(")")?;
        let whole = start.to(end);
        let mut arguments: Vec<Expr> = of.into_iter().chain(written).collect();
        if let Some((_, walk)) = WALKS.iter().find(|(known, _)| *known == name) {
            return match &mut arguments[..] {
                [_, Expr { kind: ExprKind::Name(bound), .. }, _] => {
                    let bound = bound.clone();
                    let body = arguments.pop().expect("the pattern has three parts");
                    let of = arguments.swap_remove(0);
                    node(ExprKind::Each(*walk, Box::new(of), bound, Box::new(body)), whole)
                }
                _ => Err(Box::new(
                    Finding::error(FUNCTION, format!("`{name}` takes a list, a name and an expression"), whole)
                        .help(format!("write `settings.modules.{name}(module, …)`")),
                )),
            };
        }
        let Some((_, function, least, most)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            return Err(Box::new(self.unknown_function(name, span)));
        };
        let takes = *least..=*most;
        if !takes.contains(&arguments.len()) {
            return Err(Box::new(wrong_number(*function, arguments.len(), &takes, method, whole)));
        }
        node(ExprKind::Call(*function, arguments), whole)
    }

    fn unknown_function(&self, name: &str, span: Span) -> Finding {
        let known: Vec<&str> = FUNCTIONS.iter().map(|known| known.0).chain(WALKS.iter().map(|known| known.0)).collect();
        let finding = Finding::error(FUNCTION, format!("there is no function `{name}`"), span)
            .why(format!("the functions are `{}`", known.join("`, `")));
        match nearest(name, known) {
            Some(near) if self.place.precise => finding.help(format!("did you mean `{near}`?")).fix(
                Applicability::Guess,
                format!("write `{near}`"),
                span,
                near,
            ),
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding,
        }
    }

    fn arguments(&mut self, close: &'static str) -> Result<(Vec<Expr>, Span), Box<Finding>> {
        let mut items = Vec::new();
        loop {
            let span = self.here();
            if self.take(close) {
                return Ok((items, span));
            }
            items.push(self.choose()?);
            if !self.take(",") {
                let end = self.expect(close, if close == ")" { "`,` or `)`" } else { "`,` or `]`" })?;
                return Ok((items, end));
            }
        }
    }

    fn name(&mut self, wanted: &str) -> Result<(Arc<str>, Span), Box<Finding>> {
        let span = self.here();
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok((word, span))
            }
            _ => Err(Box::new(self.unexpected(wanted))),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn next_is(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(next)) if *next == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let taken = self.next_is(sign);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, sign: &str, wanted: &str) -> Result<Span, Box<Finding>> {
        let span = self.here();
        if self.take(sign) { Ok(span) } else { Err(Box::new(self.unexpected(wanted))) }
    }

    /// The next token's place; after the last, the place behind the text.
    fn here(&self) -> Span {
        let end = self.text.len();
        self.place.span(self.tokens.get(self.at).map_or(end..end, |(_, range)| range.clone()))
    }

    fn unexpected(&self, wanted: &str) -> Finding {
        let title = match self.tokens.get(self.at) {
            Some((_, range)) => format!("`{}` where {wanted} should stand", &self.text[range.clone()]),
            None => format!("the expression ends where {wanted} should stand"),
        };
        Finding::error(SYNTAX, title, self.here())
    }
}

fn wrong_number(function: Function, given: usize, takes: &RangeInclusive<usize>, method: bool, span: Span) -> Finding {
    let takes = match (*takes.start(), *takes.end()) {
        (1, 1) => "one value".to_owned(),
        (least, most) if least == most => format!("{least} values"),
        (least, most) => format!("{least} to {most} values"),
    };
    let finding = Finding::error(FUNCTION, format!("`{}` takes {takes}, not {given}", function.name()), span);
    if method { finding.why("the value before the dot counts") } else { finding }
}

/// A node over its parts, within the limit.
fn node(kind: ExprKind, span: Span) -> Result<Expr, Box<Finding>> {
    let tree = Expr::new(kind, span);
    if tree.depth > MAX_DEPTH { Err(Box::new(too_deep(span))) } else { Ok(tree) }
}

fn too_deep(span: Span) -> Finding {
    Finding::error(LIMIT, "the expression is nested too deeply", span)
        .why(format!("an expression has at most {MAX_DEPTH} levels"))
        .help("move parts of it into an `@when` or a rule of its own")
}
