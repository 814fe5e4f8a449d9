//! An organisation under another name, while nobody has applied it.

use super::super::edit::{Edits, GardenAtHand};
use super::super::new::parse;
use super::super::{CommandFailure, Exit, Output};
use crate::finding::Findings;
use crate::name::Name;
use crate::source::FileId;
use crate::syntax::{self, Node, Value};

/// The words whose property or arguments name organisations.
const NAMED_BY: [(&str, Option<&str>); 4] =
    [("delegate", Some("to")), ("belongs", Some("to")), ("domain", Some("of")), ("only", None)];

pub(super) fn rename(garden: &GardenAtHand<'_>, old: &str, new: &str, output: &Output) -> Result<Exit, CommandFailure> {
    let (old, new) = (parse(old)?, parse(new)?);
    let found = garden.organisation(&old)?;
    if old == new {
        return Err(CommandFailure::asked(format!("`{old}` is called so already"), "choose another name"));
    }
    if garden.checked.garden.as_ref().is_some_and(|garden| {
        garden.organisations.contains_key(&new) || garden.stopped.contains_key(&new) || garden.broken.contains(&new)
    }) {
        return Err(CommandFailure::asked(
            format!("the garden already has an organisation `{new}`"),
            "choose another name",
        ));
    }
    if garden.past.as_ref().is_some_and(|past| past.organisations.contains_key(&old)) {
        return Err(applied(&old, &new));
    }
    let sources = &garden.checked.sources;
    let mut edits = Edits::default();
    for file in &garden.snapshot.files {
        let is_it = |(_, source): &(FileId, &crate::source::SourceFile)| *source.path == *file.path;
        // The newest that was read of a path is that of the disk.
        let Some((id, source)) = sources.iter().filter(is_it).last() else { continue };
        let document = syntax::parse(id, &source.text, &mut Findings::default());
        for node in &document.nodes {
            names(node, &old, &mut |value| edits.replace(value.span, new.to_string()));
        }
    }
    let path = &sources.file(found.file).path;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let moved = if folder.is_empty() { format!("{new}.kdl") } else { format!("{folder}/{new}.kdl") };
    edits.move_to(found.file, moved);
    let after = garden.with(&edits);
    garden.write(&edits, &after, output, super::BY_HAND, |_| false)?;
    output.note(&super::next(garden, &new));
    Ok(Exit::Good)
}

/// Why an organisation that may be applied keeps its name.
fn applied(old: &Name, new: &Name) -> CommandFailure {
    CommandFailure::asked(
        format!("`{old}` stands in the commit before, so it keeps its name: nothing was written"),
        format!(
            "an organisation is a namespace, and neither volumes nor databases move from one to another: `{new}` would start empty. \
             What people read is its `title`, its `domain` and the hosts of its apps: change those. To carry people over to a new \
             namespace: `parcelle explain E0433`"
        ),
    )
}

/// Every place in a node, and in what stands in it, where an organisation is named so.
fn names(node: &Node, name: &Name, found: &mut impl FnMut(&Value)) {
    let word = node.name.value.as_str();
    let own = match word {
        "organisation" => node.arg(0),
        "retired" if node.arg(0).is_some_and(|form| form.text == "organisation") => node.arg(1),
        _ => None,
    };
    let of_word = NAMED_BY.iter().find(|(known, _)| *known == word);
    let property = of_word.and_then(|(_, property)| node.prop((*property)?));
    let arguments = of_word.filter(|(_, property)| property.is_none()).map_or(&[][..], |_| &node.args);
    own.into_iter().chain(property).chain(arguments).filter(|value| value.text == *name.as_str()).for_each(&mut *found);
    node.children.iter().for_each(|child| names(child, name, found));
}
