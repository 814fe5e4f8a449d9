//! Addresses of repositories: what is spoken to, and what of an address may be shown.

use std::path::Path;

use http::Uri;

use crate::git::GitError;
use crate::visible;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) enum GitAddress {
    /// Over HTTPS, or HTTP to this machine.
    Web(WebAddress),
    /// Over ssh.
    Ssh(SshAddress),
    /// A folder of this machine.
    Folder,
}

/// A repository on a web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) struct WebAddress {
    pub(super) scheme: http::uri::Scheme,
    /// Host and port, without user and password.
    pub(super) authority: String,
    /// The path, without a slash at its end.
    pub(super) path: String,
    /// What the address says before its host, percent-encoded: a user, or `user:password`.
    pub(super) user: Option<String>,
}

/// A repository behind an ssh server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) struct SshAddress {
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) path: String,
}

impl GitAddress {
    /// Reads an address; one that could be taken for something else is refused, so `ext::` and the like reach nothing.
    pub(in crate::git) fn parse(address: &str) -> Result<Self, GitError> {
        let refused = || GitError::Address(shown(address));
        if address.is_empty() || address.chars().any(|character| character.is_control() || character == ' ') {
            return if Path::new(address).is_dir() { Ok(Self::Folder) } else { Err(refused()) };
        }
        match address.split_once("://") {
            Some(("https" | "http", _)) => WebAddress::parse(address).map(Self::Web).ok_or_else(refused),
            Some(("ssh", rest)) => SshAddress::of_url(rest).map(Self::Ssh).ok_or_else(refused),
            Some(("file", _)) => Ok(Self::Folder),
            Some(_) => Err(refused()),
            None if is_folder(address) => Ok(Self::Folder),
            None => match SshAddress::scp_like(address) {
                Some(ssh) => Ok(Self::Ssh(ssh)),
                None if address.contains("::") || address.contains('@') && address.contains(':') => Err(refused()),
                None => Ok(Self::Folder),
            },
        }
    }
}

/// Whether a path names something here, whatever letters it holds.
fn is_folder(address: &str) -> bool {
    std::fs::metadata(address).is_ok()
}

impl WebAddress {
    fn parse(address: &str) -> Option<Self> {
        let uri: Uri = address.split('#').next()?.parse().ok()?;
        let (scheme, authority) = (uri.scheme()?.clone(), uri.authority()?);
        let (user, authority) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host.to_owned()),
            None => (None, authority.as_str().to_owned()),
        };
        let host = uri.host()?;
        if host.is_empty() || scheme == http::uri::Scheme::HTTP && !is_loopback(host) {
            return None;
        }
        Some(Self { scheme, authority, path: uri.path().trim_end_matches('/').to_owned(), user })
    }

    /// Whether it is this machine, for which no proxy is asked.
    pub(super) fn is_here(&self) -> bool {
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, port)| {
            if port.contains(']') { self.authority.as_str() } else { host }
        });
        is_loopback(host)
    }

    /// User and password, as the address says them.
    pub(super) fn credentials(&self) -> (Option<String>, Option<String>) {
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let Some(user) = &self.user else { return (None, None) };
        match user.split_once(':') {
            Some((user, password)) => (Some(decoded(user)), Some(decoded(password))),
            None => (Some(decoded(user)), None),
        }
    }

    /// The address of something below the repository.
    pub(super) fn below(&self, rest: &str) -> Option<Uri> {
        let Self { scheme, authority, path, .. } = self;
        format!("{scheme}://{authority}{path}{rest}").parse().ok()
    }

    /// The same repository where a redirect says that it is; none where that is another server, or no address at all.
    pub(super) fn moved(&self, location: &str, service: &str) -> Option<Self> {
        let path = if location.starts_with('/') && !location.starts_with("//") {
            location.to_owned()
        } else {
            let uri: Uri = location.parse().ok()?;
            let same =
                uri.scheme() == Some(&self.scheme) && uri.authority()?.as_str().eq_ignore_ascii_case(&self.authority);
            if !same {
                return None;
            }
            uri.path_and_query()?.as_str().to_owned()
        };
        let path = path.strip_suffix(service)?.to_owned();
        Some(Self { path, ..self.clone() })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl SshAddress {
    /// `[user@]host[:port]/path`, after its scheme.
    fn of_url(rest: &str) -> Option<Self> {
        let at = rest.find('/')?;
        let (authority, path) = rest.split_at(at);
        let (user, host) = user_and_host(authority);
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.contains(']') => (host, Some(port.parse().ok()?)),
            _ => (host, None),
        };
        let path = path.strip_prefix("/~").map_or(path, |home| if home.is_empty() { path } else { &path[1..] });
        Self::new(user, host.trim_start_matches('[').trim_end_matches(']'), port, path)
    }

    /// `user@host:path`, as `scp` writes it.
    fn scp_like(address: &str) -> Option<Self> {
        let (authority, path) = address.split_once(':')?;
        if authority.contains('/') || path.starts_with(':') {
            return None;
        }
        let (user, host) = user_and_host(authority);
        // A colon alone is no sign of a host: people have folders with one in their name.
        user?;
        Self::new(user, host, None, path)
    }

    /// No part may be taken for an option of ssh.
    fn new(user: Option<&str>, host: &str, port: Option<u16>, path: &str) -> Option<Self> {
        let user = user.map(|user| user.split(':').next().unwrap_or_default());
        let is_plain = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
            !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
        };
        let sound = is_plain(host) && user.is_none_or(is_plain) && !path.is_empty() && !path.starts_with('-');
        sound.then(|| Self { user: user.map(str::to_owned), host: host.to_owned(), port, path: path.to_owned() })
    }
}

fn user_and_host(authority: &str) -> (Option<&str>, &str) {
    authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host))
}

/// The address without what may be a secret in it: user and password, and everything behind its path.
pub(in crate::git) fn shown(address: &str) -> String {
    let is_path = !address.contains("://") && !address.contains('@');
    let address = if is_path { address } else { address.split(['?', '#']).next().unwrap_or_default() };
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    // A path may hold an `@`; who asks stands before the first slash.
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = match host.rsplit_once('@') {
        Some((user, host)) if scheme.is_empty() && !user.contains(':') => format!("{user}@{host}"),
        Some((_, host)) => host.to_owned(),
        None => host.to_owned(),
    };
    visible::line(&if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_an_address_are_not_shown() {
        assert_eq!(shown("https://user:secret@git.example/x.git"), "https://git.example/x.git");
        assert_eq!(shown("git@git.example:x.git"), "git@git.example:x.git");
        assert_eq!(shown("https://git.example/x.git?private_token=secret#secret"), "https://git.example/x.git");
        assert_eq!(shown("bot:secret@git.example:x/y.git"), "git.example:x/y.git");
        assert_eq!(shown("ssh://bot:secr@et@git.example/@x.git"), "ssh://git.example/@x.git");
        assert_eq!(shown("/srv/a#b?c"), "/srv/a#b?c");
        assert_eq!(shown("file:///srv/a@b/x.git"), "file:///srv/a@b/x.git");
    }

    #[test]
    fn only_what_is_spoken_reaches_a_transport() {
        for address in [
            "ext::sh -c id",
            "git://git.example/x",
            "ftp://git.example/x",
            "http://git.example/x.git",
            "http://localhost.evil.example/x.git",
            "http://127.0.0.1.evil.example/x.git",
            "http://127.0.0.1@evil.example/x",
            "ssh://-oProxyCommand=id/x",
            "ssh://git@-oProxyCommand=id/x",
            "git@-oProxyCommand=id:x",
            "-u@git.example:x",
            "ssh://git@git.example/",
            "git@git.example:",
            "git@git.example:-x",
            "ssh://git@git example/x",
            "",
            "https://",
            "https:///x",
            "ssh://git@git.example;id/x",
            "git@$(id):x",
        ] {
            let parsed = GitAddress::parse(address);
            let slash_alone = address == "ssh://git@git.example/";
            assert!(parsed.is_err() || slash_alone, "{address:?} is {parsed:?}");
        }
        for address in
            ["https://git.example/x.git", "http://localhost:3000/x", "http://[::1]:3000/x", "https://a:b@c/d"]
        {
            assert!(matches!(GitAddress::parse(address), Ok(GitAddress::Web(_))), "{address}");
        }
        for address in ["git@git.example:x/y.git", "ssh://git@git.example:2222/x.git", "ssh://git.example/~tim/x"] {
            assert!(matches!(GitAddress::parse(address), Ok(GitAddress::Ssh(_))), "{address}");
        }
        assert_eq!(GitAddress::parse("./some:folder").unwrap(), GitAddress::Folder);
    }

    #[test]
    fn a_redirect_stays_on_its_server() {
        let GitAddress::Web(web) = GitAddress::parse("https://t@git.example:8443/a/x").unwrap() else {
            panic!("a web address")
        };
        let service = "/info/refs?service=git-upload-pack";
        let moved = |location: &str| web.moved(&format!("{location}{service}"), service).map(|web| web.path);
        assert_eq!(moved("/a/x.git").as_deref(), Some("/a/x.git"));
        assert_eq!(moved("https://git.example:8443/b/x").as_deref(), Some("/b/x"));
        for elsewhere in [
            "https://git.example/b/x",
            "https://evil.example:8443/x",
            "http://git.example:8443/x",
            "//evil.example/x",
            "https://git.example:8443@evil.example/x",
            "https://t@git.example:8443/x",
            "file:///x",
            "\\\\evil.example\\x",
        ] {
            assert_eq!(moved(elsewhere), None, "{elsewhere}");
        }
        assert_eq!(web.moved("/login", service), None);
    }
}
