//! What libgit2 says, in plain words and with a way out. Its classes, numbers and traces stay here.

use git2::{Error, ErrorClass, ErrorCode};

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
