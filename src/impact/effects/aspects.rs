//! What moves of objects, as people speak of it, and which words of the garden speak of which: two tables, a row each.

use crate::plan::{Action, FieldChange};

use super::super::edits::{KnownEdit, Part};

/// What moves, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::impact) enum Aspect {
    /// The release that runs.
    Release,
    /// How many copies run.
    Copies,
    /// Room for what people store.
    Room,
    /// Room for databases.
    DatabaseRoom,
    /// Processor time and memory.
    Resources,
    /// Where people reach an app.
    Address,
    /// When backups are made.
    BackupTime,
    /// How many backups are kept.
    BackupKeep,
    /// When a regular job runs.
    JobTime,
    /// Whom the operators reach.
    Contacts,
    /// What an organisation is called.
    Title,
    /// What the apps of an organisation may use together.
    Quota,
    /// A setting of an app: a variable, a file.
    Setting,
    /// A job that runs once.
    Once,
    /// Who may reach whom in the network.
    Network,
    /// What an app may do in the cluster.
    Rights,
    /// Passwords and keys.
    Secret,
    /// Whatever else.
    Other,
}

use Aspect::{
    Address, BackupKeep, BackupTime, Contacts, Copies, DatabaseRoom, JobTime, Network, Once, Other, Quota, Release,
    Resources, Rights, Room, Secret, Setting, Title,
};

impl Aspect {
    /// Whether it says more than those after it, which follow from it.
    pub(super) fn is_telling(self) -> bool {
        self <= Title
    }
}

/// Kind (any where empty), a part of the name, a part of the field's path: what moves. The first row that fits counts.
const ROWS: &[(&str, &str, &str, Aspect)] = &[
    ("", "", "labels[app.kubernetes.io/version]", Release),
    ("", "", "].image", Release),
    ("", "", "spec.image", Release),
    ("Namespace", "", "parcelle.dev/contacts", Contacts),
    ("Namespace", "", "parcelle.dev/title", Title),
    ("HorizontalPodAutoscaler", "", "", Copies),
    ("PodDisruptionBudget", "", "", Copies),
    ("", "", "spec.replicas", Copies),
    ("", "", "spec.instances", Copies),
    ("GarageBucket", "", "quotas", Room),
    ("PersistentVolumeClaim", "", "", Room),
    ("Cluster", "", "storage", DatabaseRoom),
    ("PerconaServerMongoDB", "", "storage", DatabaseRoom),
    ("PerconaServerMongoDB", "", "retention", BackupKeep),
    ("PerconaServerMongoDB", "", "spec.backup", BackupTime),
    ("", "", ".resources.", Resources),
    ("ResourceQuota", "", "", Quota),
    ("LimitRange", "", "", Quota),
    ("HTTPRoute", "", "", Address),
    ("Ingress", "", "", Address),
    ("ListenerSet", "", "", Address),
    ("Certificate", "", "", Address),
    ("ScheduledBackup", "", "", BackupTime),
    ("Schedule", "", "retention", BackupKeep),
    ("Schedule", "", "", BackupTime),
    ("CronJob", "--backup", "spec.schedule", BackupTime),
    ("CronJob", "", "spec.schedule", JobTime),
    ("CronJob", "", "spec.suspend", JobTime),
    ("", "", ".env[", Setting),
    ("", "", "template.metadata.annotations", Setting),
    ("ConfigMap", "", "", Setting),
    ("NetworkPolicy", "", "", Network),
    ("Role", "", "", Rights),
    ("RoleBinding", "", "", Rights),
    ("ServiceAccount", "", "", Rights),
    ("Secret", "", "", Secret),
    ("Job", "", "", Once),
];

/// A word of the garden, and what it can move.
const WORDS: &[(&str, &[Aspect])] = &[
    ("every", &[BackupTime]),
    ("keep", &[BackupKeep]),
    ("backup", &[BackupTime, BackupKeep, Secret, Network]),
    ("nights", &[Quota, Copies, JobTime]),
    ("peak", &[Quota, Copies]),
    ("state", &[Quota, Copies, JobTime, Address]),
    ("scale", &[Quota, Copies]),
    ("replicas", &[Quota, Copies]),
    ("instances", &[Copies]),
    ("members", &[Copies]),
    ("storage", &[Quota, Room, DatabaseRoom, Resources]),
    ("size", &[Quota, Resources, Room, DatabaseRoom]),
    ("resources", &[Quota, Resources]),
    ("cpu", &[Quota, Resources]),
    ("memory", &[Quota, Resources]),
    ("grants", &[Quota]),
    ("ceiling", &[Quota]),
    ("at", &[Address, Setting, Network, Once]),
    ("also-at", &[Address, Setting, Network, Once]),
    ("domain", &[Address, Setting, Network, Once, Secret]),
    ("delegate", &[Address, Setting]),
    ("route", &[Address, Network, Setting]),
    ("release", &[Release, Once]),
    ("channel", &[Release, Once]),
    ("version", &[Release, Once]),
    ("image", &[Release]),
    ("mail", &[Setting, Network, Secret]),
    ("sign-on", &[Setting, Network, Secret, Once]),
    ("env", &[Setting]),
    ("file", &[Setting]),
    ("modules", &[Setting, Once]),
    ("timezone", &[BackupTime, JobTime, Setting, Copies]),
    ("contact", &[Contacts]),
    ("title", &[Title, Setting, Once]),
    ("network", &[Network]),
    ("network-policy", &[Network]),
    ("secret", &[Secret, Setting]),
    ("postgres", &[DatabaseRoom, Release, Copies, Secret]),
    ("mongodb", &[DatabaseRoom, Release, Copies, Secret]),
    ("redis", &[Release, Setting]),
    ("bucket", &[Quota, Room, Setting, Network, Secret]),
    ("volume", &[Quota, Room]),
];

/// Words that are for people who read the garden: nothing in a cluster follows from them by themselves.
const FOR_READERS: &[&str] =
    &["title", "contact", "note", "about", "docs", "allow", "person", "consent", "test", "severity", "example"];

/// What moves where a field does.
pub(in crate::impact) fn of_field(action: &Action, path: &str) -> Aspect {
    let (kind, name) = (&*action.id.kind, &*action.id.name);
    let fits = |(of, part, field, _): &&(&str, &str, &str, Aspect)| {
        (of.is_empty() || *of == kind) && name.contains(part) && path.contains(field)
    };
    ROWS.iter().find(fits).map_or(Other, |row| row.3)
}

/// What moves with the fields of an object; that of its kind where none is known.
pub(in crate::impact) fn of_action(action: &Action) -> Vec<(Aspect, Option<&FieldChange>)> {
    let is_label = |change: &FieldChange| change.path.ends_with("labels[app.kubernetes.io/version]");
    // Where somebody else changed all that moves, that is what moves.
    let drifted = action.changes.iter().all(|change| !change.drift_by.is_empty());
    let moving = || action.changes.iter().filter(|change| drifted || change.drift_by.is_empty());
    // A label says which release an object is of; what runs says more.
    let told: Vec<&FieldChange> = moving().filter(|change| !is_label(change)).collect();
    let told = if told.is_empty() { moving().collect() } else { told };
    if told.is_empty() || action.base().is_none() {
        return vec![(of_field(action, ""), None)];
    }
    told.into_iter().map(|change| (of_field(action, &change.path), Some(change))).collect()
}

/// Whether an edit can be why something moves: by its words alone.
pub(in crate::impact) fn explains(edit: &KnownEdit, aspect: Aspect) -> bool {
    let known = WORDS.iter().filter(|(word, _)| edit.path.iter().any(|name| name == word));
    let mut known = known.peekable();
    if known.peek().is_some() {
        return known.any(|(_, aspects)| aspects.contains(&aspect));
    }
    if edit.is_app_itself() {
        // What others of its organisation see of it.
        return matches!(aspect, Setting | Once | Network | Secret | Quota);
    }
    // A setting of a definition becomes a variable or a file.
    edit.app.is_some() && aspect == Setting && !is_for_readers(edit)
}

/// Whether nothing follows from an edit by itself.
pub(in crate::impact) fn is_for_readers(edit: &KnownEdit) -> bool {
    let last = edit.path.iter().rev().find(|name| FOR_READERS.contains(&name.as_str()));
    // The title of an app is a setting of its definition.
    last.is_some() && (edit.app.is_none() || edit.part == Part::Other)
}
