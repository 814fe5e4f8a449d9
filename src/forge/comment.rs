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
pub(super) struct Around<'a> {
    pub(super) garden: &'a str,
    pub(super) draft: bool,
    /// The places of notes that stand on no line of the diff.
    pub(super) unplaced: &'a [String],
    /// What the comment told before.
    pub(super) told: &'a [ToldPlan],
    pub(super) plan: ToldPlan,
}

/// Writes the whole comment.
pub(super) fn write(kind: ForgeKind, around: Around<'_>, body: &CommentBody) -> String {
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
    let room = kind.most_of_comment().saturating_sub(head.len() + foot.len()).max(LEAST_BODY);
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
    let line = |line: &str| match line.trim_start().starts_with('/') {
        true => format!("\u{2060}{line}"),
        false => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Whether two texts are one to a forge, which may change the ends of lines and of the whole.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.replace("\r\n", "\n").trim() == other.replace("\r\n", "\n").trim()
}
