//! The surroundings of `parcelle review`: the CI's variables, the event file, the token.

use std::io::Read as _;
use std::path::Path;

use super::super::{CommandFailure, Output};
use super::{ForgeFlags, of_setting};
use crate::forge::{
    self, CiEnvironment, CiPlace, Forge, ForgeAddress, ForgeClient, ForgeRoots, ForgeToken, PlaceFlags,
};

/// The most bytes of the event that is read: a forge sends none that is larger.
const LARGEST_EVENT: u64 = 32 << 20;
/// The most bytes of a file that holds a token.
const LARGEST_TOKEN: u64 = 16 << 10;

/// The merge request that the flags or the CI name.
pub(super) fn place(flags: &ForgeFlags) -> Result<CiPlace, CommandFailure> {
    let flags = PlaceFlags {
        kind: flags.kind,
        url: flags.forge_url.clone(),
        repository: flags.repository.clone(),
        request: flags.request,
    };
    forge::find_place(&environment()?, &flags).map_err(|error| of_setting(&error))
}

/// The variables of this process, and the event that the CI wrote into a file.
fn environment() -> Result<CiEnvironment, CommandFailure> {
    // Values that are no text are nothing that a CI says.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut environment = CiEnvironment { variables: variables.collect(), event: None };
    if let Some(path) = environment.word("GITHUB_EVENT_PATH").map(str::to_owned) {
        let text = read(Path::new(&path), LARGEST_EVENT)?;
        environment.event = serde_json::from_str(&text).ok();
    }
    Ok(environment)
}

/// The merge request, reached with the token of this run.
pub(super) fn forge(place: &CiPlace, flags: &ForgeFlags, output: &Output) -> Result<Box<dyn Forge>, CommandFailure> {
    let token = token(place, flags)?;
    let connect = || {
        let address = ForgeAddress::new(place.kind, &place.url, place.url_is_of_ci)?;
        if let Some(warning) = address.warning() {
            super::warn(&warning, output);
        }
        let roots = ForgeRoots(flags.forge_ca.clone());
        let client = ForgeClient::new(place.kind, address, token, &roots, flags.patience())?;
        forge::open(place, client)
    };
    connect().map_err(|error| of_setting(&error))
}

#[expect(clippy::disallowed_methods, reason = "a port: the forge's token")]
fn token(place: &CiPlace, flags: &ForgeFlags) -> Result<ForgeToken, CommandFailure> {
    if let Some(file) = &flags.forge_token_file {
        return ForgeToken::new(&read(file, LARGEST_TOKEN)?).map_err(|error| of_setting(&error));
    }
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let text = place.token_variables.iter().find_map(set).ok_or_else(|| {
        let variables: Vec<String> = place.token_variables.iter().map(|name| format!("`{name}`")).collect();
        CommandFailure::asked(
            format!("there is no token for {}: none of {} is set", place.kind, variables.join(", ")),
            "set one in the CI's secrets, or name a file by `--forge-token-file`; `--dry-run` needs none",
        )
    })?;
    ForgeToken::new(&text).map_err(|error| of_setting(&error))
}

/// Reads a small file.
#[expect(clippy::disallowed_methods, reason = "a port: the CI's event, and the token where a file holds it")]
fn read(path: &Path, most: u64) -> Result<String, CommandFailure> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(CommandFailure::file("read", path))?;
    file.take(most).read_to_string(&mut text).map_err(CommandFailure::file("read", path))?;
    Ok(text)
}
