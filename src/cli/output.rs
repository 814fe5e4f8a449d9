//! Standard output carries only the result; everything else goes to standard error.

use std::io::{IsTerminal, Write};

use super::{Colour, Common, Failure};

/// Where a command's words go.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    quiet: bool,
    verbose: u8,
    colour: Colour,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        Self { quiet: common.quiet, verbose: common.verbose, colour: common.colour }
    }

    /// Whether to show every object rather than a summary.
    pub(crate) fn verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Whether to say only the result.
    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether standard output wants colour.
    pub(crate) fn colour(&self) -> bool {
        self.wants_colour(std::io::stdout().is_terminal())
    }

    /// Whether standard error wants colour.
    pub(crate) fn colour_of_notes(&self) -> bool {
        self.wants_colour(std::io::stderr().is_terminal())
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
    pub(crate) fn result(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Write(error)),
            _ => Ok(()),
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
    pub(crate) fn failure(&self, failure: &Failure) {
        let _ = std::io::stderr().lock().write_all(failure.render(self.colour_of_notes()).as_bytes());
    }
}

/// Traces to standard error, as `-vv` or `PARCELLE_LOG` ask.
pub(crate) fn trace(verbose: u8) {
    let level = match verbose {
        0 | 1 => "warn,kube_client=off,kube_runtime=off",
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
