//! Rights inside operators' kinds: nothing that belongs to all organisations.

use serde_json::Value;

use super::{Judging, each, text};
use crate::policy::FOREIGN;

pub(super) fn check(judged: &mut Judging<'_>) {
    match (judged.object.group, judged.object.kind) {
        ("garage.rajsingh.info", "GarageBucket") => bucket(judged),
        ("garage.rajsingh.info", "GarageKey") => key(judged),
        ("postgresql.cnpg.io", "Cluster") => database_cluster(judged),
        ("postgresql.cnpg.io", "DatabaseRole") => role(judged),
        ("postgresql.cnpg.io", "Database" | "Pooler" | "ScheduledBackup") => inside(judged),
        ("barmancloud.cnpg.io", "ObjectStore") => store(judged),
        ("k8up.io", "Schedule") => schedule(judged),
        ("psmdb.percona.com", "PerconaServerMongoDB") => mongodb(judged),
        ("monitoring.coreos.com", "ServiceMonitor") => monitor(judged),
        ("", "ServiceAccount") => account(judged),
        _ => {}
    }
}

impl Judging<'_> {
    /// The object belongs to the cluster that the cluster file names.
    fn garage(&mut self) {
        let of = &self.body()["spec"]["clusterRef"];
        let named = (text(of, "/name").to_owned(), text(of, "/namespace").to_owned());
        if self.grounds.cluster.garage.as_ref() != Some(&named) {
            let title = format!("Garage `{}/{}` is not the cluster's", named.1, named.0);
            self.foreign("/spec/clusterRef", title, "the cluster file names it", "leave it out");
        }
    }

    /// A right that belongs to nobody but the operators.
    fn right(&mut self, pointer: &str) {
        if let Some(value) = self.body().pointer(pointer).filter(|value| !value.is_null() && **value != false) {
            let segments: Vec<&str> = pointer.split('/').skip(1).collect();
            let title =
                format!("`{} {value}` is a right over what is others'", crate::policy::words::dotted(&segments));
            self.foreign(pointer, title, "an organisation has rights over what is its own", "leave it out");
        }
    }

    fn bucket_of_backups(&mut self, pointer: &str, endpoint: &str, bucket: &str) {
        let target = self.grounds.cluster.backup.as_ref();
        let is_own = target.is_some_and(|(address, own)| {
            endpoint == address
                && (bucket == own || bucket.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/')))
        });
        if !is_own {
            let why = "each organisation has a bucket of its own there";
            self.foreign(pointer, format!("backups would go to `{bucket}` at `{endpoint}`"), why, "leave it out");
        }
    }
}

fn bucket(judged: &mut Judging<'_>) {
    judged.garage();
    let alias = text(judged.body(), "/spec/globalAlias");
    if !alias.starts_with(&judged.grounds.cluster.buckets) || judged.by_hand("/spec/globalAlias") {
        let why = "names of buckets are shared by all organisations";
        judged.foreign("/spec/globalAlias", format!("`{alias}` is no bucket of the organisation"), why, "leave it out");
    }
}

fn key(judged: &mut Judging<'_>) {
    judged.garage();
    for right in ["/spec/allBuckets", "/spec/permissions/createBucket"] {
        judged.right(right);
    }
    for (at, permission) in each(judged.body(), "", "spec/bucketPermissions/*") {
        let of = &permission["bucketRef"];
        let own = of["namespace"].is_null() && judged.grounds.whole.buckets.contains(text(of, "/name"));
        if !own {
            let title = format!("`{}` is no bucket of the organisation", text(of, "/name"));
            judged.foreign(&at, title, "a key opens the buckets of its app", "leave it out");
        }
    }
}

fn database_cluster(judged: &mut Judging<'_>) {
    for right in [
        "/spec/enableSuperuserAccess",
        "/spec/superuserSecret",
        "/spec/managed",
        "/spec/bootstrap/recovery",
        "/spec/bootstrap/pg_basebackup",
        "/spec/externalClusters",
        "/spec/serviceAccountTemplate",
        "/spec/projectedVolumeTemplate",
    ] {
        judged.right(right);
    }
}

fn role(judged: &mut Judging<'_>) {
    for right in ["superuser", "createdb", "createrole", "replication", "bypassrls", "inRoles"] {
        judged.right(&format!("/spec/{right}"));
    }
    inside(judged);
}

/// What lies in a database cluster lies in the organisation's own.
fn inside(judged: &mut Judging<'_>) {
    let cluster = text(judged.body(), "/spec/cluster/name");
    if cluster != judged.grounds.cluster.database {
        let title = format!("`{cluster}` is not the organisation's database cluster");
        let help = format!("write `{}`", judged.grounds.cluster.database);
        judged.amiss(FOREIGN, "/spec/cluster/name", title, "there is one an organisation", help);
    }
    for (at, value) in each(judged.body(), "", "spec/pgbouncer/parameters/*") {
        let name = at.rsplit('/').next().unwrap_or_default();
        if judged.by_hand(&at) && !POOLED.contains(&name) {
            let title = format!("`{name} {value}` is no setting of a pool that is for writing");
            judged.excessive(&at, title, "who is let in is decided by parcelle", "leave it out");
        }
    }
}

/// How a pool is kept; nothing of who is let in.
const POOLED: &[&str] = &[
    "max_client_conn",
    "default_pool_size",
    "min_pool_size",
    "reserve_pool_size",
    "reserve_pool_timeout",
    "max_db_connections",
    "max_user_connections",
    "server_idle_timeout",
    "server_lifetime",
    "client_idle_timeout",
    "query_timeout",
    "query_wait_timeout",
    "idle_transaction_timeout",
    "max_prepared_statements",
];

fn store(judged: &mut Judging<'_>) {
    let of = &judged.body()["spec"]["configuration"];
    let path = text(of, "/destinationPath").trim_start_matches("s3://").trim_end_matches('/');
    judged.bucket_of_backups("/spec/configuration/destinationPath", text(of, "/endpointURL"), path);
}

fn schedule(judged: &mut Judging<'_>) {
    let of = &judged.body()["spec"]["backend"]["s3"];
    judged.bucket_of_backups("/spec/backend", text(of, "/endpoint"), text(of, "/bucket"));
}

fn mongodb(judged: &mut Judging<'_>) {
    for (at, storage) in each(judged.body(), "", "spec/backup/storages/*/s3") {
        judged.bucket_of_backups(&at, text(storage, "/endpointUrl"), text(storage, "/bucket"));
    }
}

/// Measurements are taken of the organisation's own Services, and not all the time.
fn monitor(judged: &mut Judging<'_>) {
    if judged.body()["spec"]["namespaceSelector"].is_object() {
        let why = "an organisation measures what is its own";
        judged.foreign(
            "/spec/namespaceSelector",
            "`namespaceSelector` is not for writing".to_owned(),
            why,
            "leave it out",
        );
    }
    for (at, interval) in each(judged.body(), "", "spec/endpoints/*/interval") {
        let interval = interval.as_str().unwrap_or_default();
        let number = interval.trim_end_matches(['s', 'm', 'h', 'd']);
        let unit = match &interval[number.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => 0,
        };
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = number.parse::<u64>().ok().filter(|_| is_number).map_or(0, |number| number.saturating_mul(unit));
        if seconds < 15 {
            let why = "who measures is shared by all organisations";
            judged.excessive(&at, format!("`{interval}` is too often"), why, "write `30s`, or at least `15s`");
        }
    }
}

fn account(judged: &mut Judging<'_>) {
    if judged.body()["automountServiceAccountToken"] != Value::Bool(false) {
        let why = "pods have no business with the API server";
        judged.excessive(
            "/automountServiceAccountToken",
            "the account would hand out its token".to_owned(),
            why,
            "leave it out",
        );
    }
}
