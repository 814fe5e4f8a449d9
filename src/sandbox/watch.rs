//! Watches: what is there, what happened since a version, then what happens.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{
    http::{Call, Encoding, WATCH_LIFE},
    read,
    reply::Reply,
    selector::Selector,
    server::{Server, WatchControl},
    status::{FieldError, Status},
    store::{StoreEvent, StoredObject},
};

/// A bookmark is sent so often where they are asked for.
const BOOKMARKS: Duration = Duration::from_mins(1);

struct Watcher {
    server: Arc<Server>,
    call: Call,
    selector: Selector,
    storage: String,
    /// Everything up to this version was sent or did not concern this watch.
    seen: u64,
    changes: watch::Receiver<u64>,
    control: watch::Receiver<WatchControl>,
    expired: u64,
    stalled: bool,
    bookmarks: bool,
    next_bookmark: Instant,
    end: Instant,
    ready: VecDeque<String>,
    over: bool,
}

fn check_options(call: &Call) -> Result<(), Status> {
    let initial = call.query.get("sendInitialEvents");
    let matching = call.query.get("resourceVersionMatch");
    let error = match (initial, matching) {
        (None, None) | (Some(_), Some("NotOlderThan")) => return Ok(()),
        (None, Some(_)) => FieldError::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (Some(_), None) => FieldError::forbidden(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (Some(_), Some(other)) => {
            FieldError::unsupported("resourceVersionMatch", &Value::from(other), &["NotOlderThan"])
        }
    };
    Err(Status::invalid_options("ListOptions", error))
}

/// Opens a watch. `expire` ends it with 410, `stall` keeps it silent.
pub(crate) fn open(server: &Arc<Server>, call: Call, expire: bool, stall: bool) -> Result<Reply, Status> {
    check_options(&call)?;
    let selector = read::selector(&call)?;
    let life = call.query.number("timeoutSeconds").map(Duration::from_secs);
    let storage = call.resource.storage();
    let control = server.control.subscribe();
    let mut store = server.store();
    let current = store.revision();
    let changes = store.changes(&storage);
    let word = call.query.get("resourceVersion").unwrap_or_default();
    let from: u64 = match word {
        "" => 0,
        word => word.parse().map_err(|_| {
            Status::bad_request(format!("Invalid value: {word:?}: strconv.ParseUint: parsing {word:?}: invalid syntax"))
        })?,
    };
    let now = Instant::now();
    let expired = control.borrow().expired;
    let mut watcher = Watcher {
        bookmarks: call.query.flag("allowWatchBookmarks"),
        server: Arc::clone(server),
        selector,
        seen: from,
        changes,
        control,
        expired,
        stalled: stall,
        next_bookmark: now + BOOKMARKS,
        end: now + life.unwrap_or(WATCH_LIFE),
        ready: VecDeque::new(),
        over: false,
        storage,
        call,
    };
    let initial = watcher.call.query.flag("sendInitialEvents");
    if expire || (from > 0 && !initial && store.since(&watcher.storage, from).is_none()) {
        watcher.expire(from, store.horizon(&watcher.storage));
    } else if from > current {
        watcher.expire(from, current);
    } else if from == 0 || initial {
        watcher.begin(&store.list(&watcher.storage, watcher.namespace()), current, initial);
    }
    drop(store);
    Ok(Reply::Watch(body(watcher)))
}

fn body(watcher: Watcher) -> Body {
    let stream = futures::stream::unfold(watcher, |mut watcher| async move {
        let text = watcher.next().await?;
        Some((Ok::<Bytes, std::convert::Infallible>(Bytes::from(text)), watcher))
    });
    Body::from_stream(stream)
}

impl Watcher {
    fn namespace(&self) -> Option<&str> {
        let namespace = self.call.place.namespace.as_str();
        (self.call.resource.namespaced && !namespace.is_empty()).then_some(namespace)
    }

    fn line(kind: &str, object: &str) -> String {
        format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
    }

    fn show(&self, kind: &str, object: &StoredObject) -> String {
        let text = read::text(&self.call.resource, object, self.call.form, true);
        Self::line(kind, &text)
    }

    /// Everything that is there, as if it had just been added.
    fn begin(&mut self, objects: &[(super::store::Key, Arc<StoredObject>)], current: u64, mark: bool) {
        for (key, object) in objects {
            if self.selector.matches(key, object) {
                let line = self.show("ADDED", object);
                self.ready.push_back(line);
            }
        }
        self.seen = current;
        if mark && self.bookmarks {
            let line = self.bookmark(true);
            self.ready.push_back(line);
        }
    }

    fn expire(&mut self, from: u64, oldest: u64) {
        let status = Status::expired(format!("too old resource version: {from} ({oldest})"));
        let line = Self::line("ERROR", &status.body().to_string());
        self.ready.push_back(line);
        self.over = true;
    }

    fn bookmark(&self, initial_end: bool) -> String {
        let (kind, version) = match self.call.form {
            Encoding::Metadata => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
            _ => (self.call.resource.kind.clone(), self.call.resource.api_version()),
        };
        let mut metadata = json!({"resourceVersion": self.seen.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"kind": kind, "apiVersion": version, "metadata": metadata});
        Self::line("BOOKMARK", &object.to_string())
    }

    /// What an event means to this watch.
    fn translate(&self, event: &StoreEvent) -> Option<String> {
        if self.namespace().is_some_and(|namespace| namespace != &*event.key.namespace) {
            return None;
        }
        let chosen = |object: &&Arc<StoredObject>| self.selector.matches(&event.key, object);
        let after = event.after.as_ref().filter(chosen);
        let before = event.before.as_ref().filter(chosen);
        match (before, after) {
            (None, None) => None,
            (None, Some(after)) => Some(self.show("ADDED", after)),
            (Some(_), Some(after)) => Some(self.show("MODIFIED", after)),
            (Some(before), None) => Some(self.show("DELETED", &before.at(event.revision))),
        }
    }

    /// Takes over what happened since. Says whether the history still held it.
    fn catch_up(&mut self) {
        let store = self.server.store();
        let Some(events) = store.since(&self.storage, self.seen) else {
            let oldest = store.horizon(&self.storage);
            drop(store);
            self.expire(self.seen, oldest);
            return;
        };
        let current = store.revision();
        drop(store);
        for event in events {
            if let Some(line) = self.translate(&event) {
                self.ready.push_back(line);
            }
        }
        self.seen = current;
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            let control = *self.control.borrow_and_update();
            if control.stopped {
                return None;
            }
            if control.expired != self.expired {
                self.expired = control.expired;
                self.ready.clear();
                let oldest = self.server.store().revision();
                self.expire(self.seen, oldest);
            }
            let silent = self.stalled || control.stalled;
            if !silent {
                if let Some(text) = self.drain() {
                    return Some(text);
                }
                if self.over {
                    return None;
                }
                self.changes.borrow_and_update();
                self.catch_up();
                if !self.ready.is_empty() {
                    continue;
                }
                if let Some(text) = self.due() {
                    return Some(text);
                }
                if Instant::now() >= self.end {
                    return None;
                }
            }
            self.wait(silent).await;
        }
    }

    /// All lines that are ready, as one chunk.
    fn drain(&mut self) -> Option<String> {
        let mut text = self.ready.pop_front()?;
        while text.len() < 1 << 18 {
            let Some(line) = self.ready.pop_front() else { break };
            text.push_str(&line);
        }
        Some(text)
    }

    /// A bookmark when it is time for one.
    fn due(&mut self) -> Option<String> {
        let now = Instant::now();
        if !self.bookmarks || now < self.next_bookmark {
            return None;
        }
        self.next_bookmark = now + BOOKMARKS;
        Some(self.bookmark(false))
    }

    async fn wait(&mut self, silent: bool) {
        if silent {
            // Not even the end comes: that is what a stalled connection looks like.
            let _ = self.control.changed().await;
            return;
        }
        let until = if self.bookmarks { self.end.min(self.next_bookmark) } else { self.end };
        tokio::select! {
            _ = self.changes.changed() => {}
            _ = self.control.changed() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }
}
