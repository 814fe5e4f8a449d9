//! Connections that can be cut.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use super::origin;
use ::http::Response;
use axum::{
    body::Body,
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// A connection that can be cut from within a handler.
pub(crate) struct ClientConnection {
    stream: TcpStream,
    cut: Cut,
}

/// Cuts the connection of a request when set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut(Arc<AtomicBool>);

/// The connection that a request came by.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) cut: Cut,
    /// The address that the client reached.
    pub(crate) local: SocketAddr,
}

impl Cut {
    /// Cuts the connection; what is answered then reaches nobody.
    pub(super) fn answer(&self) -> Response<Body> {
        self.0.store(true, Ordering::Relaxed);
        Response::new(Body::empty())
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for ClientConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientConnection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Accepts connections that can be cut.
pub(super) struct Door(pub(super) TcpListener);

impl Listener for Door {
    type Io = ClientConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (ClientConnection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        let connection = ClientConnection { stream, cut: Cut::default() };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Incoming {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        let ClientConnection { stream, cut } = stream.io();
        Self { cut: cut.clone(), local: stream.local_addr().unwrap_or(origin::UNKNOWN) }
    }
}
