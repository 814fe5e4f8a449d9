//! Pods of workloads and jobs: one container with its environment, files, volumes and a hardened context.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{ObjectDraft, Owner};
use super::environment::environment;
use super::providers::Claim;
use super::scope::AppScope;
use super::tree::{Tree, tree};
use super::{SecretPiece, SecretRequest, SecretSource, file, ground, naming};
use crate::kind;
use crate::model::App;
use crate::model::definition::{NeedValue, Pod};
use crate::quantity::Dimension;
use crate::source::Span;

/// The capabilities that images need that start as root and step down themselves: those that the baseline standard allows
/// and such images use.
const ROOT_CAPABILITIES: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE", "SETGID", "SETUID"];

/// How much a scratch volume takes before its pod is moved away.
const SCRATCH: &str = "2Gi";

/// A pod to be rendered.
pub(super) struct PodContext<'a> {
    pub(crate) scope: &'a AppScope<'a>,
    pub(crate) app: &'a App,
    pub(crate) owner: &'a Owner,
    /// The workload or job that it belongs to.
    pub(crate) component: &'a str,
    pub(crate) pod: &'a Pod,
    /// The app's volumes by need.
    pub(crate) claims: &'a BTreeMap<String, Claim>,
    /// Ports and probes of the container.
    pub(crate) extra: Tree,
    /// Mounted volumes are claimed by a StatefulSet's templates.
    pub(crate) claimed_by_template: bool,
    /// The line that asked for the workload or job.
    pub(crate) origin: Span,
}

/// A rendered pod, and what must stand beside it.
pub(super) struct Rendered {
    /// The pod template's specification.
    pub(crate) spec: Tree,
    /// The pod template's annotations.
    pub(crate) annotations: Tree,
    /// The configuration that its files come from.
    pub(crate) drafts: Vec<ObjectDraft>,
    /// The Secret that its files with secrets come from.
    pub(crate) secrets: Vec<SecretRequest>,
    /// What it asks for: millicores and bytes.
    pub(crate) requests: Requests,
    /// The needs whose volumes it mounts.
    pub(crate) mounts: BTreeSet<String>,
}

/// What a pod asks for, and the lines that said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requests {
    pub(crate) cpu: (u64, Span),
    pub(crate) memory: (u64, Span),
}

/// The pod's specification and what stands beside it.
pub(super) fn render(asked: &PodContext) -> Rendered {
    let mut volumes = Volumes::default();
    let mounts = mounts(asked, &mut volumes);
    let files = files(asked, &mut volumes);
    scratch(asked, &mut volumes);
    let pod = asked.pod;
    let mut container = tree! {
        "name": asked.component,
        "image": asked.scope.tree(&pod.image),
        "command": Tree::list(pod.run.iter().map(|word| asked.scope.for_kubelet(word))),
        "env": Tree::list(environment(asked)),
        "volumeMounts": Tree::list(volumes.mounts),
        "resources": resources(asked),
        "securityContext": hardened(pod.root_because.as_deref(), pod.writable_because.as_deref()),
    };
    container.merge(asked.extra.clone());
    let spec = tree! {
        "serviceAccountName": asked.app.name.as_str(),
        "automountServiceAccountToken": false,
        // Variables named after Services would grow with the namespace and collide with an image's own.
        "enableServiceLinks": false,
        "securityContext": pod_context(pod),
        "containers": vec![container],
        "volumes": Tree::list(volumes.volumes),
    };
    let annotations = tree! { "parcelle.dev/files": files.hash };
    let requests = requests(asked);
    Rendered { spec, annotations, drafts: files.draft, secrets: files.secret, requests, mounts }
}

/// The context of every container: no privileges, nothing to write to but volumes, unless the definition says why.
pub(super) fn hardened(root_because: Option<&str>, writable_because: Option<&str>) -> Tree {
    let added = root_because.map(|_| Tree::list(ROOT_CAPABILITIES.map(Tree::from)));
    tree! {
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": writable_because.is_none(),
        "capabilities": tree! { "drop": vec!["ALL".into()], "add": added },
    }
}

fn pod_context(pod: &Pod) -> Tree {
    let user = pod.run_as.filter(|user| *user != 0 || pod.root_because.is_some());
    let group = user.filter(|user| *user != 0);
    tree! {
        "runAsNonRoot": pod.root_because.is_none(),
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        // Large volumes are not walked at every start.
        "fsGroupChangePolicy": group.map(|_| "OnRootMismatch"),
        "seccompProfile": tree! { "type": "RuntimeDefault" },
    }
}

/// Volumes and where they are mounted.
#[derive(Default)]
struct Volumes {
    volumes: Vec<Tree>,
    mounts: Vec<Tree>,
}

/// The volumes of needs.
fn mounts(asked: &PodContext, volumes: &mut Volumes) -> BTreeSet<String> {
    let mut mounted = BTreeSet::new();
    for guarded in &asked.pod.volumes {
        for scope in asked.scope.guarded(guarded) {
            let mount = &guarded.item;
            let need = scope.name_of(&mount.need.value, mount.loops);
            let need = need.as_str();
            let Some(claim) = asked.claims.get(need) else { continue };
            volumes.mounts.push(tree! {
                "name": need,
                "mountPath": scope.tree(&mount.at),
                "subPath": mount.sub.as_ref().map(|sub| scope.tree(sub)),
                "readOnly": mount.read_only.then_some(true),
            });
            if mounted.insert(need.to_owned()) && !asked.claimed_by_template {
                let source = tree! { "claimName": claim.name.as_str() };
                volumes.volumes.push(tree! { "name": need, "persistentVolumeClaim": source });
            }
        }
    }
    mounted
}

fn scratch(asked: &PodContext, volumes: &mut Volumes) {
    for (at, path) in asked.pod.scratch.iter().enumerate() {
        let name = format!("scratch--{at}");
        volumes.mounts.push(tree! { "name": name.as_str(), "mountPath": asked.scope.tree(path) });
        volumes.volumes.push(tree! { "name": name, "emptyDir": tree! { "sizeLimit": SCRATCH } });
    }
}

/// The files of a pod.
#[derive(Default)]
struct Files {
    /// Changes when a file does, so that the pods are replaced; the values of secrets are not part of it.
    hash: Tree,
    draft: Vec<ObjectDraft>,
    secret: Vec<SecretRequest>,
}

/// A file of a pod.
struct Content {
    path: String,
    key: String,
    mode: Option<u32>,
    pieces: Vec<SecretPiece>,
    origin: Span,
}

fn files(asked: &PodContext, volumes: &mut Volumes) -> Files {
    let contents = contents(asked);
    if contents.is_empty() {
        return Files::default();
    }
    // Of the lines that decided its files, one of the garden tells more than one of the definition.
    let definition = asked.app.definition.span.file;
    let origin = contents.iter().map(|content| content.origin).find(|origin| origin.file != definition);
    let hash = Tree::from(contents_hash(&contents)).at(origin);
    let is_secret = |content: &Content| content.pieces.iter().any(|piece| matches!(piece, SecretPiece::Secret { .. }));
    let (secret, plain): (Vec<_>, Vec<_>) = contents.into_iter().partition(is_secret);
    let mut files = Files { hash, ..Files::default() };
    if !plain.is_empty() {
        let name = naming::part(kind::CONFIG_MAP, &asked.app.name, asked.component);
        volumes.add_files("parcelle--files", "configMap", "name", &name, &plain);
        files.draft.push(config_map(asked, name, plain));
    }
    if !secret.is_empty() {
        let name = naming::role(kind::SECRET, &asked.app.name, asked.component, "files");
        volumes.add_files("parcelle--secrets", "secret", "secretName", &name, &secret);
        files.secret.push(secret_files(asked, &name, secret));
    }
    files
}

impl Volumes {
    /// A volume with an item for each file, each mounted at its own path.
    fn add_files(&mut self, volume: &str, source: &str, key: &str, name: &str, contents: &[Content]) {
        let item = |content: &Content| {
            let mode = content.mode.map(|mode| Tree::from(mode).at(content.origin));
            tree! { "key": content.key.as_str(), "path": content.key.as_str(), "mode": mode }
        };
        let items = Tree::list(contents.iter().map(item));
        let from = Tree::map([(key.to_owned(), Tree::from(name)), ("items".to_owned(), items)]);
        self.volumes.push(Tree::map([("name".to_owned(), Tree::from(volume)), (source.to_owned(), from)]));
        self.mounts.extend(contents.iter().map(|content| {
            tree! {
                "name": volume,
                "mountPath": Tree::from(content.path.as_str()).at(content.origin),
                "subPath": content.key.as_str(),
                "readOnly": true,
            }
        }));
    }
}

fn contents(asked: &PodContext) -> Vec<Content> {
    let mut contents: Vec<Content> = Vec::new();
    for guarded in &asked.pod.files {
        for scope in asked.scope.guarded(guarded) {
            let path = scope.text(&guarded.item.path);
            let mut key = file_key(&path);
            if contents.iter().any(|other| other.key == key) {
                key = format!("{key}.{}", naming::hash(&[&path], 6));
            }
            let pieces = file::pieces(&scope, &guarded.item);
            let (mode, origin) = (guarded.item.mode, file::origin(&scope, &guarded.item));
            contents.push(Content { path, key, mode, pieces, origin });
        }
    }
    contents
}

/// The key of a file: its path, in the characters that keys take.
pub(super) fn file_key(path: &str) -> String {
    let taken = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let key: String =
        path.trim_matches('/').chars().map(|letter| if taken(letter) { letter } else { '.' }).take(200).collect();
    // A key of dots alone would be a folder's name.
    if key.chars().all(|letter| letter == '.') { format!("file{key}") } else { key }
}

fn contents_hash(contents: &[Content]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for content in contents {
        parts.push(content.path.clone());
        parts.push(content.mode.map(|mode| mode.to_string()).unwrap_or_default());
        parts.extend(content.pieces.iter().map(|piece| match piece {
            SecretPiece::Text(text) => format!("t{text}"),
            SecretPiece::Secret { from, .. } => format!("s{}/{}", from.secret, from.key),
        }));
    }
    naming::hash(&parts.iter().map(String::as_str).collect::<Vec<_>>(), 16)
}

fn config_map(asked: &PodContext, name: String, contents: Vec<Content>) -> ObjectDraft {
    let data = contents.into_iter().map(|content| {
        let text: String = content
            .pieces
            .into_iter()
            .filter_map(|piece| match piece {
                SecretPiece::Text(text) => Some(text),
                SecretPiece::Secret { .. } => None,
            })
            .collect();
        (content.key, Tree::from(text).at(content.origin))
    });
    let body = tree! { "data": Tree::map(data) };
    ObjectDraft::new("v1", "ConfigMap", name, body, asked.origin).component(asked.component)
}

fn secret_files(asked: &PodContext, name: &str, contents: Vec<Content>) -> SecretRequest {
    let origin = contents.first().map_or(asked.origin, |content| content.origin);
    SecretRequest {
        id: asked.owner.id("v1", "Secret", name),
        source: SecretSource::Template {
            keys: contents.into_iter().map(|content| (content.key, content.pieces)).collect(),
        },
        labels: asked.owner.labels(Some(asked.component)),
        secret_type: "Opaque".to_owned(),
        app: Some(asked.app.name.clone()),
        origin,
    }
}

fn resources(asked: &PodContext) -> Tree {
    let resources = &asked.pod.resources;
    let amount = |value: &Option<NeedValue>, dimension: Dimension| {
        let value = value.as_ref()?;
        let quantity = asked.scope.quantity(value, dimension)?;
        Some(Tree::from(quantity).at(asked.scope.origin_of_option(value, asked.origin)))
    };
    tree! {
        "requests": tree! {
            "cpu": amount(&resources.cpu, Dimension::Cpu),
            "memory": amount(&resources.memory, Dimension::Size),
        },
        "limits": tree! {
            "cpu": amount(&resources.cpu_limit, Dimension::Cpu),
            "memory": amount(&resources.memory_limit, Dimension::Size),
        },
    }
}

/// What the pod counts against the offer: its requests, or its limits (which the server copies), or the namespace's defaults.
fn requests(asked: &PodContext) -> Requests {
    let resources = &asked.pod.resources;
    let (cpu, memory) = ground::DEFAULT_REQUEST;
    let amount = |request: &Option<NeedValue>, limit: &Option<NeedValue>, dimension: Dimension, default: u64| {
        let value = request.as_ref().or(limit.as_ref());
        let said = value.and_then(|value| Some((asked.scope.quantity(value, dimension)?, value)));
        said.map_or((default, asked.origin), |(quantity, value)| {
            (quantity.amount, asked.scope.origin_of_option(value, asked.origin))
        })
    };
    Requests {
        cpu: amount(&resources.cpu, &resources.cpu_limit, Dimension::Cpu, cpu),
        memory: amount(&resources.memory, &resources.memory_limit, Dimension::Size, memory),
    }
}
