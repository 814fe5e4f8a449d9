//! A plan as a review holds it: counted organisation by organisation, with the text of each kept once.

use std::collections::BTreeMap;

use super::comment::counts_of;
use super::urgent::is_urgent;
use super::{Tally, TextStyle, text};
use crate::impact::Impact;
use crate::name::Name;
use crate::plan::{OrganisationPlan, Verb};
use crate::report::Drawing;
use crate::review::{Details, LaterWords, ReviewedPlan};

/// The most bytes of all texts of a review together; what there is no room for is counted.
const MOST_DETAILS: usize = 4 << 20;
/// The longest text of one organisation, in bytes.
const LONGEST: usize = 1 << 20;

/// A reviewed plan as it grows.
#[derive(Debug, Default)]
pub(crate) struct ReviewedPlanBuilder {
    changed: BTreeMap<Name, BTreeMap<Verb, usize>>,
    /// By what is the same for several organisations: whether it is urgent, how many objects, and the lines.
    details: BTreeMap<(bool, String, String), Vec<Name>>,
    /// Bytes of the texts.
    size: usize,
    left_out: usize,
}

impl ReviewedPlanBuilder {
    /// Adds one organisation.
    pub(crate) fn add(&mut self, plan: &OrganisationPlan) {
        let drawn = text::organisation(plan, TextStyle { drawing: Drawing::Plain, verbose: false });
        // The first line names the organisation; what follows may be that of others too.
        let Some((_, lines)) = drawn.trim_end().split_once('\n') else { return };
        let mut counts = plan.counts();
        counts.remove(&Verb::Keep);
        let words = counts_of(&counts);
        if !counts.is_empty() {
            self.changed.insert(plan.organisation.clone(), counts);
        }
        let urgent = plan.actions.iter().any(is_urgent) || !plan.lost.is_empty();
        let key = (urgent, words, lines.to_owned());
        if let Some(known) = self.details.get_mut(&key) {
            known.push(plan.organisation.clone());
        } else if self.size + lines.len() <= MOST_DETAILS && lines.len() <= LONGEST {
            self.size += lines.len();
            self.details.insert(key, vec![plan.organisation.clone()]);
        } else {
            self.left_out += 1;
        }
    }

    /// The plan, with what it does and what acts later.
    pub(crate) fn finish(self, tally: &Tally, impact: Impact) -> ReviewedPlan {
        let mut details: Vec<Details> = self
            .details
            .into_iter()
            .map(|((urgent, counts, text), organisations)| Details { organisations, counts, urgent, text })
            .collect();
        details.sort_by(|a, b| a.organisations.cmp(&b.organisations));
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
            details,
            left_out: self.left_out,
        }
    }
}
