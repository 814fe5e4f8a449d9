//! Which files count: the same for files on disk and for commits, and what looks like one and is not read is told.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use crate::command::TestEnvironment;

/// A file of the garden's folder that would add an organisation.
const ORGANISATION: &str = "edition 2026\n\norganisation hidden {\n    title \"Hidden\"\n    cluster ada-lovelace\n    offer liiibre\n    domain hidden.example\n}\n";

fn baseline() -> TestEnvironment {
    let environment = TestEnvironment::new();
    let files = crate::findings::snapshot(&[]).files;
    environment.garden(files.into_iter().map(|file| (file.path, String::from_utf8(file.bytes.to_vec()).unwrap())));
    environment
}

/// The lines about what is not read, of the files on disk and of the commit.
fn told(environment: &TestEnvironment, arguments: &[&str]) -> Vec<String> {
    let check = ["check", "--base", "none", "--format", "short"];
    let output = environment.run(check.iter().chain(arguments));
    let lines = output.stdout.lines().filter(|line| line.contains("[W0002]") || line.contains("[E0032]"));
    lines.map(str::to_owned).collect()
}

#[test]
fn what_is_passed_over_is_told_alike_of_disk_and_commit_and_read_by_nothing() {
    let environment = baseline();
    let deep = vec!["d"; 17].join("/");
    for path in ["organisations/a.KDL", ".old/inside/b.kdl", "organisations/.c.kdl", &format!("{deep}/d.kdl")] {
        environment.garden([(path, ORGANISATION)]);
    }
    environment.write("elsewhere.kdl", ORGANISATION);
    symlink("../../elsewhere.kdl", environment.path("garden/organisations/e.kdl")).unwrap();
    symlink("organisations", environment.path("garden/more")).unwrap();
    symlink("README", environment.path("garden/f")).unwrap();
    environment.garden([("README", "no garden"), (".github/workflow.yml", "a: b"), ("notes.kdl~", "x")]);
    let odd = environment.path("garden/organisations").join(std::ffi::OsStr::from_bytes(b"\xff.kdl"));
    std::fs::write(odd, ORGANISATION).unwrap();
    environment.commit("odd files");

    let on_disk = told(&environment, &[]);
    let paths: Vec<&str> = on_disk.iter().filter_map(|line| line.split(':').next()).collect();
    let expected = [
        ".old",
        deep.as_str(),
        "more",
        "organisations/.c.kdl",
        "organisations/a.KDL",
        "organisations/e.kdl",
        "organisations/\u{FFFD}.kdl",
    ];
    assert_eq!(paths, expected, "{on_disk:#?}");
    assert_eq!(on_disk, told(&environment, &["--commit", "HEAD"]));
    for command in [&["render"][..], &["plan", "--sandbox"], &["run", "--once", "--sandbox"]] {
        let output = environment.run(command);
        assert!(!output.stdout.contains("hidden.example"), "{command:?}: {}", output.text());
    }
}

#[test]
fn a_repository_inside_of_the_garden_is_no_part_of_it() {
    let environment = baseline();
    environment.garden([("sub/hidden.kdl", ORGANISATION)]);
    git2::Repository::init(environment.path("garden/sub")).unwrap();
    let on_disk = told(&environment, &[]);
    assert!(
        on_disk.len() == 1 && on_disk[0].contains("sub:1:1") && on_disk[0].contains("repository of its own"),
        "{on_disk:?}"
    );

    let repository = environment.repository();
    let mut index = repository.index().unwrap();
    let head = git2::Oid::from_str("1111111111111111111111111111111111111111").unwrap();
    let mut entry = index.get_path(std::path::Path::new("garden.kdl"), 0).unwrap_or_else(|| {
        index.add_path(std::path::Path::new("garden.kdl")).unwrap();
        index.get_path(std::path::Path::new("garden.kdl"), 0).unwrap()
    });
    (entry.path, entry.mode, entry.id) = (b"sub".to_vec(), 0o160_000, head);
    index.add(&entry).unwrap();
    for path in ["clusters", "definitions", "offers", "organisations"] {
        index.add_all([path], git2::IndexAddOption::DEFAULT, None).unwrap();
    }
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::new("Tim", "tim@example.org", &git2::Time::new(0, 0)).unwrap();
    repository.commit(Some("HEAD"), &who, &who, "a submodule", &tree, &[]).unwrap();
    assert_eq!(on_disk, told(&environment, &["--commit", "HEAD"]));
}

#[test]
fn what_git_ignores_is_told_and_what_it_holds_all_the_same_is_read() {
    let environment = baseline();
    environment.commit("before");
    environment.garden([(".gitignore", "local*.kdl\n"), ("organisations/local.kdl", ORGANISATION)]);
    let ignored = told(&environment, &[]);
    assert!(ignored.len() == 1 && ignored[0].contains("organisations/local.kdl:1:1"), "{ignored:?}");
    assert!(!environment.run(["render"]).stdout.contains("hidden"));

    let repository = environment.repository();
    let mut index = repository.index().unwrap();
    let option = git2::IndexAddOption::FORCE;
    index.add_all(["organisations/local.kdl"], option, None).unwrap();
    index.write().unwrap();
    assert_eq!(told(&environment, &[]), Vec::<String>::new());

    // A garden that lies in a folder that is ignored whole is read as it lies there.
    environment.write("garden/.gitignore", "*\n");
    std::fs::remove_dir_all(environment.path("garden/.git")).unwrap();
    environment.repository();
    assert_eq!(told(&environment, &[]), Vec::<String>::new());
}

#[test]
fn files_that_a_sparse_checkout_leaves_out_are_read() {
    let environment = baseline();
    environment.commit("all");
    let whole = environment.run(["render"]).stdout;
    let repository = environment.repository();
    let mut index = repository.index().unwrap();
    let path = std::path::Path::new("organisations/alternatiba.kdl");
    let mut entry = index.get_path(path, 0).unwrap();
    entry.flags_extended |= 1 << 14;
    index.add(&entry).unwrap();
    index.write().unwrap();
    std::fs::remove_file(environment.path("garden/organisations/alternatiba.kdl")).unwrap();
    let sparse = environment.run(["render"]);
    assert_eq!(sparse.stdout, whole, "{}", sparse.stderr);
}

#[test]
fn a_file_that_a_filter_keeps_elsewhere_is_refused_on_disk_as_in_a_commit() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n";
    let environment = baseline();
    let path = "organisations/alternatiba.kdl";
    let text = environment.read(&format!("garden/{path}"));
    environment.garden([(".gitattributes", "organisations/*.kdl filter=lfs\n"), (path, pointer)]);
    environment.commit("kept elsewhere");
    let commit = told(&environment, &["--commit", "HEAD"]);
    assert!(commit.len() == 1 && commit[0].contains("[E0032]"), "{commit:?}");
    assert_eq!(told(&environment, &[]), commit);
    // As `git lfs` leaves it on disk, with the text in its place.
    environment.garden([(path, text)]);
    assert_eq!(told(&environment, &[]), commit);
}

#[test]
fn a_socket_in_the_garden_holds_nobody_up() {
    let environment = baseline();
    let socket = environment.path("garden/organisations/socket.kdl");
    let _open = std::os::unix::net::UnixListener::bind(socket).unwrap();
    let told = told(&environment, &[]);
    assert!(told.len() == 1 && told[0].contains("no regular file"), "{told:?}");
}

#[test]
fn a_filter_of_git_that_makes_another_text_of_a_file_is_told_where_the_file_on_disk_is_read() {
    let environment = baseline();
    environment.garden([(".gitattributes", "organisations/*.kdl filter=tidy\n")]);
    environment.commit("a filter");
    assert_eq!(told(&environment, &[]), [""; 0], "it does nothing that is known");
    let config = environment.repository().config().unwrap();
    config.open_level(git2::ConfigLevel::Local).unwrap().set_str("filter.tidy.clean", "sed s/a/b/").unwrap();
    assert_eq!(told(&environment, &[]), [""; 0], "what is committed is what lies there");
    environment.garden([("organisations/hidden.kdl", ORGANISATION)]);
    let lines = told(&environment, &[]);
    assert!(
        lines.len() == 1 && lines[0].contains("organisations/hidden.kdl") && lines[0].contains("filter"),
        "{lines:?}"
    );
    environment.commit("as it is");
    assert_eq!(told(&environment, &["--commit", "HEAD"]), [""; 0]);
}
