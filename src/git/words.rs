//! What libgit2 says, in plain words and with a way out. Its classes, numbers and traces stay here.

use std::path::Path;

use git2::{Error, ErrorClass, ErrorCode};
use http::StatusCode;

use super::mirror::FetchLimits;
use super::transport::shown;
use crate::{cause, visible};

/// Why Git could not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitRefusal {
    /// The fact: "nothing listens at `127.0.0.1`".
    pub(crate) why: String,
    /// What to do about it.
    pub(crate) help: &'static str,
}

const CREDENTIALS: &str = "set PARCELLE_GIT_TOKEN for https, or load a key into ssh-agent for ssh";
const ADDRESS: &str = "check the address, and that this machine may reach it";

/// What an error of libgit2 means.
pub(super) fn of(error: &Error) -> GitRefusal {
    let message = error.message();
    match error.code() {
        ErrorCode::Certificate => {
            return refusal(
                "its certificate is not trusted here, or has expired",
                "have the server's certificate mended",
            );
        }
        ErrorCode::Auth => return refusal("the server refuses the credentials", CREDENTIALS),
        _ => {}
    }
    of_network(message).unwrap_or_else(|| match error.class() {
        ErrorClass::Http if message.contains("404") => {
            refusal("the server has no such repository, or shows it to nobody unknown", CREDENTIALS)
        }
        ErrorClass::Http if message.contains("401") || message.contains("403") => {
            refusal("the server refuses the credentials", CREDENTIALS)
        }
        ErrorClass::Http => refusal("the server does not answer as a Git server does", ADDRESS),
        ErrorClass::Ssh => refusal("the ssh connection did not come about", CREDENTIALS),
        ErrorClass::Odb | ErrorClass::Zlib | ErrorClass::Object => {
            refusal("an object of the repository is missing or damaged", "run `git fsck` in it, or clone it anew")
        }
        _ => refusal(message.split(" (").next().unwrap_or(message), ""),
    })
}

/// Why a repository cannot be opened: it may be of a kind that libgit2 does not read.
pub(super) fn of_format(error: &Error) -> GitRefusal {
    let message = error.message();
    let extension = message.split_once("extension name extensions.").map(|(_, name)| name);
    match extension {
        Some("refstorage") => refusal(
            "it keeps its references as a reftable, which parcelle does not read",
            "clone it with `git clone --ref-format=files`, or run `git refs migrate --ref-format=files` in it (Git 2.48)",
        ),
        Some("compatobjectformat") => refusal(SHA256, OTHER_FORMAT),
        Some(name) => refusal(
            format!("it uses `extensions.{}` of Git, which parcelle does not read", visible::line(name)),
            "clone it anew without that extension",
        ),
        None if message.contains("object format") => refusal(SHA256, OTHER_FORMAT),
        None => of(error),
    }
}

const SHA256: &str = "it names its objects by SHA-256, which parcelle does not read";
const OTHER_FORMAT: &str = "make one beside it that does not, with all its commits: `git init --object-format=sha1 NEW`, then `git \
                            fast-export --all | git -C NEW fast-import` and `git -C NEW checkout BRANCH`";

/// What is said of connections, which libgit2 tells in its message alone.
fn of_network(message: &str) -> Option<GitRefusal> {
    let host = |start: &str| Some(message.split_once(start)?.1.split(':').next().unwrap_or_default().trim());
    if let Some(host) = host("failed to resolve address for ") {
        return Some(refusal(format!("no host `{host}` is known"), ADDRESS));
    }
    if let Some(host) = host("failed to connect to ") {
        let why = if message.contains("refused") { "nothing listens at" } else { "there is no way to" };
        return Some(refusal(format!("{why} `{host}`"), ADDRESS));
    }
    let refused = message.contains("credentials") || message.contains("authentication");
    refused.then(|| refusal("the server asks for credentials, and has none or refuses them", CREDENTIALS))
}

const HOST_KEY: &str = "compare its fingerprint with what its operators publish, then add its key to known_hosts of the user that runs \
                        parcelle";

const TOO_MUCH: &str =
    "take what is no garden out of the repository's history, or give the garden a repository of its own";

/// Why a pack is not taken, from what its meter says of it.
pub(super) fn too_much(why: String) -> GitRefusal {
    refusal(why, TOO_MUCH)
}

/// Why a fetch of so many bytes and objects is cut off; none where it is not.
pub(super) fn of_size(bytes: usize, objects: usize, limits: FetchLimits) -> Option<GitRefusal> {
    if bytes > limits.bytes {
        let most = if limits.bytes < 1 << 20 {
            format!("{} KiB", limits.bytes >> 10)
        } else {
            format!("{} MiB", limits.bytes >> 20)
        };
        return Some(refusal(format!("it brings more than {most} at once"), TOO_MUCH));
    }
    let most = limits.objects;
    (objects > most).then(|| refusal(format!("it brings more than {most} objects at once"), TOO_MUCH))
}

impl GitRefusal {
    /// Whether it brings more than is taken.
    pub(super) fn is_too_much(&self) -> bool {
        self.help == TOO_MUCH
    }
}

/// What a status of a web server means.
pub(super) fn of_status(status: StatusCode) -> GitRefusal {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            refusal("the server refuses the credentials", CREDENTIALS)
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            refusal("the server has no such repository, or shows it to nobody unknown", CREDENTIALS)
        }
        _ => no_git_server(),
    }
}

/// An answer that is none of Git's.
pub(super) fn no_git_server() -> GitRefusal {
    refusal("the server does not answer as a Git server does", ADDRESS)
}

/// A redirect that leads away from the configured server.
pub(super) fn sent_on(location: &str) -> GitRefusal {
    let location = shown(location);
    let why = format!("the server sends on to `{location}`, where no credentials go");
    refusal(why, "where the repository has really moved there, name its new address")
}

pub(super) fn silent() -> GitRefusal {
    refusal("the server says nothing for a minute", ADDRESS)
}

pub(super) fn cut_off() -> GitRefusal {
    refusal("the connection was cut off in the middle of an answer", "it is tried again; look at what stands between")
}

pub(super) fn nothing_listens(host: &str) -> GitRefusal {
    refusal(format!("nothing listens at `{}`", without_port(host)), ADDRESS)
}

pub(super) fn no_way_to(host: &str) -> GitRefusal {
    refusal(format!("there is no way to `{}`", without_port(host)), ADDRESS)
}

pub(super) fn unknown_host(host: &str) -> GitRefusal {
    refusal(format!("no host `{}` is known", without_port(host)), ADDRESS)
}

pub(super) fn untrusted() -> GitRefusal {
    refusal(
        "its certificate is not trusted here, or has expired",
        "have the server's certificate mended, or name the authority that signed it in PARCELLE_GIT_CA_FILE",
    )
}

pub(super) fn no_certificates(file: &Path) -> GitRefusal {
    let why = format!("`{}` holds no certificate that can be read", visible::line(&file.display().to_string()));
    refusal(why, "name a file of PEM certificates in PARCELLE_GIT_CA_FILE")
}

pub(super) fn no_header() -> GitRefusal {
    refusal(
        "a token or header cannot be sent as it is written",
        "write PARCELLE_GIT_HEADER as `Name: value`, and no line end in it or in PARCELLE_GIT_TOKEN",
    )
}

pub(super) fn other_proxy() -> GitRefusal {
    refusal(
        "the proxy is none that is spoken to",
        "name it as `http://host:port` in HTTPS_PROXY, or the server in NO_PROXY",
    )
}

pub(super) fn refused_by_proxy() -> GitRefusal {
    refusal("the proxy makes no connection", "look at HTTPS_PROXY and NO_PROXY, and at what the proxy allows")
}

pub(super) fn no_runtime() -> GitRefusal {
    refusal("this machine has no room for a connection", "")
}

/// Why `ssh` could not be started.
pub(super) fn no_ssh(error: &std::io::Error) -> GitRefusal {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            refusal("the program `ssh` is not here", "install the client of OpenSSH, or use an https address")
        }
        _ => refusal(format!("`ssh` cannot be started: {}", cause::of_io(error)), ""),
    }
}

/// What `ssh`, or the server behind it, complained of.
pub(super) fn of_ssh(complaint: &str, host: &str) -> GitRefusal {
    let says = |words: &[&str]| words.iter().any(|word| complaint.contains(word));
    match () {
        () if says(&["IDENTIFICATION HAS CHANGED"]) => {
            refusal(format!("the key of `{host}` is another than the one that is known here"), HOST_KEY)
        }
        () if says(&["Host key verification failed", "No matching host key", "no matching host key"]) => {
            refusal(format!("the key of `{host}` is not known here"), HOST_KEY)
        }
        () if says(&["Permission denied", "Too many authentication failures"]) => {
            refusal("the server refuses the credentials", CREDENTIALS)
        }
        () if says(&["Could not resolve hostname"]) => unknown_host(host),
        () if says(&["Connection refused"]) => nothing_listens(host),
        () if says(&["timed out", "No route to host", "Network is unreachable"]) => no_way_to(host),
        () if says(&["not appear to be a git repository", "not found", "could not be found", "access rights"]) => {
            refusal("the server has no such repository, or shows it to nobody unknown", CREDENTIALS)
        }
        () => refusal("the ssh connection did not come about", CREDENTIALS),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    }
}

fn refusal(why: impl Into<String>, help: &'static str) -> GitRefusal {
    GitRefusal { why: why.into(), help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(code: ErrorCode, class: ErrorClass, message: &str) -> String {
        of(&Error::new(code, class, message)).why
    }

    #[test]
    fn what_brings_more_than_its_limits_says_so() {
        let limits = FetchLimits { bytes: 68 << 10, objects: 3 };
        assert_eq!(of_size(68 << 10, 3, limits), None);
        let refused =
            |bytes, objects| of_size(bytes, objects, limits).filter(GitRefusal::is_too_much).map(|one| one.why);
        assert_eq!(refused((68 << 10) + 1, 3).as_deref(), Some("it brings more than 68 KiB at once"));
        assert_eq!(refused(1, 4).as_deref(), Some("it brings more than 3 objects at once"));
        let large = FetchLimits { bytes: 2 << 20, objects: 3 };
        assert_eq!(of_size(3 << 20, 3, large).expect("it is more").why, "it brings more than 2 MiB at once");
        assert!(!nothing_listens("127.0.0.1").is_too_much());
    }

    #[test]
    fn the_words_of_the_library_become_ours() {
        let net = |message| why(ErrorCode::GenericError, ErrorClass::Net, message);
        assert_eq!(net("failed to connect to 127.0.0.1: Connection refused"), "nothing listens at `127.0.0.1`");
        assert_eq!(
            net("failed to resolve address for git.invalid: Name or service not known"),
            "no host `git.invalid` is known"
        );
        assert_eq!(
            why(ErrorCode::Certificate, ErrorClass::Ssl, "the SSL certificate is invalid"),
            "its certificate is not trusted here, or has expired"
        );
        let http = |message| why(ErrorCode::GenericError, ErrorClass::Http, message);
        assert!(http("unexpected http status code: 404").starts_with("the server has no such repository"));
        assert!(!http("unexpected http status code: 500").contains("500"));
    }
}
