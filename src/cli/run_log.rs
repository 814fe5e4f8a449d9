//! A round as lines of a log: notes, findings, plan, outcome, what was left alone.

use super::log::{Log, LogLevel, LogLine};
use super::session;
use super::show::{ShownRound, of_cluster};
use super::taken_back::of_taken_back;
use crate::cause::reason_of;
use crate::check::Checked;
use crate::engine::{Note, Round, Turn};
use crate::finding::{Finding, Severity};
use crate::impact::Impact;
use crate::name::Name;
use crate::plan::{Done, OrganisationOutcome, OrganisationPlan, Verb};
use crate::report::plan::{Tally, TextStyle};
use crate::report::{self, Drawing};

/// Writes what a round came to into a log.
pub(super) struct RoundLog<'a> {
    pub(super) log: Log,
    pub(super) checked: &'a Checked,
    /// Every object rather than a summary.
    pub(super) verbose: bool,
}

impl RoundLog<'_> {
    /// What people are to know beside the round.
    pub(super) fn notes(&self, turn: &Turn<'_>) {
        for note in &turn.notes {
            let level = match note {
                Note::SandboxState { .. } | Note::StandsBy { .. } | Note::Word { .. } => LogLevel::Info,
                Note::TakesOver { .. } | Note::WordFailed { .. } => LogLevel::Warn,
            };
            let (Note::SandboxState { cluster, .. }
            | Note::StandsBy { cluster, .. }
            | Note::TakesOver { cluster, .. }
            | Note::Word { cluster, .. }
            | Note::WordFailed { cluster, .. }) = note;
            self.log.write(&LogLine::new(level, session::words_of(note)).on(cluster.as_str()));
        }
        if let Some(failure) = &turn.failure {
            let text =
                format!("{}; parcelle goes on with the commit that it knows, and looks again", reason_of(failure));
            let help: Vec<String> = failure.help().into_iter().collect();
            self.line(self.at(LogLevel::Error, text).saying("help", &help));
        }
    }

    /// A whole round; `tells` where it has news beside what was told before.
    pub(super) fn round(&self, shown: &ShownRound<'_>) {
        let findings = shown.findings();
        findings.iter().for_each(|finding| self.line(self.finding(finding)));
        if let Some(commit) = self.checked.commit.as_ref().filter(|_| shown.loud || shown.plan.is_some()) {
            let text =
                format!("commit {} of {}: {}", commit.summary, commit.author, super::check::summary(self.checked));
            self.line(self.at(LogLevel::Info, text));
        }
        if let Some(plan) = &shown.round.plan {
            self.plan(&plan.organisations, &Tally::of(plan), &shown.impact());
        }
        if let Some(outcome) = &shown.round.outcome {
            self.outcome(&outcome.organisations);
        }
        shown.agreement().into_iter().for_each(|text| self.line(self.at(LogLevel::Warn, text)));
        self.asides(shown.round);
    }

    /// A line about the commit that was read.
    fn at(&self, level: LogLevel, message: impl Into<String>) -> LogLine {
        LogLine::new(level, message).at(self.checked.commit.as_ref().map_or("", |commit| commit.id.0.as_str()))
    }

    fn line(&self, line: LogLine) {
        self.log.write(&line);
    }

    /// A finding on one line; what says more of it in fields.
    fn finding(&self, finding: &Finding) -> LogLine {
        let sources = &self.checked.sources;
        let level = match finding.severity {
            Severity::Error => LogLevel::Error,
            Severity::Warning => LogLevel::Warn,
            Severity::Hint => LogLevel::Info,
        };
        let (at, file) = (sources.start(finding.primary.span), &*sources.file(finding.file()).path);
        let code = finding.code.as_str();
        let text = format!("{code} {}: {}", sources.locate(finding.primary.span), finding.title);
        let fixes: Vec<String> = finding.fixes.iter().map(|fix| fix.title.clone()).collect();
        self.at(level, text)
            .of(self.organisation_of(finding))
            .with("code", code)
            .with("file", file)
            .with("line", at.line)
            .with("column", at.column)
            .saying("why", finding.why.as_slice())
            .saying("help", &finding.help)
            .saying("fix", &fixes)
    }

    /// The organisation that a finding stops, or in whose file it is; empty where it is in none.
    fn organisation_of(&self, finding: &Finding) -> String {
        if let Some(name) = &finding.stops {
            return name.to_string();
        }
        let Some(garden) = &self.checked.garden else { return String::new() };
        let span = finding.primary.span;
        let around = |place: crate::source::Span| {
            let (inner, outer) = (span.range(), place.range());
            place.file == span.file && outer.start <= inner.start && inner.end <= outer.end
        };
        let mut known = garden.stopped.values().chain(garden.organisations.values());
        if let Some(found) = known.find(|organisation| around(organisation.span)) {
            return found.name.to_string();
        }
        // Of what could not be read the name of its file is left.
        let path = &*self.checked.sources.file(span.file).path;
        let name = path.rsplit('/').next().and_then(|name| name.strip_suffix(".kdl")).unwrap_or_default();
        let is_broken = garden.broken.iter().any(|broken| broken.as_str() == name);
        if is_broken { name.to_owned() } else { String::new() }
    }

    fn plan(&self, organisations: &[OrganisationPlan], tally: &Tally, impact: &Impact) {
        let style = self.style();
        if tally.organisations() == 0 {
            return;
        }
        let mut heading = "";
        let head = report::plan::text::head(tally, impact, style);
        for line in head.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix("  ") {
                Some(line) => self.line(self.at(LogLevel::Info, format!("{heading}{line}"))),
                // What is said before each line below it.
                None if line.ends_with(':') => heading = if line.contains("later") { "acts later: " } else { "" },
                None => self.line(self.at(LogLevel::Info, line)),
            }
        }
        for one in organisations {
            let drawn = report::plan::text::organisation(one, style);
            let is_refused = one.counts().get(&Verb::Refused).is_some_and(|count| *count > 0);
            let level = if is_refused { LogLevel::Warn } else { LogLevel::Info };
            self.drawn(&drawn, "planned", (&one.organisation, &one.cluster), level);
        }
        self.summary(&report::plan::text::summary(tally));
    }

    fn outcome(&self, organisations: &[OrganisationOutcome]) {
        for one in organisations {
            let drawn = report::plan::organisation_outcome(one, self.style());
            self.drawn(&drawn, "done", (&one.organisation, &one.cluster), level_of(one));
        }
        if !organisations.is_empty() {
            self.summary(&report::plan::outcome_summary(organisations));
        }
    }

    fn summary(&self, text: &str) {
        text.lines().filter(|line| !line.is_empty()).for_each(|line| self.line(self.at(LogLevel::Info, line)));
    }

    /// Clusters out of reach, commits that would go back, organisations left alone.
    fn asides(&self, round: &Round) {
        for (cluster, why) in &round.unreached {
            let text = format!("failed: {}", of_cluster(cluster, why));
            self.line(self.at(LogLevel::Error, text).on(cluster.as_str()));
        }
        for (organisation, back) in &round.backwards {
            let text = format!("kept at {}", of_taken_back(back));
            self.line(self.at(LogLevel::Warn, text).of(organisation.as_str()));
        }
        for (organisation, waits) in &round.waiting {
            self.line(self.at(LogLevel::Warn, format!("kept: {organisation} {waits}")).of(organisation.as_str()));
        }
        if round.untouched > 0 {
            let text =
                format!("{} rendered anew, {} left alone: nothing of theirs changed", round.rendered, round.untouched);
            self.line(self.at(LogLevel::Debug, text));
        }
    }

    /// A text about one organisation on a cluster that was drawn elsewhere: a line for each thing in it.
    fn drawn(&self, text: &str, what: &str, (organisation, cluster): (&Name, &Name), level: LogLevel) {
        let own = format!("{organisation}: ");
        for (message, details) in events(text) {
            let message = message.strip_prefix(&own).map_or(message.clone(), |counts| format!("{what}: {counts}"));
            let line = self.at(level, message).of(organisation.as_str()).on(cluster.as_str());
            self.line(line.saying("detail", &details));
        }
    }

    fn style(&self) -> TextStyle {
        TextStyle { drawing: Drawing::Plain, verbose: self.verbose, asked: true }
    }
}

/// The things that a drawn text tells, each with what stands below it. A heading stands before each thing below it.
///
/// ```text
/// alpha: 1 change                       alpha: 1 change
///   cloud                         ─▶    cloud: ~ Deployment cloud-web — the garden asks for it
///     ~ Deployment cloud-web — …            spec.replicas: 2 → 3
///         spec.replicas: 2 → 3
/// ```
fn events(text: &str) -> Vec<(String, Vec<String>)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut events: Vec<(String, Vec<String>)> = Vec::new();
    let (mut heading, mut lines) = (String::new(), text.lines().filter(|line| !line.trim().is_empty()).peekable());
    while let Some(line) = lines.next() {
        let told = line.trim().to_owned();
        match (indent(line), events.last_mut()) {
            (2, _) if lines.peek().is_some_and(|next| indent(next) == 4) => heading = format!("{told}: "),
            (0..=3, _) | (_, None) => {
                heading.clear();
                events.push((told, Vec::new()));
            }
            (4 | 5, _) => events.push((format!("{heading}{told}"), Vec::new())),
            (_, Some((_, details))) => details.push(told),
        }
    }
    events
}

/// How much what came of a plan weighs.
fn level_of(outcome: &OrganisationOutcome) -> LogLevel {
    let failed = |passing: bool| {
        outcome.outcomes.iter().any(|one| matches!(&one.done, Done::Failed { passing: is, .. } if *is == passing))
    };
    match () {
        () if outcome.failure.is_some() || failed(false) => LogLevel::Error,
        () if failed(true) => LogLevel::Warn,
        () => LogLevel::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::events;

    #[test]
    fn each_thing_of_a_drawn_text_is_a_line_with_what_stands_below_it() {
        let drawn = "alpha: 2 change\n  held: tonight\n  cloud\n    ~ Deployment cloud-web — the garden asks for it\n        \
                     spec.replicas: 2 → 3\n        help wait\n    + Service cloud — new\n  the organisation itself\n    + \
                     Namespace alpha — new\n\n";
        let told = events(drawn);
        let told: Vec<(&str, usize)> = told.iter().map(|(line, below)| (line.as_str(), below.len())).collect();
        assert_eq!(
            told,
            [
                ("alpha: 2 change", 0),
                ("held: tonight", 0),
                ("cloud: ~ Deployment cloud-web — the garden asks for it", 2),
                ("cloud: + Service cloud — new", 0),
                ("the organisation itself: + Namespace alpha — new", 0)
            ]
        );
    }
}
