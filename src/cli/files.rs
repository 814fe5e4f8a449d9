//! Plans and snapshots in files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer as _, Serialize};
use serde_json::de::IoRead;

use super::CommandFailure;
use crate::{cause, private};

/// The largest plan or snapshot that is read, in bytes: many times that of a thousand organisations.
const LARGEST: u64 = 1 << 30;

/// Writes a value as JSON for its owner alone, all of it or nothing.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CommandFailure> {
    let written = private::write(path, |file| serde_json::to_writer_pretty(file, value).map_err(Into::into));
    written.map_err(CommandFailure::file("write", path))
}

/// Reads a file that `what` names ("a saved plan") as a stream of JSON, so that not all of it need be held; `way` says how
/// such a file is made.
pub(super) fn read_each<T>(
    path: &Path,
    what: &str,
    way: &str,
    read: impl FnOnce(&mut serde_json::Deserializer<IoRead<BufReader<File>>>) -> Result<T, serde_json::Error>,
) -> Result<T, CommandFailure> {
    let failed = || CommandFailure::file("read", path);
    let file = open(path).map_err(failed())?;
    if file.metadata().map_err(failed())?.len() > LARGEST {
        return Err(CommandFailure::asked(
            format!("`{}` is too large for {what}", path.display()),
            "at most 1 GiB is read",
        ));
    }
    let mut stream = serde_json::Deserializer::from_reader(BufReader::new(file));
    let value = read(&mut stream).and_then(|value| stream.end().map(|()| value));
    value.map_err(|error| {
        if error.is_io() {
            return failed()(error.into());
        }
        let why = cause::of_json(&error);
        CommandFailure::asked(format!("`{}` is not {what}: {why}", path.display()), way)
    })
}

/// Writes a text for its owner alone, all of it or nothing.
pub(super) fn write_text(path: &Path, text: &str) -> Result<(), CommandFailure> {
    let written = private::write(path, |file| std::io::Write::write_all(file, text.as_bytes()));
    written.map_err(CommandFailure::file("write", path))
}

/// Reads a text of at most `most` bytes.
pub(super) fn read_text(path: &Path, most: u64) -> Result<String, CommandFailure> {
    let failed = || CommandFailure::file("read", path);
    let mut text = String::new();
    let file = open(path).map_err(failed())?;
    let read = std::io::Read::read_to_string(&mut std::io::Read::take(file, most + 1), &mut text).map_err(failed())?;
    if u64::try_from(read).unwrap_or(u64::MAX) > most {
        return Err(CommandFailure::asked(format!("`{}` is too large", path.display()), "was another file meant?"));
    }
    Ok(text)
}

#[expect(clippy::disallowed_methods, reason = "a port: the file that was asked for")]
fn open(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

/// Reads a value that `what` names ("a snapshot") and that says its schema; `way` says how such a file is made.
pub(super) fn read_json<T: DeserializeOwned>(
    path: &Path,
    what: &str,
    schema: &str,
    way: &str,
) -> Result<T, CommandFailure> {
    let no = |why: String| CommandFailure::asked(format!("`{}` is not {what}: {why}", path.display()), way);
    match read_each(path, what, way, |from| from.deserialize_any(Head))? {
        Some(found) if found == schema => read_each(path, what, way, |from| T::deserialize(from)),
        Some(found) => Err(no(format!("its schema is `{found}`, this parcelle reads `{schema}`"))),
        None => Err(no(format!("it names no schema; {what} starts with `\"schema\": \"{schema}\"`"))),
    }
}

/// The schema that a value names, whatever else it is.
struct Head;

impl<'de> Visitor<'de> for Head {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object that names its schema")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let mut schema = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "schema" {
                schema = map.next_value::<serde_json::Value>()?.as_str().map(str::to_owned);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(schema)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<String>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
