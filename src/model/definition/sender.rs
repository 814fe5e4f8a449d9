//! What a definition renders of the sender of its app's mail: the variables and files that would say another one if they were
//! written by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::{Data, Definition, FileContent, NeedKind, Pod};
use crate::expression::{Piece, Template};

/// What a text says of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SenderPart {
    /// What stands before the `@`.
    Local,
    Domain,
    Address,
}

/// The outputs of a need of mail that say it.
const OUTPUTS: [(&str, SenderPart); 3] =
    [("sender", SenderPart::Local), ("domain", SenderPart::Domain), ("from", SenderPart::Address)];

/// The variables of the pods of a definition that say as whom mail is sent, with what each says.
pub(crate) fn sender_variables(definition: &Definition) -> BTreeMap<&str, SenderPart> {
    let env = pods(definition).flat_map(|pod| &pod.env).map(|env| &env.item);
    env.filter_map(|env| Some((env.name.as_literal()?, said(definition, &env.value)?))).collect()
}

/// The paths of the files of a definition that say it.
pub(crate) fn sender_files(definition: &Definition) -> BTreeSet<&str> {
    let files = pods(definition).flat_map(|pod| &pod.files).map(|file| &file.item);
    let says = |content: &FileContent| match content {
        FileContent::Text(template) => said(definition, template).is_some(),
        FileContent::Data(data) => data_says(definition, data),
    };
    files.filter(|file| says(&file.content)).filter_map(|file| file.path.as_literal()).collect()
}

fn pods(definition: &Definition) -> impl Iterator<Item = &Pod> {
    let jobs = definition.jobs.iter().map(|job| &job.item.pod);
    definition.workloads.iter().map(|workload| &workload.item.pod).chain(jobs)
}

/// What a template says of a sender; the most of it where its holes say several things.
fn said(definition: &Definition, template: &Template) -> Option<SenderPart> {
    let holes = template.pieces.iter().filter_map(|piece| match piece {
        Piece::Hole(hole) => Some(hole),
        Piece::Literal(_) => None,
    });
    let is_mail = |name: &str| {
        let mut needs = definition.needs.iter().map(|need| &need.item);
        needs.any(|need| need.kind == NeedKind::Mail && need.name.value.as_str() == name)
    };
    let parts = holes.flat_map(|hole| hole.paths()).filter_map(|path| {
        let (need, output) = path.strip_prefix("needs.")?.split_once('.')?;
        let (_, part) = OUTPUTS.iter().find(|(name, _)| *name == output)?;
        is_mail(need).then_some(*part)
    });
    parts.max()
}

fn data_says(definition: &Definition, data: &Data) -> bool {
    match data {
        Data::Leaf(template) => said(definition, template).is_some(),
        Data::Literal(_) => false,
        Data::List(items) => items.iter().any(|item| data_says(definition, item)),
        Data::Map(entries) => entries.iter().any(|(_, value)| data_says(definition, value)),
        Data::Guarded(guarded) => data_says(definition, &guarded.item),
    }
}
