//! A review as a comment that a forge takes: a verdict, then what matters most, within so many bytes.
//!
//! It is cut at whole lines and whole parts alone. Where something is left out the comment says how much, and where it is; the
//! verdict and the numbers of each part are never cut, so that a short comment does not read as a small change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::matters;
use super::page::Page;
use super::words::{counted, many};
use super::{ReviewedPlanBuilder, Tally, causes, page, urgent};
use crate::impact::Impact;
use crate::name::Name;
use crate::plan::{Plan, minute};
use crate::report::markup::{cell, code, code_cell, escape, fence, html};
use crate::review::{
    Against, Details, MergeOutcome, MovedTarget, REACHES_MANY, Review, ReviewedFinding, ReviewedPlan, ReviewedSeverity,
    UrgentCounts, grouped, verdict,
};

/// How a comment is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommentStyle {
    /// The most bytes.
    pub(crate) at_most: usize,
    /// Where everything is that has no room here, as a sentence ends: `` `plan.txt` of this pipeline ``.
    pub(crate) whole: Option<String>,
    /// What the forge says of the request, and the review cannot: that it is a draft, or from a fork.
    pub(crate) request: Vec<String>,
    /// Who must agree, and who has: a verdict, then what it comes from, a line each.
    pub(crate) agreement: Vec<String>,
}

impl Default for CommentStyle {
    fn default() -> Self {
        Self { at_most: MOST_BYTES, whole: None, request: Vec::new(), agreement: Vec::new() }
    }
}

/// The most bytes of a comment where nothing else is said: GitHub takes 65,536 characters, and something is added around it.
pub(crate) const MOST_BYTES: usize = 60_000;
/// Bytes for the lines that say what was left out.
const ASIDE: usize = 1_500;
/// So many names stand in one line.
const NAMED: usize = 3;

/// The review as Markdown.
pub(crate) fn comment(review: &Review, style: &CommentStyle) -> String {
    let mut page = Page::new(head(review, style), style.at_most.saturating_sub(ASIDE));
    let mut left_out = Vec::new();
    if let Some(plan) = &review.plan {
        matters_of(&mut page, plan);
        written(&mut page, plan);
    }
    findings(&mut page, &review.findings, review.older_findings);
    page.list("**Left as it is:**", "more", review.kept.iter().map(|line| format!("- {}\n", escape(line))));
    agreement(&mut page, &style.agreement);
    if let Some(plan) = &review.plan {
        overlooked(&mut page, plan);
        organisations(&mut page, plan);
        left_out.extend(objects(&mut page, plan));
    }
    left_out.extend(page.left_out());
    let mut out = page.finish();
    if !left_out.is_empty() {
        let whole = style.whole.as_deref().map_or_else(|| elsewhere(review), escape);
        let _ = writeln!(out, "\nLeft out here for length: {} → {whole}.", left_out.join("; "));
    }
    out
}

/// Who must agree, and who has.
fn agreement(page: &mut Page, lines: &[String]) {
    let Some((verdict, lines)) = lines.split_first() else { return };
    page.text(&format!("\n**Agreement:** {}.\n", escape(verdict.trim_end_matches('.'))));
    page.list("", "lines of the agreement", lines.iter().map(|line| format!("- {}\n", escape(line))));
}

/// The command that tells all of a review.
fn elsewhere(review: &Review) -> String {
    match &review.against {
        Against::Commit { commit } if !commit.is_empty() && !review.head.is_empty() => {
            let short = |commit: &str| commit.chars().take(12).collect::<String>();
            let command = format!("parcelle plan --base {} --commit {}", short(commit), short(&review.head));
            format!("{} tells all of it", code(&command))
        }
        _ => "`parcelle plan` tells all of it".to_owned(),
    }
}

/// A plan alone as Markdown, within so many bytes: without what it does to people, which only its garden tells.
pub fn markdown(plan: &Plan, at_most: usize) -> String {
    let mut builder = ReviewedPlanBuilder::new(true);
    plan.organisations.iter().for_each(|one| builder.add(one));
    let reviewed = builder.finish(&Tally::of(plan), Impact::default());
    let review = Review::of_plan(plan.head.garden.to_string(), plan.head.commit.clone(), plan.head.made, reviewed);
    comment(&review, &CommentStyle { at_most, ..CommentStyle::default() })
}

/// The verdict, and what was compared with what.
fn head(review: &Review, style: &CommentStyle) -> String {
    let verdict = verdict(review);
    let mark = if verdict.is_grave { " ⚠" } else { "" };
    let mut out = format!("**Plan: {}**{mark}\n", escape(&verdict.words));
    for line in &style.request {
        let _ = writeln!(out, "{}", escape(line));
    }
    let _ = writeln!(out, "\n{}", compared(review));
    if let Some(target) = &review.target {
        let _ = writeln!(out, "\n{}", moved_on(target));
    }
    if !review.reaches_all.is_empty() {
        let names: Vec<String> = review.reaches_all.iter().take(NAMED).map(|path| code(path)).collect();
        let more = review.reaches_all.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {} more", many(more, "file")) } else { String::new() };
        let _ = writeln!(out, "\nDecides for more than one organisation: {}{more}.", names.join(", "));
    }
    out
}

/// `3f2a91c` against `88d10e4` · 29 Nov 2026 · clusters not asked.
fn compared(review: &Review) -> String {
    let short = |commit: &str| code(&commit.chars().take(12).collect::<String>());
    let head = if review.head.is_empty() { "the files on disk".to_owned() } else { short(&review.head) };
    let (against, asked) = match &review.against {
        Against::Commit { commit } => (format!(" against {}", short(commit)), "clusters not asked".to_owned()),
        Against::Snapshot { taken, base } => {
            let base = if base.is_empty() { String::new() } else { format!(" against {}", short(base)) };
            (base, format!("clusters as they were at {}", minute(*taken)))
        }
        Against::Clusters => (String::new(), "clusters asked".to_owned()),
    };
    format!("{head}{against} · checked {} · {asked}", minute(review.made))
}

fn moved_on(target: &MovedTarget) -> String {
    let MovedTarget { branch, commit, ahead, merge } = target;
    let short = code(&commit.chars().take(12).collect::<String>());
    let moved = format!("{} has gone on by {} to {short} since", code(branch), many(*ahead, "commit"));
    match merge {
        MergeOutcome::Clean => format!("{moved}: both go together."),
        MergeOutcome::Conflicts { paths } => {
            let names: Vec<String> = paths.iter().take(NAMED).map(|path| code(path)).collect();
            let more = paths.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {} more", many(more, "file")) } else { String::new() };
            format!(
                "**{moved}, and edits the same lines:** {}{more}. Merge it into this branch first.",
                names.join(", ")
            )
        }
        MergeOutcome::Findings { findings } => {
            let said: Vec<String> = findings
                .iter()
                .take(NAMED)
                .map(|finding| {
                    format!("{} {} ({})", code(&finding.code), escape(&finding.title), code(&finding.place.to_string()))
                })
                .collect();
            let more = findings.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {} more", many(more, "finding")) } else { String::new() };
            format!("**{moved}, and together they do not go:** {}{more}.", said.join("; "))
        }
        MergeOutcome::Unknown { why } => format!("{moved}; what a merge would come to is not known: {}.", escape(why)),
    }
}

/// What matters, group by group in the order of their weight.
fn matters_of(page: &mut Page, plan: &ReviewedPlan) {
    // How far a line reaches stands above already.
    let mut impact = plan.impact.clone();
    impact.dangers.retain(|danger| danger.rule != REACHES_MANY);
    let lines = matters::lines(&impact);
    for (group, title) in matters::GROUPS_BEFORE_LATER {
        group_of(page, &lines, *group, title);
    }
    let later = plan.later.iter().map(|line| {
        let origin = line.origin.as_ref().map(|origin| format!(" {}", code(origin))).unwrap_or_default();
        format!("- {}{origin}\n", escape(&line.words))
    });
    page.list("**Acts later:**", "lines of what acts later", later);
    if let Some(hour) = &plan.hour {
        page.text(&format!("\n{}\n", escape(hour)));
    }
    for (group, title) in matters::GROUPS_AFTER_LATER {
        group_of(page, &lines, *group, title);
    }
}

fn group_of(page: &mut Page, lines: &[matters::MatterLine], group: matters::MatterGroup, more: &str) {
    let of_group = lines.iter().filter(|line| line.group == group);
    page.list(
        "",
        more,
        of_group.map(|line| {
            let origin =
                line.origin.as_ref().map(|origin| format!(" {}", code(&origin.to_string()))).unwrap_or_default();
            format!("- **{}**{}{origin}\n", escape(&line.lead), after(&line.words))
        }),
    );
}

/// Words after the bold ones that begin a line.
fn after(words: &str) -> String {
    match words {
        "" => String::new(),
        words if words.starts_with([':', ',', ';', '.']) => escape(words),
        words => format!(" {}", escape(words)),
    }
}

/// The edited lines, as a table.
fn written(page: &mut Page, plan: &ReviewedPlan) {
    let rows = causes::rows(&plan.impact);
    let edited = rows.iter().map(|row| {
        let value = |text: &Option<String>| text.as_ref().map(|text| code_cell(text)).unwrap_or_default();
        let word = if row.word.is_empty() { String::new() } else { format!(" {}", code_cell(&row.word)) };
        let does = effect(&row.does, &row.later, &row.reach);
        format!("| {}{word} | {} | {} | {does} |\n", code_cell(&row.place), value(&row.was), value(&row.is))
    });
    let others = causes::others(&plan.impact);
    let unedited = others
        .iter()
        .map(|row| format!("| *no line:* {} | | | {} |\n", cell(&row.why), effect(&row.does, "", &row.reach)));
    page.list("| written | was | is | does |\n|---|---|---|---|", page::ROWS, edited.chain(unedited));
}

/// What a line does, now and later, and how far it reaches.
fn effect(does: &str, later: &str, reach: &str) -> String {
    let later = if later.is_empty() { String::new() } else { format!("*acts later:* {}", cell(later)) };
    let now: Vec<String> = [does, reach].into_iter().filter(|part| !part.is_empty()).map(cell).collect();
    [now.join(": "), later].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What was found, errors first.
fn findings(page: &mut Page, findings: &[ReviewedFinding], older: usize) {
    let lines = findings.iter().map(|finding| {
        let ReviewedFinding { code: name, severity, title, why, help, place, .. } = finding;
        let word = match severity {
            ReviewedSeverity::Error => "error",
            ReviewedSeverity::Warning => "warning",
            ReviewedSeverity::Hint => "hint",
        };
        let mut text = format!("- **{word} {name}** {}: {}  \n", code(&place.to_string()), escape(title));
        for why in why {
            let _ = writeln!(text, "  {}  ", escape(why));
        }
        for help in help {
            let _ = writeln!(text, "  *help:* {}  ", escape(help));
        }
        text
    });
    page.list(&format!("**Findings ({})**", findings.len()), "findings", lines);
    if older > 0 && !findings.is_empty() {
        page.text(&format!("\n{} as before.\n", many(older, "finding")));
    }
}

/// What must not be overlooked, where there is no room for all of it in full: a line for each organisation, and kinds and numbers of
/// those for which there is no room either.
fn overlooked(page: &mut Page, plan: &ReviewedPlan) {
    let blocks: Vec<&Details> = plan.details.iter().filter(|block| !block.urgent.is_empty()).collect();
    let whole: usize = blocks.iter().map(|block| block_of(block).len()).sum();
    if whole <= page.left() * 3 / 4 {
        return;
    }
    let mut by_name: BTreeMap<&Name, UrgentCounts> = BTreeMap::new();
    for block in blocks {
        block.organisations.iter().for_each(|name| urgent::add(by_name.entry(name).or_default(), &block.urgent, 1));
    }
    let heading = "\n**Not in full for want of room, and not to be overlooked:**\n\n";
    let mut part = heading.to_owned();
    let (mut rest, mut others) = (UrgentCounts::new(), 0_usize);
    for (name, counts) in by_name {
        let line = format!("- {}: {}\n", code(name.as_str()), escape(&urgent::words(&counts)));
        if others == 0 && part.len() + line.len() + ASIDE <= page.left() {
            part.push_str(&line);
        } else {
            others += 1;
            urgent::add(&mut rest, &counts, 1);
        }
    }
    if others > 0 {
        let more = many_grouped(others, "organisation");
        let _ = writeln!(part, "- **and in {more} more:** {}", escape(&urgent::words(&rest)));
    }
    page.whole(&part);
}

/// Who is concerned, by name.
fn organisations(page: &mut Page, plan: &ReviewedPlan) {
    if plan.changed.len() <= NAMED {
        return;
    }
    let names: Vec<&str> = plan.changed.keys().map(Name::as_str).collect();
    let open = format!("<details><summary>Organisations ({})</summary>\n", grouped(names.len()));
    page.folded(&open, "organisations by name", names.chunks(1).map(|name| format!("{} · ", name[0])));
}

/// The objects, equal changes of several organisations once. What has no room is counted.
fn objects(page: &mut Page, plan: &ReviewedPlan) -> Option<String> {
    let (mut objects, mut organisations) = (0, BTreeSet::new());
    for block in &plan.details {
        if !page.whole(&block_of(block)) {
            objects += block.counts.values().sum::<usize>() * block.organisations.len();
            organisations.extend(&block.organisations);
        }
    }
    if plan.left_out == 0 {
        let words =
            || format!("{} of {}", many_grouped(objects, "object"), many_grouped(organisations.len(), "organisation"));
        return (!organisations.is_empty()).then(words);
    }
    let organisations = plan.left_out.max(organisations.len());
    Some(format!("objects of {}", many_grouped(organisations, "organisation")))
}

fn many_grouped(count: usize, word: &str) -> String {
    let words = many(count, word);
    words.replacen(&count.to_string(), &grouped(count), 1)
}

fn block_of(block: &Details) -> String {
    let names: Vec<String> = block.organisations.iter().take(NAMED).map(|name| html(name.as_str())).collect();
    let more = block.organisations.len().saturating_sub(NAMED);
    let (more, each) = match (block.organisations.len(), more) {
        (1, _) => (String::new(), ""),
        (_, 0) => (String::new(), " each"),
        (_, more) => (format!(" and {} more", grouped(more)), " each"),
    };
    let open = if block.urgent.is_empty() { "" } else { " open" };
    format!(
        "\n<details{open}><summary><b>{}</b>{more}: {}{each}</summary>\n\n{}\n</details>\n",
        names.join(", "),
        counted(&block.counts),
        fence("text", block.text.trim_end())
    )
}
