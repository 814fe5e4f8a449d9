//! What is refused before anything is read: too large, no text, too deep, characters that mislead.

use super::balance::STRAY_BRACE;
use super::lexer::{Token, TokenKind};
use super::outline::Outline;
use super::repair::Repair;
use crate::finding::{Applicability, Code, Edit, Extent, Finding, Findings, Fix};
use crate::source::{FileId, Span};

/// A file that says too much, or of which too much is wrong.
pub(crate) const TOO_MUCH: Code = Code::new("E0030");

/// A file that is not text in UTF-8.
pub(crate) const NO_TEXT: Code = Code::new("E0002");

/// The longest file that is read, in bytes: some sixty times what the longest organisation takes.
pub const LONGEST_FILE: usize = 256 << 10;

/// The most words and signs of one file, comments among them.
const MOST_TOKENS: usize = 50_000;

/// The most values of one node: its arguments, properties and blocks.
const MOST_VALUES: usize = 1_000;

/// From how many mistakes of form on a file is not worth reading.
pub(super) const MOST_MISTAKES: usize = 1_000;

/// The deepest nesting of blocks that is read.
pub(crate) const DEEPEST_NESTING: usize = 32;

/// The deepest nesting of what `/-` comments out: the kdl crate reads each level several times.
const DEEPEST_SLASHDASH: usize = 4;

/// From how many `}` on that close nothing a file is not worth reading.
const MANY_STRAYS: usize = 100;

/// The deepest nesting of `/* */`.
const DEEPEST_COMMENT: u32 = 8;

/// The most characters that are taken out; a file with more of them is not read.
const MOST_CHARACTERS: usize = 1000;

/// The text of a file as far as it may be read, with what is wrong with its bytes.
///
/// A file over [`LONGEST_FILE`] or one that is no text gives an empty text. Where only some bytes are not UTF-8 (an old
/// encoding), they are replaced by U+FFFD.
pub fn decode(file: FileId, bytes: &[u8]) -> (String, Findings) {
    let mut findings = Findings::default();
    if bytes.len() > LONGEST_FILE {
        findings.push(too_large(file));
        return (String::new(), findings);
    }
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return (text.to_owned(), findings),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(bytes).into_owned();
    let wrong = text.chars().filter(|character| *character == '\u{FFFD}').count();
    let is_text = !bytes.contains(&0) && wrong * 10 <= bytes.len();
    let (text, at) = if is_text { (text, error.valid_up_to()) } else { (String::new(), 0) };
    let span = Span::new(file, at..(at + 3).min(text.len()));
    let finding = if is_text {
        let byte = bytes[at];
        Finding::unreadable(NO_TEXT, Extent::Place, "this file is not UTF-8", span)
            .label(format!("the byte 0x{byte:02x} is no character of UTF-8"))
            .help("save the file as UTF-8: it was probably written in an older encoding such as ISO 8859-1")
    } else {
        Finding::unreadable(NO_TEXT, Extent::Place, "this file is no text", span)
            .help("files that end in `.kdl` are read; rename what is something else")
    };
    findings.push(finding.why("files of a garden are text in UTF-8"));
    (text, findings)
}

/// How a file starts of which Git LFS keeps the content elsewhere.
const POINTER: &str = "version https://git-lfs.github.com/spec/";

/// Whether a text only says where Git LFS keeps a file.
pub(crate) fn is_pointer(text: &str) -> bool {
    text.starts_with(POINTER)
}

/// The finding about a file whose text Git LFS keeps elsewhere.
pub(super) fn pointer(file: FileId) -> Finding {
    let title = "this file is kept in Git LFS, so its text is in no commit";
    Finding::unreadable(Code::new("E0032"), Extent::Place, title, Span::new(file, 0..0))
        .why("what Git holds here only says where the content is")
        .help("commit the text itself: take the pattern out of `.gitattributes`, then `git add --renormalize .`")
}

/// The finding about a file that is too large; how large is not always read.
pub(super) fn too_large(file: FileId) -> Finding {
    let title = "this file is too large to be one of a garden";
    Finding::unreadable(Code::new("E0001"), Extent::Place, title, Span::new(file, 0..0))
        .why(format!("a file of a garden has at most {LONGEST_FILE} bytes"))
        .help("take out what does not belong there; clusters, offers and definitions may lie in several files")
}

/// What kind of misleading character one is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Banned {
    Direction,
    Control,
    LineEnd,
}

fn banned(character: char, next_is_newline: bool) -> Option<Banned> {
    match character {
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{061C}' => {
            Some(Banned::Direction)
        }
        '\r' if !next_is_newline => Some(Banned::LineEnd),
        '\u{000B}' | '\u{000C}' | '\u{0085}' | '\u{2028}' | '\u{2029}' => Some(Banned::LineEnd),
        '\t' | '\n' | '\r' => None,
        '\u{0000}'..='\u{001F}' | '\u{007F}' | '\u{FEFF}' | '\u{200B}' | '\u{2060}' => Some(Banned::Control),
        _ => None,
    }
}

/// Characters that no file may hold: one finding of each kind, with the repairs that take them out.
pub(super) fn characters(file: FileId, source: &str) -> (Vec<Finding>, Vec<Repair>) {
    let suspicious = |byte: &u8| matches!(byte, 0..=8 | 0x0B..=0x1F | 0x7F | 0xC2 | 0xD8 | 0xE2 | 0xEF);
    if !source.as_bytes().iter().any(suspicious) {
        return (Vec::new(), Vec::new());
    }
    let mut places: [Vec<(usize, char)>; 3] = Default::default();
    for (at, character) in source.char_indices() {
        let next_is_newline = source.as_bytes().get(at + 1) == Some(&b'\n');
        let is_first = at == 0 && character == '\u{FEFF}';
        if let Some(kind) = banned(character, next_is_newline)
            && !is_first
        {
            places[kind as usize].push((at, character));
        }
    }
    let mut repairs = Vec::new();
    let mut findings = Vec::new();
    for (kind, places) in [Banned::Direction, Banned::Control, Banned::LineEnd].into_iter().zip(places) {
        let replacement = if kind == Banned::LineEnd { "\n" } else { "" };
        let of_kind = places.iter().map(|(at, character)| Repair::replace(*at..at + character.len_utf8(), replacement));
        repairs.extend(of_kind);
        findings.extend(banned_finding(file, kind, &places, replacement));
    }
    (findings, repairs)
}

fn banned_finding(file: FileId, kind: Banned, places: &[(usize, char)], replacement: &str) -> Option<Finding> {
    let (at, first) = *places.first()?;
    let span = |at: usize, character: char| Span::new(file, at..at + character.len_utf8());
    let count = match places.len() {
        1 => String::new(),
        many => format!(", the first of {many} such characters"),
    };
    let (title, why, fix) = match kind {
        Banned::Direction => (
            "a character here turns the direction of the text",
            "such characters are invisible and can make a file read otherwise than it is",
            "take it out",
        ),
        Banned::Control => {
            ("a control character stands here", "no file of a garden holds invisible control characters", "take it out")
        }
        Banned::LineEnd => {
            ("an unusual line end stands here", "editors and reviews do not show it as one", "make it an ordinary one")
        }
    };
    let mut finding = Finding::unreadable(Code::new("E0003"), Extent::Place, title, span(at, first))
        .label(format!("U+{:04X}{count}", first as u32))
        .why(why);
    // Without a fix: too many to be a slip, and the file is not read.
    if places.len() <= MOST_CHARACTERS {
        let edit =
            |(at, character): &(usize, char)| Edit { span: span(*at, *character), replacement: replacement.into() };
        let edits = places.iter().map(edit).collect();
        finding.fixes.push(Fix { title: fix.into(), applicability: Applicability::Safe, edits });
    }
    Some(finding)
}

/// A file that is not worth reading, or must not be handed to the kdl crate: the one finding about it.
pub(super) fn hostile(file: FileId, source: &str, tokens: &[Token]) -> Option<Finding> {
    let (mut depth, mut strays, mut count) = (0_usize, 0_usize, 0_usize);
    for token in tokens {
        count += usize::from(!matches!(token.kind, TokenKind::Space | TokenKind::Newline));
        if count > MOST_TOKENS {
            let span = Span::new(file, token.start..token.end);
            return Some(too_much(span, format!("a file has at most {MOST_TOKENS} words and signs")));
        }
        match token.kind {
            TokenKind::BlockComment { depth, .. } if depth > DEEPEST_COMMENT => {
                let span = Span::new(file, token.start..token.start + 2);
                let finding = Finding::unreadable(
                    Code::new("E0005"),
                    Extent::Place,
                    format!("comments are nested {depth} deep"),
                    span,
                );
                return Some(finding.why(format!("`/*` may stand in `/*` at most {DEEPEST_COMMENT} deep")));
            }
            TokenKind::Open => depth += 1,
            TokenKind::Close if depth == 0 => strays += 1,
            TokenKind::Close => depth -= 1,
            TokenKind::Bare if is_conflict_marker(token, source) => return Some(merge_conflict(file, source, token)),
            _ => {}
        }
        if strays > MANY_STRAYS {
            let finding = Finding::unreadable(
                STRAY_BRACE,
                Extent::Nesting,
                format!("more than {MANY_STRAYS} `}}` close nothing"),
                Span::new(file, token.start..token.end),
            );
            return Some(finding.why("every `}` ends a block that a `{` began; nothing of this file was read"));
        }
        if depth > DEEPEST_NESTING {
            let finding = Finding::unreadable(
                Code::new("E0004"),
                Extent::Place,
                "blocks are nested too deep",
                Span::new(file, token.start..token.end),
            );
            let why = format!("blocks may stand in blocks {DEEPEST_NESTING} deep; nothing of this file was read");
            return Some(finding.label(format!("level {depth}")).why(why));
        }
    }
    None
}

/// The finding about a file that says more than anything of a garden does.
fn too_much(span: Span, why: String) -> Finding {
    Finding::unreadable(TOO_MUCH, Extent::Place, "this file says too much to be one of a garden", span)
        .why(why + "; nothing of this file was read")
        .help("take out what does not belong there; clusters, offers and definitions may lie in several files")
}

/// The finding where a node has more values than anything of a garden does.
pub(super) fn values(file: FileId, outline: &Outline, tokens: &[Token]) -> Option<Finding> {
    let node = outline.nodes.iter().find(|node| node.parts.len() + node.blocks.len() > MOST_VALUES)?;
    let name = &tokens[node.name.start];
    Some(too_much(Span::new(file, name.start..name.end), format!("a node has at most {MOST_VALUES} values")))
}

/// The finding where `/-` stands in `/-` too deep for the kdl crate, which reads each level several times.
pub(super) fn slashdashes(file: FileId, outline: &Outline, tokens: &[Token]) -> Option<Finding> {
    let node = outline.nodes.iter().find(|node| node.slashdashes > DEEPEST_SLASHDASH)?;
    let name = &tokens[node.name.start];
    let finding = Finding::unreadable(
        Code::new("E0005"),
        Extent::Place,
        "`/-` is nested too deep",
        Span::new(file, name.start..name.end),
    );
    Some(finding.why(format!(
        "what `/-` comments out may hold `/-` again {DEEPEST_SLASHDASH} deep; nothing of this file was read"
    )))
}

fn is_conflict_marker(token: &Token, source: &str) -> bool {
    // A byte order mark is no part of the first line.
    let begins_line = || {
        let before = source[..token.start].trim_end_matches([' ', '\t']);
        before.chars().next_back().is_none_or(|c| matches!(c, '\n' | '\u{FEFF}'))
    };
    matches!(token.text(source), "<<<<<<<" | ">>>>>>>" | "|||||||") && begins_line()
}

fn merge_conflict(file: FileId, source: &str, token: &Token) -> Finding {
    let line = source[token.start..].lines().next().unwrap_or_default();
    let span = Span::new(file, token.start..token.start + line.len());
    Finding::unreadable(Code::new("E0027"), Extent::Place, "a merge conflict is left in this file", span)
        .why("`<<<<<<<` at the start of a line is where Git found two versions; nothing of this file was read")
        .help("keep one of the two versions and take out the lines with `<<<<<<<`, `=======` and `>>>>>>>`")
}
