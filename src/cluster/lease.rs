//! One writer at a time: our own small loop on a `coordination.k8s.io/v1` Lease.
//!
//! Nobody's wall clock is trusted. A rival's lease counts as expired when it has not changed for its duration *as we watched
//! it*, on a monotonic clock; every PUT carries the resourceVersion that was seen, so of two who reach for it one is refused.
//! Our right to write ends a little before the lease does, counted from before the renewal was sent; see [`Permit`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::connect::{Permit, Writer};
use super::errors::ApiError;
use super::inventory::create_system_namespace;
use super::request::Content;
use super::retry::Retry;
use crate::name::Name;
use crate::render::naming::SYSTEM_NAMESPACE;

/// The times of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long it holds without renewal; whole seconds.
    pub duration: Duration,
    /// How often it is to be renewed.
    pub renewal: Duration,
    /// How long before its end no write is sent any more.
    pub margin: Duration,
}

impl Timing {
    /// A lease of this length, renewed every third of it; nothing is written in its last third.
    pub fn lasting(duration: Duration) -> Self {
        Self { duration, renewal: duration / 3, margin: duration / 3 }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::lasting(Duration::from_secs(30))
    }
}

/// A lease on a garden in one cluster, held or wanted.
#[derive(Debug)]
pub struct Lease {
    path: String,
    name: String,
    /// Who we are: unique to this process.
    identity: String,
    /// The lease as we wrote it last, while it is ours as far as we know.
    held: Option<Value>,
    /// What was last seen of it: resourceVersion, and when we first saw that one.
    seen: Option<(String, Instant)>,
    /// Whether it moved while we looked.
    moved: bool,
    /// Whoever else was last seen to hold it.
    rival: Option<String>,
    /// How it came to be ours, until that is asked.
    taken: Option<Taken>,
    /// What the machine's clock shows, for people who look at the lease: nothing is decided by it.
    clock: fn() -> jiff::Timestamp,
    deadline: Arc<Mutex<Instant>>,
    timing: Timing,
    /// What its holder says of itself beside it, for people who look at the lease; empty for nothing.
    says: Arc<Mutex<String>>,
}

/// The annotation in which the holder of a lease says how it fares (`LoopState`).
pub(super) const SAYS: &str = "parcelle.dev/loop";

/// How a lease of somebody else came to be ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its holder gave it up.
    GivenUp {
        /// Who that was, where it was seen.
        by: Option<String>,
    },
    /// Its holder did not renew it for as long as it lasts.
    RunOut {
        /// Who that was.
        of: String,
        /// How long it stood still under our eyes.
        still: Duration,
    },
}

/// The state of a lease for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// It is ours; writing is allowed while the permit holds.
    Held,
    /// Somebody else holds it.
    HeldBy {
        /// Who, as they call themselves.
        holder: String,
        /// Whether we saw them renew it, or take it, since we first looked.
        alive: bool,
    },
}

impl Lease {
    /// The lease of a garden, by a name of our own (host, process, a random word). Nothing is asked yet.
    pub fn new(garden: &Name, identity: String, timing: Timing, clock: fn() -> jiff::Timestamp) -> Self {
        Self {
            path: PATH.to_owned(),
            name: name_of(garden),
            identity,
            held: None,
            seen: None,
            moved: false,
            rival: None,
            taken: None,
            clock,
            deadline: Arc::new(Mutex::new(Instant::now())),
            timing,
            says: Arc::default(),
        }
    }

    /// The same lease, in which stands what its holder says of itself whenever it is renewed.
    #[must_use]
    pub(crate) fn saying(self, says: Arc<Mutex<String>>) -> Self {
        Self { says, ..self }
    }

    /// The permit that follows this lease.
    pub fn permit(&self) -> Permit {
        Permit::Lease(self.deadline.clone())
    }

    /// Takes the lease where it is free or expired, renews it where it is ours. To be called at every [`Timing::renewal`].
    ///
    /// `writer` must have a permit of its own ([`Permit::Always`]): the lease is what permits come from.
    pub async fn acquire_or_renew(&mut self, writer: &Writer) -> Result<LeaseState, ApiError> {
        let begun = Instant::now();
        if let Some(renewed) = self.renew_held(writer, begun).await? {
            return Ok(renewed);
        }
        let Some(lease) = self.read(writer).await? else {
            let created = self.create(writer).await;
            return self.taken_or_lost(created, begun, None);
        };
        let holder = text(&lease, "/spec/holderIdentity");
        let still = self.note(&lease).elapsed();
        let taken = if holder == self.identity {
            None
        } else if holder.is_empty() {
            Some(Taken::GivenUp { by: self.rival.clone() })
        } else {
            self.rival = Some(holder.to_owned());
            if still <= self.duration_of(&lease) {
                return Ok(LeaseState::HeldBy { holder: holder.to_owned(), alive: self.moved });
            }
            Some(Taken::RunOut { of: holder.to_owned(), still })
        };
        let put = self.put(writer, &lease, &self.identity).await;
        self.taken_or_lost(put, begun, taken)
    }

    /// Renews the lease while it is ours, and never takes it from anybody, nor once somebody else may have had it: what was
    /// applied meanwhile is not known.
    pub(crate) async fn renew(&mut self, writer: &Writer) -> Result<LeaseState, ApiError> {
        let begun = Instant::now();
        if let Some(renewed) = self.renew_held(writer, begun).await? {
            return Ok(renewed);
        }
        let lease = self.read(writer).await?.unwrap_or_default();
        let holder = text(&lease, "/spec/holderIdentity");
        if holder != self.identity {
            self.end();
            return Ok(LeaseState::HeldBy { holder: holder.to_owned(), alive: true });
        }
        let put = self.put(writer, &lease, &self.identity).await;
        self.taken_or_lost(put, begun, None)
    }

    /// Renews what we hold as we know it: one request. Nothing where it may have run out meanwhile (this process was stopped), or
    /// is not what is there any more: it is to be read.
    async fn renew_held(&mut self, writer: &Writer, begun: Instant) -> Result<Option<LeaseState>, ApiError> {
        let Some(held) = self.held.take().filter(|_| self.may_be_ours()) else { return Ok(None) };
        match self.put(writer, &held, &self.identity).await {
            Ok(lease) => Ok(Some(self.hold(lease, begun))),
            Err(error) if error.is_conflict() || error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, writer: &Writer) -> Result<Option<Value>, ApiError> {
        writer.connection().get_opt(&format!("{}/{}", self.path, self.name)).await
    }

    /// What came of writing our name into the lease.
    fn taken_or_lost(
        &mut self,
        written: Result<Value, ApiError>,
        begun: Instant,
        taken: Option<Taken>,
    ) -> Result<LeaseState, ApiError> {
        match written {
            Ok(lease) => {
                self.taken = taken;
                Ok(self.hold(lease, begun))
            }
            Err(error) if error.is_conflict() => {
                // Somebody was quicker; who, the next look says.
                Ok(LeaseState::HeldBy { holder: "somebody who was quicker".to_owned(), alive: true })
            }
            Err(error) => Err(error),
        }
    }

    /// Ends our right to write, now.
    fn end(&mut self) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.held = None;
    }

    /// The lease as it was written with our name in it.
    fn hold(&mut self, lease: Value, begun: Instant) -> LeaseState {
        self.note(&lease);
        self.extend(begun);
        self.held = Some(lease);
        LeaseState::Held
    }

    /// Gives the lease up, so that the next one need not wait for its end.
    pub async fn release(&mut self, writer: &Writer) -> Result<(), ApiError> {
        self.end();
        let found = self.read(writer).await?;
        let Some(lease) = found.filter(|lease| text(lease, "/spec/holderIdentity") == self.identity) else {
            return Ok(());
        };
        match self.put(writer, &lease, "").await {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    /// How it came to be ours, told once.
    pub(crate) fn take_taken(&mut self) -> Option<Taken> {
        self.taken.take()
    }

    /// Whether nobody else can have taken it since we renewed it last.
    fn may_be_ours(&self) -> bool {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        Instant::now() < deadline + self.timing.margin
    }

    /// How long a lease lasts without a renewal, as whoever holds it says.
    fn duration_of(&self, lease: &Value) -> Duration {
        let seconds = lease.pointer("/spec/leaseDurationSeconds").and_then(Value::as_u64);
        seconds.map_or(self.timing.duration, Duration::from_secs)
    }

    /// When this version of the lease was first seen.
    fn note(&mut self, lease: &Value) -> Instant {
        let version = text(lease, "/metadata/resourceVersion");
        match &self.seen {
            Some((seen, since)) if seen == version => *since,
            seen => {
                let now = Instant::now();
                self.moved |= seen.is_some();
                self.seen = Some((version.to_owned(), now));
                now
            }
        }
    }

    /// The time, as a Lease writes it.
    fn now(&self) -> String {
        (self.clock)().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }

    fn extend(&self, begun: Instant) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) =
            begun + self.timing.duration.saturating_sub(self.timing.margin);
    }

    async fn create(&self, writer: &Writer) -> Result<Value, ApiError> {
        let now = self.now();
        let mut body = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": self.name, "namespace": SYSTEM_NAMESPACE },
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": self.timing.duration.as_secs(),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        });
        self.say(&mut body, &self.identity);
        let path = format!("{}?fieldManager=parcelle", self.path);
        match self.send(writer, Method::POST, &path, &body).await {
            Err(error) if error.is_not_found() => {
                create_system_namespace(writer).await?;
                self.send(writer, Method::POST, &path, &body).await
            }
            other => other,
        }
    }

    /// Sends the lease; again only where the server surely did nothing (429, no connection), and only while it may
    /// still be ours. What else went wrong, the next look shows.
    async fn send(&self, writer: &Writer, method: Method, path: &str, body: &Value) -> Result<Value, ApiError> {
        let deadline = Instant::now() + self.timing.duration.saturating_sub(self.timing.margin);
        let mut retry = Retry::of_a_request().before(deadline);
        loop {
            match writer.write(method.clone(), path, Content::Json, body).await {
                Ok(answer) => return Ok(answer.body),
                Err(error) => retry.again_if(error.was_not_executed(), error).await?,
            }
        }
    }

    /// Notes in a lease what its holder says of itself; whoever gives it up says nothing.
    fn say(&self, lease: &mut Value, holder: &str) {
        let says = self.says.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !says.is_empty() && !holder.is_empty() {
            lease["metadata"]["annotations"][SAYS] = says.into();
        } else if let Some(annotations) = lease["metadata"]["annotations"].as_object_mut() {
            annotations.remove(SAYS);
        }
    }

    /// Writes the lease with the resourceVersion that was seen.
    async fn put(&self, writer: &Writer, lease: &Value, holder: &str) -> Result<Value, ApiError> {
        let now = self.now();
        let mut next = lease.clone();
        self.say(&mut next, holder);
        let changes = text(lease, "/spec/holderIdentity") != holder;
        let spec = &mut next["spec"];
        // A lease that nobody holds names nobody: the server refuses an empty name.
        spec["holderIdentity"] = if holder.is_empty() { Value::Null } else { holder.into() };
        spec["leaseDurationSeconds"] = self.timing.duration.as_secs().into();
        spec["renewTime"] = now.as_str().into();
        if changes && !holder.is_empty() {
            spec["acquireTime"] = now.as_str().into();
            spec["leaseTransitions"] = (spec["leaseTransitions"].as_u64().unwrap_or(0) + 1).into();
        }
        let path = format!("{}/{}?fieldManager=parcelle", self.path, self.name);
        self.send(writer, Method::PUT, &path, &next).await
    }
}

/// The lease of a garden, by name.
pub(super) fn name_of(garden: &Name) -> String {
    format!("parcelle-{garden}")
}

/// Where leases lie.
pub(super) const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/parcelle-system/leases";

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
