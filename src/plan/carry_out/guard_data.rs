//! The guard's own view of data that is gone: it is not made again before a person says so.

use super::guard::{Breach, GuardInput, entry, is_data};
use super::promise::Promise;
use crate::plan::decide::action::{Action, What};
use crate::plan::{Entry, LiveObject};
use crate::render::ObjectId;

/// An object that held data, was applied, and is not there is made again only by a person's word.
pub(super) fn check(input: &GuardInput<'_>, action: &Action) -> Breach {
    let id = &action.id;
    let recorded = input.inventory.gone.iter().find(|gone| gone.id.identity() == id.identity());
    let entry = entry(input, id)?;
    let known = entry.uid()?;
    let is_namespace = (id.group(), &*id.kind) == ("", "Namespace");
    if action.what != What::Object || is_namespace || !(is_data(id) && entry.holds_data) {
        return None;
    }
    let is_kept_inside = |object: &crate::render::Object| {
        let spec = &object.body["spec"];
        [&spec["databaseReclaimPolicy"], &spec["databaseRoleReclaimPolicy"]].iter().any(|policy| **policy == "retain")
    };
    let stays = input.desired.objects.iter().any(|object| object.id == *id && is_kept_inside(object));
    let is_said = recorded.is_some_and(|gone| gone.acknowledged.is_some());
    (!stays && !is_said && !input.inventory.deleting.contains(known)).then(|| {
        (Promise::NoDataLost, format!("`{id}` held data and is gone, and nobody said that it may start empty"))
    })
}

/// Whether another object under a name stands for the data that the inventory knows: a copy of a claim or a database server is empty
/// unless it says which one it is.
pub(super) fn is_same_data(entry: &Entry, live: &LiveObject) -> bool {
    let id = ObjectId::of(&live.body);
    let field = match (id.group(), &*id.kind) {
        ("", "PersistentVolumeClaim") => "/spec/volumeName",
        ("postgresql.cnpg.io", "Cluster") => "/status/systemID",
        ("garage.rajsingh.info", "GarageBucket") => "/status/bucketId",
        ("garage.rajsingh.info", "GarageKey") => "/status/accessKeyId",
        ("", "PersistentVolume")
        | ("psmdb.percona.com", "PerconaServerMongoDB")
        | ("k8s.mariadb.com", "MariaDB")
        | ("objectbucket.io", "ObjectBucketClaim") => return false,
        _ => return true,
    };
    entry.data.is_some() && live.body.pointer(field).and_then(serde_json::Value::as_str) == entry.data.as_deref()
}
