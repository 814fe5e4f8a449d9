//! What people are told of a lost inventory, and of what was taken back.

use crate::finding::{Code, Finding};
use crate::kind::group_of;
use crate::name::Name;
use crate::plan::decide::reason::{Holding, Refusing};
use crate::plan::{Input, OrganisationPlan, recover_command};
use crate::render::ObjectId;
use crate::source::Span;

/// The inventory of an organisation is lost.
const LOST: Code = Code::new("E0435");

/// The inventory of an organisation is not that of the cluster as it is.
const OUTDATED: Code = Code::new("E0498");

/// Something that was taken back would be deleted or replaced.
const SPARED: Code = Code::new("W0435");

/// One finding for all that is not known to be ours any more.
pub(super) fn lost(input: &Input<'_>, plan: &OrganisationPlan) -> Option<Finding> {
    let span = input.directives.span.filter(|_| plan.is_lost())?;
    if let Some(Holding::InventoryOutdated { of_cluster }) = &plan.standstill {
        return Some(outdated(&plan.organisation, *of_cluster, span));
    }
    let why = format!(
        "its namespace looks as if parcelle had made it, and nothing says what was applied: {} of the {} objects that the garden asks for are there",
        input.desired.objects.iter().filter(|object| input.live.objects.contains_key(&object.id)).count()
            + input.desired.secrets.iter().filter(|secret| input.live.objects.contains_key(&secret.id)).count(),
        input.desired.objects.len() + input.desired.secrets.len(),
    );
    Some(finding(&plan.organisation, "is lost", span).why(why).help(way_out(&plan.organisation)))
}

/// An inventory that was put back, and is not that of the cluster as it is.
fn outdated(organisation: &Name, of_cluster: bool, span: Span) -> Finding {
    let (what, why) = if of_cluster {
        ("that of another cluster", "it names the uid of another cluster: what it knows is not what is here")
    } else {
        (
            "older than the cluster",
            "its namespace carries a later generation of it: it would run jobs again that are done, and take back what was applied since",
        )
    };
    let finding = Finding::refused(OUTDATED, format!("the inventory of `{organisation}` is {what}"), span)
        .label("nothing of it is changed or deleted")
        .why(why)
        .stops(organisation.clone());
    let newest = "put back the copy of its ConfigMap that was written last";
    if of_cluster { finding.help(way_out(organisation)) } else { finding.help(newest).help(way_out(organisation)) }
}

/// The same where the inventory is there and cannot be read.
pub(crate) fn damaged(organisation: &Name, why: &str, span: Span) -> Finding {
    finding(organisation, "cannot be read", span)
        .why(why)
        .help("put back the copy of its ConfigMap that was written last; an earlier one is told, and not used")
        .help(way_out(organisation))
}

fn finding(organisation: &Name, what: &str, span: Span) -> Finding {
    Finding::refused(LOST, format!("the inventory of `{organisation}` {what}"), span)
        .label("nothing of it is changed or deleted")
        .stops(organisation.clone())
}

fn way_out(organisation: &Name) -> String {
    format!(
        "`{}` shows what is there, asks, and takes it back for changing only",
        recover_command(organisation.as_str())
    )
}

/// Something that was taken back is neither deleted nor replaced.
pub(super) fn spared(id: &ObjectId, replaced: bool, why: &Refusing, span: Span) -> Finding {
    let what = if replaced { "replaced" } else { "deleted although nothing asks for it" };
    Finding::warning(SPARED, format!("`{id}` is not {what}"), span)
        .why(why.to_string())
        .help(out_of_recovered(id, replaced))
}

/// The way out where something that was taken back would be deleted or replaced.
pub(crate) fn out_of_recovered(id: &ObjectId, replaced: bool) -> String {
    if replaced {
        return format!("say `adopt {} {}` in the app: then it is parcelle's like everything else", id.kind, id.name);
    }
    let kind = id.kind.to_lowercase();
    let group = group_of(&id.api_version);
    let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
    format!("where nobody needs it, `kubectl delete {kind} {} --namespace {}`", id.name, id.namespace)
}
