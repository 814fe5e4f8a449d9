//! Git over the system's `ssh`, as Git itself does: its configuration, agent and known hosts count, and nothing is asked of a person.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};

use super::address::SshAddress;
use super::pack::PackMeter;
use super::{GitAccess, refused};
use crate::git::words;

/// What `ssh` is asked for each time: no question to a person, no host whose key is not known, no connection that hangs.
const OPTIONS: [&str; 6] = [
    "-oBatchMode=yes",
    "-oStrictHostKeyChecking=yes",
    "-oConnectTimeout=20",
    "-oServerAliveInterval=15",
    "-oServerAliveCountMax=4",
    "-oForwardAgent=no",
];
/// How many bytes of what `ssh` complains of are kept.
const COMPLAINT: u64 = 4_096;

/// One repository behind an ssh server.
pub(super) struct SshTransport {
    address: SshAddress,
    access: GitAccess,
    /// The connection, kept from the first request to the next.
    connection: Mutex<Option<Arc<Mutex<Connection>>>>,
}

/// A running `ssh`; dropping it ends it.
struct Connection {
    process: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    complaint: Option<JoinHandle<String>>,
}

impl SshTransport {
    pub(super) fn new(address: SshAddress, access: GitAccess) -> Self {
        Self { address, access, connection: Mutex::default() }
    }

    #[expect(clippy::disallowed_methods, reason = "a port: the system's ssh")]
    fn connect(&self) -> io::Result<Connection> {
        let SshAddress { user, host, port, path } = &self.address;
        let mut command = Command::new("ssh");
        command.args(OPTIONS);
        if let Some(port) = port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(user) = user {
            command.arg("-l").arg(user);
        }
        command.arg("--").arg(host).arg(format!("git-upload-pack {}", quoted(path)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn()?;
        let taken = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(input), Some(output), Some(complaint)) = taken else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let complaint = std::thread::spawn(move || {
            let mut text = Vec::new();
            let mut all = complaint;
            // What could not be read was not said.
            let _ = (&mut all).take(COMPLAINT).read_to_end(&mut text);
            let _ = io::copy(&mut all, &mut io::sink());
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Connection { process, input: Some(input), output, complaint: Some(complaint) })
    }
}

/// A path for the shell of the server.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

impl SmartSubtransport for SshTransport {
    fn action(&self, _url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match (service, kept.as_ref()) {
            (Service::UploadPack, Some(connection)) => Arc::clone(connection),
            (Service::UploadPackLs | Service::UploadPack, _) => {
                let connection = self.connect().map_err(|error| refused(&self.access, words::no_ssh(&error)))?;
                Arc::clone(kept.insert(Arc::new(Mutex::new(connection))))
            }
            (Service::ReceivePackLs | Service::ReceivePack, _) => {
                return Err(git2::Error::from_str("nothing is ever pushed"));
            }
        };
        Ok(Box::new(SshStream {
            connection,
            access: self.access.clone(),
            host: self.address.host.clone(),
            meter: PackMeter::default(),
            any: false,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }
}

/// What goes to and comes from a running `ssh`.
struct SshStream {
    connection: Arc<Mutex<Connection>>,
    access: GitAccess,
    host: String,
    meter: PackMeter,
    /// Whether the server has sent a byte yet.
    any: bool,
}

impl SshStream {
    fn connection(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `ssh` said before it ended.
    fn failure(&self) -> io::Error {
        let mut connection = self.connection();
        connection.input.take();
        let complaint = connection.complaint.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        drop(connection);
        io::Error::other(self.access.refuse(words::of_ssh(&complaint, &self.host)))
    }
}

impl Read for SshStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.connection().output.read(buffer);
        match read {
            Ok(0) if !self.any && !buffer.is_empty() => Err(self.failure()),
            Ok(count) => {
                self.any = true;
                match self.meter.feed(&buffer[..count]) {
                    Ok(()) => Ok(count),
                    Err(why) => Err(io::Error::other(self.access.refuse(words::too_much(why)))),
                }
            }
            Err(_) => Err(self.failure()),
        }
    }
}

impl Write for SshStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.connection().input {
            Some(input) => input.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        written.map_err(|_| self.failure())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.connection().input.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.input.take();
        // It has ended by itself, or is of no use to anybody.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether the system has an `ssh`: without it repositories are reached by https alone.
#[expect(clippy::disallowed_methods, reason = "a port: the system's ssh")]
pub(crate) fn is_there() -> bool {
    let asked = Command::new("ssh").arg("-V").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_the_servers_shell() {
        assert_eq!(quoted("/x/y.git"), "'/x/y.git'");
        assert_eq!(quoted("x'; id; '"), r"'x'\''; id; '\'''");
    }
}
