//! Findings about names: one that nothing has, and one that two things have.

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::name::Name;
use crate::schema::suggest::{either, nearest};
use crate::source::Spanned;
use crate::syntax::Node;

/// A name that nothing in the garden has.
pub(crate) const UNKNOWN_NAME: Code = Code::new("E0301");
/// Two things of the same name.
pub(crate) const SAME_NAME: Code = Code::new("E0302");

/// The finding about a name that nothing has; the one that was probably meant, or all of a few.
pub(super) fn unknown<'a>(what: &str, written: &Spanned<String>, known: impl Iterator<Item = &'a str>) -> Finding {
    let known: Vec<&str> = known.collect();
    let finding = Finding::error(UNKNOWN_NAME, format!("there is no {what} `{}`", written.value), written.span);
    match nearest(&written.value, known.iter().copied()) {
        Some(meant) => finding.label(format!("did you mean `{meant}`?")).fix(
            Applicability::Guess,
            format!("write `{meant}`"),
            written.span,
            meant,
        ),
        None if (1..=8).contains(&known.len()) => {
            finding.help(format!("there is {}", either(known).replace(" or ", " and ")))
        }
        None => finding,
    }
}

/// Tells of a second node of a name, unless it is of the same kind and file: then the schema has told.
pub(super) fn same(what: &str, name: &Name, second: &Node, first: &Node, findings: &mut Findings) {
    if second.head.file == first.head.file && second.name.value == first.name.value {
        return;
    }
    let finding = Finding::error(SAME_NAME, format!("there are two {what}s `{name}`"), second.head)
        .label("another one")
        .also(first.head, "one here")
        .why("names are unique in the whole garden, wherever they are written")
        .help("rename or remove one of them");
    findings.push(finding);
}
