//! Plain tools of the machine, in the surroundings of a test: what people verify with who have no parcelle.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test's own scaffold")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::command::{Output, TestEnvironment};

impl TestEnvironment {
    /// Runs a program of its `programs` folder in the garden folder, with an input, until it ends.
    pub(crate) fn run_program(&self, name: &str, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new(self.path("programs").join(name));
        command.env_clear().envs(self.variables()).args(arguments).current_dir(self.path("garden"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that ends before it read everything says why itself.
        let _closed = child.stdin.take().unwrap().write_all(input);
        let done = child.wait_with_output().unwrap();
        Output {
            stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
            code: done.status.code().unwrap_or(-1),
        }
    }
}
