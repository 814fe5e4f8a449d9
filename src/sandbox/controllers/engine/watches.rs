//! The watches of the engine: one of each kind that is served.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::{
    api::ApiResource,
    discovery::{Discovery, Scope, verbs},
    runtime::{WatchStreamExt as _, watcher},
};

use super::{Engine, Message, RETRY, Watched};
use crate::sandbox::controllers::write;

impl Engine {
    /// Watches what is served now and stops watching what is not.
    pub(super) async fn discover(&mut self) {
        self.rediscovery = false;
        let discovery = loop {
            match Discovery::new(self.client.clone()).run_aggregated().await {
                Ok(discovery) => break discovery,
                Err(error) => {
                    tracing::debug!(%error, "discovery failed");
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        let mut found = BTreeSet::new();
        for group in discovery.groups() {
            // Not every kind of a group is served in its preferred version.
            for (of, capabilities) in group.resources_by_stability() {
                let skipped = ["events", "leases"].contains(&of.plural.as_str());
                let watchable =
                    capabilities.supports_operation(verbs::WATCH) && capabilities.supports_operation(verbs::LIST);
                if skipped || !watchable {
                    continue;
                }
                found.insert((of.api_version.clone(), of.plural.clone()));
                let known = self.watched.values();
                if known.into_iter().any(|one| one.of.api_version == of.api_version && one.of.plural == of.plural) {
                    continue;
                }
                self.watch(of, capabilities.scope == Scope::Namespaced);
            }
        }
        let gone: Vec<usize> = self
            .watched
            .iter()
            .filter(|(_, one)| !found.contains(&(one.of.api_version.clone(), one.of.plural.clone())))
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            if let Some(watched) = self.watched.remove(&number) {
                watched.task.abort();
            }
            self.forget_all(number, &BTreeSet::new());
        }
    }

    fn watch(&mut self, of: ApiResource, namespaced: bool) {
        let number = self.next;
        self.next += 1;
        let api = write::api(&self.client, &of, "");
        let sender = self.sender.clone();
        let task = self.tasks.spawn(async move {
            let stream = watcher(api, watcher::Config::default()).default_backoff();
            let stream = stream.map_ok(|event| match event {
                watcher::Event::Init => Message::Restarted(number),
                watcher::Event::InitDone => Message::Complete(number),
                watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                    Message::Applied(number, Box::new(object))
                }
                watcher::Event::Delete(object) => Message::Deleted(number, Box::new(object)),
            });
            let mut stream = std::pin::pin!(stream);
            while let Some(message) = stream.next().await {
                match message {
                    Ok(message) => {
                        if sender.send(message).is_err() {
                            return;
                        }
                    }
                    Err(error) => tracing::debug!(%error, "a controller's watch failed"),
                }
            }
        });
        let watched = Watched { of: Arc::new(of), namespaced, task, complete: false, shown: BTreeSet::new() };
        self.watched.insert(number, watched);
    }

    /// New definitions bring new resources: looked for once they had time to be served.
    pub(super) fn definitions_changed(&mut self, number: usize) {
        let definitions =
            self.watched.get(&number).is_some_and(|watched| watched.of.kind == "CustomResourceDefinition");
        if !definitions || self.rediscovery {
            return;
        }
        self.rediscovery = true;
        let sender = self.sender.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let _ = sender.send(Message::Rediscover);
        });
    }
}
