//! What kube, TLS and the network say of a connection, in plain words. Their types, numbers and outputs stay here.

use std::error::Error;

use kube::client::AuthError;
use kube::config::{KubeconfigError, LoadDataError};

use crate::cause;
use crate::schema::suggest::either;

/// Why a kubeconfig cannot be used for a context: "the kubeconfig `a` has no context `b`; it has `c`".
///
/// `file` is named as it was asked for, `contexts` are those that were read from it.
pub(super) fn of_kubeconfig(error: &KubeconfigError, file: &str, context: &str, contexts: &[String]) -> String {
    match error {
        KubeconfigError::ReadConfig(source, path) => {
            format!("the kubeconfig `{}` cannot be read: {}", path.display(), cause::of_io(source))
        }
        KubeconfigError::FindPath => "there is no home folder to look for a kubeconfig in".to_owned(),
        KubeconfigError::Parse(_) => format!("{file} is no kubeconfig: it is not the YAML that kubectl reads"),
        KubeconfigError::LoadContext(_) | KubeconfigError::CurrentContextNotSet => {
            let has = if contexts.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", either(contexts.iter().map(String::as_str)).replace(" or ", " and "))
            };
            format!("{file} has no context `{context}`; {has}")
        }
        KubeconfigError::LoadClusterOfContext(cluster) => {
            format!("in {file}, context `{context}` names the cluster `{cluster}`, which is not there")
        }
        KubeconfigError::MissingClusterUrl => {
            format!("in {file}, the cluster of context `{context}` has no `server`")
        }
        KubeconfigError::ParseClusterUrl(_) => {
            format!("in {file}, the `server` of context `{context}` is no address (`https://HOST:PORT`)")
        }
        KubeconfigError::ParseProxyUrl(_) | KubeconfigError::ParseNoProxy(_) => {
            format!("the proxy of context `{context}` is no address (`proxy-url`, HTTPS_PROXY, NO_PROXY)")
        }
        KubeconfigError::LoadCertificateAuthority(source) => of_data(file, "certificate authority", source),
        KubeconfigError::LoadClientCertificate(source) => of_data(file, "client certificate", source),
        KubeconfigError::LoadClientKey(source) => of_data(file, "client key", source),
        KubeconfigError::ParseCertificates(_) => format!("in {file}, a certificate is no PEM text"),
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => {
            "the files of KUBECONFIG do not go together".to_owned()
        }
    }
}

fn of_data(file: &str, what: &str, error: &LoadDataError) -> String {
    match error {
        LoadDataError::DecodeBase64(_) => format!("in {file}, the {what} is no base64"),
        LoadDataError::ReadFile(source, path) => {
            format!("{file} names `{}` as {what}, which cannot be read: {}", path.display(), cause::of_io(source))
        }
        LoadDataError::NoBase64DataOrFile => format!("in {file}, the {what} is missing"),
    }
}

/// Why no client could be made of a kubeconfig. What a command for credentials printed is never told: it may hold some.
pub(super) fn of_client(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(error) => of_credentials(error),
        other => of_connection(other),
    }
}

fn of_credentials(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(source) => {
            let why = match source.kind() {
                std::io::ErrorKind::NotFound => "there is no such program on this machine".to_owned(),
                _ => cause::of_io(source),
            };
            format!("the command that its kubeconfig names for credentials (`exec`) cannot be run: {why}")
        }
        AuthError::AuthExecRun { cmd, .. } => {
            format!("the command that its kubeconfig names for credentials failed: run `{cmd}` by hand to see why")
        }
        AuthError::ReadTokenFile(source, path) => {
            format!("the file of its token, `{}`, cannot be read: {}", path.display(), cause::of_io(source))
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "its user in the kubeconfig has a token or password that cannot be sent".to_owned()
        }
        _ => "the credentials of its user in the kubeconfig cannot be used".to_owned(),
    }
}

/// Words of TLS in the messages of the library, and what they mean.
const TLS: &[(&str, &str)] = &[
    ("certificateexpired", "it refuses our certificate, which has expired"),
    ("expired", "its certificate has expired"),
    ("not valid yet", "its certificate is not valid yet: are the clocks right?"),
    ("notvalidyet", "its certificate is not valid yet: are the clocks right?"),
    ("unknownissuer", "its certificate is signed by an authority that the kubeconfig does not name"),
    ("not valid for name", "its certificate is for another name than the address"),
    ("notvalidforname", "its certificate is for another name than the address"),
    ("invalid peer certificate", "its certificate is not good"),
    ("fatal alert", "it refuses our certificate"),
    ("corrupt message", "it does not speak TLS: is the address `http`, or the port another one?"),
    ("lookup address", "no host of that name is known"),
    ("dns error", "no host of that name is known"),
];

/// Why a connection does not stand or broke off.
pub(super) fn of_connection(error: &(dyn Error + 'static)) -> String {
    let said = chain(error);
    let lower = said.to_lowercase();
    if let Some((_, words)) = TLS.iter().find(|(word, _)| lower.contains(word)) {
        return (*words).to_owned();
    }
    if let Some(system) = system_error(error) {
        return cause::of_io(system);
    }
    match () {
        () if lower.contains("auth exec") || lower.contains("token file") => {
            "the credentials of its user in the kubeconfig cannot be used".to_owned()
        }
        () if lower.contains("timed out") || lower.contains("deadline") => "there was no answer in time".to_owned(),
        () if lower.contains("incomplete") || lower.contains("end of file") || lower.contains("closed") => {
            "the other side closed the connection".to_owned()
        }
        () => "what it says is no HTTP".to_owned(),
    }
}

/// The error of the system at the root of others.
fn system_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e std::io::Error> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(system) = error.downcast_ref::<std::io::Error>()
            && system.raw_os_error().is_some()
        {
            return Some(system);
        }
        at = error.source();
    }
    None
}

/// An error and its sources in one line: to look words up in, not to be shown.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        text = format!("{text}: {next}");
        source = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn kubeconfig(error: KubeconfigError, contexts: &[&str]) -> String {
        let contexts: Vec<String> = contexts.iter().map(|&context| context.to_owned()).collect();
        of_kubeconfig(&error, "the kubeconfig `a`", "ada", &contexts)
    }

    #[test]
    fn what_is_wrong_with_a_kubeconfig_is_said_with_its_file_and_what_it_holds() {
        let missing = std::io::Error::from_raw_os_error(2);
        let read = kubeconfig(KubeconfigError::ReadConfig(missing, PathBuf::from("/x/config")), &[]);
        assert_eq!(read, "the kubeconfig `/x/config` cannot be read: there is no such file or folder");
        let context = || KubeconfigError::LoadContext("ada".to_owned());
        assert_eq!(kubeconfig(context(), &[]), "the kubeconfig `a` has no context `ada`; it has none");
        let known = kubeconfig(context(), &["one", "two"]);
        assert_eq!(known, "the kubeconfig `a` has no context `ada`; it has `one` and `two`");
    }

    #[test]
    fn what_a_command_for_credentials_printed_is_not_told() {
        let output = std::process::Output {
            status: std::process::ExitStatus::default(),
            stdout: b"token: CANARY".to_vec(),
            stderr: b"CANARY".to_vec(),
        };
        let error = AuthError::AuthExecRun { cmd: "login".to_owned(), out: Box::new(output) };
        let words = of_client(&kube::Error::Auth(error));
        assert!(words.contains("run `login` by hand") && !words.contains("CANARY"), "{words}");
    }

    #[test]
    fn the_network_and_tls_are_told_without_their_numbers() {
        let of = |text: &str| of_connection(&std::io::Error::other(text.to_owned()));
        assert_eq!(of("client error (Connect): invalid peer certificate: Expired"), "its certificate has expired");
        assert_eq!(
            of("client error (Connect): dns error: failed to lookup address information"),
            "no host of that name is known"
        );
        let refused = std::io::Error::from_raw_os_error(111);
        assert_eq!(of_connection(&refused), "nothing listens at this address");
    }
}
