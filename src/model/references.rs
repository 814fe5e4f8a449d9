//! Names that stand for something written elsewhere.

use std::sync::Arc;

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::Definition;
use crate::model::definition::Definitions;
use crate::name::Name;
use crate::schema::suggest::{either, nearest};
use crate::source::{Span, Spanned};

/// A name that nothing in the garden has.
pub const UNKNOWN_NAME: Code = Code("E0301");
/// Two things of the same name.
pub const SAME_NAME: Code = Code("E0302");

/// The definition of a written name; absent with a finding, or without where the definition is the broken one.
pub(super) fn definition<'a>(
    definitions: &'a Definitions,
    written: &Spanned<String>,
    findings: &mut Findings,
) -> Option<&'a Arc<Definition>> {
    let found = definitions.loaded.get(written.value.as_str());
    if found.is_none() && !definitions.broken.contains(written.value.as_str()) {
        let known = definitions.loaded.keys().map(Name::as_str);
        let finding = unknown("definition", written, known)
            .help("`parcelle docs` describes them; one of your own is a file of the garden");
        findings.push(finding);
    }
    found
}

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

/// The finding about a second thing of a name.
pub(super) fn same(what: &str, name: &Name, second: Span, first: Span) -> Finding {
    Finding::error(SAME_NAME, format!("there are two {what}s `{name}`"), second)
        .label("another one")
        .also(first, "one here")
        .why("names are unique in the whole garden, wherever they are written")
        .help("rename or remove one of them")
}
