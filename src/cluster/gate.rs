//! The last look at the lease, where a request goes onto the wire.
//!
//! A [`Permit`](super::connect::Permit) is asked before a write is handed to the HTTP client. A process that is stopped between
//! that moment and the socket, and goes on much later, would still send what it had handed over. So writes under a lease go
//! through connections of their own, whose tasks do nothing once the lease has ended: they never write again, and close.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::retry::{Pause, Retry};
use super::words;

/// How long a connection stays before it closes, after the lease has ended. The client tries a request that never left
/// anew on another connection at once, and must not do so without a pause.
const LINGER: Duration = Duration::from_secs(1);

/// The end of a lease as its renewals move it.
pub(super) type Deadline = Arc<Mutex<Instant>>;

/// Connections for writes under a lease, made when the first is sent.
pub(super) struct GatedClient {
    config: kube::Config,
    client: Mutex<Option<kube::Client>>,
    gate: Gate,
}

/// Until when connections may be used; without a lease nothing was written on them yet.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Option<Deadline>>>);

impl Gate {
    fn is_open(&self) -> bool {
        let deadline = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        deadline.is_none_or(|deadline| Instant::now() < *deadline.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl GatedClient {
    pub(super) fn new(config: kube::Config) -> Self {
        Self { config, client: Mutex::default(), gate: Gate::default() }
    }

    /// The client for writes under this lease.
    pub(super) fn under(&self, lease: &Deadline) -> Result<kube::Client, String> {
        *self.gate.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(lease));
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let executor = GatedExecutor(self.gate.clone());
        let built = kube::client::ClientBuilder::try_from((self.config.clone(), executor));
        let built = built.map_err(|error| words::of_client(&error))?.build();
        *client = Some(built.clone());
        Ok(built)
    }
}

/// Runs the tasks of connections while the gate is open.
#[derive(Clone)]
struct GatedExecutor(Gate);

impl hyper::rt::Executor<Pin<Box<dyn Future<Output = ()> + Send>>> for GatedExecutor {
    fn execute(&self, mut task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let gate = self.0.clone();
        let gated = std::future::poll_fn(move |context| {
            if gate.is_open() { task.as_mut().poll(context).map(|()| true) } else { Poll::Ready(false) }
        });
        tokio::spawn(async move {
            // The task, and with it the connection, is dropped at the end of this one.
            let mut gated = gated;
            if !(&mut gated).await {
                let _waited = Retry::endless().again(Pause::Fixed(LINGER), ()).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// What reaches a server of a request under a lease that ends so long from now.
    async fn received(lasts: Duration) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let gated = GatedClient::new(kube::Config::new(address.parse().unwrap()));
        let lease: Deadline = Arc::new(Mutex::new(Instant::now() + lasts));
        let client = gated.under(&lease).unwrap();
        let request = http::Request::patch("/api/v1/namespaces/a").body("{}".to_owned().into_bytes().into()).unwrap();
        let sending = tokio::spawn(async move { client.send(request).await.map(drop) });
        let received = tokio::task::spawn_blocking(move || {
            let (mut taken, _) = listener.accept().unwrap();
            taken.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let mut bytes = [0; 1_000];
            let count = taken.read(&mut bytes).unwrap_or(0);
            String::from_utf8_lossy(&bytes[..count]).into_owned()
        });
        let received = received.await.unwrap();
        sending.abort();
        received
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_goes_onto_the_wire_once_the_lease_has_ended() {
        assert!(received(Duration::from_secs(30)).await.starts_with("PATCH /api/v1/namespaces/a"));
        // The request was handed over, as by a process that was stopped in between.
        assert_eq!(received(Duration::ZERO).await, "");
    }
}
