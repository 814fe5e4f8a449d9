//! Tokens to an outline: which nodes there are, their names, values and blocks, as ranges of tokens.
//!
//! The outline follows what was meant where KDL would stop; what it finds out of place is kept as an [`Oddity`].

use std::ops::Range;

use super::lexer::{Token, TokenKind};

/// Adjacent tokens that stand for one name or value.
pub(super) type Group = Range<usize>;

/// All nodes of a text, parents before children, those commented out by `/-` too.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) nodes: Vec<OutlineNode>,
    pub(super) oddities: Vec<Oddity>,
}

#[derive(Debug)]
pub(super) struct OutlineNode {
    /// The node in whose block it stands.
    pub(super) parent: Option<usize>,
    /// How many `/-` it and its parents stand under.
    pub(super) slashdashes: usize,
    /// The `/-` before it.
    pub(super) slashdash: Option<usize>,
    /// `(type)` before its name.
    pub(super) annotation: Option<Group>,
    pub(super) name: Group,
    /// Arguments and properties in order.
    pub(super) parts: Vec<OutlineEntry>,
    /// Its blocks; more than one only where `/-` stands before the others.
    pub(super) blocks: Vec<Block>,
}

/// An argument or a property.
#[derive(Clone, Debug)]
pub(super) struct OutlineEntry {
    /// The `/-` before it.
    pub(super) slashdash: Option<usize>,
    /// `(type)` before its value.
    pub(super) annotation: Option<Group>,
    /// The key of a property, and its `=`.
    pub(super) key: Option<(Group, usize)>,
    /// The value; `None` for a property without one.
    pub(super) value: Option<Group>,
}

/// `{ … }`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The `/-` before it.
    pub(super) slashdash: Option<usize>,
    pub(super) open: usize,
    pub(super) close: Option<usize>,
}

/// Something out of place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// `name = …`: the `=` after a node's name.
    EqualsAfterName { node: usize, equals: usize },
    /// A `{` that stands on a line of its own, after its node.
    BlockOnNextLine { node: usize, open: usize },
    /// A `{` before any node.
    BlockWithoutNode { open: usize },
    /// A second block of a node.
    SecondBlock { open: usize },
    /// Something on the line of a `}` after it.
    AfterBlock { close: usize, token: usize },
    /// A `/-` with nothing behind it.
    EmptySlashdash { slashdash: usize },
    /// `(type)` before nothing.
    LoneAnnotation { group: Group },
    /// A `=` with nothing before it, a parenthesis that stands alone.
    Stray { token: usize },
}

impl OutlineEntry {
    /// The first and one past the last of its tokens, `/-` left out.
    pub(super) fn tokens(&self) -> Range<usize> {
        let key = self.key.as_ref().map(|(key, equals)| key.start..equals + 1);
        let value = self.value.clone();
        let annotation = self.annotation.clone();
        let start = [&key, &annotation, &value].into_iter().flatten().map(|group| group.start).min();
        let end = [&key, &annotation, &value].into_iter().flatten().map(|group| group.end).max();
        start.unwrap_or_default()..end.unwrap_or_default()
    }
}

impl OutlineNode {
    /// Its first token.
    pub(super) fn first(&self) -> usize {
        let annotation = self.annotation.as_ref().map_or(self.name.start, |group| group.start);
        self.slashdash.unwrap_or(annotation)
    }

    /// The tokens from its name to its last argument or property that counts.
    pub(super) fn head(&self) -> Range<usize> {
        let last = self.parts.iter().rev().find(|part| part.slashdash.is_none());
        self.name.start..last.map_or(self.name.end, |part| part.tokens().end)
    }

    /// The block that counts.
    pub(super) fn block(&self) -> Option<&Block> {
        self.blocks.iter().find(|block| block.slashdash.is_none())
    }
}

/// The outline of the tokens of `source`.
pub(super) fn outline(source: &str, tokens: &[Token]) -> Outline {
    let mut reader = Reader::new(source, tokens);
    while reader.at < tokens.len() {
        reader.step();
    }
    if let Some(slashdash) = reader.slashdash {
        reader.outline.oddities.push(Oddity::EmptySlashdash { slashdash });
    }
    reader.outline
}

struct Reader<'a> {
    source: &'a str,
    tokens: &'a [Token],
    at: usize,
    outline: Outline,
    /// Open blocks: the node they belong to.
    stack: Vec<Level>,
    /// The node of this line.
    node: Option<usize>,
    /// The last node of this level, on an earlier line.
    previous: Option<usize>,
    /// The `}` that this line's node already has.
    closed: Option<usize>,
    slashdash: Option<usize>,
    /// The last `=` after a node's name: what follows is no value of a property.
    name_equals: Option<usize>,
}

struct Level {
    node: Option<usize>,
    block: usize,
    slashdashes: usize,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            source,
            tokens,
            at: 0,
            outline: Outline::default(),
            stack: Vec::new(),
            node: None,
            previous: None,
            closed: None,
            slashdash: None,
            name_equals: None,
        }
    }

    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn step(&mut self) {
        let at = self.at;
        match self.tokens[at].kind {
            TokenKind::Newline | TokenKind::LineComment | TokenKind::HashComment => {
                if self.slashdash.is_none() {
                    self.end_node();
                }
                self.at += 1;
            }
            TokenKind::Semicolon => {
                self.drop_slashdash();
                self.end_node();
                self.previous = None;
                self.at += 1;
            }
            TokenKind::Slashdash => {
                self.drop_slashdash();
                self.slashdash = Some(at);
                self.at += 1;
            }
            TokenKind::Open => self.open(),
            TokenKind::Close => self.close(),
            TokenKind::Equals | TokenKind::ParenClose => {
                self.outline.oddities.push(Oddity::Stray { token: at });
                self.at += 1;
            }
            TokenKind::ParenOpen | TokenKind::Bare | TokenKind::Quoted { .. } => self.content(),
            _ => self.at += 1,
        }
    }

    fn end_node(&mut self) {
        if let Some(node) = self.node.take() {
            self.previous = Some(node);
        }
        self.closed = None;
    }

    fn drop_slashdash(&mut self) {
        if let Some(slashdash) = self.slashdash.take() {
            self.outline.oddities.push(Oddity::EmptySlashdash { slashdash });
        }
    }

    fn open(&mut self) {
        let open = self.at;
        let slashdash = self.slashdash.take();
        let owner = self.node.or_else(|| self.owner_above(open));
        let nodes = &mut self.outline.nodes;
        let block = owner.map_or(0, |owner| {
            nodes[owner].blocks.push(Block { slashdash, open, close: None });
            nodes[owner].blocks.len() - 1
        });
        if owner.is_none() {
            self.outline.oddities.push(Oddity::BlockWithoutNode { open });
        }
        if let Some(owner) = owner
            && slashdash.is_none()
            && self.outline.nodes[owner].blocks.iter().filter(|block| block.slashdash.is_none()).count() > 1
        {
            self.outline.oddities.push(Oddity::SecondBlock { open });
        }
        let around = self.stack.last().map_or(0, |level| level.slashdashes);
        let of_node = owner.map_or(around, |owner| self.outline.nodes[owner].slashdashes);
        let slashdashes = of_node + usize::from(slashdash.is_some());
        self.stack.push(Level { node: owner, block, slashdashes });
        (self.node, self.previous, self.closed) = (None, None, None);
        self.at += 1;
    }

    /// The node above that a `{` at the start of a line belongs to.
    fn owner_above(&mut self, open: usize) -> Option<usize> {
        let node = self.previous.filter(|node| self.outline.nodes[*node].blocks.is_empty())?;
        self.outline.oddities.push(Oddity::BlockOnNextLine { node, open });
        Some(node)
    }

    fn close(&mut self) {
        self.drop_slashdash();
        if let Some(level) = self.stack.pop() {
            if let Some(node) = level.node {
                self.outline.nodes[node].blocks[level.block].close = Some(self.at);
            }
            self.node = level.node;
            self.previous = None;
            self.closed = Some(self.at);
        }
        self.at += 1;
    }

    /// A name, an argument or a property.
    fn content(&mut self) {
        let annotation = self.annotation();
        let first = self.at;
        let group = self.group();
        if group.is_empty() {
            let oddity = match annotation {
                Some(group) => Oddity::LoneAnnotation { group },
                None => Oddity::Stray { token: first },
            };
            self.at = self.at.max(first + usize::from(matches!(oddity, Oddity::Stray { .. })));
            self.outline.oddities.push(oddity);
            return;
        }
        if let Some(close) = self.closed {
            let only_slashdash = self.slashdash.is_some();
            if !only_slashdash {
                self.outline.oddities.push(Oddity::AfterBlock { close, token: group.start });
                self.end_node();
            }
        }
        match self.node {
            None => self.begin(annotation, group),
            Some(node) => self.part(node, annotation, group),
        }
    }

    fn begin(&mut self, annotation: Option<Group>, name: Group) {
        let slashdash = self.slashdash.take();
        let (parent, around) = self.stack.last().map_or((None, 0), |level| (level.node, level.slashdashes));
        let slashdashes = around + usize::from(slashdash.is_some());
        let node = self.outline.nodes.len();
        if let Some(equals) = self.equals_ahead() {
            self.outline.oddities.push(Oddity::EqualsAfterName { node, equals });
            self.name_equals = Some(equals);
            self.at = equals + 1;
        }
        let (parts, blocks) = (Vec::new(), Vec::new());
        self.outline.nodes.push(OutlineNode { parent, slashdashes, slashdash, annotation, name, parts, blocks });
        self.node = Some(node);
    }

    fn part(&mut self, node: usize, annotation: Option<Group>, group: Group) {
        let slashdash = self.slashdash.take();
        let equals = if annotation.is_none() { self.equals_ahead() } else { None };
        let part = match equals {
            None => OutlineEntry { slashdash, annotation, key: None, value: Some(group) },
            Some(equals) => {
                self.at = equals + 1;
                let (annotation, value) = self.property_value();
                OutlineEntry { slashdash, annotation, key: Some((group, equals)), value }
            }
        };
        self.outline.nodes[node].parts.push(part);
    }

    /// What follows a property's `=`; behind a blank, what is itself a property is not its value.
    fn property_value(&mut self) -> (Option<Group>, Option<Group>) {
        let after_equals = self.at;
        self.skip_blank();
        let is_apart = self.at > after_equals;
        let next = self.at;
        let annotation = self.annotation();
        let value = Some(self.group()).filter(|value| !value.is_empty());
        let is_property = is_apart && self.kind(next + 1) == Some(TokenKind::Equals);
        if is_property || (value.is_none() && annotation.is_none()) {
            self.at = after_equals;
            return (None, None);
        }
        (annotation, value)
    }

    fn skip_blank(&mut self) {
        while self.tokens.get(self.at).is_some_and(Token::is_blank) {
            self.at += 1;
        }
    }

    /// The `=` that follows, blanks between allowed as KDL does.
    fn equals_ahead(&self) -> Option<usize> {
        let blanks = self.tokens[self.at..].iter().take_while(|token| token.is_blank()).count();
        let at = self.at + blanks;
        (self.kind(at) == Some(TokenKind::Equals)).then_some(at)
    }

    /// `(type)` and the blanks after it.
    fn annotation(&mut self) -> Option<Group> {
        if self.kind(self.at) != Some(TokenKind::ParenOpen) {
            return None;
        }
        let start = self.at;
        let inside = self.tokens[start + 1..]
            .iter()
            .take_while(|token| token.is_blank() || matches!(token.kind, TokenKind::Bare | TokenKind::Quoted { .. }));
        let close = start + 1 + inside.count();
        if self.kind(close) != Some(TokenKind::ParenClose) {
            return None;
        }
        self.at = close + 1;
        let end = self.at;
        self.skip_blank();
        Some(start..end)
    }

    /// Tokens glued to each other. An `=` belongs to a value, not to a name or key.
    fn group(&mut self) -> Group {
        let start = self.at;
        let after_equals = start > 0 && self.is_value_of_property(start);
        let mut address = None;
        while let Some(kind) = self.kind(self.at) {
            let inside = self.at > start;
            match kind {
                TokenKind::Bare | TokenKind::Quoted { .. } => {}
                TokenKind::ParenOpen | TokenKind::ParenClose if inside => {}
                TokenKind::Equals if inside && after_equals => {}
                TokenKind::Equals if inside && *address.get_or_insert_with(|| self.is_address(start)) => {}
                _ => break,
            }
            self.at += 1;
        }
        start..self.at
    }

    fn is_value_of_property(&self, start: usize) -> bool {
        let before = self.tokens[..start].iter().rposition(|token| !token.is_blank());
        before.is_some_and(|at| self.tokens[at].kind == TokenKind::Equals && self.name_equals != Some(at))
    }

    /// Whether the group that began at `start` is an address with a query, of which `=` is a part.
    fn is_address(&self, start: usize) -> bool {
        self.tokens[start].kind == TokenKind::Bare && self.tokens[start].text(self.source).contains("://")
    }
}
