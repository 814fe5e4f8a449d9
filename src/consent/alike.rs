//! Whom a change concerns: who says something else, or is rendered to something else.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::Between;
use super::classes::{KnownOrganisation, is_rendered_by_the_same};
use crate::impact::edits::{Part, Touched};
use crate::model::Garden;
use crate::name::Name;
use crate::render::{self, OrganisationObjects};

/// Words of an organisation that change nothing of what is done for it.
const SAID_ONLY: &[&str] = &["title", "contact", "note", "about"];

/// What an organisation is rendered to in a state of a garden, now and at its hours: one value for the same objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fingerprint {
    /// There is none of its name.
    Missing,
    /// A finding stops it: what it means is not known.
    Stopped,
    /// The SHA-256 of everything that is asked of its cluster.
    Sound([u8; 32]),
}

impl Fingerprint {
    /// The fingerprint of an organisation; renders it.
    pub(crate) fn of(garden: Option<&Garden>, name: &Name, now: jiff::Timestamp) -> Self {
        match KnownOrganisation::of(garden, name) {
            KnownOrganisation::Not => Self::Missing,
            KnownOrganisation::Stopped => Self::Stopped,
            KnownOrganisation::Sound(garden, organisation) => {
                Self::Sound(digest(&render::organisation(garden, organisation, now)))
            }
        }
    }
}

impl Between<'_> {
    /// Whether the garden's own words and its clusters are the same: nothing that all share is another.
    pub(crate) fn is_garden_alike(&self) -> bool {
        let is_shared = |touched: Touched<'_>| match touched.part {
            Part::Garden => !touched.is_of(&["title"]),
            Part::Cluster(_) | Part::Other => true,
            Part::Offer(_) | Part::Organisation(_) | Part::Definition(_) => false,
        };
        self.before.is_some() && self.after.is_some() && !self.edits.is_cut() && !self.edits.touched().any(is_shared)
    }

    /// Whether an organisation that is rendered alike in both states says the same of itself too.
    pub(crate) fn says_the_same(&self, name: &Name) -> bool {
        let own = |touched: Touched<'_>| {
            matches!(touched.part, Part::Organisation(owner) if owner.as_str() == name.as_str())
                && !touched.is_of(SAID_ONLY)
        };
        match KnownOrganisation::of(self.after, name) {
            KnownOrganisation::Not => true,
            // Of what is not understood every word counts.
            KnownOrganisation::Stopped => !self.edits.is_cut() && self.edits.touched().next().is_none(),
            KnownOrganisation::Sound(..) => !self.edits.is_cut() && !self.edits.touched().any(own),
        }
    }
}

/// Whether two states hold the very same organisation, and render it alike: nothing needs to be compared.
pub(crate) fn is_untouched(before: Option<&Garden>, after: Option<&Garden>, name: &Name) -> bool {
    match (KnownOrganisation::of(before, name), KnownOrganisation::of(after, name)) {
        (KnownOrganisation::Sound(was, before), KnownOrganisation::Sound(is, after)) => {
            Arc::ptr_eq(before, after) && is_rendered_by_the_same(was, is)
        }
        _ => false,
    }
}

/// The SHA-256 of what is asked for, wherever it was written: objects, Secrets, what is held, and what acts later.
fn digest(objects: &OrganisationObjects) -> [u8; 32] {
    let each: Vec<_> = objects.objects.iter().map(|one| (one.id.to_string(), &one.body)).collect();
    let secrets = objects.secrets.iter();
    let secrets: Vec<_> = secrets.map(|one| (one.id.to_string(), &one.source, &one.labels, &one.secret_type)).collect();
    let waiting: BTreeMap<_, _> = objects.waiting.iter().map(|(app, release)| (app, &release.version)).collect();
    let retired: BTreeMap<_, _> = objects.retired.iter().map(|(app, (time, _))| (app, time)).collect();
    let mut terms: Vec<_> =
        objects.terms.iter().map(|term| (term.word, &term.key, &term.says, term.at, term.over)).collect();
    terms.sort();
    let asked = (&objects.cluster, &objects.namespace, &objects.held, each, secrets, waiting, retired, terms);
    let mut hashed = Hashed(ring::digest::Context::new(&ring::digest::SHA256));
    serde_json::to_writer(&mut hashed, &asked).expect("what is rendered is JSON, and a digest takes every byte");
    hashed.0.finish().as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

/// Hashes what is written to it.
struct Hashed(ring::digest::Context);

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
