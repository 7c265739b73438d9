//! Files of a local directory, for `diff` and `template`.

use super::failure::Failure;
use super::place::Place;
use crate::object::ManifestError;
use crate::render::plain::{Files, PlainError};
use crate::source::IgnoreRules;
use bytes::Bytes;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// More files than any source may have: links can multiply a few without end.
const MOST_FILES: usize = 100_000;

/// A working copy as a source would see it: ignore rules hold, and no link leads out of it.
pub(super) struct WorkingCopy {
    root: PathBuf,
    rules: IgnoreRules,
}

impl WorkingCopy {
    /// The working copy around a directory (up to the folder that holds `.git`; else the directory itself), and the
    /// directory's path in it.
    pub(super) fn around(directory: &Path) -> Result<(Self, String), Failure> {
        let full = existing(directory)?;
        if !full.is_dir() {
            return Err(
                Failure::error(format!("{} is no directory", directory.display())).hint("give the directory of manifests with --path")
            );
        }
        let root = full.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&full).to_path_buf();
        let inside = full.strip_prefix(&root).map(slashes).unwrap_or_default();
        let mut rules = IgnoreRules::default();
        if let Ok(text) = fs::read_to_string(root.join(".sourceignore")) {
            rules.add("", &text);
        }
        Ok((Self { root, rules: rules.with_defaults() }, inside))
    }

    /// The lines that an error is about, where it names them.
    pub(super) fn place(&self, error: &PlainError) -> Option<Place> {
        let (file, line) = match error {
            PlainError::Yaml { file, .. } => file.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)))?,
            PlainError::Manifest(ManifestError::NotAMapping(origin) | ManifestError::Missing(origin, _))
            | PlainError::Encrypted { origin, .. }
            | PlainError::Duplicate { second: origin, .. } => (origin.file.as_str(), origin.line),
            _ => return None,
        };
        let text = self.read(file).ok()??;
        Place::new(file, String::from_utf8_lossy(&text), line, None)
    }

    /// A path inside, resolved; `None` where there is nothing.
    fn inside(&self, path: &str) -> Result<Option<PathBuf>, String> {
        match fs::canonicalize(self.root.join(path)) {
            Ok(found) if found.starts_with(&self.root) => Ok(Some(found)),
            Ok(found) => Err(format!("{path} leads out of {} (to {})", self.root.display(), found.display())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// `open` are the real paths of the directories that are being walked.
    fn walk(&self, directory: &str, open: &mut Vec<PathBuf>, out: &mut Vec<String>) -> Result<(), String> {
        let Some(folder) = self.inside(directory)?.filter(|found| found.is_dir()) else { return Ok(()) };
        if open.contains(&folder) {
            return Err(format!("{directory} leads back to {}, which it stands in", folder.display()));
        }
        if out.len() > MOST_FILES {
            return Err(format!("there are more than {MOST_FILES} files up to {directory}"));
        }
        let entries = fs::read_dir(&folder).map_err(|e| e.to_string())?;
        open.push(folder);
        for entry in entries {
            let name = entry.map_err(|e| e.to_string())?.file_name().to_string_lossy().into_owned();
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if path == ".git" || self.rules.excludes(&path) {
                continue;
            }
            match self.inside(&path)? {
                Some(found) if found.is_dir() => self.walk(&path, open, out)?,
                Some(_) => out.push(path),
                None => return Err(format!("symbolic link {path} leads nowhere")),
            }
        }
        open.pop();
        Ok(())
    }
}

impl Files for WorkingCopy {
    fn names(&self, directory: &str) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        self.walk(directory, &mut Vec::new(), &mut out)?;
        out.sort();
        Ok(out)
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>, String> {
        if self.rules.excludes(path) {
            return Ok(None);
        }
        let Some(found) = self.inside(path)?.filter(|found| found.is_file()) else { return Ok(None) };
        fs::read(found).map(|bytes| Some(bytes.into())).map_err(|e| e.to_string())
    }
}

/// All files below a directory; links are followed wherever they lead, because it is a person's own chart.
pub(super) fn tree(directory: &Path) -> Result<Vec<(String, Bytes)>, Failure> {
    fn walk(directory: &Path, prefix: &str, open: &mut Vec<PathBuf>, out: &mut Vec<(String, Bytes)>) -> Result<(), Failure> {
        let unreadable = |path: &Path, error: &std::io::Error| Failure::error(format!("read {}: {error}", path.display()));
        let real = existing(directory)?;
        if open.contains(&real) || out.len() > MOST_FILES {
            let why = if open.contains(&real) { "leads back to where it stands" } else { "holds too many files" };
            return Err(Failure::error(format!("{} {why}", directory.display())).hint("remove the link"));
        }
        open.push(real);
        for entry in fs::read_dir(directory).map_err(|e| unreadable(directory, &e))? {
            let entry = entry.map_err(|e| unreadable(directory, &e))?;
            let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().to_string_lossy()));
            let meta = fs::metadata(&path).map_err(|e| unreadable(&path, &e))?;
            if meta.is_dir() {
                walk(&path, &format!("{name}/"), open, out)?;
            } else if meta.is_file() {
                out.push((name, fs::read(&path).map_err(|e| unreadable(&path, &e))?.into()));
            } else {
                return Err(Failure::error(format!("{} is neither a file nor a directory", path.display())));
            }
        }
        open.pop();
        Ok(())
    }
    let mut out = Vec::new();
    walk(directory, "", &mut Vec::new(), &mut out)?;
    Ok(out)
}

/// The real path of something that must be there.
pub(super) fn existing(path: &Path) -> Result<PathBuf, Failure> {
    fs::canonicalize(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::error(format!("{} does not exist", path.display())).hint("check the path"),
        _ => Failure::error(format!("{}: {error}", path.display())),
    })
}

fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_copy_ends_where_git_says() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join("apps/web")).unwrap();
        fs::create_dir_all(root.join("base")).unwrap();
        for (path, text) in
            [("base/a.yaml", "a"), ("apps/web/b.yaml", "b"), ("apps/web/x.png", ""), (".git/config", ""), ("../out.yaml", "")]
        {
            fs::write(root.join(path), text).unwrap();
        }
        std::os::unix::fs::symlink("../../base", root.join("apps/web/base")).unwrap();
        let (copy, inside) = WorkingCopy::around(&root.join("apps/web")).unwrap();
        assert_eq!(inside, "apps/web");
        assert_eq!(copy.names("apps/web").unwrap(), ["apps/web/b.yaml", "apps/web/base/a.yaml"]);
        assert_eq!(copy.names("").unwrap(), ["apps/web/b.yaml", "apps/web/base/a.yaml", "base/a.yaml"]);
        assert_eq!(copy.read("base/a.yaml").unwrap().as_deref(), Some(b"a".as_slice()));
        assert_eq!(copy.read("base").unwrap(), None);
        assert_eq!(copy.read("base/none.yaml").unwrap(), None);
        std::os::unix::fs::symlink("../out.yaml", root.join("out.yaml")).unwrap();
        assert!(copy.read("out.yaml").unwrap_err().contains("leads out of"));
        fs::remove_file(root.join("out.yaml")).unwrap();
        std::os::unix::fs::symlink("..", root.join("base/up")).unwrap();
        assert!(copy.names("base").unwrap_err().contains("leads back"));
        assert!(tree(&root.join("base")).unwrap_err().message.contains("leads back"));
    }
}
