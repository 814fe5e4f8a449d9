//! What is done without an edited line behind it, in words; and the lines that ask for something where it is not known what
//! was edited.

use crate::impact::ImpactContext;
use crate::impact::edits::{EditedLine, shortened};
use crate::kind;
use crate::plan::{
    Action, Changing, Creating, Deleting, Holding, Keeping, OrganisationPlan, Place, Reason, Replacing, Verb,
    says_a_secret,
};
use crate::secrets::MASK;
use crate::source::FileId;

const DRIFT: &str = "somebody changed it in the cluster";
const DELETED: &str = "somebody deleted it in the cluster";
const WORD: &str = "a person's word";
const TIME: &str = "the time of what is retired has come";
const UPGRADE: &str = "an upgrade of parcelle";
const BOOKS: &str = "nothing moves: parcelle's own books";
const HOUR: &str = "the hour";
const SOURCE: &str = "what a Secret is copied from has changed";
const NOT_THERE: &str = "asked for before, and not there yet";
const BEFORE: &str = "asked for by lines that were not edited now";
const MANY: &str = "lines that are not told one by one";

/// Why an action is done without anybody editing a line for it; nothing where a line may be behind it.
pub(super) fn without_line(action: &Action) -> Option<String> {
    let words = match action.reason() {
        Reason::Changing(why) => of_changing(why)?,
        Reason::Creating(why) => match why {
            Creating::DeletedBehindOurBack => DELETED,
            Creating::Acknowledged { .. } | Creating::Rerun { .. } => WORD,
            Creating::NotThere | Creating::Resumed | Creating::SecretMade | Creating::SecretCopied { .. } => {
                return None;
            }
        },
        Reason::Replacing(Replacing::Rerun { .. }) => WORD,
        Reason::Deleting(
            Deleting::Retired { .. } | Deleting::OrganisationRetired { .. } | Deleting::NeedRetired { .. },
        ) => TIME,
        Reason::Holding(why) if !goes_on_by_itself(why) => {
            return Some(format!("held back: {}", action.reason()));
        }
        Reason::Refusing(_) => return Some(format!("refused: {}", action.reason())),
        Reason::Holding(_) | Reason::Replacing(_) | Reason::Deleting(_) | Reason::Adopting(_) | Reason::Keeping(_) => {
            return None;
        }
    };
    Some(words.to_owned())
}

fn of_changing(why: &Changing) -> Option<&'static str> {
    match why {
        Changing::Drift { .. } | Changing::KeysBack { .. } | Changing::LeftAlone { .. } => Some(DRIFT),
        Changing::OwnershipOnly | Changing::Interrupted => Some(BOOKS),
        Changing::CopyFollows { .. } => Some(SOURCE),
        Changing::GardenChanged
        | Changing::GardenChangedAndDrift { .. }
        | Changing::RendererChanged
        | Changing::HandedOver
        | Changing::Renamed { .. }
        | Changing::Taken { .. }
        | Changing::Left(_) => None,
    }
}

/// Whether what is held is done in the same go, or soon after it.
fn goes_on_by_itself(why: &Holding) -> bool {
    matches!(
        why,
        Holding::AfterTheRest
            | Holding::AfterJob { failed: false, .. }
            | Holding::After { .. }
            | Holding::StillRuns { .. }
            | Holding::PodsLeft { .. }
    )
}

/// Whether another parcelle rendered it before.
pub(super) fn is_renderers(action: &Action) -> bool {
    matches!(action.reason(), Reason::Changing(Changing::RendererChanged))
}

/// Whether something stays that is no longer asked for.
pub(super) fn stays(action: &Action) -> bool {
    matches!(
        action.reason(),
        Reason::Keeping(
            Keeping::AppVanished { .. } | Keeping::OrganisationVanished | Keeping::Detached | Keeping::DataKept { .. }
        )
    )
}

/// Whether what no edited line explains is the doing of another parcelle; `upgraded` where another one rendered it before.
pub(super) fn may_be_upgrade(action: &Action, upgraded: bool) -> bool {
    is_renderers(action) || (upgraded && action.verb() != Verb::Held)
}

/// Why an action is done that no edited line explains: `upgrade` where another parcelle rendered it before, `cut` where not all
/// lines are told.
pub(super) fn rest(action: &Action, upgrade: bool, cut: bool) -> String {
    let of_hours = || {
        let hours = |path: &str| path == "spec.replicas" || path == "spec.suspend";
        !action.changes.is_empty() && action.changes.iter().all(|change| hours(&change.path))
    };
    let words = match action.verb() {
        Verb::Change if of_hours() && !is_renderers(action) => HOUR,
        _ if upgrade => UPGRADE,
        _ if cut => MANY,
        Verb::Create => NOT_THERE,
        _ => BEFORE,
    };
    words.to_owned()
}

/// The word of the line that asks for a whole organisation.
const ORGANISATION: &str = "organisation";

/// Whether a line of an unknown past asks for an organisation that is new.
pub(super) fn is_whole_organisation(line: &EditedLine) -> bool {
    line.word == ORGANISATION
}

/// The lines of one organisation that ask for its objects.
pub(super) struct LinesOf<'a> {
    context: ImpactContext<'a>,
    /// The organisation's own line, where all of it is new.
    whole: Option<EditedLine>,
    last: Option<(Place, EditedLine)>,
}

impl<'a> LinesOf<'a> {
    pub(super) fn new(plan: &OrganisationPlan, context: ImpactContext<'a>) -> Self {
        let is_new = |action: &Action| action.verb() == Verb::Create && action.id.is(kind::NAMESPACE);
        let organisation = context.garden.organisations.get(&plan.organisation);
        let organisation = organisation.filter(|_| plan.actions.iter().any(is_new));
        let whole = organisation.map(|organisation| EditedLine {
            place: Place::of(context.sources, organisation.span),
            word: ORGANISATION.to_owned(),
            was: None,
            is: Some(plan.organisation.to_string()),
        });
        Self { context, whole, last: None }
    }

    /// The line that asks for what an action does, as it stands.
    pub(super) fn line_of(&mut self, action: &Action) -> Option<EditedLine> {
        if let Some(whole) = &self.whole {
            return Some(whole.clone());
        }
        // A line of the garden says more than one of the definitions that come with parcelle.
        let origins = action.changes.iter().filter_map(|change| change.origin.as_ref()).chain(&action.origin);
        let place = origins.clone().find(|place| !place.file.starts_with('<')).or_else(|| origins.clone().next())?;
        if let Some((known, edit)) = &self.last
            && known == place
        {
            return Some(edit.clone());
        }
        let (file, _) = self.context.sources.iter().filter(|(_, file)| *file.path == *place.file).last()?;
        let text = written(self.context, file, place);
        let edit =
            EditedLine { place: Place { column: 1, ..place.clone() }, word: String::new(), was: None, is: Some(text) };
        self.last = Some((place.clone(), edit.clone()));
        Some(edit)
    }
}

/// A line as it stands, without what looks secret.
fn written(context: ImpactContext<'_>, file: FileId, place: &Place) -> String {
    let line = context.sources.line(file, place.line);
    let line = line.trim().trim_end_matches('{').trim_end();
    if says_a_secret(line) { MASK.to_owned() } else { shortened(line) }
}
