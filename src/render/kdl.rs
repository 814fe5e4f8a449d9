//! Kubernetes objects and patches written in KDL.

use super::draft::Draft;
use super::scope::Scope;
use crate::model::App;
use crate::syntax::Node;

/// The objects of an app's definition.
pub(super) fn objects(scope: &Scope, app: &App) -> Vec<Draft> {
    let _ = (scope, app);
    Vec::new()
}

/// Lays `patch KIND NAME { … }` over the object that it names.
pub(super) fn patch(drafts: &mut [Draft], patch: &Node) {
    let _ = (drafts, patch);
}
