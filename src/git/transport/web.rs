//! Git over HTTPS. A redirect is followed for the first request alone and on the same server; nothing else moves a request.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::runtime::Runtime;

use super::address::WebAddress;
use super::pack::PackMeter;
use super::{GitAccess, refused};
use crate::git::{GitRefusal, words};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_mins(1);
/// How often the first request is sent on.
const MOST_REDIRECTS: usize = 3;
/// What the first request asks for.
const REFS: &str = "/info/refs?service=git-upload-pack";
/// Where everything else is asked for.
const PACK: &str = "/git-upload-pack";

/// One repository on a web server.
pub(super) struct WebTransport {
    client: Arc<WebClient>,
    access: GitAccess,
    /// Where the repository is, after redirects.
    address: Mutex<WebAddress>,
}

/// The client with what runs it: libgit2 waits for every byte.
struct WebClient {
    runtime: Runtime,
    route: Route,
}

enum Route {
    Direct(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
    Proxied(Client<HttpsConnector<Tunnel<HttpConnector>>, Full<Bytes>>),
}

impl WebTransport {
    pub(super) fn new(address: WebAddress, access: GitAccess) -> Result<Self, git2::Error> {
        let client = WebClient::new(&address, &access).map_err(|refusal| refused(&access, refusal))?;
        Ok(Self { client: Arc::new(client), access, address: Mutex::new(address) })
    }

    fn address(&self) -> WebAddress {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first request, sent on where the server says so.
    fn refs(&self) -> Result<Response<Incoming>, GitRefusal> {
        for _ in 0..=MOST_REDIRECTS {
            let address = self.address();
            let response = self.client.ask(&address, &self.access, Method::GET, REFS, Bytes::new())?;
            if !response.status().is_redirection() {
                return checked(response, "application/x-git-upload-pack-advertisement");
            }
            let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
            let moved = location.and_then(|location| address.moved(location, REFS));
            let moved = moved.ok_or_else(|| words::sent_on(location.unwrap_or_default()))?;
            *self.address.lock().unwrap_or_else(PoisonError::into_inner) = moved;
        }
        Err(words::of_status(StatusCode::LOOP_DETECTED))
    }
}

impl SmartSubtransport for WebTransport {
    fn action(&self, _url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let answer = match service {
            Service::UploadPackLs => {
                let refs = self.refs().map_err(|refusal| refused(&self.access, refusal))?;
                Some(refs.into_body())
            }
            Service::UploadPack => None,
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(git2::Error::from_str("nothing is ever pushed"));
            }
        };
        Ok(Box::new(WebStream {
            client: Arc::clone(&self.client),
            access: self.access.clone(),
            address: self.address(),
            asked: Vec::new(),
            answer,
            chunk: Bytes::new(),
            meter: matches!(service, Service::UploadPack).then(PackMeter::default),
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer.
struct WebStream {
    client: Arc<WebClient>,
    access: GitAccess,
    address: WebAddress,
    /// What is to be sent, before it is.
    asked: Vec<u8>,
    answer: Option<Incoming>,
    /// What came and was not read yet.
    chunk: Bytes,
    /// Of an answer with a pack.
    meter: Option<PackMeter>,
}

impl WebStream {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, GitRefusal> {
        let answer = match &mut self.answer {
            Some(answer) => answer,
            empty => {
                let asked = Bytes::from(std::mem::take(&mut self.asked));
                let response = self.client.ask(&self.address, &self.access, Method::POST, PACK, asked)?;
                empty.insert(checked(response, "application/x-git-upload-pack-result")?.into_body())
            }
        };
        let next = async { tokio::time::timeout(SILENCE, answer.frame()).await };
        match self.client.runtime.block_on(next).map_err(|_| words::silent())? {
            None => Ok(None),
            Some(Err(_)) => Err(words::cut_off()),
            // Trailers are no bytes.
            Some(Ok(frame)) => {
                let chunk = frame.into_data().unwrap_or_default();
                if let Some(meter) = &mut self.meter {
                    meter.feed(&chunk).map_err(words::too_much)?;
                }
                Ok(Some(chunk))
            }
        }
    }
}

impl Read for WebStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.next_chunk() {
                Ok(Some(chunk)) => self.chunk = chunk,
                Ok(None) => return Ok(0),
                Err(refusal) => return Err(io::Error::other(self.access.refuse(refusal))),
            }
        }
        let read = self.chunk.split_to(buffer.len().min(self.chunk.len()));
        buffer[..read.len()].copy_from_slice(&read);
        Ok(read.len())
    }
}

impl Write for WebStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.asked.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An answer that is one of a Git server.
fn checked(response: Response<Incoming>, kind: &str) -> Result<Response<Incoming>, GitRefusal> {
    if response.status() != StatusCode::OK {
        return Err(words::of_status(response.status()));
    }
    let found = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if found == Some(kind.as_bytes()) { Ok(response) } else { Err(words::no_git_server()) }
}

impl WebClient {
    fn new(address: &WebAddress, access: &GitAccess) -> Result<Self, GitRefusal> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|_| words::no_runtime())?;
        let target = address.below("").ok_or_else(words::no_git_server)?;
        let proxy = if address.is_here() { None } else { Matcher::from_env().intercept(&target) };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        let tls = tls(access)?;
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new());
        let route = match proxy {
            None => Route::Direct(client.build(builder.wrap_connector(tcp))),
            Some(proxy) if proxy.uri().scheme() == Some(&http::uri::Scheme::HTTP) => {
                let tunnel = Tunnel::new(proxy.uri().clone(), tcp);
                let tunnel = match proxy.basic_auth() {
                    Some(secret) => tunnel.with_auth(secret.clone()),
                    None => tunnel,
                };
                Route::Proxied(client.build(builder.wrap_connector(tunnel)))
            }
            Some(_) => return Err(words::other_proxy()),
        };
        Ok(Self { runtime, route })
    }

    fn ask(
        &self,
        address: &WebAddress,
        access: &GitAccess,
        method: Method,
        below: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, GitRefusal> {
        let uri = address.below(below).ok_or_else(words::no_git_server)?;
        let request = request(uri, address, access, method, body).ok_or_else(words::no_header)?;
        let host = address.authority.clone();
        let answer = async {
            let answer = async {
                match &self.route {
                    Route::Direct(client) => client.request(request).await,
                    Route::Proxied(client) => client.request(request).await,
                }
            };
            tokio::time::timeout(SILENCE, answer).await
        };
        match self.runtime.block_on(answer) {
            Err(_) => Err(words::silent()),
            Ok(answer) => answer.map_err(|error| of_connection(&error, &host)),
        }
    }
}

/// A request with the credentials for this server.
fn request(
    uri: Uri,
    address: &WebAddress,
    access: &GitAccess,
    method: Method,
    body: Bytes,
) -> Option<Request<Full<Bytes>>> {
    let agent = concat!("git/2.0 (parcelle ", env!("CARGO_PKG_VERSION"), ")");
    let mut request = Request::builder().method(&method).uri(uri).header(header::USER_AGENT, agent);
    if method == Method::POST {
        let kind = "application/x-git-upload-pack-request";
        request =
            request.header(header::CONTENT_TYPE, kind).header(header::ACCEPT, "application/x-git-upload-pack-result");
    }
    let secret = |text: &str| {
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    };
    let basic = |pair: &str| secret(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)));
    let (user, password) = address.credentials();
    match (&access.token, password) {
        (Some(token), _) => {
            let user = user.unwrap_or_else(|| "oauth2".to_owned());
            request = request.header(header::AUTHORIZATION, basic(&format!("{user}:{token}"))?);
        }
        (None, Some(password)) => {
            let pair = format!("{}:{password}", user.unwrap_or_default());
            request = request.header(header::AUTHORIZATION, basic(&pair)?);
        }
        (None, None) => {}
    }
    if let Some((name, value)) = &access.header {
        request = request.header(name.as_str(), secret(value)?);
    }
    request.body(Full::new(body)).ok()
}

/// The certificates that are trusted: those of the file that was named, else the system's.
fn tls(access: &GitAccess) -> Result<rustls::ClientConfig, GitRefusal> {
    let mut roots = rustls::RootCertStore::empty();
    match &access.certificates {
        Some(file) => {
            let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let (added, _) = roots.add_parsable_certificates(certificates.map_err(|_| words::no_certificates(file))?);
            if added == 0 {
                return Err(words::no_certificates(file));
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|_| words::no_runtime())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What a connection that did not come about means.
fn of_connection(error: &Error, host: &str) -> GitRefusal {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut refusal = words::no_way_to(host);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused) {
            return words::nothing_listens(host);
        }
        let text = error.to_string();
        // An error of TLS is hidden in one of IO, which says its words and not its source.
        if text.contains("certificate") {
            return words::untrusted();
        }
        if text.contains("dns error") || text.contains("failed to lookup address") {
            refusal = words::unknown_host(host);
        } else if text.contains("tunnel error") {
            refusal = words::refused_by_proxy();
        }
        cause = error.source();
    }
    refusal
}
