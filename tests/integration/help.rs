//! What every command says of itself with `--help`, as `tests/cases/help/*.txt` keep it. `PARCELLE_BLESS=1` writes what is
//! said into the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::command::TestEnvironment;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/help")
}

/// The commands below one, as its help lists them.
fn commands_of(help: &str) -> Vec<&str> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let named = lines.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    named.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help").collect()
}

/// The help of the program and of every command, by the name of its file.
fn said() -> BTreeMap<String, String> {
    let environment = TestEnvironment::new();
    let mut said = BTreeMap::new();
    let mut commands: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(command) = commands.pop() {
        let output = environment.run(command.iter().map(String::as_str).chain(["--help"]));
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{command:?}");
        let below = commands_of(&output.stdout).into_iter();
        commands.extend(below.map(|name| [command.as_slice(), &[name.to_owned()]].concat()));
        let file = ["parcelle".to_owned()].into_iter().chain(command).collect::<Vec<_>>().join("-");
        said.insert(format!("{file}.txt"), output.stdout);
    }
    said
}

/// The texts that are kept.
fn kept() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder()).into_iter().flatten().flatten();
    let read = |entry: std::fs::DirEntry| {
        (entry.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

#[test]
fn every_command_says_of_itself_what_is_kept() {
    let (said, kept) = (said(), kept());
    assert!(said.len() > 20, "only {:?} were found", said.keys());
    if std::env::var_os("PARCELLE_BLESS").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        kept.keys().filter(|file| !said.contains_key(*file)).for_each(|file| {
            std::fs::remove_file(folder().join(file)).unwrap();
        });
        said.iter().for_each(|(file, text)| std::fs::write(folder().join(file), text).unwrap());
        return;
    }
    assert_eq!(
        said.keys().collect::<Vec<_>>(),
        kept.keys().collect::<Vec<_>>(),
        "PARCELLE_BLESS=1 writes what is said"
    );
    for (file, said) in said {
        assert_eq!(said, kept[&file], "{file}: PARCELLE_BLESS=1 writes what is said");
    }
}
