//! The demo's Git repository: bare, local, made of the steps of `examples/repos/web`, which the binary carries.

use super::fleet;
use crate::git::commit::{self, Author};
use jiff::Timestamp;
use rust_embed::RustEmbed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The example's files, as `01-install/clusters/demo/web.yaml`.
#[derive(RustEmbed)]
#[folder = "examples/repos/web"]
struct Example;

/// The first step's chart as the many other releases use it: of their own, so that what the story commits leaves them alone, and without
/// the example's short deadline, which a thousand rollouts at once on one machine would miss.
fn fleet_chart() -> impl Iterator<Item = (String, Vec<u8>)> {
    Example::iter().filter_map(|path| {
        let name = path.strip_prefix("01-install/charts/web/")?;
        let text = String::from_utf8_lossy(&Example::get(&path)?.data).into_owned();
        let kept: String = text.lines().filter(|line| !line.contains("progressDeadlineSeconds")).map(|line| format!("{line}\n")).collect();
        Some((format!("charts/fleet/{name}"), kept.into_bytes()))
    })
}

/// A bare repository on this machine.
pub(super) struct Repository {
    path: PathBuf,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Repository {
    /// Makes the repository with the example's first step, and a file with more releases.
    pub(super) fn create(dir: &Path, releases: usize) -> Result<Self, String> {
        let path = dir.join("fleet.git");
        commit::init_bare(&path, "main").map_err(|e| e.to_string())?;
        let repository = Self { path, files: Mutex::default() };
        if releases > 0 {
            repository.change(|files| {
                files.insert("clusters/demo/fleet.yaml".into(), fleet::manifests(releases).into_bytes());
                files.extend(fleet_chart());
            });
        }
        repository.commit_step("01-install")?;
        Ok(repository)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) {
        change(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Lays a step of the example over what is there, and commits.
    pub(super) fn commit_step(&self, step: &str) -> Result<String, String> {
        let prefix = format!("{step}/");
        let text = |name: &str| Example::get(&format!("{prefix}{name}")).map(|f| String::from_utf8_lossy(&f.data).into_owned());
        self.change(|files| {
            for name in Example::iter().filter_map(|n| n.strip_prefix(&prefix).map(str::to_owned)) {
                if !matches!(name.as_str(), "COMMIT" | "REMOVED")
                    && let Some(file) = Example::get(&format!("{prefix}{name}"))
                {
                    files.insert(name, file.data.into_owned());
                }
            }
            for gone in text("REMOVED").unwrap_or_default().lines() {
                files.remove(gone.trim());
            }
        });
        self.commit(text("COMMIT").unwrap_or_default().trim())
    }

    /// Commits a chart of this version with this image tag and greeting.
    pub(super) fn commit_chart(&self, version: &str, tag: &str, greeting: &str, message: &str) -> Result<String, String> {
        self.change(|files| {
            let mut set = |path: &str, change: &dyn Fn(&str) -> Option<String>| {
                if let Some(bytes) = files.get_mut(path) {
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    let lines: Vec<String> = text.lines().map(|line| change(line).unwrap_or_else(|| line.to_owned())).collect();
                    *bytes = (lines.join("\n") + "\n").into_bytes();
                }
            };
            set("charts/web/Chart.yaml", &|line| {
                let key = line.split(':').next().filter(|k| matches!(*k, "version" | "appVersion"))?;
                Some(format!("{key}: \"{version}\""))
            });
            set("charts/web/values.yaml", &|line| match line.split(':').next()? {
                "  tag" => Some(format!("  tag: \"{tag}\"")),
                "greeting" => Some(format!("greeting: {greeting}")),
                _ => None,
            });
        });
        self.commit(message)
    }

    fn commit(&self, message: &str) -> Result<String, String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let author = Author { name: "Ada", email: "ada@shop.example", seconds: Timestamp::now().as_second() };
        commit::commit(&self.path, "main", files, author, message).map(|id| id.to_string()).map_err(|e| e.to_string())
    }
}
