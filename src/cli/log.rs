//! The log of the loop: a line for each thing that happens, with its time, level, organisation and commit in this order.
//!
//! ```text
//! 2026-11-20T11:00:00.000Z INFO  alternatiba 5b1f0ce02a41 alternatiba: 3 applied, 41 unchanged
//! ```
//!
//! What traces of libraries say is a line of the same form. A line is written whole, and nothing in it begins another one.

use std::fmt;
use std::io::Write as _;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::Common;
use super::workspace::now;
use crate::visible;

/// How each line of a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Time, level, organisation, commit, message; `-` where a line is about none.
    Text,
    /// One JSON object a line, with the same fields by name.
    Json,
}

/// How much a line of a log weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    /// What needs somebody: failures, refusals, findings that stop an organisation.
    Error,
    /// A line that a person may have to act on.
    Warn,
    /// A line that tells what the loop does.
    Info,
    /// Also what is sent and looked at.
    Debug,
    /// Everything that libraries say.
    Trace,
}

impl LogLevel {
    /// What the flags of every command ask for.
    pub(super) fn of(common: &Common) -> Self {
        match common.verbose {
            0 if common.quiet => Self::Error,
            0 | 1 => Self::Info,
            2 => Self::Debug,
            _ => Self::Trace,
        }
    }

    /// The word, as wide as the widest.
    fn padded(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN ",
            Self::Info => "INFO ",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }

    /// What is asked of the traces of parcelle and of libraries.
    pub(super) fn directives(self) -> &'static str {
        match self {
            Self::Error => "parcelle=error",
            // What libraries have to say is for those who ask for it: failures are told in our own words.
            Self::Warn | Self::Info => "parcelle=warn",
            Self::Debug => "parcelle=debug,warn",
            Self::Trace => "parcelle=trace,debug",
        }
    }
}

impl From<&tracing::Level> for LogLevel {
    fn from(level: &tracing::Level) -> Self {
        match *level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::TRACE => Self::Trace,
        }
    }
}

/// One line of a log. Fields that are empty are left out of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LogLine {
    /// RFC 3339, in UTC, with milliseconds.
    time: String,
    pub(super) level: LogLevel,
    #[serde(skip_serializing_if = "String::is_empty")]
    organisation: String,
    /// In hexadecimal; a text shows its beginning.
    #[serde(skip_serializing_if = "String::is_empty")]
    commit: String,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster: String,
    /// What more there is, by name: the code and place of a finding, why, help, a plan, an outcome.
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
    /// The parts of `fields` that a text shows, each as a part of a sentence.
    #[serde(skip)]
    told: Vec<String>,
}

impl LogLine {
    /// A line of this moment about no organisation.
    pub(super) fn new(level: LogLevel, message: impl Into<String>) -> Self {
        // Whole milliseconds, so that all lines are as wide.
        let time = now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let (organisation, commit, cluster) = (String::new(), String::new(), String::new());
        let (message, fields, told) = (message.into(), Map::new(), Vec::new());
        Self { time, level, organisation, commit, message, cluster, fields, told }
    }

    /// The same, of an organisation.
    #[must_use]
    pub(super) fn of(mut self, organisation: impl Into<String>) -> Self {
        self.organisation = organisation.into();
        self
    }

    /// The same, of what was read from a commit.
    #[must_use]
    pub(super) fn at(mut self, commit: impl Into<String>) -> Self {
        self.commit = commit.into();
        self
    }

    /// The same, on a cluster.
    #[must_use]
    pub(super) fn on(mut self, cluster: impl Into<String>) -> Self {
        self.cluster = cluster.into();
        self
    }

    /// The same with a field that a text does not show.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The same with sentences under a name, which a text shows after the message.
    #[must_use]
    pub(super) fn saying(mut self, name: &str, texts: &[String]) -> Self {
        if texts.is_empty() {
            return self;
        }
        let named = |text: &String| if name == "detail" { text.clone() } else { format!("{name}: {text}") };
        self.told.extend(texts.iter().map(named));
        self.with(name, texts.to_vec())
    }

    /// The line without its end.
    fn written(&self, format: LogFormat) -> String {
        match format {
            LogFormat::Json => {
                // Of strings, and of values that are JSON already.
                let text = serde_json::to_string(self).unwrap_or_default();
                visible::json(text)
            }
            LogFormat::Text => {
                let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { visible::line(text) };
                let commit: String = self.commit.chars().take(12).collect();
                let (organisation, commit) = (or_none(&self.organisation), or_none(&commit));
                let message = std::iter::once(&self.message).chain(&self.told).map(|text| visible::line(text));
                let message = message.collect::<Vec<_>>().join("; ");
                format!("{} {} {organisation} {commit} {message}", self.time, self.level.padded())
            }
        }
    }
}

/// Where lines go, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(super) format: LogFormat,
    /// The least that is written.
    pub(super) level: LogLevel,
}

impl Log {
    /// Writes a line to standard error, at once and whole.
    pub(super) fn write(self, line: &LogLine) {
        if line.level <= self.level {
            // Nobody is left to be told when standard error is gone.
            let _ = std::io::stderr().lock().write_all(format!("{}\n", line.written(self.format)).as_bytes());
        }
    }

    /// Makes a line of what Rust says of a bug that ends a thread.
    pub(super) fn hear_panics(self) {
        std::panic::set_hook(Box::new(move |panic| {
            let words = panic.payload_as_str().unwrap_or("for a reason that is no text");
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            self.write(&LogLine::new(LogLevel::Error, format!("parcelle has a bug: {words}")).with("place", place));
        }));
    }
}

/// Traces as lines of the log; where there is none, of the same form.
pub(super) struct Traces(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for Traces
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _: &tracing_subscriber::fmt::FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        let mut heard = Heard::default();
        event.record(&mut heard);
        let mut line = LogLine::new(event.metadata().level().into(), heard.message)
            .of(heard.organisation)
            .at(heard.commit)
            .with("target", event.metadata().target());
        for (name, value) in heard.others {
            line = line.saying(&name, &[value]);
        }
        writeln!(writer, "{}", line.written(self.0))
    }
}

/// The fields of a trace.
#[derive(Default)]
struct Heard {
    message: String,
    organisation: String,
    commit: String,
    others: Vec<(String, String)>,
}

impl Visit for Heard {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.hear(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.hear(field, value.to_owned());
    }
}

impl Heard {
    fn hear(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            "organisation" => self.organisation = value,
            "commit" => self.commit = value,
            // What the bridge from the crate `log` adds of its own.
            name if name.starts_with("log.") => {}
            name => self.others.push((name.to_owned(), value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_is_said() {
        let hostile = "a\n2026-01-01T00:00:00.000Z INFO  - - forged\r\u{1b}[2J ##[group]";
        let line = LogLine::new(LogLevel::Warn, hostile)
            .of("alpha\nbeta")
            .at("0123456789abcdef")
            .saying("help", &[hostile.to_owned()]);
        for format in [LogFormat::Text, LogFormat::Json] {
            let written = line.written(format);
            assert_eq!(written.lines().count(), 1, "{written}");
            assert!(!written.contains("##[") && !written.contains(['\r', '\u{1b}']), "{written}");
        }
        let text = line.written(LogFormat::Text);
        assert!(text.contains("Z WARN  alpha⏎beta 0123456789ab a⏎2026"), "{text}");
        let value: Value = serde_json::from_str(&line.written(LogFormat::Json)).unwrap();
        assert_eq!((&value["level"], &value["commit"]), (&"warn".into(), &"0123456789abcdef".into()));
        assert_eq!((&value["message"], &value["fields"]["help"][0]), (&hostile.into(), &hostile.into()));
    }

    #[test]
    fn what_a_line_is_not_about_is_a_dash_in_text_and_left_out_in_json() {
        let line = LogLine::new(LogLevel::Error, "no");
        assert!(line.written(LogFormat::Text).ends_with("Z ERROR - - no"));
        let value: Value = serde_json::from_str(&line.written(LogFormat::Json)).unwrap();
        let names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["level", "message", "time"], "in the order of the names, since this map is sorted");
        assert!(line.written(LogFormat::Json).starts_with("{\"time\":\"2"), "the time comes first");
    }
}
