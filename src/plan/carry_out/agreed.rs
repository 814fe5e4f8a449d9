//! Whether an action of a saved plan stands in the plan that is made anew: alike in all that decides what is written, and in
//! what people read before they agree to it.

use crate::plan::decide::action::{Action, FieldChange};
use crate::plan::decide::deed::{Deed, infinitive};
use crate::plan::decide::reason::{Changing, Creating, Deleting, Holding, Keeping};
use crate::plan::{Input, LaterAct, Retirement, decide};

/// So many characters of what a file says are told.
const MOST_LETTERS: usize = 160;

/// When a saved plan was made, as it says, and when the other was, in Unix seconds: what is retired by both of them begins
/// its time then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) written: i64,
    pub(crate) anew: i64,
}

/// How an action of a saved plan differs from that of the plan made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// What it says is done already.
    Done,
    /// The end of a sentence that begins with the object.
    Other(String),
}

/// How an action of a saved plan differs from that of the plan made anew; `None` where it stands in it.
pub(crate) fn mismatch(written: &Action, anew: &Action, clocks: Clocks) -> Option<Mismatch> {
    match (written.verb().writes(), anew.verb().writes()) {
        (true, true) => of_writes(written, anew, clocks).map(Mismatch::Other),
        (true, false) => Some(of_undone(written, anew)),
        (false, true) if !is_news(written, anew) => Some(Mismatch::Other(says(written, anew))),
        (false, _) => of_facts(written, anew).map(Mismatch::Other),
    }
}

/// How an action differs that the plan made anew has nothing of; `is_gone` says that its object is neither there nor wanted.
pub(crate) fn mismatch_of_nothing(written: &Action, is_gone: bool) -> Option<Mismatch> {
    let is_done = is_gone && matches!(written.deed, Deed::Delete { .. } | Deed::Keep { .. });
    match (is_done, written.verb().writes()) {
        (true, true) => Some(Mismatch::Done),
        (true, false) => None,
        (false, _) => {
            let why = format!("the file says {}; the plan made anew has nothing of it", words(written));
            Some(Mismatch::Other(why))
        }
    }
}

/// Whether two plans say the same of what acts later; the days of what is retired are compared by its clocks.
pub(crate) fn is_same_later(written: &[LaterAct], anew: &[LaterAct]) -> bool {
    let said = |one: &LaterAct| (one.word, one.app.clone(), one.before.clone(), one.after.clone(), one.objects.clone());
    written.iter().map(said).eq(anew.iter().map(said))
}

/// Holds back what a saved plan does not have, and with it what has to come after it.
pub(crate) fn hold_further(input: &Input<'_>, action: &mut Action) {
    let open = !decide::restores(input, action);
    action.hold(Holding::NotAgreed { open });
}

/// Whether the clocks of what is retired stand alike.
pub(crate) fn is_same_clock(written: Retirement, anew: Retirement, clocks: Clocks) -> bool {
    let length = |one: Retirement| one.until.checked_sub(one.since);
    is_same_since(written.since, anew.since, clocks) && length(written) == length(anew)
}

fn is_same_since(written: i64, anew: i64, clocks: Clocks) -> bool {
    written == anew || (written == clocks.written && anew == clocks.anew)
}

/// An action as people read it: `change — the garden asks for it`.
pub(crate) fn words(action: &Action) -> String {
    let reason = action.reason().to_string();
    format!("`{}` ({})", infinitive(action.verb()), cut(&reason))
}

fn says(written: &Action, anew: &Action) -> String {
    format!("the file says {}, the plan made anew {}", words(written), words(anew))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_LETTERS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// What is written is not to be written any more.
fn of_undone(written: &Action, anew: &Action) -> Mismatch {
    let is_as_wanted = matches!(
        anew.deed,
        Deed::Keep { why: Keeping::Unchanged | Keeping::SecretKept | Keeping::LeftToOthers(_), .. }
    );
    if is_as_wanted && written.verb().applies() && of_facts(written, anew).is_none() {
        return Mismatch::Done;
    }
    if matches!((&written.deed, &anew.deed), (Deed::Delete { .. }, Deed::Keep { why: Keeping::Leaving, .. })) {
        return Mismatch::Done;
    }
    Mismatch::Other(says(written, anew))
}

/// Whether the cluster, not the garden, is why something is to be written now that was not when the plan was made.
fn is_news(written: &Action, anew: &Action) -> bool {
    let is_unblocked = match &written.deed {
        // When a release may be put in is said by the garden, and by the hour.
        Deed::Held { why: Holding::Hold { .. } | Holding::NotClean | Holding::OverBudget { .. }, .. } => false,
        Deed::Held { .. } | Deed::Refused { .. } => true,
        Deed::Keep { why: Keeping::Terminating | Keeping::Leaving, .. } => true,
        _ => false,
    };
    let is_of_cluster = matches!(
        anew.deed,
        Deed::Create(Creating::DeletedBehindOurBack | Creating::Acknowledged { .. })
            | Deed::Change {
                why: Changing::Drift { .. }
                    | Changing::OwnershipOnly
                    | Changing::Interrupted
                    | Changing::Left(_)
                    | Changing::LeftAlone { .. }
                    | Changing::KeysBack { .. }
                    | Changing::CopyFollows { .. },
                ..
            }
    );
    (is_unblocked || is_of_cluster) && of_facts(written, anew).is_none()
}

/// What the commit alone decides of an action.
fn of_facts(written: &Action, anew: &Action) -> Option<String> {
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let app = |action: &Action| action.app.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let origin =
        |action: &Action| action.origin.as_ref().map_or_else(|| "none".to_owned(), |at| format!("{at}:{}", at.column));
    let facts = [
        ("apiVersion", written.id.api_version.to_string(), anew.id.api_version.to_string()),
        ("what", text(&written.what), text(&anew.what)),
        ("app", app(written), app(anew)),
        ("stage", text(&written.stage), text(&anew.stage)),
        ("holdsData", text(&written.holds_data), text(&anew.holds_data)),
        ("desiredHash", written.desired_hash.clone(), anew.desired_hash.clone()),
        ("origin", origin(written), origin(anew)),
    ];
    facts.into_iter().find(|(_, one, other)| one != other).map(|(what, one, other)| unlike(what, &one, &other))
}

fn unlike(what: &str, written: &str, anew: &str) -> String {
    format!("its {what} is `{}` in the file and `{}` in the plan made anew", cut(written), cut(anew))
}

fn of_writes(written: &Action, anew: &Action, clocks: Clocks) -> Option<String> {
    of_base(written, anew)
        .or_else(|| {
            let is_same = written.verb() == anew.verb() && is_same_reason(written, anew, clocks);
            (!is_same).then(|| says(written, anew))
        })
        .or_else(|| of_facts(written, anew))
        .or_else(|| of_rest(written, anew))
}

/// What was there when the plan was made, and is no more.
fn of_base(written: &Action, anew: &Action) -> Option<String> {
    match (written.base(), anew.base()) {
        (None, Some(_)) => Some(format!("is there by now: {}", says(written, anew))),
        (Some(_), None) => Some(format!("is not there any more: {}", says(written, anew))),
        (Some(one), Some(other)) if one.uid != other.uid => {
            Some(format!("was made anew: {}", unlike("uid", &one.uid, &other.uid)))
        }
        (Some(one), Some(other)) if one.values_hash != other.values_hash => {
            let hashes = unlike("valuesHash", &one.values_hash, &other.values_hash);
            Some(format!("was changed where the plan writes: {hashes}"))
        }
        _ => None,
    }
}

fn is_same_reason(written: &Action, anew: &Action, clocks: Clocks) -> bool {
    use Deleting::{OrganisationRetired, Retired};
    match (&written.deed, &anew.deed) {
        (
            Deed::Delete { why: Retired { app: one, since }, .. },
            Deed::Delete { why: Retired { app: other, since: anew }, .. },
        ) => one == other && is_same_since(*since, *anew, clocks),
        (
            Deed::Delete { why: OrganisationRetired { since }, .. },
            Deed::Delete { why: OrganisationRetired { since: anew }, .. },
        ) => is_same_since(*since, *anew, clocks),
        _ => written.reason() == anew.reason(),
    }
}

/// What is done beside the action itself, and what people read of it.
fn of_rest(written: &Action, anew: &Action) -> Option<String> {
    let json = |value: Option<serde_json::Value>| value.unwrap_or_default().to_string();
    if written.force() != anew.force() {
        return Some(unlike("force", &written.force().to_string(), &anew.force().to_string()));
    }
    if written.prepare() != anew.prepare() {
        let text = |action: &Action| json(serde_json::to_value(action.prepare()).ok());
        return Some(unlike("prepare", &text(written), &text(anew)));
    }
    if written.note != anew.note {
        let text = |action: &Action| action.note.clone().unwrap_or_default();
        return Some(unlike("note", &text(written), &text(anew)));
    }
    if written.conflicts != anew.conflicts {
        let text = |action: &Action| json(serde_json::to_value(&action.conflicts).ok());
        return Some(unlike("conflicts", &text(written), &text(anew)));
    }
    of_changes(written, anew)
}

/// The first field that is told otherwise.
fn of_changes(written: &Action, anew: &Action) -> Option<String> {
    let mut pairs = written.changes.iter().zip(&anew.changes);
    if let Some((one, _)) = pairs.find(|(one, other)| !is_same_change(one, other)) {
        return Some(format!(
            "what the file says of its field `{}` is otherwise in the plan made anew",
            cut(&one.path)
        ));
    }
    let counts = (written.changes.len(), anew.changes.len());
    (counts.0 != counts.1)
        .then(|| format!("the file says that {} fields of it move, the plan made anew {}", counts.0, counts.1))
}

fn is_same_change(one: &FieldChange, other: &FieldChange) -> bool {
    // What something in the cluster changes on the way in may be another value each time.
    let is_others = other.origin.is_none() && other.before.is_some() && other.after.is_some();
    let is_same = one.path == other.path && one.origin == other.origin && one.drift_by == other.drift_by;
    let values = (&one.before, &one.after) == (&other.before, &other.after);
    is_same && (values || (is_others && one.before.is_some() && one.after.is_some()))
}
