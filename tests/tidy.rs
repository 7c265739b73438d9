//! The rules of docs/architecture.md as tests: which module may name which, and what the pure core must not name.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the top of the daemon to its bottom. A module may use those of later rows, and those of its own row.
const ROWS: &[&[&str]] = &[
    &["cli"],
    &["app"],
    &["controller", "web"],
    &["git", "cluster", "store", "telemetry"],
    &["render"],
    &["release"],
    &["plan", "health"],
    &["source"],
    &["api"],
    &["object"],
];

/// The pure core: no I/O, no clock, no async, no cluster.
const CORE: &[&str] = &["api", "object", "source", "render", "plan", "health", "release"];

/// What only edges may name, and why.
const EDGE_ONLY: &[(&str, &str)] = &[
    ("gix::", "Git is read in src/git"),
    ("kube::", "the cluster is reached in src/cluster"),
    ("k8s_openapi::", "typed Kubernetes objects are for src/cluster; elsewhere manifests are JSON"),
    ("notify::", "files are watched in src/git"),
    ("sled::", "the store is src/store"),
    ("reqwest::", "the network is for edges"),
    ("tokio::fs", "files are for edges"),
];

/// What the core and crates/chart must not name at all.
const IMPURE: &[(&str, &str)] = &[
    ("tokio::", "the core is not async"),
    ("async fn", "the core is not async"),
    ("std::fs", "files are read at the edges"),
    // Addresses are values and may be parsed; sockets and name look-ups may not be had.
    ("TcpStream", "the network is for edges"),
    ("UdpSocket", "the network is for edges"),
    ("ToSocketAddrs", "the network is for edges"),
    ("std::env", "the environment is read by the CLI"),
    ("SystemTime::now", "the time is an argument"),
    ("Instant::now", "the time is an argument"),
    ("Timestamp::now", "the time is an argument"),
    ("Zoned::now", "the time is an argument"),
    ("getrandom::", "randomness is an argument"),
    ("rand::random", "randomness is an argument"),
    ("thread_rng", "randomness is an argument"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Rust files below a folder with their code: comments, and tests at the end of a file, taken out.
fn sources(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut out = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("a folder's entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && path.file_stem().is_some_and(|s| s != "tests") {
                let text = fs::read_to_string(&path).expect("source files are text");
                let code = text.split("\n#[cfg(test)]\nmod ").next().expect("split gives one part at least");
                let code = code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
                out.push((path, code));
            }
        }
    }
    out.sort();
    out
}

fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).expect("below src");
    let first = relative.components().next().expect("not empty").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn dependencies_point_down() {
    let row_of = |module: &str| ROWS.iter().position(|row| row.contains(&module));
    let mut wrong = Vec::new();
    for (path, code) in sources(&root().join("src")) {
        let module = module_of(&path);
        let Some(row) = row_of(&module) else { continue };
        for (other_row, others) in ROWS.iter().enumerate() {
            for other in *others {
                if other_row < row && code.contains(&format!("crate::{other}::")) {
                    wrong.push(format!("{}: `{module}` uses `{other}`, which stands above it", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies point down the list in src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    let mut files: Vec<(PathBuf, String)> = CORE.iter().flat_map(|m| sources(&root().join("src").join(m))).collect();
    files.extend(sources(&root().join("crates/chart/src")));
    for (path, code) in files {
        for (name, why) in EDGE_ONLY.iter().chain(IMPURE) {
            if code.contains(name) {
                wrong.push(format!("{}: names `{name}`: {why}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "the core takes data and gives data:\n{}", wrong.join("\n"));
}

#[test]
fn each_edge_keeps_its_library_to_itself() {
    let owner = |name: &str| match name {
        "gix::" | "notify::" => "git",
        "kube::" | "k8s_openapi::" => "cluster",
        "sled::" => "store",
        _ => "",
    };
    let mut wrong = Vec::new();
    for (path, code) in sources(&root().join("src")) {
        let module = module_of(&path);
        for (name, why) in EDGE_ONLY {
            let home = owner(name);
            // The CLI and the composition root hand a client over; they may name its type.
            let allowed = home.is_empty() || module == home || (*name == "kube::" && matches!(module.as_str(), "app" | "cli"));
            if !allowed && code.contains(name) {
                wrong.push(format!("{}: names `{name}`: {why}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "one edge, one library:\n{}", wrong.join("\n"));
}

#[test]
fn kubemem_knows_kubernetes_not_us() {
    let mut wrong = Vec::new();
    for (path, code) in sources(&root().join("crates/kubemem/src")) {
        if code.contains("helmward") {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "kubemem names helmward: {wrong:?}");
}
