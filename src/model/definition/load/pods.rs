//! What a pod holds: image, command, environment, files, volumes, resources.

use std::collections::BTreeSet;

use super::super::decode::guess;
use super::super::{Data, Env, File, FileContent, FileFormat, Guarded, Mount, Need, NeedKind, Pod, Resources};
use super::context::{Context, Flat, Loop, Secrets};
use crate::expression::{Piece, Scope, Template, Value, parse_template};
use crate::finding::{Code, Finding, Findings};
use crate::quantity::Dimension;
use crate::schema::suggest::nearest;
use crate::syntax::{Node, Scalar, Value as Written};

/// A name that this definition does not have.
pub(super) const UNKNOWN: Code = Code::new("E0258");
/// A file that cannot be as written.
const BAD_FILE: Code = Code::new("E0259");
/// A user that a pod must not run as.
const BAD_USER: Code = Code::new("E0260");

/// What a pod is read among.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The needs of the definition.
    pub(super) needs: &'a [Guarded<Need>],
    /// The loops around the workload or job.
    pub(super) loops: &'a [Loop],
}

/// The pod of a workload or job from the parts of its block; `base` is what it starts from (`like web`).
pub(super) fn pod(context: &mut Context, node: &Node, parts: &[Flat], around: Around, base: Option<Pod>) -> Pod {
    let mut pod = base.unwrap_or_else(|| empty(node));
    for part in parts {
        part_of(context, part, around, &mut pod);
    }
    users(context, node, &pod);
    paths(context, &pod);
    pod
}

/// A pod of the release's image about which nothing is said.
fn empty(node: &Node) -> Pod {
    Pod {
        image: parse_template("${release.image}", node.head, &mut Findings::default()),
        run: Vec::new(),
        run_as: None,
        root_because: None,
        writable_because: None,
        scratch: Vec::new(),
        env: Vec::new(),
        files: Vec::new(),
        volumes: Vec::new(),
        resources: Resources::default(),
    }
}

/// One node of a workload's or job's block that is about its pod.
fn part_of(context: &mut Context, part: &Flat, around: Around, pod: &mut Pod) {
    let (node, scope) = (part.node, &part.scope);
    let first = || node.arg(0).map(|arg| arg.text.clone());
    if matches!(part.word(), "image" | "run" | "run-as" | "root" | "writable" | "scratch" | "resources")
        && part.is_guarded()
    {
        context.unguardable(part);
    }
    match (part.word(), node.arg(0)) {
        ("image", Some(image)) => pod.image = context.text(image, scope, Secrets::Refused("an image")),
        ("run", Some(_)) => pod.run = command(context, &node.args, scope),
        ("run-as", Some(user)) => pod.run_as = user.text.parse().ok(),
        ("root", Some(_)) => pod.root_because = first(),
        ("writable", Some(_)) => pod.writable_because = first(),
        ("scratch", Some(path)) => pod.scratch.push(context.text(path, scope, Secrets::Refused("a path"))),
        ("env", Some(_)) => env(context, part, &mut pod.env),
        ("file", Some(_)) => {
            if let Some(file) = file(context, part) {
                context.varies(part, &file.path);
                pod.files.push(part.guarded(file));
            }
        }
        ("volume", Some(_)) => {
            if let Some(mount) = mount(context, part, around) {
                context.varies(part, &mount.at);
                pod.volumes.push(part.guarded(mount));
            }
        }
        ("resources", _) => resources(context, node, scope, &mut pod.resources),
        _ => {}
    }
}

/// A command with its arguments.
pub(super) fn command(context: &mut Context, words: &[Written], scope: &Scope) -> Vec<Template> {
    words.iter().map(|word| context.text(word, scope, Secrets::Refused("a command"))).collect()
}

/// `env NAME value`: a job's replaces that of the workload it is like.
fn env(context: &mut Context, part: &Flat, env: &mut Vec<Guarded<Env>>) {
    let (Some(written), Some(value)) = (part.node.arg(0), part.node.arg(1)) else { return };
    let name = context.text(written, &part.scope, Secrets::Refused("a name"));
    context.varies(part, &name);
    let value = context.text(value, &part.scope, Secrets::Allowed);
    let good = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    let bad = |(at, piece): (usize, &Piece)| match piece {
        Piece::Literal(text) => !good(text) || at == 0 && text.as_bytes().first().is_some_and(u8::is_ascii_digit),
        Piece::Hole(_) => false,
    };
    if name.pieces.is_empty() || name.pieces.iter().enumerate().any(bad) {
        context.push(
            Finding::error(UNKNOWN, format!("`{}` is no name of an environment variable", written.text), written.span)
                .why("it starts with a letter and holds letters, digits, `_`, `.` and `-`"),
        );
    }
    if !part.is_guarded() {
        env.retain(|known| known.item.name.pieces != name.pieces);
    }
    env.push(part.guarded(Env { name, value }));
}

fn mount(context: &mut Context, part: &Flat, around: Around) -> Option<Mount> {
    let node = part.node;
    let need = Context::name(node.arg(0))?;
    let volumes: Vec<&Guarded<Need>> =
        around.needs.iter().filter(|known| known.item.kind == NeedKind::Volume).collect();
    let Some(volume) = volumes.iter().find(|known| known.item.name.value == need.value) else {
        let known: Vec<&str> = volumes.iter().map(|known| known.item.name.value.as_str()).collect();
        unknown(context, "volume", need.value.as_str(), need.span, &known, "declare it under `needs`");
        return None;
    };
    let loops: Vec<Loop> = around.loops.iter().chain(&part.each).cloned().collect();
    if !context.inside("volume", need.value.as_str(), need.span, &volume.each, &loops) {
        return None;
    }
    let path = Secrets::Refused("a path");
    Some(Mount {
        need,
        loops: volume.each.len(),
        at: context.text(node.prop("at")?, &part.scope, path),
        sub: node.prop("sub").map(|sub| context.text(sub, &part.scope, path)),
        read_only: node.prop("access").is_some_and(|access| access.text == "read"),
    })
}

/// The finding that a definition has no part of that name.
pub(super) fn unknown(
    context: &mut Context,
    what: &str,
    name: &str,
    span: crate::source::Span,
    known: &[&str],
    otherwise: &str,
) {
    let finding = Finding::error(UNKNOWN, format!("there is no {what} `{name}`"), span);
    let finding = if known.is_empty() { finding } else { finding.why(format!("there are `{}`", known.join("`, `"))) };
    context.push(match nearest(name, known.iter().copied()) {
        Some(near) => guess(finding, near, span),
        None => finding.help(otherwise),
    });
}

fn resources(context: &mut Context, node: &Node, scope: &Scope, resources: &mut Resources) {
    for child in &node.children {
        let (place, dimension) = match child.name.value.as_str() {
            "cpu" => (&mut resources.cpu, Dimension::Cpu),
            "cpu-limit" => (&mut resources.cpu_limit, Dimension::Cpu),
            "memory" => (&mut resources.memory, Dimension::Size),
            "memory-limit" => (&mut resources.memory_limit, Dimension::Size),
            _ => continue,
        };
        *place = context.amount(child, scope, dimension).or_else(|| place.take());
    }
}

fn users(context: &mut Context, node: &Node, pod: &Pod) {
    let place = |word: &str| node.child(word).map_or(node.head, |child| child.head);
    if pod.run_as == Some(0) && pod.root_because.is_none() {
        context.push(
            Finding::error(BAD_USER, "a pod must not run as root without a reason", place("run-as"))
                .help("name another user, or say why not: `root \"the image starts as root and drops it\"`"),
        );
    }
    if pod.run_as.is_some_and(|user| user > 0) && pod.root_because.is_some() {
        context.push(
            Finding::error(BAD_USER, "a pod runs as root or as another user, not both", place("root"))
                .help("take out `root` or `run-as`"),
        );
    }
}

/// Two mounts, files or scratch folders on one path would hide each other.
fn paths(context: &mut Context, pod: &Pod) {
    let mut seen = BTreeSet::new();
    let always = pod.volumes.iter().filter(|mount| mount.when.is_empty()).map(|mount| &mount.item.at);
    let files = pod.files.iter().filter(|file| file.when.is_empty()).map(|file| &file.item.path);
    for path in always.chain(files).chain(&pod.scratch) {
        let Some(text) = path.as_literal() else { continue };
        if !text.starts_with('/') {
            context.push(
                Finding::error(BAD_FILE, format!("`{text}` is no absolute path"), path.span).help("start it with `/`"),
            );
        } else if !seen.insert(text) {
            context.push(
                Finding::error(BAD_FILE, format!("`{text}` is mounted twice"), path.span)
                    .why("one of the two would hide the other"),
            );
        }
    }
}

fn file(context: &mut Context, part: &Flat) -> Option<File> {
    let node = part.node;
    let format = match node.prop("format").map(|format| format.text.as_str()) {
        Some("text") => FileFormat::Text,
        Some("yaml") => FileFormat::Yaml,
        Some("json") => FileFormat::Json,
        Some("ini") => FileFormat::Ini,
        _ => return None,
    };
    let holds = match (node.arg(1), format) {
        (Some(text), _) if node.children.is_empty() => {
            FileContent::Text(context.text(text, &part.scope, Secrets::Allowed))
        }
        (Some(_), _) => return bad_file(context, node, "has a text and a block", "keep one of them"),
        (None, FileFormat::Text) => {
            return bad_file(context, node, "has no content", "write the text after the path");
        }
        (None, _) => FileContent::Data(data(context, &node.children, &part.scope)),
    };
    if let (FileFormat::Ini, FileContent::Data(data)) = (format, &holds)
        && !is_ini(data)
    {
        return bad_file(context, node, "nests too deeply for ini", "ini has sections with keys, nothing deeper");
    }
    let mode = node.prop("mode").and_then(|mode| octal(context, mode));
    let path = context.text(node.arg(0)?, &part.scope, Secrets::Refused("a path"));
    Some(File { path, format, content: holds, mode, span: node.head })
}

fn bad_file(context: &mut Context, node: &Node, fact: &str, help: &str) -> Option<File> {
    context.push(Finding::error(BAD_FILE, format!("the file {fact}"), node.head).help(help));
    None
}

fn octal(context: &mut Context, mode: &Written) -> Option<u32> {
    let bits = u32::from_str_radix(&mode.text, 8).ok().filter(|bits| *bits <= 0o777);
    if bits.is_none() {
        context.push(
            Finding::error(BAD_FILE, format!("`{}` is no mode of a file", mode.text), mode.span)
                .help("write it as `\"0644\"`"),
        );
    }
    bits
}

/// Nodes as data: arguments are scalars or lists, properties and children entries; nodes called `-` are the elements
/// of a list, and a repeated name is a list, too.
fn data(context: &mut Context, nodes: &[Node], scope: &Scope) -> Data {
    let flat = context.flatten(nodes, scope);
    if !flat.is_empty() && flat.iter().all(|part| part.word() == "-") {
        return Data::List(flat.iter().map(|part| part_data(context, part)).collect());
    }
    let mut entries: Vec<(String, Data)> = Vec::new();
    let mut repeated = BTreeSet::new();
    for part in flat {
        let value = part_data(context, &part);
        let name = &part.node.name.value;
        // What an `@each` walks over is a list, however long.
        if part.is_repeated() && !entries.iter().any(|(known, _)| known == name) {
            repeated.insert(name.clone());
            entries.push((name.clone(), Data::List(Vec::new())));
        }
        match entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, Data::List(items))) if repeated.contains(name) => items.push(value),
            Some((_, known)) => {
                repeated.insert(name.clone());
                let first = std::mem::replace(known, Data::List(Vec::new()));
                *known = Data::List(vec![first, value]);
            }
            None => entries.push((name.clone(), value)),
        }
    }
    Data::Map(entries)
}

/// A node's data under the guards around it.
fn part_data(context: &mut Context, part: &Flat) -> Data {
    let data = node_data(context, part.node, &part.scope);
    if part.is_guarded() { Data::Guarded(Box::new(part.guarded(data))) } else { data }
}

fn node_data(context: &mut Context, node: &Node, scope: &Scope) -> Data {
    let mut entries: Vec<(String, Data)> =
        node.props.iter().map(|prop| (prop.name.value.clone(), leaf(context, &prop.value, scope))).collect();
    if !node.children.is_empty() {
        match data(context, &node.children, scope) {
            Data::Map(children) => entries.extend(children),
            list => return list,
        }
    }
    if !entries.is_empty() {
        return Data::Map(entries);
    }
    match &node.args[..] {
        [] => Data::Map(Vec::new()),
        [only] => leaf(context, only, scope),
        several => Data::List(several.iter().map(|value| leaf(context, value, scope)).collect()),
    }
}

/// Bare whole numbers, `on` and `off` keep their type; everything else is text.
fn leaf(context: &mut Context, value: &Written, scope: &Scope) -> Data {
    match (&value.scalar, value.quoted, value.text.as_str()) {
        (Scalar::Integer(number), ..) => Data::Literal(i64::try_from(*number).map_or(Value::Absent, Value::Int)),
        (Scalar::Bool(value), ..) => Data::Literal(Value::Bool(*value)),
        (Scalar::Null, ..) => Data::Literal(Value::Absent),
        (Scalar::Text, false, word @ ("on" | "off")) => Data::Literal(Value::Bool(word == "on")),
        _ => Data::Leaf(context.leaf(value, scope, Secrets::Allowed)),
    }
}

/// Keys, or sections of keys.
fn is_ini(data: &Data) -> bool {
    fn bare(data: &Data) -> &Data {
        if let Data::Guarded(guarded) = data { bare(&guarded.item) } else { data }
    }
    let scalar = |data: &Data| !matches!(bare(data), Data::Map(_) | Data::List(_));
    let Data::Map(entries) = data else { return false };
    entries.iter().all(|(_, value)| match bare(value) {
        Data::Map(keys) => keys.iter().all(|(_, key)| scalar(key)),
        other => scalar(other),
    })
}

/// Whether a string says nothing but literal text.
pub(super) fn is_literal(template: &Template) -> bool {
    !template.pieces.iter().any(|piece| matches!(piece, Piece::Hole(_)))
}
