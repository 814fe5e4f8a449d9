//! What the system and its libraries say of a failure, in the words of people.
//!
//! Error numbers, classes and the names of parsers help nobody who has to mend a file. Each function names the fact alone:
//! which file or server it is about is said by the error around it.

use std::io::{Error, ErrorKind};

/// Why a file, a folder or a connection could not be used: "there is no such file or folder".
pub(crate) fn of_io(error: &Error) -> String {
    if let Some(own) = error.get_ref() {
        // An error that was put together, not one of the system.
        return own.to_string();
    }
    let words = match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::PermissionDenied => "the user that parcelle runs as may not do that",
        ErrorKind::AlreadyExists => "something of that name is there already",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "a part of its path is a file, not a folder",
        ErrorKind::DirectoryNotEmpty => "the folder is not empty",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::QuotaExceeded => "the disk quota is used up",
        ErrorKind::ReadOnlyFilesystem => "the disk is read-only",
        ErrorKind::InvalidData => "it holds no text (UTF-8)",
        ErrorKind::ConnectionRefused => "nothing listens at this address",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "the other side closed the connection",
        ErrorKind::AddrInUse => "another program listens at this address",
        ErrorKind::TimedOut => "there was no answer in time",
        _ => return without_number(&error.to_string()).to_owned(),
    };
    words.to_owned()
}

/// A message of the system without its number: `No space left on device (os error 28)`.
fn without_number(message: &str) -> &str {
    message.split(" (os error").next().unwrap_or(message)
}

/// An error with its sources, in one line.
pub(crate) fn reason_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        let words = next.downcast_ref().map_or_else(|| next.to_string(), of_io);
        // Many errors repeat their source in their own words.
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = next.source();
    }
    text
}

/// Why a text is not the JSON that is wanted: "it breaks off in line 13".
pub(crate) fn of_json(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let place = match (error.line(), error.column()) {
        // A value that is there already has no lines.
        (0, _) => String::new(),
        (line, column) => format!(" (line {line}, column {column})"),
    };
    match error.classify() {
        Category::Eof if error.line() <= 1 && error.column() == 0 => "it is empty".to_owned(),
        Category::Eof => format!("it breaks off in line {}", error.line()),
        Category::Syntax => format!("it is no JSON{place}"),
        Category::Data => format!("{}{place}", of_data(&error.to_string())),
        Category::Io => "it cannot be read".to_owned(),
    }
}

/// What serde says of JSON that is well written and means something else.
fn of_data(message: &str) -> String {
    let quoted = |start: &str| message.strip_prefix(start)?.split('`').nth(1);
    if let Some(field) = quoted("missing field") {
        return format!("it lacks `{field}`");
    }
    if let Some(field) = quoted("unknown field") {
        return format!("it holds `{field}`, which does not belong there");
    }
    if let Some(word) = quoted("unknown variant") {
        return format!("it says `{word}`, which is none of the words known there");
    }
    "a value in it is of another kind than is wanted there".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_speaks_without_numbers() {
        assert_eq!(of_io(&Error::from_raw_os_error(2)), "there is no such file or folder");
        assert_eq!(of_io(&Error::from_raw_os_error(28)), "the disk is full");
        assert!(!of_io(&Error::from_raw_os_error(24)).contains("os error"), "{}", of_io(&Error::from_raw_os_error(24)));
    }

    #[test]
    fn json_that_cannot_be_used_says_why_without_the_words_of_its_parser() {
        #[derive(Debug, serde::Deserialize)]
        struct Wanted {
            #[expect(dead_code, reason = "only its absence matters")]
            name: String,
        }
        let why = |text: &str| of_json(&serde_json::from_str::<Wanted>(text).unwrap_err());
        assert_eq!(why(""), "it is empty");
        assert_eq!(why("hello"), "it is no JSON (line 1, column 1)");
        assert_eq!(why("{\n\"name\": \"a"), "it breaks off in line 2");
        assert_eq!(why("{}"), "it lacks `name` (line 1, column 2)");
        assert_eq!(why("{\"name\": 3}"), "a value in it is of another kind than is wanted there (line 1, column 10)");
        let wanted = serde_json::from_value::<Wanted>(serde_json::json!({})).unwrap_err();
        assert_eq!(of_json(&wanted), "it lacks `name`");
    }
}
