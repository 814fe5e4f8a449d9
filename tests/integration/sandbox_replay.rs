//! Replays the recorded answers of a real API server over HTTP and compares what counts.
//!
//! The semantics are those of the recordings' own replayer: a step is equal when the status code is
//! and, for each pointer of its `check` list, the value there. Placeholders such as `<rv:3>` stand
//! for values that differ between servers: equal placeholders, equal values.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use regex::Regex;
use serde_json::Value;

/// A response: status code and body, JSON where it is.
type Answer = (u16, Value);

/// Replays recordings against the server at an address.
pub struct Replay {
    address: String,
    bound: BTreeMap<String, String>,
    placeholder: Regex,
    uids: Regex,
    versions: Regex,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Replay {
    /// A replay of one recording.
    pub fn new(address: &str) -> Self {
        let regex = |pattern: &str| Regex::new(pattern).unwrap();
        Self {
            address: address.to_owned(),
            bound: BTreeMap::new(),
            placeholder: regex(r"<(?:rv|uid|continue):\d+>"),
            uids: regex(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
            versions: regex(r"ResourceVersion in (the precondition|record) \(\d+\)"),
        }
    }

    fn is_placeholder(&self, word: &str) -> bool {
        self.placeholder.find(word).is_some_and(|found| found.as_str() == word)
    }

    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), self.filled(value))).collect(),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::String(word) if self.is_placeholder(word) => {
                Value::from(self.bound.get(word).unwrap_or(word).as_str())
            }
            other => other.clone(),
        }
    }

    fn filled_path(&self, path: &str) -> String {
        let replaced = self.placeholder.replace_all(path, |found: &regex::Captures<'_>| {
            self.bound.get(&found[0]).cloned().unwrap_or_else(|| found[0].to_owned())
        });
        replaced.into_owned()
    }

    fn learn(&mut self, want: &Value, got: &Value) {
        match (want, got) {
            (Value::Object(want), Value::Object(got)) => {
                for (key, want) in want {
                    if let Some(got) = got.get(key) {
                        self.learn(want, got);
                    }
                }
            }
            (Value::Array(want), Value::Array(got)) => {
                for (want, got) in want.iter().zip(got) {
                    self.learn(want, got);
                }
            }
            (Value::String(want), Value::String(got)) if self.is_placeholder(want) => {
                self.bound.entry(want.clone()).or_insert_with(|| got.clone());
            }
            _ => {}
        }
    }

    fn same(&self, want: &Value, got: &Value) -> bool {
        match (want, got) {
            (Value::String(want), got) if want == "<time>" => !text(got).is_empty(),
            (Value::String(want), got) if self.is_placeholder(want) => {
                self.bound.get(want).map(String::as_str) == got.as_str()
            }
            (Value::String(want), Value::String(got)) => self.without_ids(want) == self.without_ids(got),
            (Value::Object(want), Value::Object(got)) => {
                want.len() == got.len()
                    && want.iter().all(|(key, want)| got.get(key).is_some_and(|got| self.same(want, got)))
            }
            (Value::Array(want), Value::Array(got)) => {
                want.len() == got.len() && want.iter().zip(got).all(|(want, got)| self.same(want, got))
            }
            _ => want == got,
        }
    }

    fn without_ids(&self, words: &str) -> String {
        let words = self.versions.replace_all(words, "ResourceVersion in $1 (N)");
        self.uids.replace_all(&words, "UID").into_owned()
    }

    fn connect(&self, method: &str, path: &str, headers: &[(String, String)], body: Option<&str>) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = body.unwrap_or_default();
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Answers of one request, as a recording says it.
    pub fn call(&self, request: &Value) -> Answer {
        let mut headers = vec![("Accept".to_owned(), text(&request["accept"]).to_owned())];
        match request["as"].as_str() {
            Some("nobody") => {}
            other => {
                headers.push(("Authorization".to_owned(), format!("Bearer {}", other.unwrap_or("admintoken"))));
            }
        }
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            headers.push((name.clone(), text(value).to_owned()));
        }
        let body = request.get("body").map(|body| {
            headers.push(("Content-Type".to_owned(), text(&request["contentType"]).to_owned()));
            match self.filled(body) {
                Value::String(text) => text,
                other => other.to_string(),
            }
        });
        let path = self.filled_path(text(&request["path"]));
        let stream = self.connect(text(&request["method"]), &path, &headers, body.as_deref());
        let mut reader = BufReader::new(stream);
        let (status, chunked) = head(&mut reader);
        let bytes = if chunked { chunks(&mut reader, usize::MAX, &mpsc::channel().0) } else { rest(&mut reader) };
        let value = serde_json::from_slice(&bytes);
        (status, value.unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).as_ref())))
    }

    /// What differs in one step.
    pub fn step(&mut self, step: &Value) -> Vec<String> {
        if step.get("watch").is_some() {
            return self.watch(step);
        }
        let want = &step["response"];
        let patient = text(&step["note"]).contains("wait until");
        let end = Instant::now() + Duration::from_secs(if patient { 10 } else { 0 });
        let (status, body) = loop {
            let (status, body) = self.call(&step["request"]);
            let conditions = body["status"]["conditions"].as_array();
            let done = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
            if done || Instant::now() >= end {
                break (status, body);
            }
            thread::sleep(Duration::from_millis(20));
        };
        let mut different = Vec::new();
        if Some(u64::from(status)) == want["status"].as_u64() {
            self.learn(&want["body"], &body);
        } else {
            different.push(format!("status code: want {}, got {status} {body}", want["status"]));
        }
        for pointer in step["check"].as_array().into_iter().flatten() {
            let pointer = text(pointer);
            let (mut want, mut got) = (at(&want["body"], pointer), at(&body, pointer));
            if pointer == "/metadata/managedFields" {
                (want, got) = (by_manager(want), by_manager(got));
            }
            if pointer == "/details/causes" {
                (want, got) = (unordered(want), unordered(got));
            }
            if !self.same(&want, &got) {
                different.push(format!("{pointer}: want {want}, got {got}"));
            }
        }
        different
    }

    fn watch(&mut self, step: &Value) -> Vec<String> {
        let want = step["response"]["events"].as_array().cloned().unwrap_or_default();
        let headers = [
            ("Accept".to_owned(), text(&step["watch"]["accept"]).to_owned()),
            ("Authorization".to_owned(), "Bearer admintoken".to_owned()),
        ];
        let path = self.filled_path(text(&step["watch"]["path"]));
        let stream = self.connect("GET", &path, &headers, None);
        let count = want.len();
        let (sender, receiver) = mpsc::channel();
        let reading = thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let (status, _) = head(&mut reader);
            chunks(&mut reader, count, &sender);
            status
        });
        thread::sleep(Duration::from_millis(50));
        let mut different = Vec::new();
        for inner in step["watch"]["during"].as_array().into_iter().flatten() {
            different.extend(self.step(inner));
        }
        let mut got: Vec<Value> = Vec::new();
        while got.len() < count {
            match receiver.recv_timeout(Duration::from_secs(10)) {
                Ok(event) => got.push(event),
                Err(_) => break,
            }
        }
        if got.len() < count {
            different.push(format!("events: want {count}, got {}", got.len()));
        } else {
            let status = reading.join().unwrap();
            if Some(u64::from(status)) != step["response"]["status"].as_u64() {
                different.push(format!("status code of the watch: got {status}"));
            }
        }
        for (place, (want, got)) in want.iter().zip(&got).enumerate() {
            for key in step["eventKeys"].as_array().into_iter().flatten() {
                let pointer = format!("/{}", text(key));
                let (want, got) = (at(want, &pointer), at(got, &pointer));
                if !self.same(&want, &got) {
                    different.push(format!("event {place} {pointer}: want {want}, got {got}"));
                }
            }
        }
        different
    }
}

fn at(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).cloned().unwrap_or(Value::Null)
}

fn by_manager(value: Value) -> Value {
    let Value::Array(mut entries) = value else {
        return value;
    };
    entries.sort_by_key(|entry| {
        let word = |name: &str| entry[name].to_string();
        [word("manager"), word("operation"), word("apiVersion"), word("subresource"), word("fieldsV1")]
    });
    Value::Array(entries)
}

/// The order of conflicts is not stable.
fn unordered(causes: Value) -> Value {
    let Value::Array(mut causes) = causes else {
        return causes;
    };
    causes.sort_by_key(Value::to_string);
    Value::Array(causes)
}

fn head(reader: &mut BufReader<TcpStream>) -> (u16, bool) {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let mut chunked = false;
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            return (status, chunked);
        }
        chunked |= line.to_ascii_lowercase().starts_with("transfer-encoding: chunked");
    }
}

fn rest(reader: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = reader.read_to_end(&mut bytes);
    bytes
}

/// Reads chunks until the end, or until so many lines were sent on.
fn chunks(reader: &mut BufReader<TcpStream>, lines: usize, sender: &mpsc::Sender<Value>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut sent, mut start) = (0, 0);
    while sent < lines {
        let mut size = String::new();
        if reader.read_line(&mut size).unwrap_or(0) == 0 {
            break;
        }
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        let mut chunk = vec![0; size + 2];
        if reader.read_exact(&mut chunk).is_err() {
            break;
        }
        bytes.extend_from_slice(&chunk[..size]);
        while let Some(end) = bytes[start..].iter().position(|byte| *byte == b'\n') {
            if let Ok(event) = serde_json::from_slice(&bytes[start..start + end]) {
                let _ = sender.send(event);
                sent += 1;
            }
            start += end + 1;
        }
    }
    bytes
}

/// The JSON files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

/// Replays the recordings of a folder. Returns how many steps were equal, and what differs.
pub fn all(folder: &Path, address: &str) -> (usize, Vec<String>) {
    let (mut good, mut bad) = (0, Vec::new());
    for file in files(folder) {
        let recording: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let mut replay = Replay::new(address);
        for step in recording["steps"].as_array().into_iter().flatten() {
            let different = replay.step(step);
            if different.is_empty() {
                good += 1;
            } else {
                let name = format!("{}: {}", text(&recording["name"]), text(&step["step"]));
                bad.push(format!("{name}\n    {}", different.join("\n    ")));
            }
        }
    }
    (good, bad)
}

/// Makes the definitions of a folder, and waits until they are served.
pub fn define(folder: &Path, address: &str) {
    let replay = Replay::new(address);
    for file in files(folder) {
        let definition: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let (status, answer) = replay.call(&serde_json::json!({
            "method": "POST",
            "path": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "accept": "application/json",
            "contentType": "application/json",
            "body": definition,
        }));
        assert_eq!(status, 201, "{}: {answer}", file.display());
    }
}
