//! How settings and their members are written, for findings.

use crate::finding::{Applicability, Finding};
use crate::model::definition::{SettingDeclaration, SettingType};
use crate::schema::scalar::ScalarType;
use crate::source::Span;

/// The members of a group as one writes them.
pub(super) fn say_members(declaration: &SettingDeclaration) -> String {
    let members: Vec<String> = declaration.members.values().map(spelling).collect();
    format!("it has `{}`; write one, or take it away", members.join("`, `"))
}

/// What to write, with the declaration's example.
pub(super) fn say(declaration: &SettingDeclaration, kind: &ScalarType) -> String {
    match &declaration.example {
        Some(example) => format!("write {}, as in `{example}`", kind.describe()),
        None => format!("write {}", kind.describe()),
    }
}

/// A finding with the example of the declaration, where it has one.
pub(super) fn example(finding: Finding, declaration: &SettingDeclaration) -> Finding {
    match &declaration.example {
        Some(example) => finding.help(format!("for example `{example}`")),
        None => finding,
    }
}

/// How a member is written: `min=…` or `keep { … }`.
pub(super) fn spelling(member: &SettingDeclaration) -> String {
    match &member.kind {
        _ if member.as_property => format!("{}=…", member.name),
        SettingType::Group(options)
            if options.is_empty() && member.members.values().any(|inner| !inner.as_property) =>
        {
            format!("{} {{ … }}", member.name)
        }
        _ => format!("{} …", member.name),
    }
}

/// Marks the fix of a near word as a guess.
pub(in crate::model::definition) fn guess(finding: Finding, near: &str, span: Span) -> Finding {
    finding.help(format!("did you mean `{near}`?")).fix(Applicability::Guess, format!("write `{near}`"), span, near)
}
