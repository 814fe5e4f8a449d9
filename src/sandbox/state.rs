//! The state file: a log of writes, one line each, rewritten as a snapshot when it has grown.
//!
//! What it promises:
//! 1. A write that was answered survives the death of the process at any instant: its line is handed to the system before
//!    anyone, watchers included, hears of the write.
//! 2. The file is good at every instant: lines come in the order of writes, a last line that was cut is dropped when the
//!    file is read, and a snapshot is written beside the file, synced and renamed.
//! 3. A machine that loses power may lose the writes of about the last [`GATHER`]; what is left is a good earlier state.
//!
//! One process keeps a file at a time: a lock beside it says so, and ends with the process.
//!
//! When the file cannot be written any more (a full disk), that is logged as an error and the sandbox goes on in memory;
//! the file keeps the last good state.

#![expect(clippy::disallowed_methods, reason = "a port: the state file")]

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    server::locked,
    store::{Key, Store, StoreEvent, StoredObject},
};
use crate::private;

/// Writes wait so long for company before they are synced together.
const GATHER: Duration = Duration::from_millis(30);
/// The log is rewritten when it is this many bytes longer than twice its last snapshot.
const SLACK: u64 = 4 << 20;

/// What the thread that keeps the file is told.
enum Message {
    /// There is something to sync.
    Written,
    /// Tell when everything written so far is synced.
    Flush(oneshot::Sender<()>),
}

/// Appends what is written to the state file; a thread syncs it and makes it smaller.
#[derive(Debug)]
pub(crate) struct Recorder {
    log: Arc<Mutex<Log>>,
    sender: Sender<Message>,
}

/// The file, open at its end.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// `None` after it could not be written, and at the end.
    file: Option<Arc<File>>,
    /// Keeps other processes from the file.
    lock: Option<File>,
    /// Bytes in the file; they end with a whole line.
    length: u64,
    /// Bytes in its last snapshot.
    snapshot: u64,
}

impl Log {
    fn append(&mut self, line: &[u8]) {
        let Some(mut file) = self.file.as_deref() else { return };
        match file.write_all(line) {
            Ok(()) => self.length += line.len() as u64,
            Err(error) => {
                // Half a line must not be followed by another one.
                let _ = file.set_len(self.length);
                self.give_up(&error);
            }
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        tracing::error!(%error, path = %self.path.display(), "the sandbox's state is not kept any more");
        self.file = None;
    }

    fn has_grown(&self) -> bool {
        self.file.is_some() && self.length > 2 * self.snapshot + SLACK
    }
}

impl Recorder {
    /// Records one write. Called in the order of writes.
    pub(crate) fn record(&self, resource: &str, event: &StoreEvent) {
        let line = if let Some(object) = &event.after {
            put_line(resource, &event.key, object)
        } else {
            let key = json!([resource, &*event.key.namespace, &*event.key.name]);
            format!("{{\"version\":{},\"gone\":{key}}}\n", event.revision).into_bytes()
        };
        locked(&self.log).append(&line);
        let _ = self.sender.send(Message::Written);
    }

    /// Waits until everything recorded so far is on the disk.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.sender.send(Message::Flush(done)).is_ok() {
            let _ = wait.await;
        }
    }

    /// Ends the record and lets others have the file.
    pub(crate) fn end(&self) {
        let mut log = locked(&self.log);
        (log.file, log.lock) = (None, None);
    }
}

fn put_line(resource: &str, key: &Key, object: &StoredObject) -> Vec<u8> {
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

/// Reads a state file, or takes `fresh` where there is none, and starts to keep it.
///
/// # Errors
/// The file is damaged, cannot be read or written, or another sandbox keeps it.
pub(crate) fn open(path: &Path, fresh: Store) -> io::Result<(Store, Recorder)> {
    let lock = locked_file(path)?;
    let store = load(path)?.unwrap_or(fresh);
    let recorder = keep(path, lock, &store)?;
    Ok((store, recorder))
}

fn locked_file(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        private::make_folder(folder)?;
    }
    let file = open_private(&beside(path, ".lock"))?;
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => io::Error::other("another sandbox keeps its state there"),
        fs::TryLockError::Error(error) => error,
    })?;
    Ok(file)
}

/// Reads a state file. `None` when there is none.
fn load(path: &Path) -> io::Result<Option<Store>> {
    match File::open(path) {
        Ok(file) => read(BufReader::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(mut reader: impl BufRead) -> io::Result<Option<Store>> {
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

type Objects = std::collections::BTreeMap<(String, String, String), StoredObject>;

fn take(objects: &mut Objects, mut entry: Value, revision: u64) {
    let place = |value: &Value| {
        let word = |at: usize| value[at].as_str().unwrap_or_default().to_owned();
        (word(0), word(1), word(2))
    };
    if entry["gone"].is_array() {
        objects.remove(&place(&entry["gone"]));
    } else if let Value::Object(object) = entry["object"].take() {
        objects.insert(place(&entry["put"]), StoredObject::new(object, revision));
    }
}

fn damaged(line: usize) -> io::Error {
    let message = format!("line {line} is not one of a sandbox's state");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a snapshot beside the state file and syncs it. Returns it, open at its end, and its length.
fn snapshot(path: &Path, store: &Store) -> io::Result<(File, u64)> {
    let mut writer = BufWriter::new(open_private(&beside(path, ".new"))?);
    writer.write_all(&header(store.revision()))?;
    for (resource, key, object) in store.everything() {
        writer.write_all(&put_line(resource, key, object))?;
    }
    // The version that the last line names is that of the store.
    writer.write_all(&header(store.revision()))?;
    let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    let length = file.stream_position()?;
    Ok((file, length))
}

/// Syncs the folder of the state file, so that a new file in its place stays there.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Starts to keep a state file, beginning with a snapshot of `store`.
fn keep(path: &Path, lock: File, store: &Store) -> io::Result<Recorder> {
    let (file, length) = snapshot(path, store)?;
    fs::rename(beside(path, ".new"), path)?;
    sync_folder(path)?;
    let log = Log { path: path.to_owned(), file: Some(Arc::new(file)), lock: Some(lock), length, snapshot: length };
    let log = Arc::new(Mutex::new(log));
    let (sender, receiver) = channel();
    let kept = Arc::clone(&log);
    thread::Builder::new().name("sandbox-state".to_owned()).spawn(move || run(&kept, &receiver))?;
    Ok(Recorder { log, sender })
}

/// Syncs what was written, at most every [`GATHER`], and makes the file smaller, until the recorder is gone.
fn run(log: &Mutex<Log>, receiver: &Receiver<Message>) {
    while let Ok(first) = receiver.recv() {
        if matches!(first, Message::Written) {
            thread::sleep(GATHER);
        }
        let waiting: Vec<_> = std::iter::once(first).chain(receiver.try_iter()).collect();
        let file = locked(log).file.clone();
        if let Some(Err(error)) = file.map(|file| file.sync_data()) {
            locked(log).give_up(&error);
        }
        for message in waiting {
            if let Message::Flush(done) = message {
                let _ = done.send(());
            }
        }
        if locked(log).has_grown()
            && let Err(error) = compact(log)
        {
            let mut log = locked(log);
            tracing::warn!(%error, path = %log.path.display(), "the sandbox's state cannot be made smaller");
            log.snapshot = log.length;
        }
    }
}

/// Rewrites the file from what it says itself, so that the live store is not held up; what is written meanwhile is
/// copied behind the snapshot.
fn compact(log: &Mutex<Log>) -> io::Result<()> {
    let (path, length) = {
        let log = locked(log);
        (log.path.clone(), log.length)
    };
    let store = read(BufReader::new(File::open(&path)?.take(length)))?.ok_or_else(|| damaged(1))?;
    let (mut file, snapshot) = snapshot(&path, &store)?;
    let mut log = locked(log);
    let mut old = File::open(&path)?;
    old.seek(SeekFrom::Start(length))?;
    let copied = io::copy(&mut old.take(log.length - length), &mut file)?;
    file.sync_data()?;
    fs::rename(beside(&path, ".new"), &path)?;
    (log.file, log.length, log.snapshot) = (Some(Arc::new(file)), snapshot + copied, snapshot);
    drop(log);
    sync_folder(&path)
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn filled(path: &Path, count: u64) -> (Store, Recorder) {
        let mut store = Store::new(5);
        let recorder = keep(path, locked_file(path).unwrap(), &store).unwrap();
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
        (store, recorder)
    }

    fn more(store: &mut Store) -> Arc<StoreEvent> {
        store.put("/x", &Key::new("n", "more"), Map::new(), None).unwrap()
    }

    fn texts(store: &Store) -> Vec<String> {
        let all = store.everything();
        all.map(|(_, key, object)| format!("{key:?} {} {}", object.metadata(), object.rest())).collect()
    }

    #[test]
    fn what_was_recorded_is_read_again_without_a_flush() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/state");
        let (mut store, recorder) = filled(&path, 40);
        let read = load(&path).unwrap().unwrap();
        assert_eq!(read.revision(), store.revision());
        assert_eq!(texts(&read), texts(&store));
        compact(&recorder.log).unwrap();
        recorder.record("/x", &more(&mut store));
        let read = load(&path).unwrap().unwrap();
        assert_eq!((read.revision(), texts(&read)), (store.revision(), texts(&store)));
    }

    #[test]
    fn a_file_is_kept_by_one_sandbox_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (store, recorder) = open(&path, Store::new(1)).unwrap();
        let refused = open(&path, Store::new(1)).unwrap_err();
        assert_eq!(refused.to_string(), "another sandbox keeps its state there");
        recorder.end();
        assert_eq!(open(&path, Store::new(9)).unwrap().0.revision(), store.revision());
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
