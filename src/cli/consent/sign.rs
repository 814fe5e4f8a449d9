//! IO: `ssh-keygen` and `git` of whoever says something: their keys, agents and credentials are theirs.

#![expect(clippy::disallowed_methods, reason = "a port: a person's own keys, ssh-keygen and git")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::CommandFailure;
use crate::consent::signature::STATEMENTS;
use crate::git::{Repository, Workspace};
use crate::model::Person;
use crate::name::Name;
use crate::ssh::public_key;
use crate::visible;

/// The most keys of a home that are looked at.
const MOST_KEYS: usize = 50;

/// The file of the key that is named, else of Git's, else of the one in a home that is somebody's of the people.
pub(super) fn key(
    named: Option<&Path>,
    people: &BTreeMap<Name, Person>,
    workspace: &Workspace,
) -> Result<PathBuf, CommandFailure> {
    let given = named.map(Path::to_path_buf).or_else(|| git_key(workspace));
    if let Some(file) = given {
        let public = public_half(&file)?;
        return if is_known(people, &public) { Ok(file) } else { Err(unknown(&file, &public)) };
    }
    for file in home_keys() {
        let Ok(public) = public_half(&file) else { continue };
        if is_known(people, &public) {
            return Ok(file);
        }
    }
    Err(CommandFailure::asked(
        "no key is yours: none in ~/.ssh is of somebody among the garden's people",
        "name it with --key FILE; a key counts once `key \"ssh-ed25519 …\"` stands in the block of your `person`",
    ))
}

fn is_known(people: &BTreeMap<Name, Person>, public: &str) -> bool {
    people.values().any(|person| person.keys.contains(public))
}

fn unknown(file: &Path, public: &str) -> CommandFailure {
    CommandFailure::asked(
        format!("the key {} is nobody's in the garden", file.display()),
        format!(
            "it counts once this stands in the block of your `person` on the branch that the change goes to: key \"{public}\""
        ),
    )
}

/// The public half of a key file, as the garden writes it.
fn public_half(file: &Path) -> Result<String, CommandFailure> {
    let public = if file.extension().is_some_and(|end| end == "pub") {
        file.to_path_buf()
    } else {
        let mut name = file.as_os_str().to_owned();
        name.push(".pub");
        PathBuf::from(name)
    };
    let text = std::fs::read_to_string(&public).map_err(|error| {
        CommandFailure::asked(
            format!("the key {} cannot be read: {error}", public.display()),
            "name a key with --key FILE",
        )
    })?;
    public_key(&text).map_err(|why| {
        CommandFailure::asked(
            format!("the key {} cannot be used: {why}", public.display()),
            "name another one with --key FILE",
        )
    })
}

/// The key that Git signs with, where that is a file.
fn git_key(workspace: &Workspace) -> Option<PathBuf> {
    let config = |name: &str| workspace.repository().ok()?.setting(name);
    let key = config("user.signingkey").filter(|_| config("gpg.format").as_deref() == Some("ssh"))?;
    if key.starts_with("key::") || key.starts_with("ssh-") {
        return None;
    }
    match key.strip_prefix("~/") {
        Some(rest) => Some(home()?.join(rest)),
        None => Some(PathBuf::from(key)),
    }
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

/// The public keys of a home, in order of name.
fn home_keys() -> Vec<PathBuf> {
    let Some(folder) = home().map(|home| home.join(".ssh")) else { return Vec::new() };
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut keys: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|end| end == "pub")).collect();
    keys.sort();
    keys.truncate(MOST_KEYS);
    keys
}

/// Signs a text by `ssh-keygen`, which asks for a passphrase, an agent or a touch of the key where it needs one: what it says goes
/// to whoever signs while it runs.
pub(super) fn sign(text: &str, key: &Path) -> Result<String, CommandFailure> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-Y", "sign", "-n", STATEMENTS, "-f"]).arg(key);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let failed = |error: std::io::Error| {
        CommandFailure::asked(
            format!("ssh-keygen cannot be run: {error}"),
            "install OpenSSH 8.1 or newer (`openssh-client`)",
        )
    };
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut to) = child.stdin.take() {
        // One that ends early says why itself.
        let _closed = to.write_all(text.as_bytes());
    }
    let done = child.wait_with_output().map_err(failed)?;
    let signature = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() && signature.starts_with("-----BEGIN SSH SIGNATURE-----") {
        return Ok(signature);
    }
    Err(CommandFailure::asked(
        format!("ssh-keygen signs nothing with {}", key.display()),
        "its private half must lie beside it, for your eyes alone (chmod 600), or be in an agent (ssh-add)",
    ))
}

/// Pushes a ref by the person's own git; the remote, absent where there is none.
pub(super) fn push(
    repository: &Repository,
    name: &str,
    remote: Option<&str>,
) -> Result<Option<String>, CommandFailure> {
    let Some(remote) = remote.map(str::to_owned).or_else(|| repository.remote_for_statements()) else {
        return Ok(None);
    };
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(repository.folder()).args(["push", "--quiet", &remote]).arg(format!("{name}:{name}"));
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let done = command.output().map_err(|error| {
        CommandFailure::asked(format!("git cannot be run: {error}"), "install git, or hand it over: --output FILE")
    })?;
    if done.status.success() {
        return Ok(Some(remote));
    }
    let said = visible::line(String::from_utf8_lossy(&done.stderr).trim());
    Err(CommandFailure::asked(
        format!("it is signed, and {} does not take it: {said}", visible::line(&remote)),
        format!(
            "push it yourself: git push {} {name}:{name}; or hand it to somebody who may: --output FILE",
            visible::line(&remote)
        ),
    ))
}
