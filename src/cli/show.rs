//! A round as people read it: findings, plan, outcome, in one format.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::check::{plural, summary};
use super::kept::KeptPlan;
use super::taken_back::of_taken_back;
use super::{CommandFailure, Exit};
use crate::check::Checked;
use crate::engine::{KeptOrganisation, Round, RoundOutcome};
use crate::finding::Findings;
use crate::impact::Impact;
use crate::plan::{self, OrganisationPlan, Plan, PlanHead};
use crate::report::plan::{AlikeOrganisations, CommentStyle, ReviewedPlanBuilder, Tally, TextStyle};
use crate::report::{self, Drawing, Format};
use crate::review::{self, Against, Review};

/// How a plan and its outcome are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    /// For people at a terminal.
    Text,
    /// For programs: one JSON value.
    Json,
    /// For a merge request.
    Markdown,
}

/// How a round is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShowOptions {
    pub(crate) format: ShowFormat,
    pub(crate) drawing: Drawing,
    /// Every object rather than a summary.
    pub(crate) verbose: bool,
    /// A round of many: where nothing happened, nothing is said.
    pub(crate) daemon: bool,
}

/// A round to be printed.
pub(crate) struct ShownRound<'a> {
    pub(crate) checked: &'a Checked,
    pub(crate) round: &'a Round,
    /// What was planned; absent where there was nothing to plan for, or where it was shown before.
    pub(crate) plan: Option<ShownPlan<'a>>,
    /// Whether findings are told again.
    pub(crate) loud: bool,
    /// What it was planned against.
    pub(crate) against: Against,
}

/// A plan to be printed.
#[derive(Clone, Copy)]
pub(crate) enum ShownPlan<'a> {
    /// In memory, with what it does, where that was asked for.
    Held(&'a Plan, Option<&'a Impact>),
    /// On disk.
    Kept(&'a KeptPlan),
}

impl<'a> ShownPlan<'a> {
    fn head(self) -> &'a PlanHead {
        match self {
            Self::Held(plan, _) => &plan.head,
            Self::Kept(plan) => plan.head(),
        }
    }

    /// What it does, for people.
    pub(super) fn impact(self) -> Option<&'a Impact> {
        match self {
            Self::Held(_, impact) => impact,
            Self::Kept(plan) => Some(plan.impact()),
        }
    }

    fn tally(self) -> Tally {
        match self {
            Self::Held(plan, _) => Tally::of(plan),
            Self::Kept(plan) => plan.tally().clone(),
        }
    }

    fn findings(self) -> Findings {
        match self {
            Self::Held(plan, _) => {
                let mut findings = Findings::default();
                plan.organisations.iter().for_each(|one| findings.extend(one.findings.clone()));
                findings
            }
            Self::Kept(plan) => plan.findings().clone(),
        }
    }

    fn each(self, mut each: impl FnMut(&OrganisationPlan) -> std::io::Result<()>) -> Result<(), CommandFailure> {
        match self {
            Self::Held(plan, _) => plan.organisations.iter().try_for_each(each).map_err(CommandFailure::Write),
            Self::Kept(plan) => plan.each(|one| each(one).map_err(CommandFailure::Write)),
        }
    }
}

impl<'a> ShownRound<'a> {
    /// A round whose plan is in memory.
    pub(crate) fn held(checked: &'a Checked, round: &'a Round, loud: bool) -> Self {
        Self {
            checked,
            round,
            plan: round.plan.as_ref().map(|plan| ShownPlan::Held(plan, None)),
            loud,
            against: Against::Clusters,
        }
    }

    /// The same with what its plan does, for people.
    #[must_use]
    pub(crate) fn with_impact(self, impact: &'a Impact) -> Self {
        let plan = match self.plan {
            Some(ShownPlan::Held(plan, _)) => Some(ShownPlan::Held(plan, Some(impact))),
            plan => plan,
        };
        Self { plan, ..self }
    }

    /// 2 where a cluster is out of reach, 1 where something is left for people, else 0.
    pub(crate) fn exit(&self) -> Exit {
        let open = self.round.outcome.as_ref().is_some_and(RoundOutcome::is_open);
        let waits = self.round.outcome.is_some() && !self.round.waiting.is_empty();
        let refused = self.plan.is_some_and(|plan| plan.findings().has_errors());
        let is_asked =
            self.round.outcome.is_some() && self.checked.agreement.as_ref().is_some_and(|one| one.holds_back());
        let open = open || is_asked;
        if !self.round.unreached.is_empty() {
            Exit::World
        } else if open || waits || self.checked.findings.has_errors() || !self.round.backwards.is_empty() || refused {
            Exit::Garden
        } else {
            Exit::Good
        }
    }

    /// Whether anything was to be written.
    pub(crate) fn writes(&self) -> bool {
        self.plan.is_some_and(|plan| plan.tally().changes() > 0)
    }

    /// Whether anything acts later than it is applied, and was not applied as it is said.
    pub(crate) fn acts_later(&self) -> bool {
        self.plan.is_some_and(|plan| plan.tally().acts_later())
    }

    /// Whether an API server warned of something that was not told before.
    pub(crate) fn warns(&self) -> bool {
        self.findings().iter().any(|finding| finding.code == plan::WARNED)
    }

    /// What there is to say of a round that writes nothing: findings, clusters out of reach, commits that would go back. What
    /// is told once is no part of it.
    pub(crate) fn standing(&self) -> String {
        let mut findings = self.findings();
        findings.retain(|finding| finding.code != plan::WARNED);
        let mut text = report::render(Format::Short, &findings, &self.checked.sources, Drawing::Plain);
        let commit = self.checked.commit.as_ref().map_or("", |commit| commit.id.0.as_str());
        let (unreached, backwards, waiting) = (&self.round.unreached, &self.round.backwards, &self.round.waiting);
        let _ = write!(text, "{commit} {unreached:?} {backwards:?} {waiting:?} {:?}", self.agreement());
        for one in self.round.plan.iter().flat_map(|plan| &plan.organisations) {
            let held = one.counts().get(&crate::plan::Verb::Held).copied().unwrap_or(0);
            if let Some(standstill) = one.standstill.as_ref().filter(|_| held > 0) {
                let _ = write!(text, " {} {standstill:?} {held}", one.organisation);
            }
        }
        text
    }

    /// The round in one format, written as it goes: of a large garden it is long.
    pub(crate) fn write(&self, options: ShowOptions, out: &mut impl std::io::Write) -> Result<(), CommandFailure> {
        match options.format {
            ShowFormat::Json => self.json(out),
            ShowFormat::Markdown => {
                let text = self.markdown()?;
                out.write_all(text.as_bytes()).map_err(CommandFailure::Write)
            }
            ShowFormat::Text => self.words(options, out),
        }
    }

    /// Findings of the garden, of the plan, of the API servers' refusals.
    pub(super) fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        if self.loud {
            findings.extend(self.checked.findings.clone());
        }
        if let Some(plan) = self.plan {
            findings.extend(plan.findings());
        }
        if let Some(outcome) = &self.round.outcome {
            findings.extend(outcome.findings.clone());
        }
        findings.sort_in(&self.checked.sources);
        findings
    }

    fn words(&self, options: ShowOptions, out: &mut impl std::io::Write) -> Result<(), CommandFailure> {
        let findings = self.findings();
        let style = TextStyle { drawing: options.drawing, verbose: options.verbose, asked: self.asked() };
        let mut text = String::new();
        if !findings.is_empty() {
            text.push_str(&report::render(Format::Text, &findings, &self.checked.sources, options.drawing));
            text.push('\n');
        }
        if let Some(commit) = self.checked.commit.as_ref().filter(|_| self.loud || self.plan.is_some()) {
            let _ =
                writeln!(text, "commit {} {} ({})", commit.id.short(), plain(&commit.summary), plain(&commit.author));
        }
        if self.loud || self.plan.is_some() {
            let _ = writeln!(text, "{}", summary(self.checked));
        }
        let tally = self.plan.map(|plan| (plan, plan.tally()));
        let Round { unreached, refused, untouched, .. } = self.round;
        let nothing_else = unreached.is_empty() && refused.is_empty() && *untouched == 0;
        let seen = |tally: &Tally| tally.organisations() > 0 || nothing_else;
        if let Some((plan, tally)) = tally.filter(|(_, tally)| seen(tally)) {
            text.push('\n');
            let impact = self.impact();
            text.push_str(&report::plan::text::head(&tally, &impact, style));
            text.push_str(&report::plan::causes(&impact, style));
            out.write_all(text.as_bytes()).map_err(CommandFailure::Write)?;
            let mut alike = AlikeOrganisations::default();
            plan.each(|one| {
                alike.add(one, style);
                Ok(())
            })?;
            plan.each(|one| out.write_all(alike.organisation(one, style).as_bytes()))?;
            text = report::plan::text::summary(&tally);
        }
        if let Some(outcome) = self.round.outcome.as_ref().filter(|outcome| !outcome.organisations.is_empty()) {
            text.push_str(&report::plan::outcome(&outcome.organisations, style));
        }
        self.asides(&mut text, options);
        out.write_all(text.as_bytes()).map_err(CommandFailure::Write)
    }

    /// What is neither plan nor outcome: clusters out of reach, commits that would go back, organisations left alone.
    fn asides(&self, text: &mut String, options: ShowOptions) {
        for (cluster, why) in &self.round.unreached {
            let _ = writeln!(text, "failed: {}", of_cluster(cluster, why));
        }
        for (organisation, back) in &self.round.backwards {
            let _ = writeln!(text, "kept: {organisation} is at {}", of_taken_back(back));
        }
        for (organisation, waits) in &self.round.waiting {
            let _ = writeln!(text, "kept: {organisation} {waits}");
        }
        for line in self.agreement() {
            let _ = writeln!(text, "{line}");
        }
        for kept in &self.round.kept {
            let _ = writeln!(text, "kept: {}", crate::visible::line(&kept.to_string()));
        }
        if self.round.untouched > 0 && options.daemon {
            let _ = writeln!(
                text,
                "{} rendered anew; {} left alone: nothing of theirs changed",
                self.round.rendered,
                plural(self.round.untouched, "organisation")
            );
        }
    }

    /// The lines about consent: each change that waits, with those it waits for.
    pub(super) fn agreement(&self) -> Vec<String> {
        let lines = self.checked.agreement.iter().flat_map(|agreement| agreement.lines());
        lines.map(|line| format!("consent: {line}")).collect()
    }

    /// One JSON object: the plan an organisation a line, sums and outcome after it.
    fn json(&self, out: &mut impl std::io::Write) -> Result<(), CommandFailure> {
        let lines = report::render(Format::Json, &self.findings(), &self.checked.sources, Drawing::Plain);
        let findings: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let commit = json!(self.checked.commit.as_ref().map(|commit| &commit.id.0));
        write!(out, "{{\n\"commit\": {commit},\n\"findings\": {},\n\"plan\": ", Value::from(findings))
            .map_err(CommandFailure::Write)?;
        match self.plan {
            None => write!(out, "null"),
            Some(plan) => {
                let head = report::plan::json::head(plan.head(), &plan.tally(), &self.impact());
                write!(out, "{},\"organisations\":[", head.strip_suffix('}').unwrap_or(&head))
                    .map_err(CommandFailure::Write)?;
                let mut separator = "\n";
                plan.each(|one| {
                    write!(out, "{separator}{}", report::plan::json::organisation(one))?;
                    separator = ",\n";
                    Ok(())
                })?;
                write!(out, "\n]}}")
            }
        }
        .map_err(CommandFailure::Write)?;
        let rest = json!({
            "outcome": self.round.outcome.as_ref().map(|outcome| &outcome.organisations),
            "unreached": self.round.unreached.iter().map(|(cluster, why)| (cluster.to_string(), why)).collect::<std::collections::BTreeMap<_, _>>(),
            "backwards": self.round.backwards.iter().map(|(name, back)| (name.to_string(), &back.at.0)).collect::<std::collections::BTreeMap<_, _>>(),
            "waiting": self.round.waiting.iter().map(|(name, waits)| (name.to_string(), waits.to_string())).collect::<std::collections::BTreeMap<_, _>>(),
            "kept": self.round.kept.iter().map(of_kept).collect::<Vec<_>>(),
            "consent": self.checked.agreement.as_ref().map(|agreement| agreement.lines()),
            "untouched": self.round.untouched,
        });
        writeln!(out, ",\n{}", rest.to_string().trim_start_matches('{')).map_err(CommandFailure::Write)
    }

    /// The round as a review holds it; `None` for the plan where there was nothing to plan for. `older` are findings that there were before.
    pub(crate) fn review(&self, older: &BTreeSet<String>) -> Result<Review, CommandFailure> {
        let mut found = report::reviewed_findings(&self.findings(), &self.checked.sources);
        let all = found.len();
        found.retain(|finding| !older.contains(&finding.fingerprint));
        let older_findings = all - found.len();
        let mut kept = String::new();
        self.asides(
            &mut kept,
            ShowOptions { format: ShowFormat::Markdown, drawing: Drawing::Plain, verbose: false, daemon: false },
        );
        let plan = match self.plan {
            None => None,
            Some(plan) => {
                let mut builder = ReviewedPlanBuilder::new(self.asked());
                plan.each(|one| {
                    builder.add(one);
                    Ok(())
                })?;
                Some(builder.finish(&plan.tally(), self.impact()))
            }
        };
        let garden = self.checked.garden.as_ref().map(|garden| garden.name.to_string()).unwrap_or_default();
        let made = self.plan.map_or(0, |plan| plan.head().made);
        Ok(Review {
            schema: review::SCHEMA.to_owned(),
            garden,
            head: self.checked.commit.as_ref().map(|commit| commit.id.0.clone()).unwrap_or_default(),
            against: self.against.clone(),
            target: None,
            made,
            plan,
            findings: found,
            older_findings,
            kept: kept.lines().map(|line| line.strip_prefix("kept: ").unwrap_or(line).to_owned()).collect(),
            details: None,
            reaches_all: Vec::new(),
            agreement: None,
        })
    }

    /// Whether a server was asked about each change.
    fn asked(&self) -> bool {
        self.against == Against::Clusters
    }

    /// What the plan does, for people.
    pub(super) fn impact(&self) -> Impact {
        self.plan.and_then(ShownPlan::impact).cloned().unwrap_or_default()
    }

    fn markdown(&self) -> Result<String, CommandFailure> {
        Ok(report::plan::comment(&self.review(&BTreeSet::new())?, &CommentStyle::default()))
    }
}

/// An organisation that is kept, with the same as a sentence.
fn of_kept(kept: &KeptOrganisation) -> Value {
    let mut value = json!(kept);
    value["words"] = kept.to_string().into();
    value
}

/// Why a cluster could not be asked, with its name, once.
pub(crate) fn of_cluster(cluster: &crate::name::Name, why: &str) -> String {
    if why.contains(&format!("cluster `{cluster}`")) { why.to_owned() } else { format!("cluster `{cluster}`: {why}") }
}

/// Text of a commit without what could move a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(100).collect()
}
