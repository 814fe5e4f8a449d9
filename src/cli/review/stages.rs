//! Two stages: one without rights plans what somebody else wrote, one with a token posts what the first one found.
//!
//! The second reads texts and numbers from the file, within limits. Which merge request and which commit is written to comes
//! from the forge alone. Who has agreed it finds out itself, by the rules of the branch that the request goes to.

use std::io::{Read as _, Write as _};
use std::path::Path;

use super::super::{CommandFailure, Common, Exit, Output, workspace};
use super::planned::{self, Reviewed};
use super::{AgreementAsked, Beside, ReviewArgs, agreed, finish, post, posting, reach, warn};
use crate::forge::{self, CiPlace, Forge};
use crate::review::{self, Review, verdict};

/// Plans, and writes the review into a file.
pub(super) fn first(common: &Common, args: &ReviewArgs, file: &Path, output: &Output) -> Result<Exit, CommandFailure> {
    let place = reach::place(&args.forge).ok();
    let workspace = workspace::find(common, None)?;
    let head = planned::head(&workspace, args.commit.as_deref(), place.as_ref())?;
    let mut reviewed = Reviewed::of(&workspace, &args.asked(&head, place.as_ref(), output))?;
    let exit = finish(args, &reviewed, output)?;
    reviewed.review.details = args.details_name();
    let mut text = json(&reviewed.review)?;
    if text.len() > review::LARGEST {
        reviewed.review = reviewed.review.without_details();
        text = json(&reviewed.review)?;
    }
    write(file, |out| out.write_all(text.as_bytes()).map_err(CommandFailure::Write))?;
    output.note(&verdict(&reviewed.review).words);
    let shown = file.display();
    output.note(&format!("kept in {shown}; next, with a token of the forge: parcelle review --from {shown}"));
    Ok(exit)
}

/// The review as JSON in which nothing steers a terminal.
fn json(review: &Review) -> Result<String, CommandFailure> {
    let text = serde_json::to_string_pretty(review).map_err(|error| CommandFailure::Write(error.into()))?;
    Ok(format!("{}\n", crate::visible::json(text)))
}

/// Posts what the first stage wrote.
pub(super) fn second(
    common: &Common,
    file: &Path,
    forge: &dyn Forge,
    place: &CiPlace,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let details = place.details.as_deref();
    let request = match forge.request() {
        Ok(request) => request,
        Err(error) => {
            warn(&error.to_string(), output);
            return Ok(Exit::World);
        }
    };
    let head = place.head.clone().unwrap_or_else(|| request.head.clone());
    let give_up = |why: &str| {
        let said = forge::give_up(forge, &head, why, details);
        said.iter().for_each(|said| warn(said, output));
    };
    let review = match read(file) {
        Ok(review) => review,
        Err(failure) => {
            give_up(&format!("the review of this pipeline cannot be used: {failure}"));
            return Err(failure);
        }
    };
    if !review.head.eq_ignore_ascii_case(&head) {
        give_up("the review of this pipeline is for another commit");
        let other: String = review.head.chars().take(12).collect();
        return Err(CommandFailure::asked(
            format!("the review is for `{other}`, and the merge request is at `{}`", head.get(..12).unwrap_or(&head)),
            "run the pipeline of the latest commit again",
        ));
    }
    let begun = forge::begin(forge, &head, details, place.account.as_deref());
    let exit = if posting::is_wrong(&review) { Exit::Garden } else { Exit::Good };
    let (garden, mut beside) = (review.garden.clone(), Beside::new(request.draft, request.from_fork, &review));
    // A job that holds no garden has nothing to say of it.
    if let Ok(workspace) = workspace::find(common, None) {
        // What a plan of a fork says is another's word.
        let classes = review.agreement.as_ref().filter(|_| !request.from_fork).map(|agreement| &agreement.classes);
        let asked = AgreementAsked {
            workspace: &workspace,
            forge,
            place,
            head: &head,
            base: None,
            branch: Some(&request.base_branch),
            classes,
        };
        beside.agreement = agreed(&asked, output);
    }
    post(forge, begun, posting::of(review, beside), &garden, details, output);
    Ok(exit)
}

/// Reads a review within its limits.
#[expect(clippy::disallowed_methods, reason = "a port: a file that was asked for")]
pub(super) fn read(path: &Path) -> Result<Review, CommandFailure> {
    let file = std::fs::File::open(path).map_err(CommandFailure::file("read", path))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(review::LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(CommandFailure::file("read", path))?;
    review::read(&bytes).map_err(|refusal| {
        CommandFailure::asked(
            format!("`{}` is not used: {refusal}", path.display()),
            "`parcelle review --save FILE` of the same version writes one",
        )
    })
}

/// Writes a file that was asked for; it holds nothing that is its owner's alone.
#[expect(clippy::disallowed_methods, reason = "a port: a file that was asked for")]
pub(super) fn write(
    path: &Path,
    mut text: impl FnMut(&mut Vec<u8>) -> Result<(), CommandFailure>,
) -> Result<(), CommandFailure> {
    let mut bytes = Vec::new();
    text(&mut bytes)?;
    std::fs::write(path, bytes).map_err(CommandFailure::file("write", path))
}
