//! A network between a process and its cluster that can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// It carries everything.
    Whole,
    /// It takes connections and everything that is sent, and carries nothing.
    Silent,
    /// It ends every connection, and refuses new ones.
    Refusing,
}

/// A network of its own for one process.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    network: Arc<watch::Sender<Network>>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// A whole network to a server.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = Arc::new(watch::Sender::new(Network::Whole));
        let connections = Arc::<AtomicUsize>::default();
        let (states, count) = (Arc::clone(&network), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                if *states.borrow() != Network::Refusing {
                    tokio::spawn(carry(client, server, states.subscribe()));
                }
            }
        });
        Self { address, network, connections }
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Makes the network what it is from now on. What a silent one has swallowed is lost.
    pub(crate) fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

/// Carries what a client and the server send each other while the network is whole.
async fn carry(client: TcpStream, server: SocketAddr, mut states: watch::Receiver<Network>) {
    if *states.borrow_and_update() == Network::Whole {
        let Ok(server) = TcpStream::connect(server).await else { return };
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let there = copy(&mut from_client, &mut to_server);
        let back = copy(&mut from_server, &mut to_client);
        tokio::select! {
            () = there => return,
            () = back => return,
            changed = states.changed() => if changed.is_err() { return },
        }
        // The ends are kept while the network is silent: nobody hears that the other one is gone.
        if *states.borrow_and_update() == Network::Silent {
            let _changed = states.changed().await;
        }
    } else {
        let _changed = states.changed().await;
    }
}

async fn copy(from: &mut (impl AsyncReadExt + Unpin), to: &mut (impl AsyncWriteExt + Unpin)) {
    let mut buffer = vec![0; 16_384];
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
