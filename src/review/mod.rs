//! What a merge request would do, as one value: what a pipeline without rights writes, and one with rights reads and posts.
//!
//! A review holds no value of a Secret and no credential. What it says of the request itself (its number, its author) is not in
//! it: whoever posts it asks the forge.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::impact::Impact;
use crate::model::Class;
use crate::name::Name;
use crate::plan::{Place, Verb};

mod limits;
mod verdict;

pub(crate) use limits::{LARGEST, read};
pub(crate) use verdict::{REACHES_MANY, grouped, verdict};

/// The schema of a review; it moves with every change that a reader must know of.
pub(crate) const SCHEMA: &str = "parcelle.dev/review/v1";

/// What a change of a garden does, and what was found in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Review {
    /// [`SCHEMA`].
    pub(crate) schema: String,
    /// The garden's name; empty where the garden cannot be read.
    pub(crate) garden: String,
    /// The commit that was planned, in hexadecimal; empty for files on disk.
    pub(crate) head: String,
    /// What it was planned against.
    pub(crate) against: Against,
    /// The branch that it would be merged into, where it has moved on since the work began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<MovedTarget>,
    /// When it was made, in Unix seconds.
    pub(crate) made: i64,
    /// The plan; absent where the garden cannot be planned for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<ReviewedPlan>,
    /// What was found in the garden, and was not found before the change; errors first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<ReviewedFinding>,
    /// How many findings the garden had before already.
    #[serde(default)]
    pub(crate) older_findings: usize,
    /// Organisations that stay as they are applied, and what else stays behind: a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) kept: Vec<String>,
    /// The file of the pipeline that holds the whole plan as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) details: Option<String>,
    /// Files of the change that decide for more than one organisation: the garden's own, clusters, offers, definitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reaches_all: Vec<String>,
    /// What consent asks of its plan. Who has agreed is not in it: whoever posts it finds that out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agreement: Option<ReviewedAgreement>,
}

/// What a change is to the rules of consent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReviewedAgreement {
    /// The kinds of it, by what it does and what it edits.
    pub(crate) classes: BTreeSet<Class>,
}

/// What a change was planned against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Against {
    /// What another commit renders; no cluster was asked.
    Commit {
        /// In hexadecimal.
        commit: String,
    },
    /// What a snapshot says of the clusters.
    Snapshot {
        /// When it was taken, in Unix seconds.
        taken: i64,
        /// The commit that the work began from, in hexadecimal; empty where that is not known.
        base: String,
    },
    /// The clusters themselves.
    Clusters,
}

/// How a branch has moved on since the work began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MovedTarget {
    /// The branch.
    pub(crate) branch: String,
    /// Its latest commit, in hexadecimal.
    pub(crate) commit: String,
    /// How many commits it has that the work began without.
    pub(crate) ahead: usize,
    /// What a merge would come to.
    pub(crate) merge: MergeOutcome,
}

/// What merging would come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum MergeOutcome {
    /// Both go together, and nothing is found in what comes out that was not found in one of them.
    Clean,
    /// The same lines were edited on both sides.
    Conflicts {
        /// The files.
        paths: Vec<String>,
    },
    /// Git merges them, and the garden that comes out has findings that neither side has.
    Findings {
        /// A sentence each.
        findings: Vec<ReviewedFinding>,
    },
    /// The branch has no garden that it could be merged with, or cannot be read.
    Unknown {
        /// Why.
        why: String,
    },
}

/// A plan as a review holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReviewedPlan {
    /// How many objects there are of each verb; those that stay as they are are not counted.
    pub(crate) counts: BTreeMap<Verb, usize>,
    /// How many organisations were planned.
    pub(crate) organisations: usize,
    /// The organisations of which something changes, with how many objects of each verb.
    pub(crate) changed: BTreeMap<Name, BTreeMap<Verb, usize>>,
    /// What it does.
    pub(crate) impact: Impact,
    /// What acts later than it is applied, brakes and days first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) later: Vec<LaterWords>,
    /// How far the plan is that of the hour at which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hour: Option<String>,
    /// The changes of each organisation as text; organisations whose text is the same stand together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) details: Vec<Details>,
    /// Organisations whose text is left out for its length.
    #[serde(default)]
    pub(crate) left_out: usize,
}

/// Something that acts later, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LaterWords {
    /// A sentence.
    pub(crate) words: String,
    /// The line behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
}

/// How many objects of each kind, by verb.
pub(crate) type UrgentCounts = BTreeMap<Verb, BTreeMap<String, usize>>;

/// What changes of some organisations, in the same words for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Details {
    /// Whose it is, in order of name.
    pub(crate) organisations: Vec<Name>,
    /// How many objects of each verb, of each organisation.
    pub(crate) counts: BTreeMap<Verb, usize>,
    /// What must not be overlooked of it: how many objects of each kind are deleted, replaced or refused, of each organisation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) urgent: UrgentCounts,
    /// The lines, as `parcelle plan` prints them.
    pub(crate) text: String,
}

/// A finding as a review holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReviewedFinding {
    /// Its code: `E0412`.
    pub(crate) code: String,
    /// How much it weighs.
    pub(crate) severity: ReviewedSeverity,
    /// What is wrong.
    pub(crate) title: String,
    /// Words at its place, and the rule that was broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) why: Vec<String>,
    /// The ways out of it, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) help: Vec<String>,
    /// Where it is.
    pub(crate) place: Place,
    /// The last line of its place.
    pub(crate) end_line: usize,
    /// Whether the change wrote all of these lines, so that a note can stand on them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) on_changed_lines: bool,
    /// The lines as a safe fix leaves them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suggestion: Option<Suggestion>,
    /// What names it over commits.
    pub(crate) fingerprint: String,
}

/// Whole lines, as a fix that changes nothing but the mistake leaves them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Suggestion {
    /// The first line that it replaces, from 1.
    pub(crate) first: usize,
    /// The last one.
    pub(crate) last: usize,
    /// What stands there instead, without the last line end.
    pub(crate) text: String,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReviewedSeverity {
    /// It stops an organisation.
    Error,
    /// Doubtful; it stops nothing.
    Warning,
    /// Worth knowing.
    Hint,
}

impl Review {
    /// A review of a plan alone, made against the clusters.
    pub(crate) fn of_plan(garden: String, head: String, made: i64, plan: ReviewedPlan) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            garden,
            head,
            against: Against::Clusters,
            target: None,
            made,
            plan: Some(plan),
            findings: Vec::new(),
            older_findings: 0,
            kept: Vec::new(),
            details: None,
            reaches_all: Vec::new(),
            agreement: None,
        }
    }

    /// Whether something found keeps the change from being applied as it is written.
    pub(crate) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == ReviewedSeverity::Error)
    }

    /// Whether there is anything to tell: a change now or later, something found, a merge that does not go.
    pub(crate) fn has_news(&self) -> bool {
        let is_clean = |target: &MovedTarget| matches!(target.merge, MergeOutcome::Clean);
        let plan = self.plan.as_ref();
        !self.findings.is_empty()
            || !self.target.as_ref().is_none_or(is_clean)
            || plan.is_none_or(ReviewedPlan::has_news)
    }
}

impl Review {
    /// Leaves out what takes most room, where a review would be larger than one may be: the text of the changes.
    pub(crate) fn without_details(mut self) -> Self {
        if let Some(plan) = &mut self.plan {
            plan.left_out = plan.changed.len();
            plan.details.clear();
        }
        self
    }
}

impl ReviewedPlan {
    /// Whether something changes, now or later.
    pub(crate) fn has_news(&self) -> bool {
        !self.changed.is_empty() || !self.later.is_empty() || !self.impact.edits.is_empty()
    }
}
