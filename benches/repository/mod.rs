//! A bare repository that gardens are committed to.

use std::path::Path;

/// A bare repository that gardens are committed to.
pub struct Repository(git2::Repository);

impl Repository {
    /// Starts one in an empty folder.
    pub fn new(folder: &Path) -> Self {
        Self(git2::Repository::init_bare(folder).expect("a repository"))
    }

    /// Opens the one that was started there.
    pub fn open(folder: &Path) -> Self {
        Self(git2::Repository::open_bare(folder).expect("the repository"))
    }

    /// Commits files over those that were committed before; the commit's id.
    pub fn commit(&self, files: &[(String, String)], number: usize) -> String {
        let parent = self.0.head().and_then(|head| head.peel_to_commit()).ok();
        let before = parent.as_ref().map(|parent| parent.tree().expect("a commit has a tree"));
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, text) in files {
            let blob = self.0.blob(text.as_bytes()).expect("a blob");
            update.upsert(path.as_str(), blob, git2::FileMode::Blob);
        }
        let before = before.unwrap_or_else(|| {
            let empty = self.0.treebuilder(None).and_then(|builder| builder.write()).expect("an empty tree");
            self.0.find_tree(empty).expect("it was just written")
        });
        let tree = update.create_updated(&self.0, &before).expect("a tree");
        let tree = self.0.find_tree(tree).expect("it was just written");
        let time = git2::Time::new(i64::try_from(number).unwrap_or_default(), 0);
        let who = git2::Signature::new("ada", "ada@example.org", &time).expect("a signature");
        let parents: Vec<_> = parent.iter().collect();
        self.0.commit(Some("HEAD"), &who, &who, "a change", &tree, &parents).expect("a commit").to_string()
    }
}
