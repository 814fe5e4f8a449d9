//! Standard output carries only the result; everything else goes to standard error.

use std::io::{IsTerminal, Write};

use super::{Colour, CommandFailure, Common};
use crate::report::Drawing;

/// Where a command's words go.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    quiet: bool,
    verbose: u8,
    colour: Colour,
    narrated: bool,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        Self { quiet: common.quiet, verbose: common.verbose, colour: common.colour, narrated: common.narrated }
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

    /// The result: to standard output. A reader that has gone away is not a failure.
    pub(crate) fn result(&self, text: &str) -> Result<(), CommandFailure> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CommandFailure::Write(error)),
            _ => Ok(()),
        }
    }

    /// The same, written as it goes.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut std::io::BufWriter<std::io::StdoutLock<'static>>) -> Result<(), CommandFailure>,
    ) -> Result<(), CommandFailure> {
        let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
        let written = write(&mut stdout).and_then(|()| stdout.flush().map_err(CommandFailure::Write));
        match written {
            Err(CommandFailure::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                // What is left in the buffer has nobody to go to.
                let _unread = stdout.into_parts();
                Ok(())
            }
            written => written,
        }
    }

    /// A line about what is happening: to standard error, unless quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            // Nobody is left to be told when standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// What went wrong, its causes and the way out: to standard error.
    pub(crate) fn failure(&self, failure: &CommandFailure) {
        let _ = std::io::stderr().lock().write_all(failure.render(self.drawing_of_notes().has_colour()).as_bytes());
    }
}

/// Traces to standard error, as `-vv` or `PARCELLE_LOG` ask.
pub(crate) fn trace(verbose: u8) {
    // What libraries have to say is for those who ask for it: failures are told in our own words.
    let level = match verbose {
        0 | 1 => "parcelle=warn",
        2 => "parcelle=debug,warn",
        _ => "parcelle=trace,debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("PARCELLE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // A second call (in tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
