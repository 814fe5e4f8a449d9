//! What a garden is compared with: the branch that the work goes to, in whatever kind of repository, or a sentence that says why not.

use crate::command::{Output, TestEnvironment};

/// A garden whose organisation has a volume that may not shrink.
fn garden(storage: u32) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> =
        crate::findings::snapshot(&[]).files.into_iter().map(|file| (file.path, text(&file.bytes))).collect();
    let changed = files.iter_mut().find(|(path, _)| path == "organisations/alternatiba.kdl").unwrap();
    assert!(changed.1.contains("storage 120 GiB"), "the baseline says another size");
    changed.1 = changed.1.replace("storage 120 GiB", &format!("storage {storage} GiB"));
    files
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A repository whose main branch has a name of its own, with a branch off it that shrinks the volume.
fn shrinking(main: &str) -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.garden(garden(120));
    environment.commit("before");
    let repository = environment.repository();
    repository.find_branch("main", git2::BranchType::Local).unwrap().rename("work", false).unwrap();
    let tip = repository.head().unwrap().peel_to_commit().unwrap();
    if main != "work" {
        repository.branch(main, &tip, false).unwrap();
    }
    environment.garden(garden(60));
    environment.commit("shrinks");
    environment
}

#[track_caller]
fn is_compared(output: &Output, with: &str) {
    assert!(output.text().contains("E0407"), "{}", output.text());
    assert!(output.stderr.contains(&format!(", of `{with}`")), "{}", output.stderr);
    assert_eq!(output.code, 1);
}

#[track_caller]
fn is_told(output: &Output, why: &str, way: &str) {
    assert_eq!(output.code, 2, "{}", output.text());
    assert!(output.stderr.contains(why) && output.stderr.contains(way), "{}", output.stderr);
    assert!(!output.text().contains("no findings"), "{}", output.text());
}

fn set(environment: &TestEnvironment, name: &str, value: &str) {
    let config = environment.repository().config().unwrap();
    config.open_level(git2::ConfigLevel::Local).unwrap().set_str(name, value).unwrap();
}

#[test]
fn a_main_branch_of_any_name_is_found_or_asked_for() {
    is_compared(&shrinking("main").run(["check"]), "main");
    is_compared(&shrinking("master").run(["check"]), "master");

    let environment = shrinking("trunk");
    is_told(&environment.run(["check"]), "`trunk` and `work`", "`--base BRANCH`");
    is_compared(&environment.run_with(&[("CI_DEFAULT_BRANCH", "trunk")], ["check"]), "trunk");
    let untold = environment.run_with(&[("GITHUB_BASE_REF", "release")], ["check"]);
    is_told(&untold, "`release`, the branch that this goes to", "git fetch origin release");
    set(&environment, "init.defaultBranch", "trunk");
    is_compared(&environment.run(["check"]), "trunk");

    let repository = environment.repository();
    repository.remote("upstream", "https://git.example.org/garden").unwrap();
    let trunk = repository.find_branch("trunk", git2::BranchType::Local).unwrap().get().target().unwrap();
    repository.reference("refs/remotes/upstream/next", trunk, false, "").unwrap();
    repository.reference_symbolic("refs/remotes/upstream/HEAD", "refs/remotes/upstream/next", false, "").unwrap();
    is_compared(&environment.run(["check"]), "upstream/next");
    is_compared(&environment.run_with(&[("GITHUB_BASE_REF", "next")], ["check"]), "upstream/next");
}

#[test]
fn the_commit_that_the_ci_names_is_the_past() {
    let environment = shrinking("work");
    let repository = environment.repository();
    let began = repository.head().unwrap().peel_to_commit().unwrap().parent(0).unwrap().id().to_string();
    let output = environment.run_with(&[("CI_MERGE_REQUEST_DIFF_BASE_SHA", &began)], ["check"]);
    assert!(output.text().contains("E0407") && output.stderr.contains("where the work began"), "{}", output.text());
    let alone = environment.run(["check"]);
    assert!(alone.stderr.contains("the commit before") && alone.text().contains("E0407"), "{}", alone.text());
}

#[test]
fn what_is_compared_with_nothing_says_so() {
    let environment = TestEnvironment::new();
    environment.garden(garden(120));
    let says = |arguments: &[&str], why: &str| {
        let output = environment.run(arguments);
        assert!(output.stderr.contains(&format!("compared with nothing: {why}")), "{}", output.text());
    };
    says(&["check"], "the garden lies in no Git repository");
    environment.repository();
    says(&["check"], "the repository has no commit yet");
    says(&["check", "--base", "none"], "`--base none` was asked for");
    std::fs::remove_dir_all(environment.path("garden")).unwrap();
    environment.write("garden/README", "no garden yet");
    environment.commit("before the garden");
    environment.garden(garden(120));
    says(&["check"], "there is no garden yet in");
    let asked = environment.run(["check", "--base", "HEAD"]);
    is_told(&asked, "no folder with a `garden.kdl` in `HEAD`", "");
}

#[test]
fn a_garden_that_moved_to_another_folder_is_compared_with_where_it_was() {
    let environment = TestEnvironment::new();
    environment.garden(garden(120));
    let before = environment.commit("before");
    for part in ["clusters", "definitions", "offers", "organisations", "garden.kdl"] {
        let to = environment.path("garden/hosting");
        std::fs::create_dir_all(&to).unwrap();
        std::fs::rename(environment.path("garden").join(part), to.join(part)).unwrap();
    }
    environment.garden(garden(60).into_iter().map(|(path, text)| (format!("hosting/{path}"), text)));
    let output = environment.run(["check", "--garden", "hosting", "--base", &before]);
    assert!(output.text().contains("E0407"), "{}", output.text());
}

#[test]
fn a_repository_of_a_kind_that_is_not_read_is_told_and_files_are_read_all_the_same() {
    for (extension, value, why, way) in [
        ("refstorage", "reftable", "keeps its references as a reftable", "git clone --ref-format=files"),
        ("objectformat", "sha256", "names its objects by SHA-256", "git init --object-format=sha1"),
        ("madeup", "true", "`extensions.madeup`", "clone it anew"),
    ] {
        let environment = shrinking("main");
        set(&environment, "core.repositoryformatversion", "1");
        set(&environment, &format!("extensions.{extension}"), value);
        is_told(&environment.run(["check"]), why, "--base none");
        assert!(environment.run(["check"]).stderr.contains(way), "{extension}");
        is_told(&environment.run(["run", "--once", "--sandbox"]), why, way);
        let alone = environment.run(["check", "--base", "none"]);
        assert_eq!(alone.code, 0, "{}", alone.text());
        let rendered = environment.run(["render"]);
        assert!(rendered.code == 0 && rendered.stdout.contains("kind: Deployment"), "{}", rendered.stderr);
    }
}

/// Takes an object out of a repository, as a clone that leaves it out does.
fn leave_out(environment: &TestEnvironment, object: &str) {
    let loose = environment.path("garden/.git/objects").join(&object[..2]).join(&object[2..]);
    std::fs::remove_file(loose).unwrap();
    set(environment, "core.repositoryformatversion", "1");
    set(environment, "remote.origin.promisor", "true");
    set(environment, "extensions.partialclone", "origin");
}

#[test]
fn objects_that_a_clone_leaves_out_are_told_where_they_are_needed() {
    let blob = "main:organisations/alternatiba.kdl";
    for revision in [blob, "main:organisations", "main:"] {
        let environment = shrinking("main");
        let object = environment.repository().revparse_single(revision).unwrap().id().to_string();
        leave_out(&environment, &object);
        is_told(&environment.run(["check"]), "this clone leaves out objects", "git fetch --refetch --no-filter");
        let head = environment.run(["check", "--commit", "HEAD", "--base", "none"]);
        assert_eq!(head.code, 0, "{}", head.text());
    }
}

#[test]
fn a_bare_repository_is_checked_by_its_commits_as_in_a_hook() {
    let environment = TestEnvironment::new();
    environment.garden(garden(120));
    environment.commit("before");
    let bare = environment.path("bare.git");
    let made = git2::Repository::init_bare(&bare).unwrap();
    made.set_head("refs/heads/main").unwrap();
    let mut from = made.remote_anonymous(environment.path("garden").to_str().unwrap()).unwrap();
    from.fetch(&["refs/heads/main:refs/heads/main"], None, None).unwrap();
    let bare = bare.to_str().unwrap();
    is_told(&environment.run_in(bare, &[], ["check"]), "is a bare repository", "--commit");
    let old = environment.run_in(bare, &[], ["check", "--commit", "main"]);
    assert!(old.code == 0 && old.stderr.contains("is the first commit"), "{}", old.text());

    // What a push brings lies in a folder of its own until the hook has agreed.
    environment.garden(garden(60));
    let new = environment.commit("shrinks");
    let unknown = environment.run_in(bare, &[], ["check", "--commit", &new]);
    is_told(&unknown, "has no commit", "");
    let quarantine = environment.path("garden/.git/objects").display().to_string();
    let alternates = format!("{bare}/objects");
    let hook = [
        ("GIT_DIR", "."),
        ("GIT_OBJECT_DIRECTORY", quarantine.as_str()),
        ("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates.as_str()),
        ("GIT_QUARANTINE_PATH", quarantine.as_str()),
    ];
    is_compared(&environment.run_in(bare, &hook, ["check", "--commit", &new]), "main");
}

#[test]
fn the_first_push_to_a_repository_has_no_past() {
    let environment = TestEnvironment::new();
    environment.garden(garden(120));
    let new = environment.commit("first");
    let bare = environment.path("bare.git");
    git2::Repository::init_bare(&bare).unwrap();
    let quarantine = environment.path("garden/.git/objects").display().to_string();
    let hook = [("GIT_DIR", "."), ("GIT_OBJECT_DIRECTORY", quarantine.as_str())];
    let output = environment.run_in(bare.to_str().unwrap(), &hook, ["check", "--commit", &new]);
    assert!(output.code == 0 && output.stderr.contains("compared with nothing"), "{}", output.text());
}

#[test]
fn a_linked_working_tree_has_the_past_of_its_repository() {
    let environment = shrinking("main");
    let repository = environment.repository();
    let place = environment.path("linked");
    let branch = repository.branch("linked", &repository.head().unwrap().peel_to_commit().unwrap(), false).unwrap();
    let mut options = git2::WorktreeAddOptions::new();
    options.reference(Some(branch.get()));
    repository.worktree("linked", &place, Some(&options)).unwrap();
    is_compared(&environment.run_in(place.to_str().unwrap(), &[], ["check"]), "main");
}

#[test]
fn a_history_that_shares_nothing_is_told() {
    let environment = shrinking("main");
    let repository = environment.repository();
    let tree = repository.head().unwrap().peel_to_tree().unwrap();
    let who = git2::Signature::new("Tim", "tim@example.org", &git2::Time::new(0, 0)).unwrap();
    let orphan = repository.commit(None, &who, &who, "orphan", &tree, &[]).unwrap();
    repository.set_head_detached(orphan).unwrap();
    is_told(&environment.run(["check"]), "shares no commit with `main`", "--base none");
}

#[test]
fn the_work_itself_is_never_taken_for_what_it_began_from() {
    let environment = shrinking("trunk");
    let repository = environment.repository();
    let tip = |name: &str| repository.find_branch(name, git2::BranchType::Local).unwrap().get().target().unwrap();
    let (work, trunk) = (tip("work"), tip("trunk"));
    repository.remote("origin", "https://git.example.org/garden").unwrap();
    repository.find_branch("trunk", git2::BranchType::Local).unwrap().delete().unwrap();
    // As a clone of one branch leaves it.
    repository.reference("refs/remotes/origin/work", work, false, "").unwrap();
    let way = "git remote set-head origin --auto";
    is_told(&environment.run(["check"]), "nothing says which branch the work began from", way);
    let named = environment.run_with(&[("CI_DEFAULT_BRANCH", "trunk")], ["check"]);
    is_told(&named, "`trunk`, the branch that this goes to", "git fetch origin trunk");
    let lost = "1111111111111111111111111111111111111111";
    let base = environment.run_with(&[("CI_MERGE_REQUEST_DIFF_BASE_SHA", lost)], ["check"]);
    is_told(&base, "this repository has no commit", "");
    repository.set_head_detached(work).unwrap();
    is_told(&environment.run(["check"]), "nothing says which branch the work began from", way);
    // What it began from is fetched too.
    repository.reference("refs/remotes/origin/trunk", trunk, false, "").unwrap();
    is_compared(&environment.run(["check"]), "origin/trunk");
    repository.set_head("refs/heads/work").unwrap();
    is_compared(&environment.run(["check"]), "origin/trunk");
}

#[test]
fn on_the_branch_itself_the_past_is_the_last_commit_or_the_one_before() {
    let environment = TestEnvironment::new();
    environment.garden(garden(120));
    let first = environment.commit("first");
    let short = |commit: &str| commit[..12].to_owned();
    let says = |output: &Output, with: &str| {
        assert!(output.stderr.contains(with), "{with}: {}", output.text());
    };
    says(&environment.run(["check"]), &format!("compared with nothing: {} is the first commit", short(&first)));

    // What is edited is held against the last commit.
    environment.garden(garden(60));
    let edited = environment.run(["check"]);
    assert!(edited.text().contains("E0407") && edited.code == 1, "{}", edited.text());
    says(&edited, &format!("compared with {}, the last commit", short(&first)));

    // What is committed, against the commit before: on the branch, on a detached HEAD, and by its name.
    let second = environment.commit("shrinks");
    let before = format!(
        "compared with {}, the commit before {}, since no commit differs from `main`",
        short(&first),
        short(&second)
    );
    let committed = environment.run(["check"]);
    assert!(committed.text().contains("E0407") && committed.code == 1, "{}", committed.text());
    says(&committed, &before);
    let repository = environment.repository();
    repository.set_head_detached(git2::Oid::from_str(&second).unwrap()).unwrap();
    says(&environment.run(["check"]), &before);
    says(&environment.run(["check", "--commit", &second]), &before);
    repository.set_head("refs/heads/main").unwrap();

    // A commit that leaves the garden alone, and a base that is asked for.
    environment.write("garden/README", "nothing of the garden");
    let third = environment.commit("a page");
    let same = environment.run(["check"]);
    says(&same, &format!("compared with {}, the commit before {}", short(&second), short(&third)));
    says(&same, "where the garden is the same: no change was checked");
    says(&environment.run(["check", "--base", "main"]), "compared with `main`, where the garden is the same");
}

#[test]
fn a_clone_that_ends_before_the_commit_before_says_so() {
    let environment = TestEnvironment::new();
    environment.garden(garden(120));
    let first = environment.commit("first");
    environment.garden(garden(60));
    let second = environment.commit("shrinks");
    let shallow = |at: &str| environment.write("garden/.git/shallow", format!("{at}\n"));
    shallow(&second);
    let output = environment.run(["check"]);
    let why = format!("too shallow to hold the commit before {} (`git fetch --deepen=1` brings it)", &second[..12]);
    assert!(output.stderr.contains("compared with nothing") && output.stderr.contains(&why), "{}", output.text());
    shallow(&first);
    assert!(environment.run(["check"]).text().contains("E0407"));
}

#[test]
fn a_merge_on_the_main_branch_is_compared_with_the_branch_before_it() {
    let environment = shrinking("main");
    let repository = environment.repository();
    let commit = |name: &str| repository.revparse_single(name).unwrap().peel_to_commit().unwrap();
    let (main, work) = (commit("main"), commit("work"));
    let who = git2::Signature::new("Tim", "tim@example.org", &git2::Time::new(1_767_226_000, 0)).unwrap();
    let tree = work.tree().unwrap();
    repository.set_head("refs/heads/main").unwrap();
    repository.commit(Some("refs/heads/main"), &who, &who, "merge", &tree, &[&main, &work]).unwrap();
    let output = environment.run(["check"]);
    assert!(output.text().contains("E0407"), "{}", output.text());
    assert!(output.stderr.contains(&format!("compared with {}, the commit before", &main.id().to_string()[..12])));
}

#[test]
fn a_commit_is_read_where_nothing_is_checked_out() {
    let environment = shrinking("main");
    for part in ["clusters", "definitions", "offers", "organisations", "garden.kdl"] {
        let path = environment.path("garden").join(part);
        std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path)).unwrap();
    }
    is_compared(&environment.run(["check", "--commit", "HEAD"]), "main");
    is_told(&environment.run(["check"]), "no folder with a `garden.kdl`", "--garden");
}
