//! What the server keeps: objects by kind, the recent changes of each kind, indexes for garbage collection.

mod labels;
mod selector;
mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

pub(crate) use selector::{FieldSelector, LabelSelector, labels_match};
pub(crate) use table::{Change, ChangeKind, ObjectName, Table};

use crate::journal::{Counters, Journal};
use crate::resource::{Registry, TableKey};

/// The place of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) table: TableKey,
    pub(crate) name: ObjectName,
}

/// All state, behind one lock that is held shortly.
#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    pub(crate) registry: Registry,
    tables: BTreeMap<TableKey, Table>,
    by_uid: HashMap<String, Place>,
    dependents: HashMap<String, BTreeSet<Place>>,
    /// pods and replica sets that nobody controls
    orphans: BTreeSet<Place>,
    random: u64,
    watch_window: usize,
    changes: Option<UnboundedSender<Noticed>>,
    next_ip: u32,
    journal: Option<Journal>,
}

/// A change as the controllers hear of it.
#[derive(Clone, Debug)]
pub(crate) struct Noticed {
    pub(crate) place: Place,
    pub(crate) kind: ChangeKind,
    pub(crate) object: Arc<Value>,
    pub(crate) previous: Option<Arc<Value>>,
}

impl Store {
    pub(crate) fn new(seed: u64, watch_window: usize, changes: UnboundedSender<Noticed>) -> Store {
        let registry = Registry::builtin();
        let tables = registry.tables().into_keys().map(|key| (key, Table::default())).collect();
        Store {
            revision: 1,
            registry,
            tables,
            by_uid: HashMap::new(),
            dependents: HashMap::new(),
            orphans: BTreeSet::new(),
            random: seed,
            watch_window,
            changes: Some(changes),
            next_ip: 1,
            journal: None,
        }
    }

    /// Writes every change from now on to a file.
    pub(crate) fn keep_in(&mut self, journal: Option<Journal>) {
        self.journal = journal;
    }

    /// Why changes are not kept any more, though they should be.
    pub(crate) fn journal_failure(&self) -> Option<&std::io::Error> {
        self.journal.as_ref()?.failure()
    }

    /// Goes on from the counters of an earlier process.
    pub(crate) fn resume(&mut self, counters: Counters) {
        Counters { revision: self.revision, random: self.random, addresses: self.next_ip } = counters;
    }

    /// Puts an object of an earlier process back as it was.
    pub(crate) fn put_back(&mut self, place: &Place, object: Value) {
        let object = Arc::new(object);
        self.ensure_table(&place.table);
        self.index(place, &object);
        self.record(place, ChangeKind::Added, object.clone(), None);
        if let Some(table) = self.tables.get_mut(&place.table) {
            table.objects.insert(place.name.clone(), object);
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn table(&self, key: &TableKey) -> Option<&Table> {
        self.tables.get(key)
    }

    /// Makes room for a kind.
    pub(crate) fn ensure_table(&mut self, key: &TableKey) {
        let revision = self.revision;
        self.tables.entry(key.clone()).or_insert_with(|| Table::starting_at(revision));
    }

    /// Forgets a kind; watches of it end.
    pub(crate) fn drop_table(&mut self, key: &TableKey) {
        self.tables.remove(key);
    }

    pub(crate) fn get(&self, key: &TableKey, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.tables.get(key)?.objects.get(&ObjectName::new(namespace, name))
    }

    pub(crate) fn at(&self, place: &Place) -> Option<&Arc<Value>> {
        self.tables.get(&place.table)?.objects.get(&place.name)
    }

    /// Objects of a kind, of one namespace or of all.
    pub(crate) fn list(&self, key: &TableKey, namespace: &str) -> Vec<Arc<Value>> {
        self.tables.get(key).map(|table| table.list(namespace).map(|(_, object)| object.clone()).collect()).unwrap_or_default()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &TableKey> {
        self.tables.keys()
    }

    pub(crate) fn by_uid(&self, uid: &str) -> Option<&Place> {
        self.by_uid.get(uid)
    }

    /// Objects that name an owner.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<Place> {
        self.dependents.get(uid).map(|places| places.iter().cloned().collect()).unwrap_or_default()
    }

    /// Pods or replica sets of a namespace that nobody controls.
    pub(crate) fn orphans(&self, table: &TableKey, namespace: &str) -> Vec<Arc<Value>> {
        let first = Place { table: table.clone(), name: ObjectName::new(namespace, "") };
        let of_namespace = self.orphans.range(first..).take_while(|at| at.table == *table && at.name.namespace == namespace);
        of_namespace.filter_map(|at| self.at(at).cloned()).collect()
    }

    /// Writes an object under the next resourceVersion.
    pub(crate) fn put(&mut self, place: &Place, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let object = Arc::new(object);
        let previous = self.at(place).cloned();
        if let Some(previous) = &previous {
            self.unindex(place, previous);
        }
        self.index(place, &object);
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.record(place, kind, object.clone(), previous);
        if let Some(table) = self.tables.get_mut(&place.table) {
            table.objects.insert(place.name.clone(), object.clone());
        }
        object
    }

    /// Removes an object; its last state, under the revision of its removal, is what watchers see.
    pub(crate) fn remove(&mut self, place: &Place) -> Option<Arc<Value>> {
        let previous = self.tables.get_mut(&place.table)?.objects.remove(&place.name)?;
        self.unindex(place, &previous);
        self.revision += 1;
        let mut last = (*previous).clone();
        last["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let last = Arc::new(last);
        self.record(place, ChangeKind::Deleted, last.clone(), Some(previous));
        Some(last)
    }

    fn record(&mut self, place: &Place, kind: ChangeKind, object: Arc<Value>, previous: Option<Arc<Value>>) {
        if let Some(changes) = &self.changes {
            let _ = changes.send(Noticed { place: place.clone(), kind, object: object.clone(), previous: previous.clone() });
        }
        if let Some(journal) = &mut self.journal {
            let counters = Counters { revision: self.revision, random: self.random, addresses: self.next_ip };
            match kind {
                ChangeKind::Deleted => journal.removed(counters, place),
                ChangeKind::Added | ChangeKind::Modified => journal.put(counters, place, &object),
            }
        }
        let change = Change { revision: self.revision, kind, name: place.name.clone(), object, previous, line: OnceLock::new() };
        if let Some(table) = self.tables.get_mut(&place.table) {
            table.record(change, self.watch_window);
        }
    }

    fn index(&mut self, place: &Place, object: &Value) {
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            self.by_uid.insert(uid.to_owned(), place.clone());
        }
        for owner in owners(object) {
            self.dependents.entry(owner).or_default().insert(place.clone());
        }
        if matches!(place.table.plural.as_str(), "pods" | "replicasets") && controller_of(object).is_none() {
            self.orphans.insert(place.clone());
        }
    }

    fn unindex(&mut self, place: &Place, object: &Value) {
        self.orphans.remove(place);
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            self.by_uid.remove(uid);
        }
        for owner in owners(object) {
            if let Some(places) = self.dependents.get_mut(&owner) {
                places.remove(place);
                if places.is_empty() {
                    self.dependents.remove(&owner);
                }
            }
        }
    }

    /// Forgets the changes of every kind, so that older watches are told to start over.
    pub(crate) fn compact(&mut self) {
        let revision = self.revision;
        self.tables.values_mut().for_each(|table| table.compact(revision));
    }

    fn draw(&mut self) -> u64 {
        // splitmix64
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A version 4 UUID.
    pub(crate) fn uid(&mut self) -> String {
        let (a, b) = (self.draw(), self.draw());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 48) & 0x3fff,
            b & 0xffff_ffff_ffff
        )
    }

    /// The random end of a generated name.
    pub(crate) fn suffix(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length).map(|_| char::from(LETTERS[(self.draw() % LETTERS.len() as u64) as usize])).collect()
    }

    /// An address of the service range that has not been given out.
    pub(crate) fn service_ip(&mut self) -> String {
        self.next_ip += 1;
        format!("10.96.{}.{}", (self.next_ip >> 8) & 0xff, self.next_ip & 0xff)
    }

    /// An address for a pod.
    pub(crate) fn pod_ip(&mut self) -> String {
        self.next_ip += 1;
        format!("10.244.{}.{}", (self.next_ip >> 8) & 0xff, self.next_ip & 0xff)
    }

    /// A port of the node port range that no service has.
    pub(crate) fn node_port(&mut self) -> u16 {
        let taken: BTreeSet<u64> = self
            .list(&TableKey::new("", "services"), "")
            .iter()
            .flat_map(|s| s["spec"]["ports"].as_array().cloned().unwrap_or_default())
            .filter_map(|p| p["nodePort"].as_u64())
            .collect();
        loop {
            let port = 30000 + self.draw() % 2768;
            if !taken.contains(&port) {
                return u16::try_from(port).unwrap_or(30000);
            }
        }
    }
}

/// The uids of an object's owners.
pub(crate) fn owners(object: &Value) -> Vec<String> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|owner| owner["uid"].as_str().map(str::to_owned))
        .collect()
}

/// A reference to the object that controls another.
pub(crate) fn controller_reference(owner: &Value) -> Value {
    json!({"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true})
}

/// The uid of the object that controls this one.
pub(crate) fn controller_of(object: &Value) -> Option<&str> {
    object["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)?["uid"].as_str()
}
