//! What stays known of a garden between two checks of one process, each piece with what it was made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::index::KeptIndex;
use super::inputs::{ReadBy, ReadInputs};
use crate::finding::Findings;
use crate::model::draft::{Draft, FileReading};
use crate::model::rules::{self, One};
use crate::model::{Cluster, Offer, PlacedFile};
use crate::name::Name;
use crate::source::{FileId, Span};

/// Everything known from the last check. File ids name one content each, as long as this value lives.
#[derive(Default)]
pub(crate) struct ModelMemo {
    /// The files of the last check.
    pub(super) files: BTreeMap<FileId, KeptFile>,
    /// Clusters by the place of their node.
    pub(super) clusters: BTreeMap<Span, Arc<Cluster>>,
    /// Offers by the place of their node.
    pub(super) offers: BTreeMap<Span, KeptOffer>,
    /// Organisations as far as they could be read, by their file and where they stand in it.
    pub(super) drafts: BTreeMap<(FileId, usize), Kept>,
    /// What all of them were read from.
    pub(super) inputs: Option<ReadInputs>,
    /// Drafts that gave hosts away to others.
    pub(super) released: BTreeMap<Name, Released>,
    /// What rules found in each organisation by itself.
    pub(super) judged: BTreeMap<Name, Judged>,
    /// Who claims what in the whole garden.
    pub(super) index: KeptIndex,
}

/// A file and what rules find in its texts.
#[derive(Clone)]
pub(super) struct KeptFile {
    pub(crate) reading: Arc<FileReading>,
    pub(crate) found: Arc<Findings>,
}

/// An offer and what was found in it.
pub(super) struct KeptOffer {
    pub(crate) offer: Option<Arc<Offer>>,
    pub(crate) found: Findings,
    pub(crate) read_by: ReadBy,
}

/// An organisation as it was read, and what was found in it. Absent where not even its name could be read.
pub(super) struct Kept {
    pub(crate) draft: Option<Arc<Draft>>,
    pub(crate) found: Findings,
    pub(crate) read_by: ReadBy,
}

/// A draft without the hosts that it gave away.
pub(super) struct Released {
    pub(crate) of: Arc<Draft>,
    pub(crate) hosts: BTreeSet<String>,
    pub(crate) draft: Arc<Draft>,
}

/// What rules found in one organisation, and all that they looked at.
pub(super) struct Judged {
    pub(crate) one: One,
    pub(crate) found: Findings,
}

/// From how many on several are made at once: to wake the others for fewer takes longer.
const MANY: usize = 4;

/// What is known, and in the place of what is not what `make` gives for its position.
pub(super) fn filled<T: Send>(known: Vec<Option<T>>, make: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    let missing: Vec<usize> = (0..known.len()).filter(|at| known[*at].is_none()).collect();
    let made: Vec<T> = if missing.len() < MANY {
        missing.into_iter().map(make).collect()
    } else {
        missing.into_par_iter().map(make).collect()
    };
    let mut made = made.into_iter();
    known.into_iter().map(|known| known.or_else(|| made.next()).expect("one was made for each")).collect()
}

impl ModelMemo {
    /// Files as they were read, in their order; others are forgotten.
    pub(super) fn files(&mut self, files: &[Arc<PlacedFile>]) -> Vec<KeptFile> {
        let mut before = std::mem::take(&mut self.files);
        let known = files.iter().map(|file| before.remove(&file.checked.document.file)).collect();
        let all = filled(known, |at| {
            let (file, mut found) = (&files[at], Findings::default());
            rules::check_text(&file.checked, &mut found);
            KeptFile { reading: Arc::new(FileReading::of(file)), found: Arc::new(found) }
        });
        self.files = all.iter().map(|kept| (kept.reading.checked.document.file, kept.clone())).collect();
        all
    }
}
