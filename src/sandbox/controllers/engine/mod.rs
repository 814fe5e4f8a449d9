//! Watches everything and decides when something is to be done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use kube::{
    Client,
    api::{ApiResource, DynamicObject},
};
use serde_json::Value;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::{AbortHandle, JoinSet},
};

use super::{
    InjectedFailure, Settings, SimulatedRun, collect, jobs, workloads, workloads::ClusterView, write::ControllerWrite,
};
use crate::sandbox::server::locked;
use attend::{attend, wanted};

mod attend;
mod watches;

/// After an error a write is tried again this much later.
const RETRY: Duration = Duration::from_millis(500);

/// What the engine is told.
#[derive(Debug)]
enum Message {
    /// A watch begins anew: what it does not show now is gone.
    Restarted(usize),
    /// A watch has shown everything that is there.
    Complete(usize),
    /// An object is there, or changed.
    Applied(usize, Box<DynamicObject>),
    /// An object is gone.
    Deleted(usize, Box<DynamicObject>),
    /// An object was looked after; whether that went well.
    Done(String, bool),
    /// The definitions changed.
    Rediscover,
}

/// What is remembered of an object.
#[derive(Debug)]
struct Node {
    resource: usize,
    namespace: String,
    name: String,
    owners: Vec<collect::OwnerRef>,
    /// Finalizers of one that is being deleted.
    going: Option<Vec<String>>,
}

#[derive(Debug)]
struct Watched {
    of: Arc<ApiResource>,
    namespaced: bool,
    task: AbortHandle,
    complete: bool,
    /// Uids shown since the watch began anew.
    shown: BTreeSet<String>,
}

struct Engine {
    client: Client,
    settings: Arc<Mutex<Settings>>,
    watched: BTreeMap<usize, Watched>,
    next: usize,
    nodes: BTreeMap<String, Node>,
    dependents: BTreeMap<String, BTreeSet<String>>,
    /// (resource, namespace, name) of all objects.
    names: BTreeSet<(String, String, String)>,
    /// Objects that are looked after, and whether they changed since.
    pending: BTreeMap<String, bool>,
    tasks: JoinSet<()>,
    sender: UnboundedSender<Message>,
    rediscovery: bool,
}

/// Runs until aborted.
pub(super) async fn run(client: Client, settings: Arc<Mutex<Settings>>, mut asked: UnboundedReceiver<()>) {
    let (sender, mut messages) = mpsc::unbounded_channel();
    let mut engine = Engine {
        client,
        settings,
        watched: BTreeMap::new(),
        next: 0,
        nodes: BTreeMap::new(),
        dependents: BTreeMap::new(),
        names: BTreeSet::new(),
        pending: BTreeMap::new(),
        tasks: JoinSet::new(),
        sender,
        rediscovery: false,
    };
    engine.discover().await;
    loop {
        tokio::select! {
            Some(message) = messages.recv() => engine.hear(message).await,
            Some(()) = asked.recv() => engine.look_again(),
            Some(_) = engine.tasks.join_next() => {}
            else => return,
        }
    }
}

/// What a failing object says, and what becomes of it where it is a Job.
fn parts(failure: Option<&InjectedFailure>) -> (Option<&str>, SimulatedRun) {
    failure.map_or((None, SimulatedRun::Fails), |failure| (Some(&*failure.message), failure.run))
}

fn label(of: &ApiResource) -> String {
    if of.group.is_empty() { of.plural.clone() } else { format!("{}.{}", of.plural, of.group) }
}

impl Engine {
    async fn hear(&mut self, message: Message) {
        match message {
            Message::Restarted(number) => {
                if let Some(watched) = self.watched.get_mut(&number) {
                    watched.shown.clear();
                }
            }
            Message::Complete(number) => self.complete(number),
            Message::Applied(number, object) => self.applied(number, *object),
            Message::Deleted(number, object) => {
                if let Some(uid) = object.metadata.uid {
                    self.deleted(&uid);
                }
                self.definitions_changed(number);
            }
            Message::Done(uid, good) => self.done(&uid, good),
            Message::Rediscover => self.discover().await,
        }
    }

    fn complete(&mut self, number: usize) {
        let Some(watched) = self.watched.get_mut(&number) else { return };
        watched.complete = true;
        let shown = std::mem::take(&mut watched.shown);
        self.forget_all(number, &shown);
        if self.watched.values().all(|watched| watched.complete) {
            let owned: Vec<String> =
                self.nodes.iter().filter(|(_, node)| !node.owners.is_empty()).map(|(uid, _)| uid.clone()).collect();
            for uid in owned {
                self.check_owners(&uid);
            }
        }
    }

    /// Forgets objects of a resource, except those.
    fn forget_all(&mut self, number: usize, except: &BTreeSet<String>) {
        let gone: Vec<String> = self
            .nodes
            .iter()
            .filter(|(uid, node)| node.resource == number && !except.contains(*uid))
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in gone {
            self.deleted(&uid);
        }
    }

    fn applied(&mut self, number: usize, object: DynamicObject) {
        let Some(watched) = self.watched.get_mut(&number) else { return };
        let Some(uid) = object.metadata.uid.clone() else { return };
        watched.shown.insert(uid.clone());
        let of = Arc::clone(&watched.of);
        let metadata = &object.metadata;
        let namespace = metadata.namespace.clone().unwrap_or_default();
        let name = metadata.name.clone().unwrap_or_default();
        let finalizers = metadata.finalizers.clone().unwrap_or_default();
        let owners = collect::owners(metadata);
        self.unlink(&uid);
        for owner in &owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.clone());
        }
        self.names.insert((label(&of), namespace.clone(), name.clone()));
        let going = metadata.deletion_timestamp.as_ref().map(|_| finalizers);
        let owned = !owners.is_empty();
        let node = Node { resource: number, namespace: namespace.clone(), name: name.clone(), owners, going };
        self.nodes.insert(uid.clone(), node);
        if owned && self.watched.values().all(|watched| watched.complete) {
            self.check_owners(&uid);
        }
        self.look_after_deletion(&uid);
        self.look_after_owners(&uid);
        self.definitions_changed(number);
        if of.group == "apps" {
            self.look_after_autoscalers(&namespace);
        }
        let Ok(mut object) = serde_json::to_value(object) else { return };
        object["apiVersion"] = Value::from(of.api_version.as_str());
        object["kind"] = Value::from(of.kind.as_str());
        if of.kind == "HorizontalPodAutoscaler" || self.needs(&of, &namespace, &name, &object) {
            self.look_after(&uid);
        }
    }

    /// Whether anything is to be done for an object.
    fn needs(&self, of: &ApiResource, namespace: &str, name: &str, object: &Value) -> bool {
        let failure = self.failure(of, namespace, name);
        let (message, run) = parts(failure.as_ref());
        let world = ClusterView { now: "", failure: message, run, replicas: None };
        let status = &object["status"];
        wanted(of, object, &world).iter().any(|write| match write {
            ControllerWrite::Status(patch) => workloads::changes(status, patch),
            ControllerWrite::Merge(_) | ControllerWrite::Scale(..) => true,
            ControllerWrite::Ensure(plural, made) => !self.has(plural, made),
        })
    }

    fn has(&self, plural: &str, made: &Value) -> bool {
        let word = |name: &str| made["metadata"][name].as_str().unwrap_or_default().to_owned();
        self.names.contains(&(plural.to_owned(), word("namespace"), word("name")))
    }

    fn failure(&self, of: &ApiResource, namespace: &str, name: &str) -> Option<InjectedFailure> {
        let settings = locked(&self.settings);
        // The pod of a Job fares as its Job does.
        let (kind, name) = match jobs::job_of(name).filter(|_| of.kind == "Pod") {
            Some(job) => ("Job", job),
            None => (&*of.kind, name),
        };
        settings.failures.iter().find(|failure| failure.hits(kind, namespace, name)).cloned()
    }

    fn unlink(&mut self, uid: &str) {
        let Some(node) = self.nodes.remove(uid) else { return };
        for owner in &node.owners {
            if let Some(list) = self.dependents.get_mut(&owner.uid) {
                list.remove(uid);
                if list.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
        if let Some(watched) = self.watched.get(&node.resource) {
            self.names.remove(&(label(&watched.of), node.namespace, node.name));
        }
    }

    fn deleted(&mut self, uid: &str) {
        let owners: Vec<String> = self
            .nodes
            .get(uid)
            .map(|node| node.owners.iter().map(|owner| owner.uid.clone()).collect())
            .unwrap_or_default();
        self.unlink(uid);
        let dependents = self.dependents.get(uid).cloned().unwrap_or_default();
        for dependent in dependents {
            self.check_owners(&dependent);
        }
        for owner in owners {
            self.look_after_deletion(&owner);
            if self.nodes.get(&owner).is_some_and(|node| node.going.is_none()) {
                self.look_after(&owner);
            }
        }
    }

    fn place(&self, uid: &str) -> Option<collect::ObjectRef> {
        let node = self.nodes.get(uid)?;
        let watched = self.watched.get(&node.resource)?;
        Some(collect::ObjectRef {
            of: Arc::clone(&watched.of),
            namespace: node.namespace.clone(),
            name: node.name.clone(),
            uid: uid.to_owned(),
        })
    }

    /// Removes an object whose owners are all gone.
    fn check_owners(&mut self, uid: &str) {
        let (Some(place), Some(node)) = (self.place(uid), self.nodes.get(uid)) else { return };
        if node.going.is_some() || node.owners.iter().any(|owner| self.nodes.contains_key(&owner.uid)) {
            return;
        }
        let kinds = self.watched.values();
        let kinds = kinds.map(|watched| (Arc::clone(&watched.of), watched.namespaced)).collect();
        let delay = locked(&self.settings).delay;
        let task = collect::remove_orphan(self.client.clone(), place, node.owners.clone(), kinds, delay);
        self.tasks.spawn(task);
    }

    /// Does what the finalizers of a deleted object ask for.
    fn look_after_deletion(&mut self, uid: &str) {
        let (Some(place), Some(node)) = (self.place(uid), self.nodes.get(uid)) else { return };
        let Some(finalizers) = node.going.clone() else { return };
        if place.of.kind == "Namespace" && place.of.group.is_empty() {
            if self.pending.insert(format!("end of {uid}"), false).is_none() {
                self.tasks.spawn(collect::end_namespace(self.client.clone(), place, self.sender_of_end(uid)));
            }
            return;
        }
        let has = |name: &str| finalizers.iter().any(|one| one == name);
        let dependents = self.dependents.get(uid).into_iter().flatten();
        if has(collect::ORPHAN) {
            let dependents = dependents.filter_map(|uid| self.place(uid)).collect();
            self.tasks.spawn(collect::orphan(self.client.clone(), place, finalizers, dependents));
        } else if has(collect::FOREGROUND) {
            let dependents = dependents.filter_map(|dependent| self.waited_for(uid, dependent)).collect();
            self.tasks.spawn(collect::foreground(self.client.clone(), place, finalizers, dependents));
        }
    }

    /// A dependent that an owner waits for; nothing of one that does not hold it up.
    fn waited_for(&self, owner: &str, dependent: &str) -> Option<collect::Dependent> {
        let node = self.nodes.get(dependent)?;
        node.owners.iter().find(|one| one.uid == owner && one.blocks)?;
        let stays = |other: &&collect::OwnerRef| {
            other.uid != owner && self.nodes.get(&other.uid).is_some_and(|node| node.going.is_none())
        };
        Some(collect::Dependent {
            place: self.place(dependent)?,
            is_shared: node.owners.iter().any(|other| stays(&other)),
            is_going: node.going.is_some(),
            is_owner: self.dependents.contains_key(dependent),
        })
    }

    /// What waits for its dependents looks at one that comes, or that changes.
    fn look_after_owners(&mut self, uid: &str) {
        let Some(node) = self.nodes.get(uid) else { return };
        let owners: Vec<String> = node.owners.iter().map(|owner| owner.uid.clone()).collect();
        owners.iter().for_each(|owner| self.look_after_deletion(owner));
    }

    fn sender_of_end(&self, uid: &str) -> impl FnOnce() + Send + 'static {
        let (sender, key) = (self.sender.clone(), format!("end of {uid}"));
        move || {
            let _ = sender.send(Message::Done(key, true));
        }
    }

    fn look_after_autoscalers(&mut self, namespace: &str) {
        let scalers: Vec<String> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.namespace == namespace)
            .filter(|(_, node)| {
                let watched = self.watched.get(&node.resource);
                watched.is_some_and(|watched| watched.of.kind == "HorizontalPodAutoscaler")
            })
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in scalers {
            self.look_after(&uid);
        }
    }

    /// Everything is looked at again: what fails, and what may recover.
    fn look_again(&mut self) {
        let all: Vec<String> = self.nodes.keys().cloned().collect();
        for uid in all {
            self.look_after(&uid);
        }
    }

    /// Looks after an object when the delay is over.
    fn look_after(&mut self, uid: &str) {
        if let Some(dirty) = self.pending.get_mut(uid) {
            *dirty = true;
            return;
        }
        let Some(place) = self.place(uid) else { return };
        self.pending.insert(uid.to_owned(), false);
        let failure = self.failure(&place.of, &place.namespace, &place.name);
        let delay = locked(&self.settings).delay;
        let (client, sender) = (self.client.clone(), self.sender.clone());
        self.tasks.spawn(async move {
            tokio::time::sleep(delay).await;
            let result = attend(&client, &place, failure.as_ref()).await;
            if let Err(error) = &result {
                tracing::debug!(%error, name = place.name, "a controller's write failed");
                tokio::time::sleep(RETRY).await;
            }
            let _ = sender.send(Message::Done(place.uid, result.is_ok()));
        });
    }

    fn done(&mut self, uid: &str, good: bool) {
        let dirty = self.pending.remove(uid).unwrap_or(false);
        if dirty || !good {
            self.look_after(uid);
        }
    }
}
