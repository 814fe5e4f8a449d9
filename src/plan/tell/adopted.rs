//! What is told of objects that exist and cannot be taken as the garden says.

use crate::finding::{Code, Finding};
use crate::kind;
use crate::plan::decide::reason::Refusing;
use crate::render::ObjectId;
use crate::source::Span;

/// The finding about an object that is there and cannot be taken.
pub(super) fn refused(id: &ObjectId, why: &Refusing, span: Span) -> Option<Finding> {
    match why {
        Refusing::Controlled { by } => Some(controlled(id, by, span)),
        Refusing::AdoptedOtherwise { path } => Some(otherwise(id, path, span)),
        _ => None,
    }
}

/// An object that another one of the cluster keeps.
fn controlled(id: &ObjectId, by: &str, span: Span) -> Finding {
    Finding::refused(Code::new("E0481"), format!("`{id}` exists already, and `{by}` keeps it"), span)
        .why("taken over, it would be written by two, and what it holds now would be lost to the one that keeps it")
        .help(out_of_controlled(id, by))
}

/// The way out where another object keeps what the garden asks for. Nobody is told to take a Secret out of its hands: the next
/// write would put other values in the place of those that open people's data.
pub(crate) fn out_of_controlled(id: &ObjectId, by: &str) -> String {
    if id.is(kind::SECRET) {
        return format!(
            "leave it to `{by}`, and let what asks for it be called otherwise; where a provider changed, see `parcelle explain E0438`"
        );
    }
    format!(
        "leave it to `{by}`, or take that out of its `ownerReferences` once nothing writes it any more, and say `adopt {} {}`",
        id.kind, id.name
    )
}

/// An object that is to be adopted and differs where nothing can change.
fn otherwise(id: &ObjectId, path: &str, span: Span) -> Finding {
    let title = format!("`{path}` of `{id}` is another one than the garden asks for, and cannot change");
    Finding::refused(Code::new("E0481"), title, span)
        .why("to adopt is to go on with the same object; parcelle replaces none that it did not make, so nothing of the app is adopted")
        .help(out_of_adopted_otherwise(id))
}

/// The way out where an object cannot be adopted as it is.
pub(crate) fn out_of_adopted_otherwise(id: &ObjectId) -> String {
    let kind = id.kind.to_lowercase();
    format!(
        "when it may stop, `kubectl delete {kind} {} --namespace {}`: what it keeps in volumes stays, parcelle makes its own in its place, \
         and the `adopt` line may go",
        id.name, id.namespace
    )
}
