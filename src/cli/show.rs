//! A round as people read it: findings, plan, outcome, in one format.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::Exit;
use super::check::{plural, summary};
use crate::check::Checked;
use crate::engine::{Round, RoundOutcome};
use crate::finding::Findings;
use crate::plan;
use crate::report::plan::{Markdown, TextStyle};
use crate::report::{self, Drawing, Format};

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
    /// Whether findings are told again.
    pub(crate) loud: bool,
}

impl ShownRound<'_> {
    /// 2 where a cluster is out of reach, 1 where something is left for people, else 0.
    pub(crate) fn exit(&self) -> Exit {
        let open = self.round.outcome.as_ref().is_some_and(RoundOutcome::is_open);
        let refused = |plan: &crate::plan::Plan| plan.organisations.iter().any(|one| one.findings.has_errors());
        if !self.round.unreached.is_empty() {
            Exit::World
        } else if open
            || self.checked.findings.has_errors()
            || !self.round.backwards.is_empty()
            || self.round.plan.as_ref().is_some_and(refused)
        {
            Exit::Garden
        } else {
            Exit::Good
        }
    }

    /// Whether anything was to be written.
    pub(crate) fn writes(&self) -> bool {
        self.round.plan.as_ref().is_some_and(crate::plan::Plan::changes_anything)
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
        let _ = write!(text, "{commit} {unreached:?} {backwards:?} {waiting:?}");
        for one in self.round.plan.iter().flat_map(|plan| &plan.organisations) {
            let held = one.counts().get(&crate::plan::Verb::Held).copied().unwrap_or(0);
            if let Some(standstill) = one.standstill.as_ref().filter(|_| held > 0) {
                let _ = write!(text, " {} {standstill:?} {held}", one.organisation);
            }
        }
        text
    }

    pub(crate) fn text(&self, options: ShowOptions) -> String {
        match options.format {
            ShowFormat::Json => format!("{:#}\n", self.json()),
            ShowFormat::Markdown => self.markdown(),
            ShowFormat::Text => self.words(options),
        }
    }

    /// Findings of the garden, of the plan, of the API servers' refusals.
    fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        if self.loud {
            findings.extend(self.checked.findings.clone());
        }
        if let Some(plan) = &self.round.plan {
            plan.organisations.iter().for_each(|one| findings.extend(one.findings.clone()));
        }
        if let Some(outcome) = &self.round.outcome {
            findings.extend(outcome.findings.clone());
        }
        findings.sort_in(&self.checked.sources);
        findings
    }

    fn words(&self, options: ShowOptions) -> String {
        let findings = self.findings();
        let mut text = String::new();
        if !findings.is_empty() {
            text.push_str(&report::render(Format::Text, &findings, &self.checked.sources, options.drawing));
            text.push('\n');
        }
        if let Some(commit) = &self.checked.commit {
            let _ =
                writeln!(text, "commit {} {} ({})", commit.id.short(), plain(&commit.summary), plain(&commit.author));
        }
        let _ = writeln!(text, "{}", summary(self.checked));
        let seen = |plan: &&crate::plan::Plan| {
            !plan.organisations.is_empty() || (self.round.unreached.is_empty() && self.round.untouched == 0)
        };
        if let Some(plan) = self.round.plan.as_ref().filter(seen) {
            let style = TextStyle { drawing: options.drawing, verbose: options.verbose };
            text.push('\n');
            text.push_str(&report::plan::text(plan, style));
            if let Some(outcome) = &self.round.outcome {
                text.push_str(&report::plan::outcome(&outcome.organisations, style));
            }
        }
        self.asides(&mut text, options);
        text
    }

    /// What is neither plan nor outcome: clusters out of reach, commits that would go back, organisations left alone.
    fn asides(&self, text: &mut String, options: ShowOptions) {
        for (cluster, why) in &self.round.unreached {
            let _ = writeln!(text, "failed: {}", of_cluster(cluster, why));
        }
        for (organisation, back) in &self.round.backwards {
            let _ = writeln!(
                text,
                "kept: {organisation} is at {}, which this commit takes back; to go back, commit `rollback to=\"{}\"` in garden.kdl on top of it",
                back.at.short(),
                back.shared.short()
            );
        }
        for (organisation, cluster) in &self.round.waiting {
            let _ = writeln!(
                text,
                "kept: {organisation} is not made while cluster `{cluster}` cannot be read: it may live there"
            );
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

    fn json(&self) -> Value {
        let lines = report::render(Format::Json, &self.findings(), &self.checked.sources, Drawing::Plain);
        let findings: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        json!({
            "commit": self.checked.commit.as_ref().map(|commit| &commit.id.0),
            "findings": findings,
            "plan": self.round.plan.as_ref().map(plan_value),
            "outcome": self.round.outcome.as_ref().map(|outcome| &outcome.organisations),
            "unreached": self.round.unreached.iter().map(|(cluster, why)| (cluster.to_string(), why)).collect::<std::collections::BTreeMap<_, _>>(),
            "backwards": self.round.backwards.iter().map(|(name, back)| (name.to_string(), &back.at.0)).collect::<std::collections::BTreeMap<_, _>>(),
            "waiting": self.round.waiting.iter().map(|(name, cluster)| (name.to_string(), cluster.to_string())).collect::<std::collections::BTreeMap<_, _>>(),
            "untouched": self.round.untouched,
        })
    }

    fn markdown(&self) -> String {
        let plan =
            self.round.plan.as_ref().map(|plan| report::plan::markdown(plan, Markdown::default())).unwrap_or_default();
        let findings = self.findings();
        if findings.is_empty() {
            return plan;
        }
        let text = report::render(Format::Text, &findings, &self.checked.sources, Drawing::Plain);
        // A fence longer than any run of backticks inside, so that nothing of a garden can end it.
        let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        format!("### Findings\n\n{fence}text\n{}\n{fence}\n\n{plan}", text.trim_end())
    }
}

/// Why a cluster could not be asked, with its name, once.
pub(crate) fn of_cluster(cluster: &crate::name::Name, why: &str) -> String {
    if why.contains(&format!("cluster `{cluster}`")) { why.to_owned() } else { format!("cluster `{cluster}`: {why}") }
}

/// Text of a commit without what could move a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(100).collect()
}

/// The plan as the documented JSON has it.
fn plan_value(plan: &crate::plan::Plan) -> Value {
    serde_json::from_str(&report::plan::json(plan)).unwrap_or_default()
}
