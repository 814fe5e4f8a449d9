//! What a plan has to tell the people who wrote the garden, on the line that it is about.

use super::{gone, jobs, secrets, words};
use crate::finding::{Code, Finding, Findings};
use crate::kind;
use crate::model::FieldDecision;
use crate::plan::decide::action::Action;
use crate::plan::decide::reason::{Creating, Holding, Keeping, Reason, Refusing};
use crate::plan::state::decisions;
use crate::plan::state::directives::means;
use crate::plan::state::ours::{Ours, Visible};
use crate::plan::state::{path, unseen};
use crate::plan::{Conflict, Input, OrganisationPlan};
use crate::policy::protected::{steps_of, why_protected};
use crate::render::rules::field_decisions;
use crate::render::{Object, ObjectId};
use crate::source::Span;

/// The findings of a decided plan.
pub(in crate::plan) fn of(input: &Input<'_>, plan: &OrganisationPlan) -> Findings {
    let mut findings = Findings::default();
    for action in &plan.actions {
        if let Some(finding) = action_finding(input, action) {
            findings.push(finding.stops(plan.organisation.clone()));
        }
        for finding in cause_findings(input, action) {
            findings.push(finding.stops(plan.organisation.clone()));
        }
    }
    input.directives.fields.iter().filter_map(|one| decided(input, one)).for_each(|finding| findings.push(finding));
    for (id, texts) in &input.live.warnings {
        let warned = |text: &String| super::warnings::of(id, object_of(input, id), span_of(input, id), text);
        texts.iter().filter_map(warned).for_each(|finding| findings.push(finding));
    }
    for finding in
        [over_budget(input, plan), vanished(input, plan), super::lost::lost(input, plan)].into_iter().flatten()
    {
        findings.push(finding);
    }
    for finding in gone::findings(input, plan) {
        findings.push(finding.stops(plan.organisation.clone()));
    }
    findings
}

/// What there is to say of a decision about a field: a check has refused what is wrong with it already.
fn decided(input: &Input<'_>, decision: &FieldDecision) -> Option<Finding> {
    let mut meant = input.desired.objects.iter().filter(|object| means(&decision.kind, &decision.name, &object.id));
    let stops = |finding: Finding| finding.stops(input.desired.organisation.clone());
    let object = meant.next()?;
    if object.app.as_ref() != Some(&decision.app) {
        return Some(stops(field_decisions::of_another(&object.id, object.app.as_ref(), decision)));
    }
    let live = input.live.objects.get(&object.id).filter(|live| !live.is_terminating())?;
    if let Some(field) = decisions::barred(input.schemas, object, &live.body, decision) {
        return Some(stops(field_decisions::of_protected(&object.id, &field, decision)));
    }
    let is_ours = input.inventory.find(&object.id).is_some();
    if !is_ours || decisions::is_owned_by_others(input.schemas, object, &live.body, decision) {
        return None;
    }
    let why = "nobody else owns the field in the cluster, so the garden's value counts";
    Some(field_decisions::no_effect(&object.id, decision, why))
}

/// The line that asks for the object; that of the organisation where nothing asks for it any more.
fn span_of(input: &Input<'_>, id: &ObjectId) -> Option<Span> {
    let object = object_of(input, id).and_then(|object| object.origins.of(""));
    let secret = input.desired.secrets.iter().find(|request| request.id == *id).map(|request| request.origin);
    object.or(secret).or(input.directives.span)
}

fn object_of<'a>(input: &Input<'a>, id: &ObjectId) -> Option<&'a Object> {
    input.desired.objects.iter().find(|object| object.id == *id)
}

fn action_finding(input: &Input<'_>, action: &Action) -> Option<Finding> {
    let span = span_of(input, &action.id)?;
    let id = &action.id;
    Some(match action.reason() {
        Reason::Refusing(why) => return refused(input, action, why, span),
        Reason::Creating(Creating::Acknowledged { .. }) => return gone::made_anew(action, span),
        Reason::Keeping(Keeping::KeysDisagree { keys }) => secrets::odd(id, keys, span),
        Reason::Keeping(Keeping::JobOverdue { rerun, .. }) => jobs::overdue(action, rerun, span),
        Reason::Holding(Holding::FoughtOver { by, until }) => {
            let (who, until) = (words::people(by), words::minute(*until));
            Finding::warning(Code::new("W0482"), format!("{who} and parcelle keep changing `{id}` back"), span)
                .why(format!(
                    "{} was corrected again and again; it is left as {who} writes it until {until}",
                    fields(action)
                ))
                .help(match left_open(action) {
                    Some(field) => {
                        format!("stop {who}, or say `field {} {} \"{field}\" leave` in the app", id.kind, id.name)
                    }
                    None => format!("stop {who}: what it writes there is left to nobody"),
                })
        }
        _ => return None,
    })
}

/// A namespace is adopted only when everything in it was looked at.
fn not_known_empty(id: &ObjectId, unseen: &[unseen::Unseen], span: Span) -> Finding {
    Finding::refused(Code::new("E0488"), format!("the namespace `{}` is not known to be empty", id.name), span)
        .why(unseen::words(unseen))
        .help(unseen::way_out(unseen))
}

/// What people must know of something that cannot be done.
fn refused(input: &Input<'_>, action: &Action, why: &Refusing, span: Span) -> Option<Finding> {
    let id = &action.id;
    Some(match why {
        Refusing::Conflict => return conflict(input, action),
        Refusing::NotOurs => {
            Finding::refused(Code::new("E0481"), format!("`{id}` exists already and parcelle did not make it"), span)
                .why("what others made is never taken silently")
                .help(taking(id))
        }
        Refusing::MadeAnew => {
            Finding::refused(Code::new("E0481"), format!("somebody made another `{id}` under the same name"), span)
                .why("its uid is not the one that parcelle knows, so it is not ours")
                .help(taking(id))
        }
        Refusing::Controlled { .. } | Refusing::AdoptedOtherwise { .. } => super::adopted::refused(id, why, span)?,
        Refusing::OtherGarden { garden } => {
            Finding::refused(Code::new("E0488"), format!("`{id}` belongs to the garden `{garden}`"), span)
                .why("two gardens on one cluster share nothing")
                .help("choose another name, or remove it from the other garden first")
        }
        Refusing::ForeignInside { objects } => Finding::refused(
            Code::new("E0488"),
            format!("the namespace `{}` holds objects of others", id.name),
            span,
        )
        .why(format!("in it are {}", words::people(objects)))
        .help("a namespace is adopted only with everything in it: say `adopt` of these too, or choose another name for the organisation"),
        Refusing::NotKnownEmpty { unseen } => not_known_empty(id, unseen, span),
        Refusing::ImmutableWithData { path } => Finding::refused(
            Code::new("E0484"),
            format!("`{path}` of `{id}` cannot change"),
            changed_span(action, input).unwrap_or(span),
        )
        .why("Kubernetes refuses to change it in place, and making the object anew would lose its data")
        .help("set it back, or move the data to a new app and retire this one"),
        Refusing::DataElsewhere { of } => data_elsewhere(id, of, span),
        Refusing::SiblingWithData { path, by } => sibling(id, path, by, changed_span(action, input).unwrap_or(span)),
        // Each field that the server named has a finding of its own.
        Refusing::ServerRefused { .. } if !action.causes.is_empty() => return None,
        Refusing::ServerRefused { status, message } => {
            Finding::refused(Code::new("E0485"), format!("the API server refuses `{id}`"), span)
                .why(format!("{message} ({status})"))
                .help(after_refusal(input, *status))
        }
        Refusing::JobFailed { why, rerun } => jobs::failed(why, rerun, span),
        Refusing::JobEndUnknown { rerun, .. } => jobs::end_unknown(action, why, rerun, span),
        Refusing::SecretLost => {
            let app = action.app.as_ref().map(|app| format!("{}/{app}", input.desired.organisation));
            secrets::gone(id, app.as_deref(), span)
        }
        Refusing::KeysLost { keys, app } => secrets::keys_lost(id, keys, app, span),
        Refusing::SourceMissing { source } => {
            let title = format!("`{source}` is not there to copy from, and `{}` needs it", input.desired.organisation);
            Finding::refused(Code::new("E0487"), title, span)
                .why(format!("`{id}` is a copy of it"))
                .help(match &action.note {
                    Some(command) => format!("{command}; `parcelle doctor` lists what else is missing"),
                    None => "the cluster's operators create it (`parcelle doctor` lists what is missing)".to_owned(),
                })
        }
        Refusing::Disowned { what } => {
            Finding::warning(Code::new("W0481"), format!("`{id}` is not deleted although nothing asks for it"), span)
                .why(format!("{what}: it may be somebody else's by now"))
                .help("delete it in the cluster, or give it its label back")
        }
        Refusing::Recovered { replaced, .. } => super::lost::spared(id, *replaced, why, span),
        Refusing::InventoryLost | Refusing::InventoryOutdated | Refusing::Guarded { .. } => return None,
    })
}

/// What would be made empty although its app has data of that kind.
fn data_elsewhere(id: &ObjectId, of: &ObjectId, span: Span) -> Finding {
    let title = format!("`{id}` would start empty beside `{of}`, which nothing asks for any more");
    Finding::refused(Code::new("E0432"), title, span)
        .why("both are the data of one app: what it wrote until now would not be there, and nobody said that it may go")
        .help(format!(
            "where `{}` is another name of `{}`, give it its earlier name in the definition",
            id.name, of.name
        ))
        .help(format!("where the data of `{0}` may go, say `retired need {0}` in the organisation", of.name))
}

/// What others wrote in what holds data, beside which ours cannot stand.
fn sibling(id: &ObjectId, path: &str, by: &[String], span: Span) -> Finding {
    let title = format!("`{path}` of `{id}` cannot stand beside what the garden asks");
    let who = words::people(by);
    Finding::refused(Code::new("E0489"), title, span)
        .why(format!("{who} wrote it, only one of the two may be said, and nothing is taken away from what holds data"))
        .help(format!("take it away in the cluster (`kubectl edit {} {}`), or say it in the garden", id.kind, id.name))
}

/// How something that is not ours is taken. Nobody is told to delete what may hold people's data, or opens it.
fn taking(id: &ObjectId) -> String {
    let take = format!("say `adopt {} {}` in the app to take it", id.kind, id.name);
    if id.facts().may_hold_data() || id.is(kind::SECRET) {
        return format!("{take}; look at what is in it before you remove it");
    }
    format!("{take}, or delete it in the cluster")
}

/// The fields that an action would change, as people say them.
fn fields(action: &Action) -> String {
    let paths: Vec<String> = action.changes.iter().take(3).map(|change| format!("`{}`", change.path)).collect();
    paths.join(", ")
}

/// The first field that an action would change and that may be left to others.
fn left_open(action: &Action) -> Option<&str> {
    let kind = decisions::kind_of(&action.id);
    let paths = action.changes.iter().map(|change| &*change.path);
    { paths }.find(|path| why_protected(kind, &steps_of(path)).is_none())
}

/// The line of the first field that changes.
fn changed_span(action: &Action, input: &Input<'_>) -> Option<Span> {
    let object = object_of(input, &action.id)?;
    let change = action.changes.first()?;
    object.origins.of(&path::pointer(&object.body, &change.path).0)
}

fn conflict(input: &Input<'_>, action: &Action) -> Option<Finding> {
    let object = object_of(input, &action.id)?;
    let id = &action.id;
    let live = input.live.objects.get(id).map(|live| &live.body);
    let first = action.conflicts.first()?;
    let span = object.origins.of(&path::pointer(&object.body, &first.field).0)?;
    let mut managers: Vec<_> = action.conflicts.iter().map(|conflict| conflict.manager.clone()).collect();
    managers.sort();
    managers.dedup();
    let is_recovered = input.inventory.find(id).is_some_and(|(_, entry)| entry.recovered);
    let asks = if is_recovered { "asks for" } else { "newly asks for" };
    let title = format!("{} owns fields of `{id}` that the garden {asks}", words::people(&managers));
    let lines = action.conflicts.iter().map(|Conflict { manager, field }| {
        let wanted = path::get(&object.body, field);
        let live = live.and_then(|body| path::get(body, field));
        let live = live.map_or_else(|| "nothing".to_owned(), |live| shown_live(input, object, field, live));
        let wanted = wanted.map_or_else(|| "nothing".to_owned(), |wanted| shown(id, field, wanted));
        format!("`{}` is {live} by `{manager}`, the garden asks for {wanted}", path::plain(field))
    });
    // What was drift until its inventory was lost cannot be told from what was always theirs.
    let unknown = is_recovered.then(|| {
        "its inventory was lost and taken back: whether parcelle applied these fields before is not known".to_owned()
    });
    let lines: Vec<String> = lines.chain(unknown).collect();
    let help = action.conflicts.iter().map(|conflict| words::out_of_conflict(id, &conflict.field));
    let finding = Finding::refused(Code::new("E0480"), title, span).why(lines.join("\n"));
    Some(help.fold(finding, Finding::help))
}

/// What of a live value is ours, in a sentence.
fn shown_live(input: &Input<'_>, object: &Object, field: &str, live: &serde_json::Value) -> String {
    let of = input.schemas.of(&object.body);
    match Ours::would_be(&object.body, of.as_ref(), &path::plain(field)).visible(&mut path::plain(field), live) {
        Visible { value: Some(value), others: 0 } => shown(&object.id, field, &value),
        Visible { value: Some(value), others } => {
            format!("{} and {others} of others", shown(&object.id, field, &value))
        }
        Visible { value: None, others } if others > 0 && live.is_array() => format!("{others} of others"),
        Visible { value: None, .. } => "(not shown)".to_owned(),
    }
}

/// A value in a sentence; what may be secret is not said.
fn shown(id: &ObjectId, field: &str, value: &serde_json::Value) -> String {
    let path = path::plain(field);
    if id.is(kind::SECRET) || super::mask::looks_secret(&path, value) {
        return "(secret)".to_owned();
    }
    let text = value.to_string();
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
}

/// The line that decided what stands at a JSON pointer. Where that is a line of a built-in definition, the line of the
/// garden that decided a part of it: first one that changes, then any; the organisation's where there is none.
fn line_of(input: &Input<'_>, action: &Action, object: &Object, pointer: &str) -> Option<Span> {
    let of_garden = |span: &Span| !input.sources.file(span.file).path.starts_with('<');
    let nearest = object.origins.of(pointer);
    if nearest.as_ref().is_some_and(of_garden) {
        return nearest;
    }
    let inside = |below: &str| below.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let changed = action.changes.iter().map(|change| path::pointer(&object.body, &change.path).0);
    let mut changed = changed.filter(|below| inside(below)).filter_map(|below| object.origins.of(&below));
    let mut any = object.origins.0.iter().filter(|(below, _)| inside(below)).map(|(_, span)| *span);
    changed.find(of_garden).or_else(|| any.find(of_garden)).or(input.directives.span).or(nearest)
}

/// The status of an object that the server cannot take as it is.
const INVALID: u16 = 422;

/// What to do where the server said no.
fn after_refusal(input: &Input<'_>, status: u16) -> String {
    let organisation = &input.desired.organisation;
    match status {
        403 => format!(
            "a policy or quota of the cluster says no, or parcelle lacks a right: `parcelle doctor {}` says which rights it lacks; \
             the server's words name the policy. Then `parcelle plan {organisation}` asks again",
            input.desired.cluster
        ),
        _ => {
            format!("write on this line what the server's words ask for; `parcelle plan {organisation}` asks it again")
        }
    }
}

/// One finding for each field that the server refused, on the line that it came from.
fn cause_findings(input: &Input<'_>, action: &Action) -> Vec<Finding> {
    let Some(object) = object_of(input, &action.id) else { return Vec::new() };
    let finding = |cause: &crate::plan::Cause| {
        let span = line_of(input, action, object, &path::pointer(&object.body, &cause.field).0)?;
        let field = path::plain(&cause.field);
        if cause.by_rule {
            let title = format!("`{field}` of `{}` breaks a rule of its definition", action.id);
            return Some(Finding::refused(Code::new("E0494"), title, span).why(cause.message.clone()));
        }
        let title = format!("the API server refuses `{field}` of `{}`", action.id);
        let help = after_refusal(input, INVALID);
        Some(Finding::refused(Code::new("E0485"), title, span).why(cause.message.clone()).help(help))
    };
    action.causes.iter().filter_map(finding).collect()
}

fn over_budget(input: &Input<'_>, plan: &OrganisationPlan) -> Option<Finding> {
    let counts = |action: &Action| match action.reason() {
        Reason::Holding(Holding::OverBudget { would, allowed }) => Some((*would, *allowed)),
        _ => None,
    };
    let (would, allowed) = plan.actions.iter().find_map(counts)?;
    let held = plan.actions.iter().filter(|action| counts(action).is_some());
    let names: Vec<_> = held.take(5).map(|action| action.id.to_string()).collect();
    let title = format!(
        "{would} objects of `{}` would be deleted undeclared, and the garden allows {allowed}",
        plan.organisation
    );
    let finding = Finding::refused(Code::new("E0482"), title, input.directives.span?)
        .why(format!("all or none are deleted, so none is; among them {}", words::people(&names)))
        .help("say `retired` where they are meant to go, or raise `deletions { undeclared at-most=… percent=… }` in the garden");
    Some(finding.stops(plan.organisation.clone()))
}

fn vanished(input: &Input<'_>, plan: &OrganisationPlan) -> Option<Finding> {
    let apps: std::collections::BTreeSet<_> = plan
        .actions
        .iter()
        .filter_map(|action| match action.reason() {
            Reason::Keeping(Keeping::AppVanished { app }) => Some(app),
            _ => None,
        })
        .collect();
    let first = apps.first()?;
    let names: Vec<_> = apps.iter().map(ToString::to_string).collect();
    let title = format!("{} vanished from `{}` without `retired`", words::people(&names), plan.organisation);
    let finding = Finding::refused(Code::new("E0483"), title, input.directives.span?)
        .why("what is still in the cluster is kept: removing what may hold data is said, not implied")
        .help(format!("bring the app back, or say `retired app DEFINITION {first} {{ keep-data 30 days; }}`"));
    Some(finding.stops(plan.organisation.clone()))
}
