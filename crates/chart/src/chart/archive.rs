//! Packed charts: gzip, tar, path checks and caps.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use super::load::{Budget, load_files_within, strip_bom};
use super::tar::{Entries, Kind};
use super::{Chart, File, LoadError, LoadLimits, paths};
use crate::go::quote::quote;

/// Loads a packed chart (`name-1.2.3.tgz`) from its bytes. Helm's `loader.LoadArchive` (loader/archive.go).
///
/// # Errors
/// Where the bytes are no archive of a chart, a file of it is wrong, or a cap is exceeded.
pub fn load_archive(bytes: &[u8], limits: &LoadLimits) -> Result<Chart, LoadError> {
    load_archive_within(bytes, &mut Budget::new(limits), 0)
}

pub(super) fn load_archive_within(bytes: &[u8], budget: &mut Budget<'_>, depth: usize) -> Result<Chart, LoadError> {
    let files = unpack(bytes, budget)?;
    load_files_within(files, budget, depth)
}

/// The files of an archive, without the folder that holds them all.
fn unpack(bytes: &[u8], budget: &mut Budget<'_>) -> Result<Vec<File>, LoadError> {
    let plain = gunzip(bytes, budget)?;
    let mut files = Vec::new();
    for entry in Entries::new(&plain) {
        let entry = entry.map_err(LoadError::Archive)?;
        if entry.kind != Kind::File {
            continue;
        }
        let name = chart_path(&entry.name)?;
        if entry.size > budget.limits.max_file {
            return Err(LoadError::TooLarge(format!(
                "decompressed chart file {} is larger than the maximum file size {}",
                quote(&entry.name),
                budget.limits.max_file
            )));
        }
        budget.count_file()?;
        files.push(File { name, data: Bytes::copy_from_slice(strip_bom(entry.data)) });
    }
    if files.is_empty() {
        return Err(LoadError::Archive("no files in chart archive".to_owned()));
    }
    Ok(files)
}

fn gunzip(bytes: &[u8], budget: &mut Budget<'_>) -> Result<Vec<u8>, LoadError> {
    if bytes.len() < 10 || bytes[..2] != [0x1f, 0x8b] {
        let why = match bytes.len() {
            0 => "EOF",
            1..10 => "unexpected EOF",
            _ => "gzip: invalid header",
        };
        return Err(LoadError::Archive(why.to_owned()));
    }
    let allowed = budget.unpacked_left(bytes.len());
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(allowed + 1).read_to_end(&mut plain);
    if plain.len() as u64 > allowed {
        return Err(budget.too_large());
    }
    read.map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => LoadError::Archive("unexpected EOF".to_owned()),
        _ => LoadError::Archive(format!("gzip: {e}")),
    })?;
    budget.count_unpacked(plain.len() as u64);
    Ok(plain)
}

/// The path below the chart's root, after the checks that Helm makes.
fn chart_path(name: &str) -> Result<String, LoadError> {
    let illegal = |text: &str| Err(LoadError::Path(text.to_owned()));
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (first, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return illegal("chart illegally contains absolute paths");
    }
    let clean = paths::clean(&rest);
    if clean == "." {
        return Err(LoadError::Path(format!("chart illegally contains content outside the base directory: {}", quote(name))));
    }
    if clean.starts_with("..") {
        return illegal("chart illegally references parent directory");
    }
    if clean.len() > 2 && clean.as_bytes()[0].is_ascii_alphabetic() && &clean.as_bytes()[1..3] == b":/" {
        return illegal("chart contains illegally named files");
    }
    if first == "Chart.yaml" {
        return illegal("chart yaml not in base directory");
    }
    Ok(clean)
}
