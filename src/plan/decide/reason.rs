//! Why something is done, or not: a closed list for each verb, so that no verb can have a reason of another.

use serde::{Deserialize, Serialize};

use super::action::{Place, Verb};
use crate::name::Name;
use crate::plan::state::gone::DataLost;
use crate::plan::state::left_pods::LeftPod;
use crate::plan::state::unseen::Unseen;
use crate::render::ObjectId;

/// Why an action is what it is. It displays as what follows a dash: "change — the garden asks for it".
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reason<'a> {
    /// Why an object is made.
    Creating(&'a Creating),
    /// Why fields of an object are set.
    Changing(&'a Changing),
    /// Why an object is deleted and made anew.
    Replacing(&'a Replacing),
    /// Why an object of others is taken.
    Adopting(&'a Adopting),
    /// Why an object is deleted.
    Deleting(&'a Deleting),
    /// Why nothing is done with an object.
    Keeping(&'a Keeping),
    /// Why something is held back.
    Holding(&'a Holding),
    /// Why what the garden asks cannot be done.
    Refusing(&'a Refusing),
}

impl Reason<'_> {
    /// What is done for it.
    pub(crate) fn verb(self) -> Verb {
        match self {
            Self::Creating(_) => Verb::Create,
            Self::Changing(_) => Verb::Change,
            Self::Replacing(_) => Verb::Replace,
            Self::Adopting(_) => Verb::Adopt,
            Self::Deleting(_) => Verb::Delete,
            Self::Keeping(_) => Verb::Keep,
            Self::Holding(_) => Verb::Held,
            Self::Refusing(_) => Verb::Refused,
        }
    }

    /// Whether it is not worth a line where everything is fine.
    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Keeping(Keeping::Unchanged | Keeping::SecretKept | Keeping::JobRetired))
    }
}

/// Why an object is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Creating {
    /// It is not there yet.
    NotThere,
    /// It was there, is in the inventory, and somebody deleted it.
    DeletedBehindOurBack,
    /// Its data is gone, and a person said that it is made again, empty.
    Acknowledged {
        /// Who.
        who: String,
    },
    /// An earlier run was about to make it and did not come to it.
    Resumed,
    /// A Secret is made once from random values.
    SecretMade,
    /// A person said that a job runs again.
    Rerun {
        /// Who.
        who: String,
    },
    /// A Secret is copied from one of the operators.
    SecretCopied {
        /// The Secret it comes from: `parcelle-system/smtp-relay`.
        source: String,
    },
}

/// Why fields of an object are set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Changing {
    /// The garden asks for something else than was applied.
    GardenChanged,
    /// The garden asks for the same as before; somebody changed it in the cluster.
    Drift {
        /// Field managers that did.
        by: Vec<String>,
    },
    /// The garden asks for something else, and somebody changed the object in the cluster.
    GardenChangedAndDrift {
        /// Field managers that changed fields of ours.
        by: Vec<String>,
    },
    /// The garden asks for the same as before; parcelle renders it in another way now.
    RendererChanged,
    /// The values are as wanted; parcelle becomes the owner of some, so that drift of them is seen.
    OwnershipOnly,
    /// The number of replicas passes to an autoscaler as it is.
    HandedOver,
    /// An interrupted run left a field manager that it needed for a while.
    Interrupted,
    /// Its app is called otherwise now: what holds data keeps its name and passes to the new one.
    Renamed {
        /// The earlier name of the app.
        from: Name,
        /// Its present name.
        to: Name,
    },
    /// Fields of others are taken by word (`field … take`).
    Taken {
        /// Field managers that owned them.
        from: Vec<String>,
        /// The lines of the garden that say so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        said: Vec<Place>,
    },
    /// Fields pass to those who own them too, by word (`field … leave`): nothing moves.
    Left(LeftToOthers),
    /// Nobody else owns fields any more that were left to others, so the garden's values count again.
    LeftAlone {
        /// The fields: `spec.replicas`.
        fields: Vec<String>,
        /// The lines of the garden that leave them to others.
        said: Vec<Place>,
    },
    /// Keys of a Secret that is made once are gone, and follow from those that are there.
    KeysBack {
        /// Their names.
        keys: Vec<String>,
    },
    /// A copied Secret follows its source.
    CopyFollows {
        /// The Secret it comes from: `parcelle-system/smtp-relay`.
        source: String,
    },
}

/// Why an object is deleted and made anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Replacing {
    /// Its app is called otherwise now, so its pods are selected by another name. The claims of its pods stay.
    Renamed {
        /// The earlier name of the app.
        from: Name,
        /// Its present name.
        to: Name,
    },
    /// A field that cannot change must.
    Immutable {
        /// The field that cannot change: `spec.selector`.
        path: String,
    },
    /// A job is to be another, and no container of it ever started.
    NeverStarted {
        /// The Job that gives way, where it has another name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<ObjectId>,
    },
    /// A job failed, and runs for other inputs now.
    JobFailed {
        /// The Job that gives way.
        of: ObjectId,
    },
    /// A person said that a job runs again.
    Rerun {
        /// Who.
        who: String,
        /// The Job that gives way, where it has another name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<ObjectId>,
    },
}

impl Replacing {
    /// The object that gives way, where it is not the one that is made.
    pub(crate) fn gives_way(&self) -> Option<&ObjectId> {
        match self {
            Self::NeverStarted { of } | Self::Rerun { of, .. } => of.as_ref(),
            Self::JobFailed { of } => Some(of),
            Self::Immutable { .. } | Self::Renamed { .. } => None,
        }
    }
}

/// Why an object of others is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Adopting {
    /// The garden says `adopt`.
    AdoptSaid,
}

/// Why an object is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Deleting {
    /// Nothing in the garden renders it any more.
    NoLongerAsked,
    /// Another object of the same app takes its place under a new name.
    Superseded {
        /// The new name.
        by: String,
    },
    /// Its app is called otherwise now, and has this under its new name.
    Renamed {
        /// The earlier name of the app.
        from: Name,
        /// Its present name.
        to: Name,
    },
    /// Its app is not in the garden any more, and nothing of it ever ran or held data here.
    NeverBegun {
        /// The app that the object belongs to.
        app: Name,
    },
    /// Its app is retired and sleeps: what ran, stops.
    Asleep {
        /// The app that the object belongs to.
        app: Name,
    },
    /// Its app is retired and the time for which its data was kept has passed.
    Retired {
        /// The app that the object belongs to.
        app: Name,
        /// Since when, in Unix seconds.
        since: i64,
    },
    /// Its organisation is retired and the time has passed.
    OrganisationRetired {
        /// Since when, in Unix seconds.
        since: i64,
    },
    /// The garden says `retired need` and the time has passed.
    NeedRetired {
        /// The need as the garden names it.
        need: String,
    },
}

/// Why nothing is done with an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Keeping {
    /// It is as it should be.
    Unchanged,
    /// It is there and made once; its value is nobody's to compare.
    SecretKept,
    /// It is there and made once, and somebody changed a key that others are put together of.
    KeysDisagree {
        /// The keys that hold another value.
        keys: Vec<String>,
    },
    /// No app asks for it any more; it holds data and stays until the garden says `retired need`.
    Detached,
    /// Its app or organisation is retired; it stays until the time has passed.
    DataKept {
        /// When its time comes, in Unix seconds.
        until: i64,
    },
    /// The app is no longer in the garden and nobody said `retired`.
    AppVanished {
        /// The app that the object belongs to.
        app: Name,
    },
    /// It is being deleted; it is made again once it is gone.
    Terminating,
    /// The organisation is no longer in the garden and nobody said `retired organisation`.
    OrganisationVanished,
    /// Its deletion has begun, and it goes.
    Leaving,
    /// Something changes a field on its way into the cluster, so it never is as the garden says.
    Rewritten {
        /// The field that cannot change: `spec.selector`.
        path: String,
    },
    /// The field belongs to somebody else and the garden says `leave`; the rest is as it should be.
    LeftToOthers(LeftToOthers),
    /// A job that has done its work; it goes once that is recorded.
    JobDone,
    /// A job that runs, and is not touched while it does.
    JobRuns {
        /// When its first container started, in Unix seconds, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
        /// When it is overdue, in Unix seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
        /// Why it is not known whether it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unknown: Option<String>,
    },
    /// A job that runs longer than its definition expects.
    JobOverdue {
        /// When its first container started, in Unix seconds.
        since: i64,
        /// When it should have been done, in Unix seconds.
        until: i64,
        /// What `parcelle rerun` is given: `alternatiba/cloud upgrade`.
        rerun: String,
    },
    /// It is a job of a retired app, and does not run: nothing is begun any more.
    JobRetired,
    /// A job of which no container has started yet.
    JobWaits {
        /// The reason that the scheduler or the kubelet gives.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// Fields that are left to those who own them now, as the garden says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftToOthers {
    /// The fields: `spec.replicas`.
    pub(crate) fields: Vec<String>,
    /// Field managers that own them.
    pub(crate) to: Vec<String>,
    /// The lines of the garden that say so.
    pub(crate) said: Vec<Place>,
}

/// Why something is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Holding {
    /// Others changed it back each time it was corrected: it is left as they write it for a while.
    FoughtOver {
        /// Field managers that did.
        by: Vec<String>,
        /// Until when, in Unix seconds.
        until: i64,
    },
    /// The garden says `hold`.
    Hold {
        /// With this reason.
        why: String,
    },
    /// Somebody paused it in the cluster.
    Paused {
        /// With this reason.
        why: String,
    },
    /// Deletions that nobody declared exceed the garden's budget: none of them is done.
    OverBudget {
        /// How many there would be.
        would: u64,
        /// How many the garden allows.
        allowed: u64,
    },
    /// The organisation, or a file it uses, has findings: nothing of it is deleted.
    NotClean,
    /// Its kind could not be read.
    NotRead {
        /// The words of whoever holds it.
        why: String,
    },
    /// What it is made from could not be read.
    SourceNotRead {
        /// The API server's words.
        why: String,
    },
    /// Objects of others are in the namespace.
    ForeignInside {
        /// Some of them.
        objects: Vec<String>,
    },
    /// Not everything in the namespace could be looked at.
    NotKnownEmpty {
        /// Of what it is not known whether any lies there.
        unseen: Vec<Unseen>,
    },
    /// Its namespace is not ours, or is being deleted.
    NamespaceBarred,
    /// The inventory of its organisation is lost.
    InventoryLost,
    /// The inventory of its organisation is not that of the cluster as it is.
    InventoryOutdated {
        /// Whether it is that of another cluster; else an earlier one of this.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        of_cluster: bool,
    },
    /// It held data and is not the object any more that was applied: it is not made again before a person says so.
    DataGone {
        /// How the data was lost.
        how: DataLost,
        /// Since when that is known, in Unix seconds.
        since: i64,
    },
    /// Its app has lost data, and does not start without it before a person says so.
    WithoutData {
        /// The object that held it.
        of: ObjectId,
        /// Since when that is known, in Unix seconds.
        since: i64,
    },
    /// It goes after the objects inside it.
    AfterTheRest,
    /// The saved plan that is applied does not have it: nobody agreed to it.
    NotAgreed {
        /// Whether it is more than putting back what others changed: the commit is not applied whole without it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        open: bool,
    },
    /// A job that comes before it is not done.
    AfterJob {
        /// The Job.
        of: ObjectId,
        /// Whether that Job failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
    /// Pods of an earlier run of the same job have not ended.
    PodsLeft {
        /// Some of them.
        pods: Vec<String>,
    },
    /// It is not known whether pods of an earlier run of the same job have ended.
    PodsNotRead {
        /// The API server's words.
        why: String,
    },
    /// Pods work on the same data, or are its app's, although no workload that is there stands behind them.
    StrayPods {
        /// The first of them.
        pods: Vec<LeftPod>,
        /// Why it is not known which there are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unread: Option<String>,
    },
    /// What works on the same data still runs: an earlier workload of its app that is not stopped.
    StillRuns {
        /// The workload.
        of: ObjectId,
        /// Whether its deletion has begun.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        leaves: bool,
    },
    /// Something that comes before it cannot be done.
    After {
        /// The object that comes before it.
        of: ObjectId,
        /// Whether that one is only on its way out, and made again once it is gone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        leaves: bool,
    },
}

/// Why what the garden asks cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Refusing {
    /// It exists and parcelle did not make it.
    NotOurs,
    /// It exists, and the inventory that would say whether it is ours is lost.
    InventoryLost,
    /// It exists, and the inventory is not that of the cluster as it is.
    InventoryOutdated,
    /// It was taken back after the inventory was lost, and nothing names it: it is neither deleted nor replaced.
    Recovered {
        /// The field that cannot change in place, where it would be replaced for that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// Whether it would be replaced; deleted where not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        replaced: bool,
    },
    /// It exists under another uid than the inventory knows: somebody made it anew.
    MadeAnew,
    /// It exists, and another object of the cluster keeps it: whoever took it would be written over, or write over what that one keeps.
    Controlled {
        /// The object that keeps it: `GarageKey pads-uploads`.
        by: String,
    },
    /// It is to be adopted, and a field that cannot change in place is another one than the garden asks for.
    AdoptedOtherwise {
        /// The field: `spec.selector`.
        path: String,
    },
    /// Its label, field manager or uid does not agree with the inventory: it is not deleted.
    Disowned {
        /// What does not agree: "the label `parcelle.dev/garden` is gone".
        what: String,
    },
    /// Another garden holds it.
    OtherGarden {
        /// The name of that garden.
        garden: String,
    },
    /// A namespace is to be adopted, and objects of others are in it.
    ForeignInside {
        /// Some of them.
        objects: Vec<String>,
    },
    /// A namespace is to be adopted, and not everything in it could be looked at.
    NotKnownEmpty {
        /// Of what it is not known whether any lies there.
        unseen: Vec<Unseen>,
    },
    /// Fields that are newly wanted belong to others.
    Conflict,
    /// A field that cannot change must, and replacing the object would lose data.
    ImmutableWithData {
        /// The field that cannot change: `spec.selector`.
        path: String,
    },
    /// It would be made empty, and an object of its app that holds data of the same kind is not asked for any more.
    DataElsewhere {
        /// The object that holds the data.
        of: ObjectId,
    },
    /// What others wrote cannot stand beside what the garden asks, and the object holds data.
    SiblingWithData {
        /// The field that would have to go: `spec.imageName`.
        path: String,
        /// Who wrote it.
        by: Vec<String>,
    },
    /// The API server refused it.
    ServerRefused {
        /// The HTTP status.
        status: u16,
        /// Its words, masked.
        message: String,
    },
    /// A job failed, and runs again only when a person says so.
    JobFailed {
        /// How it ended, in words.
        why: String,
        /// What `parcelle rerun` is given: `alternatiba/cloud upgrade`.
        rerun: String,
    },
    /// The Job of a run is gone, and nobody saw how it ended: it runs again only when a person says so.
    JobEndUnknown {
        /// When its first container started, in Unix seconds, where that was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
        /// What `parcelle rerun` is given: `alternatiba/cloud upgrade`.
        rerun: String,
    },
    /// A Secret that was made once is gone; nothing is made in its place silently.
    SecretLost,
    /// Keys of a Secret that was made once are gone or empty; nothing is made in their place silently.
    KeysLost {
        /// Their names.
        keys: Vec<String>,
        /// What `parcelle acknowledge` is given: `alternatiba/cloud`.
        app: String,
    },
    /// What a Secret is to be copied from is not there.
    SourceMissing {
        /// `parcelle-system/smtp-relay`, with the keys that it lacks.
        source: String,
    },
    /// The guard found that the action would break a promise.
    Guarded {
        /// Which, in words.
        why: String,
    },
}
