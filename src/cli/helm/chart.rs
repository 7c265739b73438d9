//! A chart given by path, as Helm's `LocateChart` and `loader` take it.

use super::failed;
use super::values::os_error;
use crate::cli::failure::Failure;
use crate::cli::place::Place;
use bytes::Bytes;
use helmward_chart::chart::{Chart, IgnoreRules, LoadError, LoadLimits, load_archive, load_tree};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// A chart's place, and the warnings on the way to it.
pub(in crate::cli) struct Found {
    /// Absolute, as Helm makes it.
    pub(in crate::cli) path: PathBuf,
    /// What Helm would log while it reads the chart.
    pub(in crate::cli) log: Vec<String>,
}

/// Finds a chart by its path. Charts elsewhere are not fetched.
pub(in crate::cli) fn find(name: &str, repo: Option<&str>) -> Result<Found, Failure> {
    let name = name.trim();
    let mut log = Vec::new();
    if fs::metadata(name).is_ok() {
        if let Some(repo) = repo.filter(|repo| !repo.is_empty()) {
            log.push(format!(
                "install.go:759: WARN local chart found in current working directory. repository url ignored chart={name} repository={repo}"
            ));
        }
        return Ok(Found { path: absolute(name), log });
    }
    if Path::new(name).is_absolute() || name.starts_with('.') {
        return Err(failed(format!("path {} not found", helmward_chart::go::quote::quote(name))));
    }
    let fetch = "charts are not fetched here: pull it with `helm pull` and give the path of the file or directory";
    if let Some(repo) = repo.filter(|repo| !repo.is_empty()) {
        return Err(failed(format!("--repo {repo} is refused: {fetch}")));
    }
    if name.contains("://") {
        return Err(failed(format!("chart {name} is refused: {fetch}")));
    }
    match name.split_once('/') {
        Some((repository, _)) => Err(failed(format!("repo {repository} not found")).hint(fetch)),
        None => Err(failed(format!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}")).hint(fetch)),
    }
}

impl Found {
    /// Reads the chart, a directory or an archive.
    pub(in crate::cli) fn load(&mut self) -> Result<Chart, Failure> {
        let limits = LoadLimits::default();
        let loaded = if self.path.is_dir() {
            let tree = directory(&self.path, &mut self.log).map_err(failed)?;
            load_tree(tree, &limits)
        } else {
            let shown = self.path.display().to_string();
            let bytes = fs::read(&self.path).map_err(|e| failed(os_error(&shown, &e)))?;
            check_archive(&shown, &bytes).map_err(failed)?;
            load_archive(&bytes, &limits)
        };
        loaded.map_err(|e| {
            let place = match &e {
                LoadError::Yaml { file, why } => Place::line_in(why).and_then(|line| Place::of_file(&self.path.join(file), line, None)),
                _ => None,
            };
            failed(e.to_string()).at(place)
        })
    }
}

/// Go's `filepath.Abs`: without asking where links lead.
fn absolute(name: &str) -> PathBuf {
    let joined = std::env::current_dir().unwrap_or_default().join(name);
    let mut out = PathBuf::new();
    for part in joined.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// The files below a directory in the order of Helm's walk, without those that `.helmignore` leaves out. Links are followed
/// wherever they lead, because it is a person's own chart.
fn directory(top: &Path, log: &mut Vec<String>) -> Result<Vec<(String, Bytes)>, String> {
    let rules = fs::read(top.join(".helmignore")).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let rules = IgnoreRules::parse(&rules).map_err(|e| e.to_string())?;
    let mut walk = Walk { rules, log, out: Vec::new(), open: Vec::new() };
    walk.below(top, top, "")?;
    Ok(walk.out)
}

struct Walk<'a> {
    rules: IgnoreRules,
    log: &'a mut Vec<String>,
    out: Vec<(String, Bytes)>,
    /// Directories that the walk is in: a link to one of them would never end.
    open: Vec<PathBuf>,
}

impl Walk<'_> {
    /// `shown` is the path by which Helm knows the directory, `real` where its files are.
    fn below(&mut self, shown: &Path, real: &Path, prefix: &str) -> Result<(), String> {
        let canonical = fs::canonicalize(real).map_err(|e| os_error(&shown.display().to_string(), &e))?;
        if self.open.contains(&canonical) {
            return Err(format!("{} leads back to where it stands; remove the link", shown.display()));
        }
        self.open.push(canonical);
        let entries = fs::read_dir(real).map_err(|e| os_error(&shown.display().to_string(), &e))?;
        let mut names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let (path, inside) = (shown.join(&name), format!("{prefix}{}", name.to_string_lossy()));
            let told = path.display().to_string();
            let mut meta = fs::symlink_metadata(&path).map_err(|e| os_error(&told, &e))?;
            if meta.is_symlink() {
                let target = fs::canonicalize(&path).map_err(|_| {
                    let link = fs::read_link(&path).map(|to| path.parent().unwrap_or(Path::new("/")).join(to)).unwrap_or_default();
                    format!(
                        "error evaluating symlink {told}: lstat {}: no such file or directory",
                        absolute(&link.to_string_lossy()).display()
                    )
                })?;
                self.log.push(format!(
                    "found symbolic link in path: {told} resolves to {}. Contents of linked file included and used",
                    target.display()
                ));
                meta = fs::metadata(&target).map_err(|e| os_error(&told, &e))?;
            }
            if self.rules.ignores(&inside, meta.is_dir()) {
                continue;
            }
            if meta.is_dir() {
                self.below(&path, &path, &format!("{inside}/"))?;
            } else if meta.is_file() {
                let bytes = fs::read(&path).map_err(|e| format!("error reading {inside}: {}", os_error(&told, &e)))?;
                self.out.push((inside, bytes.into()));
            } else {
                return Err(format!("cannot load irregular file {told} as it has file mode type bits set"));
            }
        }
        self.open.pop();
        Ok(())
    }
}

/// Helm's `ensureArchive`.
fn check_archive(name: &str, bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(b"\x1f\x8b\x08") {
        return Ok(());
    }
    if name.ends_with(".yml") || name.ends_with(".yaml") {
        return Err(format!("file '{name}' seems to be a YAML file, but expected a gzipped archive"));
    }
    // Helm looks at a buffer of 512 bytes, and what a shorter file leaves of it is zeros
    let binary = |b: &u8| matches!(b, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    let kind = if bytes.len() < 512 || bytes[..512].iter().any(binary) { "application/octet-stream" } else { "text/plain; charset=utf-8" };
    Err(format!("file '{name}' does not appear to be a gzipped archive; got '{kind}'"))
}
