//! The store on disk: records, content, locks, damage, and death.

use super::*;
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

fn key() -> StoreKey {
    StoreKey::new([3; 32])
}

fn open(dir: &Path) -> Store {
    let opened = Store::open(dir, &key(), 1_700_000_000).unwrap();
    assert_eq!(opened.broken, None);
    opened.store
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Unit {
    name: String,
    text: String,
    content: Option<ContentId>,
}

fn unit(name: &str) -> Unit {
    Unit { name: name.into(), text: "secret-canary ".repeat(20), content: None }
}

/// Whether any file below a directory holds these bytes.
fn holds(dir: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() { holds(&path, needle) } else { std::fs::read(path).unwrap().windows(needle.len()).any(|w| w == needle) }
    })
}

#[tokio::test]
async fn records_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        for name in ["shop/a", "shop/b", "other/a"] {
            store.put(Table::Units, name, &unit(name)).await.unwrap();
        }
        store.put(Table::Runs, "shop/a", &1).await.unwrap();
        let mut batch = Batch::new();
        batch.put(Table::Units, "shop/c", &unit("shop/c")).unwrap().delete(Table::Units, "shop/b").put(Table::Meta, "x", &true).unwrap();
        store.batch(batch).await.unwrap();
        store.flush().await.unwrap();
    }
    let store = open(dir.path());
    assert_eq!(store.get(Table::Units, "shop/a").await.unwrap(), Some(unit("shop/a")));
    assert_eq!(store.get::<Unit>(Table::Units, "shop/b").await.unwrap(), None);
    let names = |found: Vec<(String, Unit)>| found.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(names(store.scan(Table::Units, "shop/").await.unwrap()), ["shop/a", "shop/c"]);
    assert_eq!(names(store.scan(Table::Units, "").await.unwrap()), ["other/a", "shop/a", "shop/c"]);
    assert_eq!(store.keys(Table::Meta, "").await.unwrap(), ["x"]);
    assert!(matches!(store.get::<Unit>(Table::Runs, "shop/a").await, Err(StoreError::Unreadable { table: Table::Runs, .. })));
    store.put(Table::Units, "shop/bad", &7).await.unwrap();
    assert_eq!(names(store.scan(Table::Units, "shop/").await.unwrap()), ["shop/a", "shop/c"], "one bad record hides no other");
    store.delete(Table::Units, "shop/a").await.unwrap();
    store.sync().await.unwrap();
    assert_eq!(store.get::<Unit>(Table::Units, "shop/a").await.unwrap(), None);
    assert!(holds(&dir.path().join("store"), b"shop/c") && !holds(dir.path(), b"secret-canary"), "values are encrypted");
}

#[tokio::test]
async fn lists_keep_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let store = open(dir.path());
        for i in 0..4 {
            store.append(Table::Drift, "unit", &(round * 4 + i), 5).await.unwrap();
            store.append_drift("unit2", &i).await.unwrap();
        }
        store.flush().await.unwrap();
    }
    let store = open(dir.path());
    let values = |found: Vec<(String, u32)>| found.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    assert_eq!(values(store.scan(Table::Drift, "unit/").await.unwrap()), [7, 8, 9, 10, 11]);
    assert_eq!(store.keys(Table::Drift, "unit2/").await.unwrap().len(), 12);
}

#[tokio::test]
async fn content_is_kept_once_and_collected() {
    let store = Store::temporary(&key()).unwrap();
    let a = store.content_put("manifest a").await.unwrap();
    let b = store.content_put(vec![b'b'; 500_000]).await.unwrap();
    assert_eq!(store.content_put("manifest a").await.unwrap(), a);
    assert_eq!(store.content_get(&a).await.unwrap(), "manifest a");
    assert_eq!(store.content_get(&b).await.unwrap().len(), 500_000);
    let other = Store::temporary(&StoreKey::new([4; 32])).unwrap();
    assert_ne!(other.content_put("manifest a").await.unwrap(), a, "addresses are keyed");

    store.put(Table::Revisions, "r1", &Unit { content: Some(a.clone()), ..unit("r1") }).await.unwrap();
    assert_eq!(store.content_collect().await.unwrap(), Collected { kept: 2, deleted: 0 }, "new content waits for its record");
    assert_eq!(store.content_collect().await.unwrap(), Collected { kept: 1, deleted: 1 });
    assert!(matches!(store.content_get(&b).await, Err(StoreError::NoContent(_))));
    store.delete(Table::Revisions, "r1").await.unwrap();
    assert_eq!(store.content_put("manifest a").await.unwrap(), a);
    assert_eq!(store.content_collect().await.unwrap().kept, 1, "put again is new again");
    assert_eq!(store.content_collect().await.unwrap(), Collected { kept: 0, deleted: 1 });
}

#[tokio::test]
async fn one_writer_per_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let err = Store::open(dir.path(), &key(), 0).unwrap_err().to_string();
    let (path, pid) = (dir.path().display(), std::process::id());
    assert_eq!(err, format!("state directory {path} is in use by process {pid}; stop it, or give this one a --state-dir of its own"));
    drop(store);
    open(dir.path());
}

#[tokio::test]
async fn unreadable_stores_are_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("store/db");
    type Damage = fn(&Path);
    let damage: [(&str, Damage); 4] = [
        ("zeros", |db| std::fs::write(db, vec![0; 600_000]).unwrap()),
        ("noise", |db| {
            std::fs::write(db, (0..600_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>()).unwrap()
        }),
        ("config", |db| std::fs::write(db.with_file_name("conf"), "nonsense").unwrap()),
        ("key", |_| {}),
    ];
    for (i, (what, damage)) in damage.into_iter().enumerate() {
        {
            let store = open(dir.path());
            store.put(Table::Units, "a", &unit("a")).await.unwrap();
            store.flush().await.unwrap();
        }
        damage(&db);
        let with = if what == "key" { StoreKey::new([9; 32]) } else { key() };
        let opened = Store::open(dir.path(), &with, i as i64).unwrap();
        if what == "config" && opened.broken.is_none() {
            assert_eq!(opened.store.keys(Table::Units, "").await.unwrap(), ["a"], "this damage can be repaired");
            continue;
        }
        let broken = opened.broken.clone().unwrap_or_else(|| panic!("{what} was not noticed"));
        assert_eq!(broken.path, dir.path().join(format!("store.broken-{i}")));
        assert!(broken.path.exists() && !broken.why.is_empty(), "{what}: {broken:?}");
        opened.store.put(Table::Units, "a", &unit("a")).await.unwrap();
        drop(opened);
        std::fs::remove_dir_all(dir.path().join("store")).unwrap();
    }
}

#[test]
fn stores_in_use_are_waited_for_and_never_moved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let other = sled::Config::new().path(&path).open().unwrap();
    other.insert("theirs", "kept").unwrap();
    other.flush().unwrap();
    let opening = std::thread::spawn({
        let dir = dir.path().to_owned();
        move || Store::open(&dir, &key(), 0).map(|opened| opened.broken)
    });
    while !dir.path().join("lock").exists() {
        std::thread::yield_now();
    }
    assert!(!opening.is_finished());
    drop(other);
    // what the other one made is no store of ours, but it was not touched while in use
    assert!(opening.join().unwrap().unwrap().is_some_and(|broken| broken.why == "it has no schema"));
}

#[tokio::test]
async fn newer_stores_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.inner.db.insert(Table::Meta.place(SCHEMA_KEY), &7_u32.to_be_bytes()[..]).unwrap();
    store.flush().await.unwrap();
    drop(store);
    let err = Store::open(dir.path(), &key(), 0).unwrap_err();
    assert!(matches!(err, StoreError::TooNew { found: 7, .. }), "{err}");
    assert!(dir.path().join("store").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flushes_are_grouped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let tasks: Vec<_> = (0..200)
        .map(|i| {
            let store = store.clone();
            tokio::spawn(async move {
                store.put(Table::Runs, &format!("{i:03}"), &i).await.unwrap();
                if i % 20 == 0 { store.sync().await.unwrap() } else { store.flush().await.unwrap() }
            })
        })
        .collect();
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
    }
    assert_eq!(store.keys(Table::Runs, "").await.unwrap().len(), 200);
}

/// The writer of [`nothing_acknowledged_is_lost`], run in a process of its own.
#[tokio::test]
async fn write_until_killed() {
    let Some(dir) = std::env::var_os("HELMWARD_TEST_KILL_DIR") else { return };
    let opened = Store::open(Path::new(&dir), &key(), 0).unwrap();
    assert_eq!(opened.broken, None);
    let start = opened.store.keys(Table::Runs, "").await.unwrap().len();
    for i in start.. {
        let content = opened.store.content_put(format!("content {i} {}", "x".repeat(i % 3000))).await.unwrap();
        let record = Unit { content: Some(content), ..unit(&i.to_string()) };
        opened.store.put(Table::Runs, &format!("{i:08}"), &record).await.unwrap();
        if i % 50 == 0 {
            opened.store.sync().await.unwrap();
        } else {
            opened.store.flush().await.unwrap();
        }
        println!("ack {i}");
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "only a process of its own can be killed")]
async fn nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..6_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::write_until_killed", "--nocapture", "--test-threads=1"])
            .env("HELMWARD_TEST_KILL_DIR", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (target, mut seen) = (acknowledged + 40 + round as usize * 17, 0);
        let mut lines = lines.map_while(Result::ok);
        for line in lines.by_ref() {
            if let Some(number) = line.strip_prefix("ack ").and_then(|number| number.parse::<usize>().ok()) {
                seen = number + 1;
            }
            if seen >= target {
                // SIGKILL, in the middle of whatever it does now
                child.kill().unwrap();
                break;
            }
        }
        for line in lines {
            if let Some(number) = line.strip_prefix("ack ").and_then(|number| number.parse::<usize>().ok()) {
                seen = number + 1;
            }
        }
        child.wait().unwrap();
        assert!(seen >= target, "the writer ended by itself in round {round} after {seen}");
        acknowledged = seen;
        let store = open(dir.path());
        let found: Vec<(String, Unit)> = store.scan(Table::Runs, "").await.unwrap();
        assert!(found.len() >= acknowledged, "round {round}: {} of {acknowledged} records", found.len());
        for (i, (key, record)) in found.iter().enumerate().take(acknowledged) {
            assert_eq!(*key, format!("{i:08}"));
            let content = store.content_get(record.content.as_ref().unwrap()).await.unwrap();
            assert!(content.starts_with(format!("content {i} ").as_bytes()));
        }
    }
}
