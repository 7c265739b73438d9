//! Walking a tree: links inside it are followed, loops and escapes are refused by name, budgets hold.

use super::{
    Entry, EntryKind, ObjectError, Objects, Oid,
    snapshot::{Limits, SnapshotError},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The name of the files that hold ignore rules.
const IGNORE_FILE: &str = ".sourceignore";

/// Links followed in one path before it is called a loop, as Linux does.
const MAX_LINKS: usize = 40;

/// Facts about trees that hold for ever, because trees never change. Shared by the snapshots of one source, so that a new
/// commit costs only the trees that it touched.
#[derive(Debug, Default)]
pub struct TreeMemo {
    facts: Mutex<HashMap<Oid, Facts>>,
    directories: Mutex<Directories>,
}

/// The entries of directories by name, so that a thousand files of one directory do not read it a thousand times.
#[derive(Debug, Default)]
struct Directories {
    known: HashMap<Oid, Directory>,
    entries: usize,
}

type Directory = Arc<HashMap<String, Entry>>;

/// Entries of directories that a memo may hold before it starts anew.
const MAX_ENTRIES: usize = 20_000;

/// Trees that a memo may hold before it starts anew.
const MAX_FACTS: usize = 200_000;

/// What is somewhere below a tree.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) links: bool,
    pub(super) ignores: bool,
}

impl TreeMemo {
    fn get(&self, id: &Oid) -> Option<Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    fn put(&self, id: Oid, facts: Facts) {
        let mut all = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_FACTS {
            all.clear();
        }
        all.insert(id, facts);
    }

    /// The entries of a directory, read where they are not known.
    fn directory(&self, id: &Oid, read: impl FnOnce() -> Result<Vec<Entry>, ObjectError>) -> Result<Directory, ObjectError> {
        let directories = || self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = directories().known.get(id) {
            return Ok(Arc::clone(known));
        }
        let mut entries = HashMap::new();
        for entry in read()? {
            // The first of a name counts.
            entries.entry(entry.name.clone()).or_insert(entry);
        }
        let (entries, mut all) = (Arc::new(entries), directories());
        if all.entries + entries.len() > MAX_ENTRIES {
            *all = Directories::default();
        }
        all.entries += entries.len();
        all.known.insert(*id, Arc::clone(&entries));
        Ok(entries)
    }
}

/// A place in a tree, all links resolved.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Dir(Oid),
    File(Oid),
}

/// Reads one tree.
pub(super) struct Walker<'a> {
    pub(super) objects: &'a dyn Objects,
    pub(super) root: Oid,
    pub(super) limits: Limits,
    pub(super) memo: &'a TreeMemo,
}

impl Walker<'_> {
    /// Finds what stands at a path, following links; answers the place and its real path.
    pub(super) fn find(&self, path: &str) -> Result<(Place, Vec<String>), SnapshotError> {
        self.resolve(Vec::new(), split(path)?, path, &mut 0)
    }

    /// Resolves `parts` below the real directory `base`.
    fn resolve(
        &self,
        base: Vec<String>,
        parts: Vec<String>,
        asked: &str,
        links: &mut usize,
    ) -> Result<(Place, Vec<String>), SnapshotError> {
        let mut real: Vec<(String, Oid)> = Vec::new();
        for name in base {
            let here = real.last().map_or(self.root, |(_, id)| *id);
            let entry = self.entry(&here, &name)?.ok_or_else(|| SnapshotError::NotFound { path: asked.into() })?;
            real.push((name, entry.id));
        }
        let mut todo: Vec<String> = parts.into_iter().rev().collect();
        let mut place = Place::Dir(real.last().map_or(self.root, |(_, id)| *id));
        while let Some(name) = todo.pop() {
            let Place::Dir(here) = place else { return Err(SnapshotError::NotADirectory { path: asked.into(), part: join(&real) }) };
            match name.as_str() {
                "." | "" => continue,
                ".." => {
                    real.pop().ok_or_else(|| SnapshotError::Escape { path: asked.into(), target: "..".into() })?;
                    place = Place::Dir(real.last().map_or(self.root, |(_, id)| *id));
                    continue;
                }
                _ => {}
            }
            let entry = self.entry(&here, &name)?.ok_or_else(|| SnapshotError::NotFound { path: asked.into() })?;
            match entry.kind {
                EntryKind::Dir => {
                    place = Place::Dir(entry.id);
                    real.push((name, entry.id));
                }
                EntryKind::File => {
                    place = Place::File(entry.id);
                    real.push((name, entry.id));
                }
                EntryKind::Submodule => return Err(SnapshotError::Submodule { path: asked.into() }),
                EntryKind::Link => {
                    *links += 1;
                    if *links > MAX_LINKS {
                        return Err(SnapshotError::Loop { path: asked.into() });
                    }
                    let target = self.target(&entry, asked)?;
                    todo.extend(target.split('/').rev().map(Into::into));
                }
            }
        }
        Ok((place, real.into_iter().map(|(name, _)| name).collect()))
    }

    /// Reads a link; absolute targets leave the tree.
    fn target(&self, link: &Entry, path: &str) -> Result<String, SnapshotError> {
        if self.objects.blob_len(&link.id)? > 4096 {
            return Err(SnapshotError::Loop { path: path.into() });
        }
        let target = String::from_utf8_lossy(&self.objects.blob(&link.id)?).into_owned();
        if target.starts_with('/') {
            return Err(SnapshotError::Escape { path: path.into(), target });
        }
        Ok(target)
    }

    fn entry(&self, dir: &Oid, name: &str) -> Result<Option<Entry>, SnapshotError> {
        Ok(self.memo.directory(dir, || self.objects.tree(dir))?.get(name).cloned())
    }

    /// Every file below a directory: logical path from the directory, and blob. Sorted by path.
    pub(super) fn list(&self, path: &str) -> Result<Vec<(String, Oid)>, SnapshotError> {
        let (place, real) = self.find(path)?;
        let mut out = Vec::new();
        match place {
            Place::Dir(id) => {
                let prefix = split(path)?.join("/");
                self.descend(id, &prefix, "", &mut vec![real], &mut out)?;
            }
            Place::File(_) => return Err(SnapshotError::NotADirectory { path: path.into(), part: path.into() }),
        }
        out.sort();
        Ok(out)
    }

    /// `open` holds the real paths of the directories that are being listed: a link to one of them is a loop.
    fn descend(
        &self,
        dir: Oid,
        shown: &str,
        below: &str,
        open: &mut Vec<Vec<String>>,
        out: &mut Vec<(String, Oid)>,
    ) -> Result<(), SnapshotError> {
        if open.len() > self.limits.depth {
            return Err(SnapshotError::TooDeep { path: shown.into(), limit: self.limits.depth });
        }
        for entry in self.objects.tree(&dir)? {
            check_name(&entry.name, shown)?;
            let logical = if below.is_empty() { entry.name.clone() } else { format!("{below}/{}", entry.name) };
            let asked = if shown.is_empty() { entry.name.clone() } else { format!("{shown}/{}", entry.name) };
            let mut real = open.last().cloned().unwrap_or_default();
            let place = match entry.kind {
                EntryKind::Submodule => continue,
                EntryKind::Dir => {
                    real.push(entry.name);
                    Place::Dir(entry.id)
                }
                EntryKind::File => Place::File(entry.id),
                EntryKind::Link => {
                    let target = self.target(&entry, &asked)?;
                    let parts = target.split('/').map(Into::into).collect();
                    let found = self.resolve(real, parts, &asked, &mut 1).map_err(|err| match err {
                        SnapshotError::NotFound { path } => SnapshotError::Dangling { path, target: target.clone() },
                        SnapshotError::Escape { path, .. } => SnapshotError::Escape { path, target: target.clone() },
                        other => other,
                    })?;
                    real = found.1;
                    if matches!(found.0, Place::Dir(_)) && open.contains(&real) {
                        return Err(SnapshotError::Loop { path: asked });
                    }
                    found.0
                }
            };
            match place {
                Place::Dir(id) => {
                    open.push(real);
                    self.descend(id, &asked, &logical, open, out)?;
                    open.pop();
                }
                Place::File(id) => {
                    if out.len() >= self.limits.files {
                        return Err(SnapshotError::TooMany { path: asked, limit: self.limits.files });
                    }
                    out.push((logical, id));
                }
            }
        }
        Ok(())
    }

    /// Whether links or ignore rules are somewhere below a tree.
    pub(super) fn facts(&self, dir: &Oid, depth: usize) -> Result<Facts, SnapshotError> {
        if let Some(known) = self.memo.get(dir) {
            return Ok(known);
        }
        if depth > self.limits.depth {
            return Err(SnapshotError::TooDeep { path: dir.to_string(), limit: self.limits.depth });
        }
        let mut facts = Facts::default();
        for entry in self.objects.tree(dir)? {
            match entry.kind {
                EntryKind::Dir => {
                    let below = self.facts(&entry.id, depth + 1)?;
                    facts.links |= below.links;
                    facts.ignores |= below.ignores;
                }
                EntryKind::Link => facts.links = true,
                EntryKind::File => facts.ignores |= entry.name == IGNORE_FILE,
                EntryKind::Submodule => {}
            }
        }
        self.memo.put(*dir, facts);
        Ok(facts)
    }

    /// The ignore files below a directory, outermost first: the directory that they rule, and their text.
    pub(super) fn ignore_files(&self, dir: &Oid, path: &str, out: &mut Vec<(String, String)>) -> Result<(), SnapshotError> {
        if !self.facts(dir, 0)?.ignores {
            return Ok(());
        }
        let mut entries = self.objects.tree(dir)?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(file) = entries.iter().find(|entry| entry.kind == EntryKind::File && entry.name == IGNORE_FILE) {
            let len = self.objects.blob_len(&file.id)?;
            if len > self.limits.ignore_file {
                return Err(SnapshotError::TooLarge { path: format!("{path}/{IGNORE_FILE}"), bytes: len, limit: self.limits.ignore_file });
            }
            out.push((path.into(), String::from_utf8_lossy(&self.objects.blob(&file.id)?).into_owned()));
        }
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Dir) {
            let below = if path.is_empty() { entry.name.clone() } else { format!("{path}/{}", entry.name) };
            self.ignore_files(&entry.id, &below, out)?;
        }
        Ok(())
    }
}

/// Names that a file system would take for something else.
fn check_name(name: &str, dir: &str) -> Result<(), SnapshotError> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(SnapshotError::BadName { dir: dir.into(), name: name.into() });
    }
    Ok(())
}

/// Splits a path that a user wrote (`./a/b`, `/a/b/`, empty for the root). `..` may not lead out of the root.
pub(super) fn split(path: &str) -> Result<Vec<String>, SnapshotError> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| SnapshotError::Escape { path: path.into(), target: "..".into() })?;
            }
            part => parts.push(part.into()),
        }
    }
    Ok(parts)
}

fn join(real: &[(String, Oid)]) -> String {
    real.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("/")
}
