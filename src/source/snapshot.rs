//! One immutable tree of files with a digest.

use super::{
    CommitInfo, IgnoreRules, MemoryObjects, ObjectError, Objects, Oid, Revision, TreeMemo,
    walk::{Place, Walker, split},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};

/// What a source hands on. Cheap to clone; readable for as long as it is held, whatever happens to the source meanwhile.
#[derive(Clone)]
pub struct Snapshot {
    inner: Arc<Inner>,
}

struct Inner {
    objects: Arc<dyn Objects>,
    root: Oid,
    revision: Revision,
    commit: Option<CommitInfo>,
    rules: IgnoreRules,
    /// Somebody wrote rules, so what a directory holds is not told by its tree alone.
    custom_rules: bool,
    limits: Limits,
    memo: Arc<TreeMemo>,
}

/// Budgets for reading a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files below one directory.
    pub files: usize,
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of all files below one directory.
    pub total: u64,
    /// Directories inside each other.
    pub depth: usize,
    /// Bytes of one ignore file.
    pub ignore_file: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: 50_000, file: 64 << 20, total: 256 << 20, depth: 100, ignore_file: 1 << 20 }
    }
}

/// A path that cannot be read. Every variant names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Nothing stands there.
    #[error("path {path:?} does not exist in the source")]
    NotFound {
        /// The path.
        path: String,
    },
    /// Ignore rules leave it out.
    #[error("path {path:?} is left out by the ignore rules of the source")]
    Ignored {
        /// The path.
        path: String,
    },
    /// A directory was asked for.
    #[error("path {path:?}: {part:?} is a file, not a directory")]
    NotADirectory {
        /// The path.
        path: String,
        /// The part that is a file.
        part: String,
    },
    /// A file was asked for.
    #[error("path {path:?} is a directory, not a file")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// The path or link leads out of the source.
    #[error("path {path:?} leads out of the source (to {target:?})")]
    Escape {
        /// The path or link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// A link leads back to itself or to a directory above it.
    #[error("symbolic link {path:?} loops")]
    Loop {
        /// The link.
        path: String,
    },
    /// A link leads nowhere.
    #[error("symbolic link {path:?} points to {target:?}, which does not exist in the source")]
    Dangling {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// Another repository is mounted there.
    #[error("path {path:?} is in a submodule, which is not fetched")]
    Submodule {
        /// The path.
        path: String,
    },
    /// A directory holds a name that no file system takes.
    #[error("directory {dir:?} holds an entry named {name:?}")]
    BadName {
        /// The directory.
        dir: String,
        /// The name.
        name: String,
    },
    /// Too many files.
    #[error("path {path:?} is beyond the limit of {limit} files")]
    TooMany {
        /// The first file too many.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// Too many bytes.
    #[error("path {path:?} has {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// The file or directory.
        path: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Too many directories inside each other.
    #[error("path {path:?} is more than {limit} directories deep")]
    TooDeep {
        /// The directory.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// The object database failed.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl Snapshot {
    /// A snapshot of a tree. `ignore` is the `spec.ignore` of the source; ignore files in the tree are read here.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn new(
        objects: Arc<dyn Objects>,
        root: Oid,
        revision: Revision,
        commit: Option<CommitInfo>,
        ignore: Option<&str>,
        memo: Arc<TreeMemo>,
    ) -> Result<Self, SnapshotError> {
        let limits = Limits::default();
        let mut rules = IgnoreRules::default();
        let mut files = Vec::new();
        Walker { objects: &*objects, root, limits, memo: &memo }.ignore_files(&root, "", &mut files)?;
        files.iter().for_each(|(domain, text)| rules.add(domain, text));
        if let Some(text) = ignore {
            rules.add("", text);
        }
        let custom_rules = !rules.is_empty();
        let rules = rules.with_defaults();
        Ok(Self { inner: Arc::new(Inner { objects, root, revision, commit, rules, custom_rules, limits, memo }) })
    }

    /// A snapshot of files in memory, under the revision `name@sha256:…` of their tree.
    ///
    /// # Errors
    /// An ignore file among them is over the limit.
    pub fn from_files<P: AsRef<str>, B: Into<Bytes>>(name: &str, files: impl IntoIterator<Item = (P, B)>) -> Result<Self, SnapshotError> {
        let (objects, root) = MemoryObjects::build(files);
        Self::new(Arc::new(objects), root, Revision::new(Some(name), &root), None, None, Arc::default())
    }

    /// The same tree with other `spec.ignore` rules; objects may share one fetched tree and differ in what they leave out.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn with_ignore(&self, ignore: Option<&str>) -> Result<Self, SnapshotError> {
        let inner = &self.inner;
        Self::new(inner.objects.clone(), inner.root, inner.revision.clone(), inner.commit.clone(), ignore, inner.memo.clone())
    }

    /// The same tree under another revision string; two references may lead to one commit.
    #[must_use]
    pub fn with_revision(&self, revision: Revision) -> Self {
        let inner = &self.inner;
        let inner = Inner {
            objects: inner.objects.clone(),
            root: inner.root,
            revision,
            commit: inner.commit.clone(),
            rules: inner.rules.clone(),
            custom_rules: inner.custom_rules,
            limits: inner.limits,
            memo: inner.memo.clone(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The revision string, such as `main@sha1:<hex>`.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.inner.revision
    }

    /// The commit, for sources that have one.
    #[must_use]
    pub fn commit(&self) -> Option<&CommitInfo> {
        self.inner.commit.as_ref()
    }

    /// The digest of the whole tree, `sha1:<hex>` or `sha256:<hex>`.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("{}:{}", self.inner.root.algorithm(), self.inner.root)
    }

    /// The content address of a directory or file: equal addresses mean equal content. It is the id of the tree object,
    /// unless links or ignore rules make the content differ from the tree; then it is a digest over all names and blobs.
    ///
    /// # Errors
    /// The path does not exist or cannot be read.
    pub fn tree_id(&self, path: &str) -> Result<String, SnapshotError> {
        let walker = self.walker();
        match walker.find(path)?.0 {
            Place::File(id) => Ok(id.to_string()),
            Place::Dir(id) if !self.inner.custom_rules && !walker.facts(&id, 0)?.links => Ok(id.to_string()),
            Place::Dir(_) => {
                let mut sum = Sha256::new();
                for (name, id) in self.list(path)? {
                    sum.update(format!("{name}\0{id}\0"));
                }
                Ok(Oid::from_bytes(&sum.finalize()).expect("a SHA-256 has 32 bytes").to_string())
            }
        }
    }

    /// Every file below a directory, with its path from there, sorted. Links inside the source are followed.
    ///
    /// # Errors
    /// The path does not exist, is a file, or holds what must not be read: links that loop or leave the source, more than
    /// the limits allow.
    pub fn files(&self, path: &str) -> Result<Vec<(String, Bytes)>, SnapshotError> {
        let list = self.list(path)?;
        let (mut total, limits) = (0, self.inner.limits);
        let mut files = Vec::with_capacity(list.len());
        for (name, id) in list {
            let len = self.size(&id, || if path.is_empty() { name.clone() } else { format!("{path}/{name}") })?;
            total += len;
            if total > limits.total {
                return Err(SnapshotError::TooLarge { path: path.into(), bytes: total, limit: limits.total });
            }
            files.push((name, self.inner.objects.blob(&id)?));
        }
        Ok(files)
    }

    /// The names of the files below a directory, without reading them. Sorted.
    ///
    /// # Errors
    /// As [`Snapshot::files`].
    pub fn names(&self, path: &str) -> Result<Vec<String>, SnapshotError> {
        Ok(self.list(path)?.into_iter().map(|(name, _)| name).collect())
    }

    /// One file.
    ///
    /// # Errors
    /// The path does not exist, is left out, is a directory, or is over the limit.
    pub fn read(&self, path: &str) -> Result<Bytes, SnapshotError> {
        match self.walker().find(path)?.0 {
            Place::Dir(_) => Err(SnapshotError::NotAFile { path: path.into() }),
            Place::File(_) if self.inner.rules.excludes(&split(path)?.join("/")) => Err(SnapshotError::Ignored { path: path.into() }),
            Place::File(id) => {
                self.size(&id, || path.into())?;
                Ok(self.inner.objects.blob(&id)?)
            }
        }
    }

    /// Whether a directory stands at the path.
    #[must_use]
    pub fn is_dir(&self, path: &str) -> bool {
        matches!(self.walker().find(path), Ok((Place::Dir(_), _)))
    }

    /// Whether a file stands at the path and is not left out.
    #[must_use]
    pub fn is_file(&self, path: &str) -> bool {
        let kept = |path| split(path).is_ok_and(|parts| !self.inner.rules.excludes(&parts.join("/")));
        matches!(self.walker().find(path), Ok((Place::File(_), _))) && kept(path)
    }

    fn list(&self, path: &str) -> Result<Vec<(String, Oid)>, SnapshotError> {
        let mut list = self.walker().list(path)?;
        let prefix = split(path)?.join("/");
        list.retain(|(name, _)| !self.inner.rules.excludes(&if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") }));
        Ok(list)
    }

    fn size(&self, id: &Oid, path: impl Fn() -> String) -> Result<u64, SnapshotError> {
        let (bytes, limit) = (self.inner.objects.blob_len(id)?, self.inner.limits.file);
        if bytes > limit { Err(SnapshotError::TooLarge { path: path(), bytes, limit }) } else { Ok(bytes) }
    }

    fn walker(&self) -> Walker<'_> {
        Walker { objects: &*self.inner.objects, root: self.inner.root, limits: self.inner.limits, memo: &self.inner.memo }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} {})", self.inner.revision, self.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::super::EntryKind::{self, File, Link};
    use super::*;

    fn snapshot(files: &[(&str, EntryKind, &str)], ignore: Option<&str>) -> Snapshot {
        let files = files.iter().map(|(path, kind, text)| (*path, *kind, Bytes::copy_from_slice(text.as_bytes())));
        let (objects, root) = MemoryObjects::build_kinds(files);
        Snapshot::new(Arc::new(objects), root, Revision::new(Some("main"), &root), None, ignore, Arc::default()).unwrap()
    }

    fn names(snapshot: &Snapshot, path: &str) -> Vec<String> {
        snapshot.names(path).unwrap()
    }

    #[test]
    fn files_are_read_by_path() {
        let s = snapshot(&[("a/b/c.yaml", File, "c"), ("a/d.yaml", File, "d"), ("e.yaml", File, "e"), ("x.png", File, "")], None);
        for root in ["", ".", "./", "/"] {
            assert_eq!(names(&s, root), ["a/b/c.yaml", "a/d.yaml", "e.yaml"], "{root:?}");
        }
        assert_eq!(s.files("./a/").unwrap(), [("b/c.yaml".into(), Bytes::from("c")), ("d.yaml".into(), Bytes::from("d"))]);
        assert_eq!(s.read("a/b/c.yaml").unwrap(), "c");
        assert_eq!(s.read("a/b/../d.yaml").unwrap(), "d");
        assert!(s.is_dir("a/b") && !s.is_dir("e.yaml") && !s.is_dir("nope") && s.is_file("e.yaml") && !s.is_file("x.png"));
        assert_eq!(s.read("nope/x"), Err(SnapshotError::NotFound { path: "nope/x".into() }));
        assert_eq!(s.read("x.png"), Err(SnapshotError::Ignored { path: "x.png".into() }));
        assert!(matches!(s.read("a"), Err(SnapshotError::NotAFile { .. })));
        assert!(matches!(s.files("e.yaml"), Err(SnapshotError::NotADirectory { .. })));
        assert!(matches!(s.read("e.yaml/x"), Err(SnapshotError::NotADirectory { part, .. }) if part == "e.yaml"));
        assert!(matches!(s.files("../x"), Err(SnapshotError::Escape { .. })));
        assert!(matches!(s.files("a/../../x"), Err(SnapshotError::Escape { .. })));
    }

    /// Counts how often a directory is read.
    #[derive(Debug)]
    struct Counting(MemoryObjects, std::sync::atomic::AtomicUsize);

    impl Objects for Counting {
        fn tree(&self, id: &Oid) -> Result<Vec<crate::source::Entry>, ObjectError> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.0.tree(id)
        }

        fn blob(&self, id: &Oid) -> Result<Bytes, ObjectError> {
            self.0.blob(id)
        }

        fn blob_len(&self, id: &Oid) -> Result<u64, ObjectError> {
            self.0.blob_len(id)
        }
    }

    #[test]
    fn a_directory_is_not_read_for_each_of_its_files() {
        let files = (0..200).map(|i| (format!("maps/{i}.yaml"), File, Bytes::from(i.to_string())));
        let (objects, root) = MemoryObjects::build_kinds(files);
        let objects = Arc::new(Counting(objects, Default::default()));
        let s = Snapshot::new(objects.clone(), root, Revision::new(Some("main"), &root), None, None, Arc::default()).unwrap();
        let before = objects.1.load(std::sync::atomic::Ordering::Relaxed);
        for i in 0..200 {
            assert_eq!(s.read(&format!("maps/{i}.yaml")).unwrap(), i.to_string());
        }
        assert_eq!(objects.1.load(std::sync::atomic::Ordering::Relaxed) - before, 2, "the root and the directory");
    }

    #[test]
    fn links_inside_are_followed() {
        let s = snapshot(
            &[
                ("shared/values.yaml", File, "v"),
                ("shared/deep/x.yaml", File, "x"),
                ("app/values.yaml", Link, "../shared/values.yaml"),
                ("app/deep", Link, "../shared/deep"),
                ("app/again", Link, "deep"),
                ("prod", Link, "app"),
            ],
            None,
        );
        assert_eq!(names(&s, "app"), ["again/x.yaml", "deep/x.yaml", "values.yaml"]);
        assert_eq!(names(&s, "prod"), names(&s, "app"));
        assert_eq!(s.read("prod/again/../values.yaml").unwrap(), "v");
        assert_eq!(s.read("prod/again/x.yaml").unwrap(), "x");
    }

    #[test]
    fn loops_and_escapes_are_refused_by_name() {
        for (link, target, want) in [
            ("a/up", "..", "symbolic link \"a/up\" loops"),
            ("a/me", ".", "symbolic link \"a/me\" loops"),
            ("a/self", "self", "symbolic link \"a/self\" loops"),
            ("a/out", "../../etc/passwd", "path \"a/out\" leads out of the source (to \"../../etc/passwd\")"),
            ("a/abs", "/etc/passwd", "path \"a/abs\" leads out of the source (to \"/etc/passwd\")"),
            ("a/gone", "../b", "symbolic link \"a/gone\" points to \"../b\", which does not exist in the source"),
        ] {
            let s = snapshot(&[("a/ok.yaml", File, ""), (link, Link, target)], None);
            assert_eq!(s.files("").unwrap_err().to_string(), want);
            assert!(s.read(link).is_err());
        }
        let s = snapshot(&[("a/x", Link, "../b"), ("b/y", Link, "../a")], None);
        assert!(matches!(s.files(""), Err(SnapshotError::Loop { .. })));
    }

    #[test]
    fn addresses_follow_content() {
        let base = [("a/x", File, "1"), ("a/l", Link, "../s/y"), ("s/y", File, "1"), ("s/z", File, "1"), ("p/x", File, "1")];
        let before = snapshot(&base, None);
        let mut moved = base;
        moved[2].2 = "2";
        let after = snapshot(&moved, None);
        assert_ne!(before.tree_id("a").unwrap(), after.tree_id("a").unwrap(), "the link's target changed");
        assert_eq!(before.tree_id("p").unwrap(), after.tree_id("p").unwrap());
        assert_ne!(before.digest(), after.digest());
        let other = snapshot(&base, Some("z"));
        assert_eq!(names(&other, "s"), ["y"]);
        assert_ne!(before.tree_id("s").unwrap(), other.tree_id("s").unwrap(), "another ignore rule");
        assert!(before.tree_id("q").is_err());
    }

    #[test]
    fn ignore_files_rule_their_directory() {
        let s = snapshot(
            &[
                (".sourceignore", File, "*.md\n"),
                ("a/.sourceignore", File, "!keep.md\n/b\n"),
                ("a/keep.md", File, ""),
                ("a/b/x.yaml", File, ""),
                ("b/x.yaml", File, ""),
                ("x.png", File, ""),
                ("x.md", File, ""),
            ],
            None,
        );
        assert_eq!(names(&s, ""), [".sourceignore", "a/.sourceignore", "a/keep.md", "b/x.yaml", "x.png"]);
        let all = s.with_ignore(Some("!*\n")).unwrap();
        assert_eq!(names(&all, "").len(), 7);
    }

    #[test]
    fn budgets_hold() {
        let deep = format!("{}x", "d/".repeat(300));
        assert!(matches!(Snapshot::from_files("main", [(deep, "")]), Err(SnapshotError::TooDeep { .. })));
        // every level doubles: without a budget this would be 2^17 files
        let levels: Vec<(String, EntryKind, String)> = (0..17)
            .flat_map(|i| ["a", "b"].map(|side| (format!("l{i}/{side}"), Link, format!("../l{}", i + 1))))
            .chain([("l17/f".to_owned(), File, String::new())])
            .collect();
        let levels: Vec<(&str, EntryKind, &str)> = levels.iter().map(|(p, k, t)| (p.as_str(), *k, t.as_str())).collect();
        assert!(matches!(snapshot(&levels, None).files("l0"), Err(SnapshotError::TooMany { .. })));
    }
}
