//! What all requests share: the store, the resources, tokens, faults, the clock.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{
    access::User,
    admission::CompiledPolicies,
    custom, faults,
    fields::Fields,
    resources::{Registry, ServedResource},
    state::Recorder,
    status::Status,
    store::{Key, Raced, Store, StoreEvent, StoredObject},
};

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    pub(crate) fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a port: the clock of the machine")]
        Self::new(Timestamp::now)
    }

    pub(crate) fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// The time now as the API writes it, such as `2026-11-21T10:00:00Z`.
    pub(crate) fn text(&self) -> String {
        self.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

/// How open watches behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WatchControl {
    /// Raised once for each time that all open watches are to end with 410.
    pub(crate) expired: u64,
    /// Whether watches keep silent.
    pub(crate) stalled: bool,
    /// Whether the server stops.
    pub(crate) stopped: bool,
}

/// A request as a client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The name of the user.
    pub by: String,
    /// `get`, `patch`, …
    pub verb: &'static str,
    /// As in `deployments.apps/status`.
    pub resource: String,
    /// Path and query.
    pub address: String,
    /// The body; empty where there is none.
    pub body: String,
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Server {
    store: Mutex<Store>,
    registry: RwLock<Arc<Registry>>,
    fields: RwLock<Arc<Fields>>,
    tokens: RwLock<BTreeMap<String, User>>,
    requests: Mutex<BTreeMap<(String, String), u64>>,
    /// What clients send, while somebody wants to know.
    sent: Mutex<Option<Vec<Sent>>>,
    pub(crate) faults: Mutex<faults::Table>,
    pub(crate) clock: Clock,
    pub(crate) control: watch::Sender<WatchControl>,
    random: SystemRandom,
    recorder: Option<Recorder>,
    pub(crate) policies: CompiledPolicies,
}

/// A lock whose holder panicked still holds consistent data: writes are single assignments.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub(crate) fn new(store: Store, tokens: BTreeMap<String, User>, clock: Clock, recorder: Option<Recorder>) -> Self {
        let server = Self {
            store: Mutex::new(store),
            registry: RwLock::new(Arc::new(Registry::new(Vec::new()))),
            fields: RwLock::new(Arc::new(Fields::new(&[]))),
            tokens: RwLock::new(tokens),
            requests: Mutex::default(),
            sent: Mutex::default(),
            faults: Mutex::default(),
            clock,
            control: watch::Sender::new(WatchControl::default()),
            random: SystemRandom::new(),
            recorder,
            policies: CompiledPolicies::default(),
        };
        server.reload();
        server
    }

    /// The store, for as long as the guard lives. Nothing waits while holding it.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    /// The resources served now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        let guard = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&guard)
    }

    /// The field facts known now.
    pub(crate) fn fields(&self) -> Arc<Fields> {
        let guard = self.fields.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&guard)
    }

    /// Reads the definitions in the store again: call after one changed.
    pub(crate) fn reload(&self) {
        let definitions = self.store().list("apiextensions.k8s.io/customresourcedefinitions", None);
        let definitions: Vec<Value> = definitions
            .iter()
            .map(|(_, stored)| stored.object("apiextensions.k8s.io/v1", "CustomResourceDefinition"))
            .filter(established)
            .collect();
        let custom = definitions.iter().flat_map(custom::served).collect();
        let fields = Fields::new(&definitions);
        *self.fields.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fields);
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Registry::new(custom));
    }

    /// Who a token belongs to.
    pub(crate) fn user(&self, token: &str) -> Option<User> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).cloned()
    }

    /// Lets a token be used.
    pub(crate) fn admit(&self, token: String, user: User) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(token, user);
    }

    /// Keeps what clients send from now on, and returns what was kept before.
    pub(crate) fn keep_sent(&self) -> Vec<Sent> {
        locked(&self.sent).replace(Vec::new()).unwrap_or_default()
    }

    /// Takes note of what a client sends, where it is kept.
    pub(crate) fn note_sent(&self, sent: impl FnOnce() -> Sent) {
        if let Some(kept) = locked(&self.sent).as_mut() {
            kept.push(sent());
        }
    }

    /// Counts a request.
    pub(crate) fn count(&self, verb: &str, resource: &str) {
        let mut requests = locked(&self.requests);
        *requests.entry((verb.to_owned(), resource.to_owned())).or_default() += 1;
    }

    /// Requests counted by verb and resource.
    pub(crate) fn counted(&self) -> BTreeMap<(String, String), u64> {
        locked(&self.requests).clone()
    }

    /// Forgets what was counted.
    pub(crate) fn recount(&self) {
        locked(&self.requests).clear();
    }

    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).expect("the system gives random bytes");
        bytes
    }

    /// A fresh uid.
    pub(crate) fn uid(&self) -> String {
        let mut bytes = self.random::<16>();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = hex(&bytes);
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        parts.join("-")
    }

    /// Random letters as they end generated names.
    pub(crate) fn suffix(&self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let bytes = self.random::<5>();
        let letters = bytes.iter().map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]);
        letters.map(char::from).collect()
    }

    /// Writes an object computed from version `expected`.
    pub(crate) fn put(
        &self,
        resource: &ServedResource,
        key: &Key,
        object: Map<String, Value>,
        expected: Option<u64>,
    ) -> Result<Arc<StoredObject>, Raced> {
        let mut store = self.store();
        let event = store.put(&resource.storage(), key, object, expected)?;
        self.record(&resource.storage(), &event);
        drop(store);
        Ok(event.after.clone().expect("an object that was put is there"))
    }

    /// Removes an object that is at version `expected`.
    pub(crate) fn remove(&self, resource: &ServedResource, key: &Key, expected: u64) -> Result<(), Raced> {
        let mut store = self.store();
        let event = store.remove(&resource.storage(), key, expected)?;
        self.record(&resource.storage(), &event);
        Ok(())
    }

    /// Called with the store locked, so that records come in the order of writes.
    fn record(&self, resource: &str, event: &StoreEvent) {
        if let Some(recorder) = &self.recorder {
            recorder.record(resource, event);
        }
    }

    /// Waits until everything written so far is in the state file.
    pub(crate) async fn flush(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.flush().await;
        }
    }

    /// Writes nothing more to the state file and lets others have it.
    pub(crate) fn end_record(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.end();
        }
    }

    /// The namespace of that name.
    pub(crate) fn namespace(&self, name: &str) -> Option<Value> {
        let stored = self.store().get("/namespaces", &Key::new("", name))?;
        Some(stored.object("v1", "Namespace"))
    }

    /// The resource that a path names, or the answer that a real server gives instead.
    pub(crate) fn resource(&self, group: &str, version: &str, plural: &str) -> Result<Arc<ServedResource>, Status> {
        let registry = self.registry();
        if let Some(resource) = registry.find(group, version, plural) {
            return Ok(Arc::clone(resource));
        }
        let served =
            registry.all().any(|known| known.group == group && known.version == version && known.custom.is_none());
        if served { Err(Status::no_such_resource()) } else { Err(Status::plain(404, "", "404 page not found")) }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

fn established(definition: &Value) -> bool {
    let conditions = definition["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}
