//! The state file: a log of writes, one line each, rewritten as a snapshot when it has grown.
//!
//! A kill at any instant leaves a good state: the snapshot is written beside the file, synced and
//! renamed; lines are appended in the order of writes, and a last line that was cut is dropped
//! when the file is read. What a kill may cost are the writes of the last moment.

#![expect(clippy::disallowed_methods, reason = "a port: the state file")]

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::store::{Event, Key, Store, Stored};

/// Writes wait so long for company before they are synced together.
const GATHER: Duration = Duration::from_millis(30);
/// The log is rewritten when it is this many bytes longer than twice its last snapshot.
const SLACK: u64 = 4 << 20;

enum Message {
    Line(Vec<u8>),
    Flush(oneshot::Sender<()>),
}

/// Sends what is written to the thread that keeps the state file.
#[derive(Debug)]
pub(crate) struct Recorder(Sender<Message>);

impl Recorder {
    /// Records one write.
    pub fn record(&self, resource: &str, event: &Event) {
        let line = if let Some(object) = &event.after {
            put_line(resource, &event.key, object)
        } else {
            let key = json!([resource, &*event.key.namespace, &*event.key.name]);
            format!("{{\"version\":{},\"gone\":{key}}}\n", event.revision).into_bytes()
        };
        let _ = self.0.send(Message::Line(line));
    }

    /// Waits until everything recorded so far is on the disk.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.0.send(Message::Flush(done)).is_ok() {
            let _ = wait.await;
        }
    }
}

fn put_line(resource: &str, key: &Key, object: &Stored) -> Vec<u8> {
    let place = json!([resource, &*key.namespace, &*key.name]);
    format!(
        "{{\"version\":{},\"put\":{place},\"object\":{{\"metadata\":{}{}}}}}\n",
        object.revision,
        object.metadata(),
        object.rest()
    )
    .into_bytes()
}

fn header(revision: u64) -> Vec<u8> {
    format!("{{\"parcelle-sandbox\":1,\"version\":{revision}}}\n").into_bytes()
}

/// Reads a state file. `None` when there is none.
pub(crate) fn load(path: &Path) -> io::Result<Option<Store>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let mut objects = std::collections::BTreeMap::new();
    let mut revision = 0;
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number += 1;
        let Ok(entry) = serde_json::from_slice::<Value>(&line) else {
            // A line that was cut is the last one; anything else is damage.
            if reader.fill_buf()?.is_empty() && number > 1 {
                break;
            }
            return Err(damaged(number));
        };
        if number == 1 && entry["parcelle-sandbox"] != json!(1) {
            return Err(damaged(number));
        }
        revision = entry["version"].as_u64().ok_or_else(|| damaged(number))?;
        take(&mut objects, entry, revision);
    }
    if number == 0 {
        return Ok(None);
    }
    let mut store = Store::new(revision);
    for ((resource, namespace, name), object) in objects {
        store.restore(&resource, Key::new(&namespace, &name), object);
    }
    Ok(Some(store))
}

type Objects = std::collections::BTreeMap<(String, String, String), Stored>;

fn take(objects: &mut Objects, mut entry: Value, revision: u64) {
    let place = |value: &Value| {
        let word = |at: usize| value[at].as_str().unwrap_or_default().to_owned();
        (word(0), word(1), word(2))
    };
    if entry["gone"].is_array() {
        objects.remove(&place(&entry["gone"]));
    } else if let Value::Object(object) = entry["object"].take() {
        objects.insert(place(&entry["put"]), Stored::new(object, revision));
    }
}

fn damaged(line: usize) -> io::Error {
    let message = format!("line {line} is not one of a sandbox's state");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a snapshot beside the file and renames it. Returns the file, open at its end.
fn rewrite<'a>(path: &Path, revision: u64, lines: impl Iterator<Item = &'a [u8]>) -> io::Result<(File, u64)> {
    let temporary = beside(path);
    let mut writer = BufWriter::new(open_private(&temporary)?);
    let head = header(revision);
    let mut length = head.len() as u64;
    writer.write_all(&head)?;
    for line in lines {
        length += line.len() as u64;
        writer.write_all(line)?;
    }
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok((file, length))
}

/// Starts to keep a state file, beginning with a snapshot of `store`.
pub(crate) fn keep(path: &Path, store: &Store) -> io::Result<Recorder> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let lines: Vec<Vec<u8>> =
        store.everything().map(|(resource, key, object)| put_line(resource, key, object)).collect();
    // The versions of lines must not go down, and the last one is that of the store.
    let mut lines = lines;
    lines.push(header(store.revision()));
    let (file, length) = rewrite(path, store.revision(), lines.iter().map(Vec::as_slice))?;
    let (sender, receiver) = channel();
    let path = Arc::new(path.to_owned());
    thread::Builder::new().name("sandbox-state".to_owned()).spawn(move || run(&path, file, length, &receiver))?;
    Ok(Recorder(sender))
}

fn run(path: &Path, mut file: File, snapshot: u64, receiver: &Receiver<Message>) {
    let (mut snapshot, mut length) = (snapshot, snapshot);
    loop {
        let Ok(first) = receiver.recv() else { return };
        let (mut lines, mut waiting) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => lines.extend_from_slice(&line),
                Message::Flush(done) => waiting.push(done),
            }
            let patience = if waiting.is_empty() { GATHER } else { Duration::ZERO };
            next = receiver.recv_timeout(patience).ok();
        }
        length += lines.len() as u64;
        let kept = file.write_all(&lines).and_then(|()| file.sync_data());
        if let Err(error) = kept {
            tracing::error!(%error, path = %path.display(), "the sandbox's state cannot be kept");
            return;
        }
        for done in waiting {
            let _ = done.send(());
        }
        if length > 2 * snapshot + SLACK {
            match compacted(path) {
                Ok((new, size)) => (file, snapshot, length) = (new, size, size),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "the sandbox's state cannot be made smaller");
                    snapshot = length;
                }
            }
        }
    }
}

/// Rewrites the file from what it says itself, so that no lock on the live store is needed.
fn compacted(path: &Path) -> io::Result<(File, u64)> {
    let store = load(path)?.ok_or_else(|| damaged(1))?;
    let mut lines: Vec<Vec<u8>> =
        store.everything().map(|(resource, key, object)| put_line(resource, key, object)).collect();
    lines.push(header(store.revision()));
    rewrite(path, store.revision(), lines.iter().map(Vec::as_slice))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn filled(path: &Path, count: u64) -> Store {
        let mut store = Store::new(5);
        let recorder = keep(path, &store).unwrap();
        for number in 0..count {
            let key = Key::new("n", &format!("o{}", number % 7));
            let mut object = Map::new();
            object.insert("metadata".to_owned(), json!({"name": &*key.name}));
            object.insert("data".to_owned(), json!(number));
            let before = store.get("/x", &key).map(|object| object.revision);
            let event = if number % 5 == 4 && before.is_some() {
                store.remove("/x", &key, before.unwrap_or_default())
            } else {
                store.put("/x", &key, object, before)
            };
            recorder.record("/x", &event.unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(recorder.flush());
        store
    }

    fn texts(store: &Store) -> Vec<String> {
        let all = store.everything();
        all.map(|(_, key, object)| format!("{key:?} {} {}", object.metadata(), object.rest())).collect()
    }

    #[test]
    fn what_was_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/state");
        let store = filled(&path, 40);
        let read = load(&path).unwrap().unwrap();
        assert_eq!(read.revision(), store.revision());
        assert_eq!(texts(&read), texts(&store));
        compacted(&path).unwrap();
        let read = load(&path).unwrap().unwrap();
        assert_eq!((read.revision(), texts(&read)), (store.revision(), texts(&store)));
    }

    #[test]
    fn a_file_cut_anywhere_is_a_good_earlier_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        filled(&path, 25);
        let whole = fs::read(&path).unwrap();
        let start = header(5).len() * 2;
        let mut last = 0;
        for end in (start..whole.len()).step_by(5).chain([whole.len()]) {
            fs::write(&path, &whole[..end]).unwrap();
            let store = load(&path).unwrap().unwrap();
            assert!(store.revision() >= last, "cut at {end}");
            last = store.revision();
        }
        assert_eq!(last, 30);
        fs::write(&path, b"hello\nworld\n").unwrap();
        assert!(load(&path).is_err());
    }
}
