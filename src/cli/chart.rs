//! A local chart, and what a render takes from the system.

use super::failure::Failure;
use super::local;
use super::place::Place;
use helmward_chart::chart::{Chart, LoadError, LoadLimits, load_archive, load_tree};
use helmward_chart::render::RenderError;
use helmward_chart::template::{CallSite, Entropy, Time};
use jiff::Timestamp;
use std::fs;
use std::path::Path;

/// Loads a chart from a directory or an archive.
pub(super) fn load(path: &Path) -> Result<Chart, Failure> {
    let limits = LoadLimits::default();
    let loaded = if path.is_dir() {
        load_tree(local::tree(path)?, &limits)
    } else {
        let bytes = fs::read(path).map_err(|e| {
            Failure::error(format!("read chart {}: {e}", path.display()))
                .hint("give the path of a chart's directory or archive; charts in repositories are not fetched here")
        })?;
        load_archive(&bytes, &limits)
    };
    loaded.map_err(|e| {
        let place = match &e {
            LoadError::Yaml { file, why } => Place::line_in(why).and_then(|line| Place::of_file(&path.join(file), line, None)),
            _ => None,
        };
        Failure::error(format!("{}: {e}", path.display())).at(place)
    })
}

/// Why a chart of this path cannot be rendered, with the lines of the template.
pub(super) fn unrenderable(path: &Path, error: &RenderError) -> Failure {
    let failure = Failure::error(format!("{}: {error}", path.display()));
    match place(path, error) {
        None => failure,
        place => failure.hint("correct the template or the values that it reads").at(place),
    }
}

/// The place in a template of the chart at this path that an error is about.
pub(super) fn place(path: &Path, error: &RenderError) -> Option<Place> {
    let location = error.location()?;
    // templates are named by the chart, whatever its directory is called
    let inside = location.file.split_once('/').map_or(&*location.file, |(_, inside)| inside);
    Place::of_file(&path.join(inside), location.line, location.column)
}

/// Random bytes of the system: a person's own render need not be the same twice.
pub(super) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, _: &CallSite, out: &mut [u8]) {
        getrandom::fill(out).expect("the system gives random bytes");
    }
}

pub(super) fn now() -> Time {
    let now = Timestamp::now();
    Time::unix(now.as_second(), now.subsec_nanosecond().unsigned_abs())
}
