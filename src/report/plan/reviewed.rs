//! A plan as a review holds it: counted organisation by organisation, with equal changes of several of them once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Tally, TextStyle, text, urgent};
use crate::impact::Impact;
use crate::name::Name;
use crate::plan::{OrganisationPlan, Verb};
use crate::report::Drawing;
use crate::review::{Details, LaterWords, ReviewedPlan, UrgentCounts};

/// The most bytes of all texts of a review together; what there is no room for is counted.
const MOST_DETAILS: usize = 4 << 20;

/// A reviewed plan as it grows.
#[derive(Debug)]
pub(crate) struct ReviewedPlanBuilder {
    style: TextStyle,
    changed: BTreeMap<Name, BTreeMap<Verb, usize>>,
    /// What changes, and of whom: the same words of several organisations are kept once.
    pieces: BTreeMap<SharedPiece, Vec<Name>>,
    /// Bytes of the texts.
    size: usize,
    /// Organisations of which something has no room.
    left_out: BTreeSet<Name>,
}

/// A change, without the organisation whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SharedPiece {
    heading: Option<String>,
    text: String,
    counts: BTreeMap<Verb, usize>,
    urgent: UrgentCounts,
}

impl ReviewedPlanBuilder {
    /// Begins; `asked` is whether a server was asked about each change.
    pub(crate) fn new(asked: bool) -> Self {
        Self {
            style: TextStyle { drawing: Drawing::Plain, verbose: false, asked },
            changed: BTreeMap::new(),
            pieces: BTreeMap::new(),
            size: 0,
            left_out: BTreeSet::new(),
        }
    }

    /// Adds one organisation.
    pub(crate) fn add(&mut self, plan: &OrganisationPlan) {
        let mut counts = plan.counts();
        counts.remove(&Verb::Keep);
        if !counts.is_empty() {
            self.changed.insert(plan.organisation.clone(), counts);
        }
        for piece in text::pieces(plan, self.style) {
            let mut counts = BTreeMap::new();
            for action in piece.actions.iter().filter(|action| action.verb() != Verb::Keep) {
                *counts.entry(action.verb()).or_default() += 1;
            }
            let urgent = urgent::count(piece.actions.iter().copied());
            self.keep(SharedPiece { heading: piece.heading, text: piece.text, counts, urgent }, &plan.organisation);
        }
    }

    fn keep(&mut self, piece: SharedPiece, organisation: &Name) {
        if let Some(known) = self.pieces.get_mut(&piece) {
            known.push(organisation.clone());
            return;
        }
        self.size += piece.text.len();
        if self.size <= MOST_DETAILS {
            self.pieces.insert(piece, vec![organisation.clone()]);
        } else {
            self.left_out.insert(organisation.clone());
        }
    }

    /// The plan, with what it does and what acts later.
    pub(crate) fn finish(self, tally: &Tally, impact: Impact) -> ReviewedPlan {
        let mut counts = tally.counts().clone();
        counts.remove(&Verb::Keep);
        let later = tally.later().map(|line| LaterWords { words: line.says, origin: line.origin });
        ReviewedPlan {
            counts,
            organisations: tally.organisations(),
            changed: self.changed,
            impact,
            later: later.collect(),
            hour: tally.hour(),
            details: details(self.pieces),
            left_out: self.left_out.len(),
        }
    }
}

/// What changes of the same organisations together: what is urgent first, then what concerns most of them.
fn details(pieces: BTreeMap<SharedPiece, Vec<Name>>) -> Vec<Details> {
    let mut of: BTreeMap<Vec<Name>, Vec<SharedPiece>> = BTreeMap::new();
    pieces.into_iter().for_each(|(piece, organisations)| of.entry(organisations).or_default().push(piece));
    let mut details: Vec<Details> = of.into_iter().map(|(organisations, pieces)| one(organisations, pieces)).collect();
    details.sort_by(|a, b| {
        let key = |one: &Details| (one.urgent.is_empty(), std::cmp::Reverse(one.organisations.len()));
        (key(a), &a.organisations).cmp(&(key(b), &b.organisations))
    });
    details
}

fn one(organisations: Vec<Name>, mut pieces: Vec<SharedPiece>) -> Details {
    // What is of no app stands first, as in the plan of one organisation.
    let is_of_app = |piece: &SharedPiece| piece.heading.as_ref().is_some_and(|heading| heading.trim() != text::ITSELF);
    pieces.sort_by(|a, b| {
        (is_of_app(a), &a.heading, a.urgent.is_empty(), &a.text).cmp(&(
            is_of_app(b),
            &b.heading,
            b.urgent.is_empty(),
            &b.text,
        ))
    });
    let (mut text, mut counts) = (String::new(), BTreeMap::new());
    for of_app in pieces.chunk_by(|one, other| one.heading == other.heading) {
        let _ = write!(text, "{}", of_app[0].heading.as_deref().unwrap_or_default());
        of_app.iter().for_each(|piece| text.push_str(&piece.text));
        for (verb, count) in of_app.iter().flat_map(|piece| &piece.counts) {
            *counts.entry(*verb).or_default() += count;
        }
    }
    let mut urgent = UrgentCounts::new();
    pieces.iter().for_each(|piece| urgent::add(&mut urgent, &piece.urgent, 1));
    Details { organisations, counts, urgent, text }
}
