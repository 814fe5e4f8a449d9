//! Standard output carries only the result; everything else goes to standard error.

use std::io::{IsTerminal, Write};

use super::log::{Log, LogLevel, LogLine, Traces};
use super::{Colour, CommandFailure, Common};
use crate::report::{Drawing, Format};
use crate::visible;

/// What stands between the lines of a note: the further ones are none of their own.
const MARGIN: &str = "\n  │ ";

/// Where a command's words go.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    quiet: bool,
    verbose: u8,
    colour: Colour,
    narrated: bool,
    /// Where what happens is written line by line; absent where a person waits for the end of a command.
    log: Option<Log>,
}

impl Output {
    pub(crate) fn new(common: &Common, log: Option<Log>) -> Self {
        Self { quiet: common.quiet, verbose: common.verbose, colour: common.colour, narrated: common.narrated, log }
    }

    /// The log that is written, where one is.
    pub(crate) fn log(&self) -> Option<Log> {
        self.log
    }

    /// Whether to show every object rather than a summary.
    pub(crate) fn verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Whether to say only the result.
    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    /// How texts on standard output are drawn.
    pub(crate) fn drawing(&self) -> Drawing {
        self.drawing_on(std::io::stdout().is_terminal())
    }

    /// How texts on standard error are drawn.
    pub(crate) fn drawing_of_notes(&self) -> Drawing {
        self.drawing_on(std::io::stderr().is_terminal())
    }

    /// Whether there is nobody who sees: no bars, no signs.
    #[expect(clippy::disallowed_methods, reason = "a port: NO_GRAPHICS")]
    pub(crate) fn is_narrated(&self) -> bool {
        // As `miette` reads it.
        self.narrated || std::env::var_os("NO_GRAPHICS").is_some_and(|value| !value.is_empty() && value != "0")
    }

    fn drawing_on(&self, terminal: bool) -> Drawing {
        match () {
            () if self.is_narrated() => Drawing::Narrated,
            () if self.wants_colour(terminal) => Drawing::Coloured,
            () => Drawing::Plain,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a port: NO_COLOR")]
    fn wants_colour(&self, terminal: bool) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// The result as people read it: to standard output. A reader that has gone away is not a failure.
    pub(crate) fn result(&self, text: &str) -> Result<(), CommandFailure> {
        self.write(|stdout| stdout.write_all(text.as_bytes()).map_err(CommandFailure::Write))
    }

    /// A report of findings: to standard output.
    pub(crate) fn report(&self, format: Format, text: &str) -> Result<(), CommandFailure> {
        if format.is_for_people() { self.result(text) } else { self.data(text) }
    }

    /// The result as programs read it, byte for byte: to standard output.
    pub(crate) fn data(&self, text: &str) -> Result<(), CommandFailure> {
        to_stdout(std::io::stdout().lock(), |stdout| stdout.write_all(text.as_bytes()).map_err(CommandFailure::Write))
    }

    /// The result as people read it, written as it goes.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut Printed<std::io::StdoutLock<'static>>) -> Result<(), CommandFailure>,
    ) -> Result<(), CommandFailure> {
        to_stdout(Printed::new(std::io::stdout().lock()), write)
    }

    /// What is happening: to standard error, unless quiet. Only its first line is its own.
    pub(crate) fn note(&self, text: &str) {
        if let Some(log) = self.log {
            return log.write(&LogLine::new(LogLevel::Info, text));
        }
        self.block(&text.replace('\n', MARGIN));
    }

    /// What a person is asked: to standard error, also where only the result is asked for.
    pub(crate) fn question(&self, text: &str) {
        let _ = writeln!(Printed::new(std::io::stderr().lock()), "{text}");
    }

    /// What went wrong beside the result: to standard error, also where only the result is asked for. Only its first line is its own.
    pub(crate) fn error(&self, text: &str) {
        if let Some(log) = self.log {
            return log.write(&LogLine::new(LogLevel::Error, text));
        }
        let _ = writeln!(Printed::new(std::io::stderr().lock()), "{}", text.replace('\n', MARGIN));
    }

    /// Findings that were drawn elsewhere, of which some are errors or none: to standard error; errors also where only the result is
    /// asked for.
    pub(crate) fn findings(&self, text: &str, has_errors: bool) {
        match self.log {
            None if has_errors => {
                let _ = writeln!(Printed::new(std::io::stderr().lock()), "{text}");
            }
            _ => self.block(text),
        }
    }

    /// Lines that were drawn elsewhere: to standard error, unless quiet.
    pub(crate) fn block(&self, text: &str) {
        if let Some(log) = self.log {
            return text.lines().for_each(|line| log.write(&LogLine::new(LogLevel::Info, line)));
        }
        if !self.quiet {
            // Nobody is left to be told when standard error is gone.
            let _ = writeln!(Printed::new(std::io::stderr().lock()), "{text}");
        }
    }

    /// What went wrong, its causes and the way out: to standard error.
    pub(crate) fn failure(&self, failure: &CommandFailure) {
        if let Some(log) = self.log {
            let help: Vec<String> = failure.help().into_iter().collect();
            let line = LogLine::new(LogLevel::Error, format!("failed: {failure}"));
            return log.write(&line.saying("why", &failure.causes()).saying("help", &help));
        }
        let text = failure.render(self.drawing_of_notes().has_colour());
        let _ = Printed::new(std::io::stderr().lock()).write_all(text.as_bytes());
    }
}

/// Writes and flushes; a reader that has gone away is not a failure.
fn to_stdout<W: Write>(
    mut stdout: W,
    write: impl FnOnce(&mut W) -> Result<(), CommandFailure>,
) -> Result<(), CommandFailure> {
    match write(&mut stdout).and_then(|()| stdout.flush().map_err(CommandFailure::Write)) {
        Err(CommandFailure::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A writer of lines in which nothing that others said steers a terminal or is a command of a CI (`visible::printed`).
pub(crate) struct Printed<W: Write> {
    to: W,
    /// What has no line end yet, then what waits to be written.
    line: Vec<u8>,
    ready: Vec<u8>,
}

/// How many bytes are gathered before they are written.
const GATHERED: usize = 1 << 16;

impl<W: Write> Printed<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, line: Vec::new(), ready: Vec::new() }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.ready.extend_from_slice(visible::printed(&String::from_utf8_lossy(&line)).as_bytes());
    }
}

impl<W: Write> Write for Printed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(piece) => {
                    self.line.extend_from_slice(piece);
                    self.end_line();
                    self.ready.push(b'\n');
                }
                None => self.line.extend_from_slice(piece),
            }
        }
        if self.ready.len() >= GATHERED {
            self.to.write_all(&std::mem::take(&mut self.ready))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.end_line();
        self.to.write_all(&std::mem::take(&mut self.ready))?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Printed<W> {
    fn drop(&mut self) {
        // Nobody is left to be told when what is written to is gone.
        let _ = self.flush();
    }
}

/// Traces to standard error, as a level or `PARCELLE_LOG` asks; each is a line of a log. The client of forges traces what it sends,
/// tokens among it, so whatever is asked for, it says nothing.
#[expect(clippy::disallowed_methods, reason = "a port: PARCELLE_LOG")]
pub(crate) fn trace(log: Log) {
    let is_silent = |directive: &&str| directive.trim().starts_with("ureq");
    let asked = std::env::var("PARCELLE_LOG").ok().filter(|asked| !asked.trim().is_empty());
    let asked = asked.map(|asked| asked.split(',').filter(|part| !is_silent(part)).collect::<Vec<_>>().join(","));
    let filter = asked
        .and_then(|asked| tracing_subscriber::EnvFilter::try_new(asked).ok())
        .unwrap_or_else(|| tracing_subscriber::EnvFilter::new(log.level.directives()));
    let silent = ["ureq=off", "ureq_proto=off"].iter().filter_map(|directive| directive.parse().ok());
    let filter = silent.fold(filter, tracing_subscriber::EnvFilter::add_directive);
    // A second call (in tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .event_format(Traces(log.format))
        .try_init();
}
