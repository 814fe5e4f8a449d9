//! `parcelle review`.

use std::path::PathBuf;

use clap::Args;

use super::kept::KeptDetail;
use super::{CommandFailure, Common, Exit, Output};
use crate::forge::{self, Begun, CiPlace, CommentDone, Forge, ForgeError, ForgeKind, Patience, Posting, Published};
use crate::git::Workspace;
use crate::model::Reviewer;
use crate::review::verdict;

mod agreement;
mod agreement_words;
mod changed_lines;
mod classes;
mod planned;
mod posting;
mod reach;
mod rehearse;
mod stages;

use agreement::{AgreementAsked, RequestAgreement};
use planned::{ReviewAsked, Reviewed};
use posting::Beside;

/// What `review` takes.
#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// The branch or commit that it would be merged into; compared with the latest commit that both share [default: as the CI or
    /// the branch tells it]
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// The commit that is planned and written to [default: the head of the merge request, as the CI tells it, else HEAD]
    #[arg(long, value_name = "REV")]
    commit: Option<String>,
    /// Plan against a snapshot of the clusters (see `parcelle snapshot`); a merge request from a fork is planned without
    #[arg(long, value_name = "FILE")]
    live: Option<PathBuf>,
    /// Write the whole plan into a file, as text that is never cut; the comment names it
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// The first of two stages: write the review into a file, and ask no forge
    #[arg(long, value_name = "FILE", conflicts_with_all = ["close", "dry_run", "from"])]
    save: Option<PathBuf>,
    /// The second of two stages: post what the first one wrote. What the file says of the request does not count; of a garden
    /// that is there, only who must agree is read, at the branch that the request goes to
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "commit", "live", "details", "close"])]
    from: Option<PathBuf>,
    /// Print what would be sent, and send nothing: to the forge that is known, else to each kind
    #[arg(long, conflicts_with = "close")]
    dry_run: bool,
    /// End the status of the commit where a run left it open, and do nothing else: for a step that always runs
    #[arg(long)]
    close: bool,
    #[command(flatten)]
    forge: ForgeFlags,
}

/// Which merge request of which forge, and how it is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Forge")]
struct ForgeFlags {
    /// The kind of forge [default: the CI's]
    #[arg(long = "forge", value_enum, value_name = "KIND")]
    kind: Option<ForgeKind>,
    /// The address of the forge, or of its API [default: the CI's]
    #[arg(long, value_name = "URL")]
    forge_url: Option<String>,
    /// The repository, as OWNER/NAME [default: the CI's]
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// The number of the merge request [default: the CI's]
    #[arg(long, value_name = "N")]
    request: Option<u64>,
    /// A file that holds the token, instead of `PARCELLE_FORGE_TOKEN`
    #[arg(long, value_name = "FILE")]
    forge_token_file: Option<PathBuf>,
    /// A file of certificates (PEM) that are trusted beside the system's
    #[arg(long, value_name = "FILE", env = "PARCELLE_FORGE_CA")]
    forge_ca: Option<PathBuf>,
    /// How long a forge that fails or asks for a pause is asked again, altogether; pauses grow with it
    #[arg(long, value_name = "SECONDS", default_value_t = forge::DEFAULT_SECONDS, value_parser = clap::value_parser!(u64).range(1..=3600))]
    forge_patience: u64,
}

impl ForgeFlags {
    fn patience(&self) -> Patience {
        Patience::of(self.forge_patience)
    }
}

pub(crate) fn run(common: &Common, args: &ReviewArgs, output: &Output) -> Result<Exit, CommandFailure> {
    if args.dry_run {
        return rehearse::run(common, args, output);
    }
    if let Some(file) = &args.save {
        return stages::first(common, args, file, output);
    }
    let place = reach::place(&args.forge)?;
    let forge = reach::forge(&place, &args.forge, output)?;
    let details = place.details.as_deref();
    if args.close {
        return Ok(close(&*forge, &head_to_close(common, args, &place)?, details, output));
    }
    if let Some(file) = &args.from {
        return stages::second(common, file, &*forge, &place, output);
    }
    let workspace = super::workspace::find(common, None)?;
    let head = planned::head(&workspace, args.commit.as_deref(), Some(&place))?;
    let asked = args.asked(&head, Some(&place), output);
    if planned::reviewer(&workspace, &asked)? == Reviewer::Daemon {
        output.note("the garden says `review by=daemon`: nothing is posted from here");
        let reviewed = Reviewed::of(&workspace, &asked)?;
        output.note(&verdict(&reviewed.review).words);
        return finish(args, &reviewed, output);
    }
    let begun = forge::begin(&*forge, &head, details, place.account.as_deref());
    match Reviewed::of(&workspace, &asked) {
        Ok(mut reviewed) => {
            let exit = finish(args, &reviewed, output)?;
            reviewed.review.details = args.details_name();
            let garden = reviewed.review.garden.clone();
            let mut beside = Beside::of(&place, &reviewed.review);
            let asked = AgreementAsked {
                workspace: &workspace,
                forge: &*forge,
                place: &place,
                head: &head,
                base: args.base.as_deref(),
                branch: None,
                classes: reviewed.review.agreement.as_ref().map(|agreement| &agreement.classes),
            };
            beside.agreement = agreed(&asked, output);
            post(&*forge, begun, posting::of(reviewed.review, beside), &garden, details, output);
            Ok(exit)
        }
        Err(failure) => {
            let said = forge::give_up(&*forge, &head, &format!("no plan could be made: {failure}"), details);
            begun.said.iter().chain(&said).for_each(|said| warn(said, output));
            Err(failure)
        }
    }
}

impl ReviewArgs {
    /// What is planned: for a fork without the clusters.
    fn asked<'a>(&'a self, head: &'a str, place: Option<&CiPlace>, output: &Output) -> ReviewAsked<'a> {
        let is_fork = place.is_some_and(|place| place.from_fork == Some(true));
        let live = self.live.as_deref().filter(|_| !is_fork);
        if is_fork && self.live.is_some() {
            output.note("from a fork: planned without the snapshot");
        }
        let keep = if self.details.is_some() { KeptDetail::Told } else { KeptDetail::Brief };
        ReviewAsked { head, base: self.base.as_deref(), target: planned::target(place), live, keep }
    }

    /// The name of the file with the whole plan, as the comment says it.
    fn details_name(&self) -> Option<String> {
        self.details.as_ref()?.file_name().map(|name| name.to_string_lossy().into_owned())
    }
}

/// Writes what was asked for beside the posting, and says what its reader must know.
fn finish(args: &ReviewArgs, reviewed: &Reviewed, output: &Output) -> Result<Exit, CommandFailure> {
    if let Some(file) = &args.details {
        stages::write(file, |out| reviewed.write_details(out))?;
    }
    reviewed.notes().iter().for_each(|note| output.note(note));
    Ok(if posting::is_wrong(&reviewed.review) { Exit::Garden } else { Exit::Good })
}

/// Posts a review, and says what became of it.
fn post(forge: &dyn Forge, begun: Begun, mut posting: Posting, garden: &str, details: Option<&str>, output: &Output) {
    posting.details = details.map(str::to_owned);
    output.note(&posting.verdict);
    let Published { comment, notes, status, said } =
        forge::publish(forge, garden, begun, &posting, super::workspace::now());
    said.iter().for_each(|said| warn(said, output));
    output.note(match comment {
        CommentDone::Created => "the comment was written",
        CommentDone::Edited => "the comment was edited",
        CommentDone::Unchanged => "the comment says the same already",
        CommentDone::None => "no comment was written",
    });
    if notes.created + notes.edited + notes.resolved > 0 {
        let (created, edited, resolved) = (notes.created, notes.edited, notes.resolved);
        output.note(&format!("notes on lines: {created} written, {edited} edited, {resolved} resolved"));
    }
    if status.is_none() {
        output.note("the status stays open: `parcelle review --close` ends it");
    }
}

/// Who must agree and who has, where the garden asks somebody. That it cannot be told fails no plan.
fn agreed(asked: &AgreementAsked<'_>, output: &Output) -> Option<RequestAgreement> {
    match agreement::agreement(asked) {
        Ok(agreement) => agreement,
        Err(why) => {
            output.note(&format!("who must agree is not told: {why}"));
            None
        }
    }
}

/// What the forge did not do, beside the result.
fn warn(said: &str, output: &Output) {
    output.error(&format!("warning: {said}"));
}

/// The commit whose status is ended. Where the CI names it, no garden is needed.
fn head_to_close(common: &Common, args: &ReviewArgs, place: &forge::CiPlace) -> Result<String, CommandFailure> {
    match (&args.commit, &place.head) {
        (None, Some(head)) => Ok(head.clone()),
        (commit, _) => {
            let workspace: Workspace = super::workspace::find(common, None)?;
            planned::head(&workspace, commit.as_deref(), Some(place))
        }
    }
}

/// Ends a status that a run left open. A forge that fails is told of, and is no failure of the step.
fn close(forge: &dyn Forge, head: &str, details: Option<&str>, output: &Output) -> Exit {
    match forge::close(forge, head, details) {
        Ok(true) => output.note("the status was open, and is ended as an error"),
        Ok(false) => output.note("the status is ended already"),
        Err(error) => warn(&error.to_string(), output),
    }
    Exit::Good
}

/// A setting that cannot be, with the way out.
fn of_setting(error: &ForgeError) -> CommandFailure {
    CommandFailure::asked(
        error.to_string(),
        "name it by the flags of `parcelle review`, or run it in GitHub Actions, GitLab CI, Forgejo or Gitea Actions or \
         Woodpecker; `--dry-run` sends nothing",
    )
}
