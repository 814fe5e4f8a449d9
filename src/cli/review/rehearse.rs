//! `parcelle review --dry-run`: what would be sent, without a network.

use super::super::{CommandFailure, Common, Exit, Output, workspace};
use super::{
    AgreementAsked, Beside, ReviewArgs, Reviewed, agreed, finish, of_setting, planned, posting, reach, stages,
};
use crate::forge::{
    self, CiPlace, Forge, ForgeAddress, ForgeClient, ForgeError, ForgeKind, MergeRequest, Posting, Rehearsal,
    RequestState,
};

/// What stands for a repository that nobody named.
const REPOSITORY: &str = "OWNER/NAME";
/// What stands for the address of a forge that nobody named.
const ADDRESS: &str = "https://forge.example";

/// Prints what would be sent to the forge that is known, else to each kind.
pub(super) fn run(common: &Common, args: &ReviewArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let places = places(args);
    let first = &places[0];
    let (head, review, exit) = if let Some(file) = &args.from {
        let review = stages::read(file)?;
        let exit = if posting::is_wrong(&review) { Exit::Garden } else { Exit::Good };
        (review.head.clone(), review, exit)
    } else {
        let workspace = workspace::find(common, None)?;
        let head = planned::head(&workspace, args.commit.as_deref(), Some(first))?;
        let mut reviewed = Reviewed::of(&workspace, &args.asked(&head, Some(first), output))?;
        let exit = finish(args, &reviewed, output)?;
        reviewed.review.details = args.details_name();
        (head, reviewed.review, exit)
    };
    for place in &places {
        let rehearsal = rehearsal(args, place, &head).map_err(|error| of_setting(&error))?;
        let mut beside = Beside::of(place, &review);
        if let Ok(workspace) = workspace::find(common, None) {
            let classes = review.agreement.as_ref().map(|agreement| &agreement.classes);
            let base = args.base.as_deref();
            let (workspace, forge) = (&workspace, &rehearsal);
            let asked = AgreementAsked { workspace, forge, place, head: &head, base, branch: None, classes };
            beside.agreement = agreed(&asked, output);
        }
        let posting = Posting { details: place.details.clone(), ..posting::of(review.clone(), beside) };
        let begun = forge::begin(&rehearsal, &head, place.details.as_deref(), place.account.as_deref());
        forge::publish(&rehearsal, &review.garden, begun, &posting, workspace::now());
        output.result(&format!("{}\n", rehearsal.end()))?;
    }
    output.note("nothing was sent: as for a merge request that is open at this commit and has no comment yet");
    Ok(exit)
}

/// The place that is known, else one of each kind.
fn places(args: &ReviewArgs) -> Vec<CiPlace> {
    if let Ok(place) = reach::place(&args.forge) {
        return vec![place];
    }
    let kinds = ForgeKind::ALL.into_iter().filter(|kind| args.forge.kind.is_none_or(|named| named == *kind));
    kinds.map(|kind| unnamed(kind, args)).collect()
}

fn unnamed(kind: ForgeKind, args: &ReviewArgs) -> CiPlace {
    let mut place = CiPlace::of(kind);
    if place.url.is_empty() {
        ADDRESS.clone_into(&mut place.url);
    }
    place.repository = args.forge.repository.clone().unwrap_or_else(|| REPOSITORY.to_owned());
    place.request = args.forge.request;
    place
}

fn rehearsal(args: &ReviewArgs, place: &CiPlace, head: &str) -> Result<Rehearsal, ForgeError> {
    let address = ForgeAddress::new(place.kind, &place.url, place.url_is_of_ci)?;
    let client = ForgeClient::rehearsing(place.kind, address, args.forge.patience());
    let number = place.request.unwrap_or(1);
    let forge: Box<dyn Forge> = forge::open(&CiPlace { request: Some(number), ..place.clone() }, client)?;
    let request = MergeRequest {
        number,
        state: RequestState::Open,
        draft: place.draft,
        head: head.to_owned(),
        base_branch: place.base_branch.clone().unwrap_or_default(),
        base: place.base.clone(),
        from_fork: place.from_fork.unwrap_or(false),
        author: String::new(),
        title: String::new(),
    };
    Ok(Rehearsal::new(forge, request))
}
