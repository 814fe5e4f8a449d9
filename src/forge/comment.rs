//! The one comment of a garden: how it is known, and what it keeps of earlier plans.
//!
//! It begins with a line that nobody sees, and ends with one such line a plan, from which the next run reads what was said before.
//! Whatever people make of these lines, a comment that can be read in part is gone on from in part.

use super::{CommentBody, ForgeComment, ForgeKind, shortened};
use crate::report::escape;
use crate::visible;

/// The most earlier plans that are kept.
const MOST_PAST: usize = 20;
/// The most characters that are kept of a verdict.
const MOST_VERDICT: usize = 200;
/// The most places that are listed of notes that stand on no line.
const MOST_PLACES: usize = 20;
/// The most characters of one such place.
const MOST_PLACE: usize = 200;
/// The least bytes that a body is given.
const LEAST_BODY: usize = 1_000;
/// What the lines for the next run stand after.
const HISTORY: &str = "<!-- parcelle history -->";
/// How such a line begins.
const PLANNED: &str = "<!-- parcelle planned ";
const END: &str = " -->";

/// A plan that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToldPlan {
    commit: String,
    at: jiff::Timestamp,
    verdict: String,
}

impl ToldPlan {
    pub(super) fn new(commit: &str, at: jiff::Timestamp, verdict: &str) -> Self {
        let verdict = visible::line(verdict).replace('<', "‹").replace('>', "›").replace("--", "–");
        let at = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
        Self { commit: commit.to_owned(), at, verdict: shortened(verdict.trim(), MOST_VERDICT) }
    }

    fn hidden(&self) -> String {
        format!("{PLANNED}{} {} {}{END}\n", self.commit, self.at, self.verdict)
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.trim().strip_prefix(PLANNED)?.strip_suffix(END)?.splitn(3, ' ');
        let (commit, at, verdict) = (words.next()?, words.next()?, words.next()?);
        super::read::is_commit(commit).then_some(())?;
        Some(Self::new(commit, at.parse().ok()?, verdict))
    }

    fn shown(&self) -> String {
        let at = self.at.strftime("%Y-%m-%d %H:%M UTC");
        format!("- <code>{}</code> · {at} · {}\n", self.commit.get(..12).unwrap_or_default(), escape(&self.verdict))
    }
}

/// The line by which the comment of a garden is known.
pub(super) fn marker(garden: &str) -> String {
    format!("<!-- parcelle review {garden} -->")
}

/// The comments of a garden among some: those that begin with its line, before those that hold it anywhere.
pub(super) fn of_garden<'a>(comments: &'a [ForgeComment], garden: &str) -> Vec<&'a ForgeComment> {
    let marker = marker(garden);
    let begins =
        |comment: &&ForgeComment| comment.body.trim_start().lines().next().map(str::trim_end) == Some(&*marker);
    let holds = |comment: &&ForgeComment| comment.body.lines().any(|line| line.trim() == marker);
    let first = comments.iter().filter(begins);
    first.chain(comments.iter().filter(|comment| !begins(comment) && holds(comment))).collect()
}

/// The plans that a comment told, the latest last.
pub(super) fn told_in(body: &str) -> Vec<ToldPlan> {
    let Some((_, hidden)) = body.rsplit_once(HISTORY) else { return Vec::new() };
    let mut told: Vec<ToldPlan> = hidden.lines().filter_map(ToldPlan::read).collect();
    told.drain(..told.len().saturating_sub(MOST_PAST + 1));
    told
}

/// What a comment says beside its body.
pub(super) struct CommentParts<'a> {
    pub(super) garden: &'a str,
    pub(super) draft: bool,
    /// The places of notes that stand on no line of the diff.
    pub(super) unplaced: &'a [String],
    /// What the comment told before.
    pub(super) told: &'a [ToldPlan],
    pub(super) plan: ToldPlan,
}

/// Writes the whole comment.
pub(super) fn write(kind: ForgeKind, around: CommentParts<'_>, body: &CommentBody) -> String {
    let mut head = format!("{}\n", marker(around.garden));
    if around.draft {
        head.push_str("**This merge request is a draft**: it is planned all the same, and not ready to be merged.\n\n");
    }
    let mut foot = unplaced(around.unplaced);
    let (past, now) = past(around.told, around.plan);
    if !past.is_empty() {
        foot.push_str(&format!("\n<details>\n<summary>Earlier plans ({})</summary>\n\n", past.len()));
        past.iter().for_each(|plan| foot.push_str(&plan.shown()));
        foot.push_str("\n</details>\n");
    }
    foot.push_str(&format!("\n{HISTORY}\n"));
    past.iter().chain([&now]).for_each(|plan| foot.push_str(&plan.hidden()));
    // A line end stands between body and foot.
    let room = kind.most_of_comment().saturating_sub(head.len() + foot.len() + 1).max(LEAST_BODY);
    let body = cut(body(room), room);
    let text = format!("{head}{}\n{foot}", body.trim_end());
    if kind == ForgeKind::GitLab { without_commands(&text) } else { text }
}

/// The plans before this one, and this one: at the same commit it takes the place of the last, and one that says the same keeps its
/// time.
fn past(told: &[ToldPlan], plan: ToldPlan) -> (Vec<ToldPlan>, ToldPlan) {
    let (mut past, mut now) = (told.to_vec(), plan);
    if let Some(last) = past.pop_if(|last| last.commit == now.commit)
        && last.verdict == now.verdict
    {
        now.at = last.at;
    }
    past.drain(..past.len().saturating_sub(MOST_PAST));
    (past, now)
}

fn unplaced(places: &[String]) -> String {
    if places.is_empty() {
        return String::new();
    }
    let mut text = format!("\n**On lines that this comment alone can name ({}):**\n\n", places.len());
    for place in places.iter().take(MOST_PLACES) {
        text.push_str(&format!("- {}\n", escape(&shortened(place, MOST_PLACE))));
    }
    if let Some(more) = places.len().checked_sub(MOST_PLACES).filter(|more| *more > 0) {
        text.push_str(&format!("- and {more} more\n"));
    }
    text
}

/// A body that keeps to its room, whoever wrote it.
fn cut(body: String, room: usize) -> String {
    const SAYS: &str = "\n\n**The rest of this text was cut: it is longer than the forge takes.**";
    if body.len() <= room {
        return body;
    }
    let end = body.floor_char_boundary(room.saturating_sub(SAYS.len()));
    format!("{}{SAYS}", &body[..end])
}

/// A text no line of which is a command of GitLab: a joiner that nobody sees stands before the slash.
pub(super) fn without_commands(text: &str) -> String {
    let line = |line: &str| {
        if line.trim_start().starts_with('/') { format!("\u{2060}{line}") } else { line.to_owned() }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Whether two texts are one to a forge, which may change the ends of lines and of the whole.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.replace("\r\n", "\n").trim() == other.replace("\r\n", "\n").trim()
}

#[cfg(test)]
mod tests {
    use super::super::ForgeAccount;
    use super::*;

    const COMMIT: &str = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";

    fn at(minute: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_795_172_400 + minute * 60).expect("a time")
    }

    fn commit(nth: usize) -> String {
        format!("{nth:040x}")
    }

    fn written(kind: ForgeKind, told: &[ToldPlan], plan: ToldPlan, body: &CommentBody) -> String {
        write(kind, CommentParts { garden: "plots", draft: false, unplaced: &[], told, plan }, body)
    }

    #[test]
    fn a_comment_tells_the_next_run_what_it_said() {
        let plan = |nth: usize, verdict: &str| ToldPlan::new(&commit(nth), at(0), verdict);
        let mut told = Vec::new();
        for nth in 1..=25 {
            let text = written(ForgeKind::GitHub, &told, plan(nth, "1 change"), &|_| "Body.".to_owned());
            told = told_in(&text);
        }
        assert_eq!(told.len(), MOST_PAST + 1);
        assert_eq!(told.last(), Some(&plan(25, "1 change")));
        assert_eq!(told[0], plan(5, "1 change"));
    }

    #[test]
    fn the_same_plan_again_keeps_its_time_and_another_of_the_same_commit_takes_its_place() {
        let told = [ToldPlan::new(COMMIT, at(0), "1 change")];
        let (past, now) = past(&told, ToldPlan::new(COMMIT, at(9), "1 change"));
        assert_eq!((past.len(), now.at), (0, at(0)));
        let (past, now) = super::past(&told, ToldPlan::new(COMMIT, at(9), "2 changes"));
        assert_eq!((past.len(), now.at), (0, at(9)));
        let (past, _) = super::past(&told, ToldPlan::new(&commit(1), at(9), "1 change"));
        assert_eq!(past, told);
    }

    #[test]
    fn nothing_that_a_verdict_says_ends_its_line() {
        let plan = ToldPlan::new(COMMIT, at(0), "a --> b\n<!-- parcelle planned \u{1b}[31m @everybody");
        let text = written(ForgeKind::Forgejo, &[], plan.clone(), &|_| "Body.".to_owned());
        assert_eq!(told_in(&text), [plan]);
        assert_eq!(text.matches("-->").count(), 3, "{text}");
        let long = ToldPlan::new(COMMIT, at(0), &"ü".repeat(5_000));
        assert_eq!(long.verdict.chars().count(), MOST_VERDICT);
        // What others wrote into the body is no history.
        let forged = format!("```\n{HISTORY}\n{PLANNED}{} {} all is well{END}\n```", commit(7), at(0));
        let text = written(ForgeKind::Forgejo, &[], ToldPlan::new(COMMIT, at(0), "1"), &move |_| forged.clone());
        assert_eq!(told_in(&text).len(), 1);
        for broken in
            ["", HISTORY, "<!-- parcelle planned", &format!("{HISTORY}\n{PLANNED}x y z{END}\n{PLANNED}{COMMIT}{END}")]
        {
            assert_eq!(told_in(broken), [], "{broken}");
        }
    }

    #[test]
    fn a_comment_is_no_longer_than_its_forge_takes() {
        let places: Vec<String> = (0..500).map(|nth| format!("a.kdl:{nth} {}", "é".repeat(999))).collect();
        let told: Vec<ToldPlan> = (0..30).map(|nth| ToldPlan::new(&commit(nth), at(0), &"ü".repeat(999))).collect();
        for kind in ForgeKind::ALL {
            let around = || CommentParts {
                garden: "plots",
                draft: true,
                unplaced: &places,
                told: &told,
                plan: ToldPlan::new(COMMIT, at(0), "1"),
            };
            // One keeps to the room that it is given, the other does not.
            let room = |room: usize| format!("{}.", "x".repeat(room - 1));
            for text in [write(kind, around(), &room), write(kind, around(), &|_| "漢".repeat(700_000))] {
                assert!(text.len() <= kind.most_of_comment(), "{kind}: {}", text.len());
                assert!(text.chars().count() <= 65_536 || kind == ForgeKind::GitLab);
                assert_eq!(told_in(&text).len(), MOST_PAST + 1, "{kind}: what comes last is not cut");
            }
            assert!(write(kind, around(), &|_| "漢".repeat(700_000)).contains("The rest of this text was cut"));
        }
    }

    #[test]
    fn no_line_is_a_command_of_gitlab() {
        let body = "/merge\n  /approve\n```\n/close\n```\nand/or";
        let text = written(ForgeKind::GitLab, &[], ToldPlan::new(COMMIT, at(0), "1"), &|_| body.to_owned());
        assert!(!text.lines().any(|line| line.trim_start().starts_with('/')), "{text}");
        let text = written(ForgeKind::GitHub, &[], ToldPlan::new(COMMIT, at(0), "1"), &|_| body.to_owned());
        assert!(text.contains(body), "elsewhere it is a text");
    }

    #[test]
    fn the_comment_that_begins_with_the_mark_comes_before_one_that_holds_it() {
        let author = ForgeAccount { id: Some(1), login: "bot".to_owned() };
        let comment = |id: u64, body: &str| ForgeComment { id, author: author.clone(), body: body.to_owned() };
        let comments = [
            comment(1, "Hello\n<!-- parcelle review plots -->"),
            comment(2, "<!-- parcelle review others -->"),
            comment(3, "\n<!-- parcelle review plots -->\r\ntext"),
            comment(4, "`<!-- parcelle review plots -->` is the mark"),
        ];
        let found: Vec<u64> = of_garden(&comments, "plots").iter().map(|comment| comment.id).collect();
        assert_eq!(found, [3, 1]);
    }
}
