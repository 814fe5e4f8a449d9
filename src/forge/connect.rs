//! Where a forge's API is, with which token it is asked, and whose certificates are trusted.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::client::ForgeClient;
use super::forgejo::Forgejo;
use super::github::GitHub;
use super::gitlab::GitLab;
use super::{CiPlace, Forge, ForgeError, ForgeKind, Patience};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one call may take.
const CALL: Duration = Duration::from_mins(1);
/// The longest token.
const LONGEST_TOKEN: usize = 4_096;

/// A token; never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ForgeToken(String);

impl ForgeToken {
    /// Takes a token as it stands in a file or a variable.
    pub(crate) fn new(text: &str) -> Result<Self, ForgeError> {
        let text = text.trim();
        let is_token =
            !text.is_empty() && text.len() <= LONGEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_token {
            Ok(Self(text.to_owned()))
        } else {
            Err(ForgeError::Setting("the forge's token is none: it is empty, too long, or holds blanks".to_owned()))
        }
    }

    /// The token itself, for the header alone.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    /// A text of others without the token, where they say it.
    pub(super) fn left_out_of(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for ForgeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ForgeToken(***)")
    }
}

/// The root of a forge's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForgeAddress {
    /// Scheme, host and port.
    origin: String,
    /// What stands before every path, without a slash at its end.
    path: String,
    is_loopback: bool,
    is_plain: bool,
}

impl ForgeAddress {
    /// Reads the address of an API, or of the site that it belongs to. Without TLS it must be on this machine, or the CI must say so
    /// itself (`from_ci`).
    pub(crate) fn new(kind: ForgeKind, text: &str, from_ci: bool) -> Result<Self, ForgeError> {
        let no = |why: &str| Err(ForgeError::Setting(format!("`{}` is no address of a forge: {why}", shown(text))));
        let Ok(uri) = text.trim().trim_end_matches('/').parse::<Uri>() else { return no("it cannot be read") };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return no("it begins with no `https://`");
        };
        if authority.as_str().contains('@') {
            return no("it holds a user or a password, which stand in no address");
        }
        if uri.query().is_some() {
            return no("it holds a `?`");
        }
        let is_loopback = is_loopback(authority.host());
        let is_plain = match scheme {
            "https" => false,
            "http" if is_loopback || from_ci => true,
            "http" => return no("a token goes over `https://` only"),
            _ => return no("it begins with no `https://`"),
        };
        let given = uri.path().trim_end_matches('/');
        let (origin, path) = match kind {
            ForgeKind::GitHub if authority.host().eq_ignore_ascii_case("github.com") => {
                ("https://api.github.com".to_owned(), String::new())
            }
            _ => (
                format!("{scheme}://{authority}"),
                if given.is_empty() { root(kind, authority.host()) } else { given.to_owned() },
            ),
        };
        Ok(Self { origin, path, is_loopback, is_plain })
    }

    /// The whole address of a path of the API, which begins with a slash.
    pub(super) fn below(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.path)
    }

    /// The whole address that a link or a redirect names, where it is of the same scheme, host and port.
    pub(super) fn followed(&self, link: &str) -> Option<String> {
        if link.starts_with('/') && !link.starts_with("//") {
            return Some(format!("{}{link}", self.origin));
        }
        let uri: Uri = link.parse().ok()?;
        let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        origin.eq_ignore_ascii_case(&self.origin).then(|| link.to_owned())
    }

    /// What people must know of it: absent where all is well.
    pub(crate) fn warning(&self) -> Option<String> {
        let is_open = self.is_plain && !self.is_loopback;
        is_open.then(|| {
            format!("the CI reaches its forge without TLS ({}): whoever is in between reads the token", self.origin)
        })
    }
}

/// Where the API of a kind of forge lies on its site.
fn root(kind: ForgeKind, host: &str) -> String {
    let path = match kind {
        ForgeKind::GitHub if host.eq_ignore_ascii_case("api.github.com") => "",
        ForgeKind::GitHub => "/api/v3",
        ForgeKind::GitLab => "/api/v4",
        ForgeKind::Forgejo | ForgeKind::Gitea => "/api/v1",
    };
    path.to_owned()
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_own = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_own || host.eq_ignore_ascii_case("localhost")
}

/// An address without what may be a password.
fn shown(text: &str) -> String {
    crate::visible::line(text.rsplit('@').next().unwrap_or_default())
}

/// Whose certificates are trusted beside the system's.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForgeRoots(pub(crate) Option<PathBuf>);

impl ForgeRoots {
    fn read(&self) -> Result<Vec<Certificate<'static>>, ForgeError> {
        let mut roots = rustls_native_certs::load_native_certs().certs;
        if let Some(file) = &self.0 {
            roots.extend(of_file(file)?);
        }
        Ok(roots.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect())
    }
}

fn of_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, ForgeError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let no = || ForgeError::Setting(format!("`{}` holds no certificates (PEM) that can be read", file.display()));
    read.ok().filter(|read| !read.is_empty()).ok_or_else(no)
}

/// The HTTP library, set so that it decides nothing by itself: no redirect, no status that is an error.
pub(super) fn agent(
    address: &ForgeAddress,
    roots: &ForgeRoots,
    patience: &Patience,
) -> Result<ureq::Agent, ForgeError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = TlsConfig::builder().provider(TlsProvider::Rustls).unversioned_rustls_crypto_provider(provider);
    if !address.is_plain {
        tls = tls.root_certs(RootCerts::new_with_certs(&roots.read()?));
    }
    let mut config = ureq::Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("parcelle/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT.min(patience.total)))
        .timeout_global(Some(CALL.min(patience.total)));
    if address.is_loopback {
        config = config.proxy(None);
    }
    Ok(config.build().into())
}

/// The merge request that a place names, reached by a client.
pub(crate) fn open(place: &CiPlace, client: ForgeClient) -> Result<Box<dyn Forge>, ForgeError> {
    let number = place.request.ok_or_else(|| ForgeError::Setting("no merge request is known".to_owned()))?;
    Ok(match place.kind {
        ForgeKind::GitHub => Box::new(GitHub::new(client, &place.repository, number)?),
        ForgeKind::GitLab => Box::new(GitLab::new(client, &place.repository, number, place.pipeline)?),
        ForgeKind::Forgejo | ForgeKind::Gitea => Box::new(Forgejo::new(place.kind, client, &place.repository, number)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_root_of_the_api_of_its_site() {
        for (kind, given, wanted) in [
            (ForgeKind::GitHub, "https://github.com", "https://api.github.com/x"),
            (ForgeKind::GitHub, "https://api.github.com/", "https://api.github.com/x"),
            (ForgeKind::GitHub, "https://forge.example", "https://forge.example/api/v3/x"),
            (ForgeKind::GitHub, "https://forge.example/api/v3", "https://forge.example/api/v3/x"),
            (ForgeKind::GitLab, "https://forge.example:8443", "https://forge.example:8443/api/v4/x"),
            (ForgeKind::Forgejo, "https://codeberg.org/", "https://codeberg.org/api/v1/x"),
            (ForgeKind::Gitea, "http://127.0.0.1:3000", "http://127.0.0.1:3000/api/v1/x"),
            (ForgeKind::Gitea, "http://[::1]:3000/git/api/v1", "http://[::1]:3000/git/api/v1/x"),
        ] {
            assert_eq!(ForgeAddress::new(kind, given, false).expect(given).below("/x"), wanted, "{given}");
        }
        for bad in [
            "forge.example",
            "ftp://forge.example",
            "http://forge.example",
            "https://u:secret@forge.example",
            "https://f?x",
        ] {
            let error = ForgeAddress::new(ForgeKind::GitLab, bad, false).expect_err(bad).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let plain = ForgeAddress::new(ForgeKind::Gitea, "http://forge.example", true).expect("the CI says so");
        assert!(plain.warning().is_some_and(|warning| warning.contains("without TLS")));
    }

    #[test]
    fn a_link_is_followed_on_the_same_server_alone() {
        let address = ForgeAddress::new(ForgeKind::GitHub, "https://api.github.com", false).expect("an address");
        let same = "https://api.github.com/repositories/1/pulls?page=2";
        assert_eq!(address.followed(same).as_deref(), Some(same));
        assert_eq!(address.followed("/a?page=2").as_deref(), Some("https://api.github.com/a?page=2"));
        for other in [
            "https://evil.example/a",
            "http://api.github.com/a",
            "https://api.github.com:444/a",
            "https://api.github.com@evil.example/a",
            "//evil.example/a",
            "https://api.github.com.evil.example/",
            "a",
        ] {
            assert_eq!(address.followed(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_is_in_no_text() {
        let token = ForgeToken::new(" sesame\n").expect("a token");
        assert_eq!(format!("{token:?} {}", token.left_out_of("bad sesame!")), "ForgeToken(***) bad ***!");
        for bad in ["", " ", "a b", "a\nb", "é"] {
            assert!(ForgeToken::new(bad).is_err(), "{bad:?}");
        }
    }
}
