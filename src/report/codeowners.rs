//! Who may write what in a garden, as forges read it: a CODEOWNERS by the boundary and the people of a garden.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::{Boundary, Garden, Organisation};
use crate::name::Name;
use crate::source::Sources;

/// Whose CODEOWNERS: patterns and owners are written otherwise by each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnersFormat {
    /// Globs of which the last counts, and owners by address: GitHub and GitLab.
    Globs,
    /// Regular expressions of which each counts, and owners by name: Forgejo and Gitea.
    Expressions,
}

/// The group whose people keep what all share, where consent names none.
const OPERATORS: &str = "operators";

/// The CODEOWNERS of a garden.
pub(crate) fn codeowners(garden: &Garden, boundary: &Boundary, sources: &Sources, format: OwnersFormat) -> String {
    let counts = match format {
        OwnersFormat::Globs => "Of the lines that match a path the last one counts.",
        OwnersFormat::Expressions => "Of the lines that match a path each one counts.",
    };
    let mut text = format!(
        "# Who may write what in the garden {}: `parcelle docs codeowners` writes this file.\n# {counts}\n",
        garden.name
    );
    let folders: Vec<String> = boundary.folders().collect();
    text.push_str("\n# What all organisations share: garden.kdl, clusters, offers, definitions, and this file.\n");
    line(&mut text, &all_but(&folders, format), &owners(garden, &keepers(garden), format));
    text.push_str(
        "\n# Organisations: one file each, and nothing else counts in it. A line of its own lets its people agree.\n",
    );
    let anybody: BTreeSet<&Name> = garden.people.keys().collect();
    for folder in &folders {
        line(&mut text, &below(folder, format), &owners(garden, &anybody, format));
    }
    for organisation in
        garden.organisations.values().chain(garden.stopped.values()).filter(|one| !one.contacts.is_empty())
    {
        let _ = writeln!(text, "# {}", own_line(organisation, sources, format));
    }
    text
}

/// A line without owners would take them away, so it is none.
fn line(text: &mut String, pattern: &str, owners: &str) {
    let _ = match owners {
        "" => writeln!(text, "# {pattern} (the garden names no people: `people` in garden.kdl)"),
        owners => writeln!(text, "{pattern} {owners}"),
    };
}

/// Those whose consent every change needs; where nothing needs one the operators, and where there are none everybody.
fn keepers(garden: &Garden) -> BTreeSet<&Name> {
    let rules = garden.consent.approvals.iter().filter(|rule| rule.class.is_none());
    let groups: BTreeSet<&str> = rules.map(|rule| rule.from.as_str()).collect();
    let groups = if groups.is_empty() { BTreeSet::from([OPERATORS]) } else { groups };
    let is_in = |name: &&Name| garden.people[*name].groups.iter().any(|group| groups.contains(group.as_str()));
    let keepers: BTreeSet<&Name> = garden.people.keys().filter(is_in).collect();
    if keepers.is_empty() { garden.people.keys().collect() } else { keepers }
}

fn owners(garden: &Garden, people: &BTreeSet<&Name>, format: OwnersFormat) -> String {
    let owner = |name: &&Name| match format {
        OwnersFormat::Globs => garden.people[*name].email.clone(),
        OwnersFormat::Expressions => format!("@{name}"),
    };
    people.iter().map(owner).collect::<Vec<_>>().join(" ")
}

fn all_but(folders: &[String], format: OwnersFormat) -> String {
    match format {
        OwnersFormat::Globs => "*".to_owned(),
        OwnersFormat::Expressions => {
            format!("!({})/.*", folders.iter().map(|folder| expression(folder)).collect::<Vec<_>>().join("|"))
        }
    }
}

fn below(folder: &str, format: OwnersFormat) -> String {
    match format {
        OwnersFormat::Globs => format!("/{}/", glob(folder)),
        OwnersFormat::Expressions => format!("{}/.*", expression(folder)),
    }
}

/// The line of an organisation's file, with those to reach there.
fn own_line(organisation: &Organisation, sources: &Sources, format: OwnersFormat) -> String {
    let path = &*sources.file(organisation.file).path;
    let pattern = match format {
        OwnersFormat::Globs => format!("/{}", glob(path)),
        OwnersFormat::Expressions => expression(path),
    };
    let contacts = organisation.contacts.iter().map(|contact| contact.email.as_str());
    format!("{pattern} {}", contacts.collect::<Vec<_>>().join(" "))
}

/// A path as a glob.
fn glob(path: &str) -> String {
    escaped(path, "\\", &[' ', '#', '*', '?', '[', ']'])
}

/// A path as a regular expression in a line where a backslash itself is escaped.
fn expression(path: &str) -> String {
    escaped(
        &escaped(path, "\\\\", &['.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$']),
        "\\",
        &[' ', '#'],
    )
}

fn escaped(text: &str, with: &str, letters: &[char]) -> String {
    let escape = |letter: char| if letters.contains(&letter) { format!("{with}{letter}") } else { letter.to_string() };
    text.chars().map(escape).collect()
}
