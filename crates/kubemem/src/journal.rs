//! The state in a file: one line per change, read again at the next start.
//!
//! Each line is written before its request is answered, so that what was answered outlives a killed process. A start
//! writes the file anew without what has been changed over since; a line that was cut off by the end of a process is dropped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::TableKey;
use crate::store::{ObjectName, Place};

/// What goes on where it stopped, beside the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) revision: u64,
    pub(crate) random: u64,
    pub(crate) addresses: u32,
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    counters: Counters,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum What {
    Seed(u64),
    Put { group: String, plural: String, object: Value },
    Removed { group: String, plural: String, namespace: String, name: String },
}

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) counters: Counters,
    pub(crate) seed: u64,
    pub(crate) objects: BTreeMap<Place, Value>,
}

/// A file that changes are written to.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    failure: Option<io::Error>,
}

impl Journal {
    /// Opens a file, which is made where it is not there, and answers what it held.
    pub(crate) fn open(path: &Path, seed: u64) -> io::Result<(Journal, Option<Saved>)> {
        let saved = match std::fs::read(path) {
            Ok(bytes) => read(&bytes).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display())))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let fresh = path.with_extension("new");
        let mut journal = Journal { file: File::create(&fresh)?, failure: None };
        let counters = saved.as_ref().map(|saved| saved.counters).unwrap_or_default();
        journal.append(counters, What::Seed(saved.as_ref().map_or(seed, |saved| saved.seed)));
        for (place, object) in saved.iter().flat_map(|saved| &saved.objects) {
            journal.put(counters, place, object);
        }
        if let Some(error) = journal.failure.take() {
            return Err(error);
        }
        journal.file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        Ok((journal, saved))
    }

    pub(crate) fn put(&mut self, counters: Counters, place: &Place, object: &Value) {
        let TableKey { group, plural } = place.table.clone();
        self.append(counters, What::Put { group, plural, object: object.clone() });
    }

    pub(crate) fn removed(&mut self, counters: Counters, place: &Place) {
        let TableKey { group, plural } = place.table.clone();
        let ObjectName { namespace, name } = place.name.clone();
        self.append(counters, What::Removed { group, plural, namespace, name });
    }

    fn append(&mut self, counters: Counters, what: What) {
        let written = serde_json::to_vec(&Line { counters, what }).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        });
        if let Err(error) = written {
            self.failure.get_or_insert(error);
        }
    }

    /// Why the file is behind, if it is.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }
}

fn read(bytes: &[u8]) -> Result<Option<Saved>, String> {
    let mut saved: Option<Saved> = None;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let Line { counters, what } = serde_json::from_slice(line).map_err(|error| format!("line {}: {error}", number + 1))?;
        if let What::Seed(seed) = what {
            saved = Some(Saved { counters, seed, objects: BTreeMap::new() });
            continue;
        }
        let Some(saved) = &mut saved else { return Err("it does not begin with a seed: it is no state of this program".into()) };
        saved.counters = counters;
        match what {
            What::Seed(_) => {}
            What::Put { group, plural, object } => {
                let place = Place { table: TableKey { group, plural }, name: ObjectName::of(&object) };
                saved.objects.insert(place, object);
            }
            What::Removed { group, plural, namespace, name } => {
                saved.objects.remove(&Place { table: TableKey { group, plural }, name: ObjectName { namespace, name } });
            }
        }
    }
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_of_each_object_counts() {
        let place = |name: &str| Place { table: TableKey::new("", "configmaps"), name: ObjectName::new("default", name) };
        let object = |name: &str, value: u64| json!({"metadata": {"namespace": "default", "name": name}, "data": value});
        let path = std::env::temp_dir().join(format!("kubemem-journal-{}.jsonl", std::process::id()));
        let (mut journal, saved) = Journal::open(&path, 7).expect("a new file");
        assert!(saved.is_none());
        let at = |revision: u64| Counters { revision, random: revision * 10, addresses: 1 };
        journal.put(at(1), &place("a"), &object("a", 1));
        journal.put(at(2), &place("b"), &object("b", 1));
        journal.put(at(3), &place("a"), &object("a", 2));
        journal.removed(at(4), &place("b"));
        // the process ends within a line
        journal.file.write_all(b"{\"revision\":5,").expect("written");
        drop(journal);
        for _ in 0..2 {
            let (_, saved) = Journal::open(&path, 8).expect("the file");
            let saved = saved.expect("what was saved");
            assert_eq!((saved.seed, saved.counters), (7, at(4)));
            assert_eq!(saved.objects, BTreeMap::from([(place("a"), object("a", 2))]));
        }
        std::fs::write(&path, "hello\n").expect("written");
        assert!(Journal::open(&path, 7).is_err());
        std::fs::remove_file(&path).expect("removed");
    }
}
