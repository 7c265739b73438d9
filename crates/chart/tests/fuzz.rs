//! Fuzzing on stable Rust: seeds are kept in `fuzz/corpus/TARGET/`, and each run reads them all and then mutates them.
//!
//! `FUZZ_SECONDS=60 cargo test --release --test fuzz` runs each target for a minute (a twentieth of a second if unset).
//! The mutator knows nothing of coverage: it splices pieces of well-formed seeds, repeats them, and puts in words of the
//! target's grammar. An input that breaks an invariant is written to `fuzz/corpus/TARGET/`, where it stays as a seed.
//! `--set` paths are not among the targets.

// How long to run comes from the environment, since the test harness owns the arguments.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use helmward_chart::chart::{LoadLimits, load_archive};
use helmward_chart::template::{Engine, Limits, NoEntropy, NoLookup, TemplateSet, Time, Value, World, with_stack};
use helmward_chart::{Json, release, values, yaml};

/// Longer than any input may take.
const HANG: Duration = Duration::from_secs(20);
const LONGEST: usize = 20_000;

/// A small generator of numbers (xorshift), seeded by the time so that every run tries something else.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn piece<'a>(&mut self, of: &'a [u8]) -> &'a [u8] {
        let from = self.below(of.len() + 1);
        let longest = 2 << self.below(8);
        let len = self.below((of.len() - from + 1).min(longest));
        &of[from..from + len]
    }

    fn mutate(&mut self, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
        let mut out = self.pick(seeds).clone();
        for _ in 0..=self.below(6) {
            let at = self.below(out.len() + 1);
            let new: Vec<u8> = match self.below(7) {
                0 | 1 => self.pick(words).as_bytes().to_vec(),
                2 => {
                    let other = self.below(seeds.len());
                    self.piece(&seeds[other]).to_vec()
                }
                3 => {
                    let copy = out.clone();
                    let times = 1 + self.below(40);
                    self.piece(&copy).repeat(times)
                }
                4 => vec![self.below(256) as u8],
                5 if at < out.len() => {
                    out[at] ^= 1 << self.below(8);
                    continue;
                }
                _ => {
                    let end = (at + self.below(20)).min(out.len());
                    out.drain(at..end);
                    continue;
                }
            };
            out.splice(at..at, new);
        }
        out.truncate(LONGEST);
        out
    }
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// Runs a target on its seeds and then on mutations of them until the time is up.
fn fuzz(target: &'static str, words: &[&str], check: fn(&[u8])) {
    let mut paths: Vec<PathBuf> = fs::read_dir(corpus(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(seeds.len() >= 5, "{target} has {} seeds", seeds.len());
    let seconds: f64 = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0.05);
    let current = Arc::new(Mutex::new((Instant::now(), Vec::new())));
    let tried = Arc::new(AtomicU64::new(0));
    watch(target, &current, &tried);
    let run = |input: &[u8]| {
        *current.lock().unwrap() = (Instant::now(), input.to_vec());
        tried.fetch_add(1, Ordering::Relaxed);
        if catch_unwind(AssertUnwindSafe(|| check(input))).is_err() {
            let path = keep(target, input);
            tried.store(u64::MAX, Ordering::Relaxed);
            panic!("{target}: see {}", path.display());
        }
    };
    seeds.iter().for_each(|seed| run(seed));
    let start = Instant::now();
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos() as u64);
    let mut dice = Dice((0x9e37_79b9_7f4a_7c15 ^ now) | 1);
    while start.elapsed().as_secs_f64() < seconds {
        let input = dice.mutate(&seeds, words);
        run(&input);
    }
    // done: the watch ends
    tried.store(u64::MAX, Ordering::Relaxed);
}

fn keep(target: &str, input: &[u8]) -> PathBuf {
    let sum = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let path = corpus(target).join(format!("found-{sum:016x}"));
    fs::write(&path, input).unwrap();
    path
}

/// An input that takes too long ends the process, and is kept.
fn watch(target: &'static str, current: &Arc<Mutex<(Instant, Vec<u8>)>>, tried: &Arc<AtomicU64>) {
    let (current, tried) = (Arc::clone(current), Arc::clone(tried));
    std::thread::spawn(move || {
        while tried.load(Ordering::Relaxed) != u64::MAX {
            std::thread::sleep(Duration::from_millis(500));
            let now = current.lock().unwrap();
            if now.0.elapsed() > HANG && tried.load(Ordering::Relaxed) != u64::MAX {
                eprintln!("{target} hangs: see {}", keep(target, &now.1).display());
                std::process::exit(3);
            }
        }
    });
}

/// Parsing and rendering end, within what the limits give.
#[test]
fn templates() {
    const WORDS: &[&str] = &[
        "{{",
        "}}",
        "{{-",
        "-}}",
        "{{ end }}",
        "{{ else }}",
        "{{ if . }}",
        "{{ range . }}",
        "{{ with . }}",
        "{{ define \"a\" }}",
        "{{ template \"a\" . }}",
        "{{ include \"a\" . }}",
        "{{ tpl",
        "{{/*",
        "*/}}",
        "|",
        "(",
        ")",
        "$x",
        ":=",
        "=",
        ".",
        ".Values",
        "\"",
        "`",
        "'",
        "\\",
        "0x1p-2",
        "1e400",
        "9223372036854775807",
        "-1",
        "nil",
        "true",
        "break",
        "continue",
        "printf \"%*d\"",
        "toYaml",
        "fromYaml",
        "fromJson",
        "nindent 4",
        "list",
        "dict",
        "set",
        "merge",
        "index",
        "slice",
        "trunc -1",
        "substr 0 -1",
        "regexReplaceAll",
        "date",
        "semver",
        "until 9",
        "untilStep",
        "seq",
        "repeat 9",
        "splitn",
        "abbrev 4",
        "wrap 1",
        "b32dec",
        "b64dec",
        "toToml",
        "fromToml",
        "urlParse",
        "urlJoin",
        "deepCopy",
        "dig",
        "round",
        "div",
        "mod",
        "\u{feff}",
        "é",
        "\0",
    ];
    fuzz("templates", WORDS, |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        with_stack(move || {
            let limits = Limits { steps: 20_000, bytes: 4 << 20, items: 10_000, ..Limits::default() };
            let engine = Arc::new(Engine::new(limits.clone()));
            let Ok(parsed) = engine.parse("c/t.yaml", &text) else { return };
            let mut set = TemplateSet::new(&engine);
            set.add(parsed);
            let root = Value::from_json(&serde_json::json!({"Values": {"a": [1, "x", null], "b": {"c": 1.5}}, "l": ["a", "b"]}));
            let render = || {
                let mut world = World::new(Time::unix(0, 0), Rc::new(NoEntropy), Rc::new(NoLookup), limits.clone());
                set.render("c/t.yaml", &root, &mut world).map_err(|e| e.helm_text("c/t.yaml"))
            };
            let first = render();
            assert!(first.as_ref().is_ok_and(|text| text.len() <= 4 << 20) || first.is_err());
        })
        .unwrap();
    });
}

/// What was loaded is written and loaded again to the same.
#[test]
fn yaml_texts() {
    fuzz("yaml", YAML, |input| {
        let text = String::from_utf8_lossy(input);
        let Ok(tree) = yaml::from_str(&text) else { return };
        if is_lossy(&tree) {
            return;
        }
        // What goyaml v2 cannot write, such as a key that is a line separator, has no text here either.
        let plain = yaml::try_to_string(&tree).map(|text| vec![text, yaml::to_string_by_bytes(&tree)]).unwrap_or_default();
        // goyaml v3 writes what goyaml v2 does not always read.
        let _ = yaml::to_string_pretty(&tree);
        for written in plain {
            let again = yaml::from_str(&written).unwrap_or_else(|e| panic!("{e}\n{written}"));
            assert!(same(&again, &tree), "{written}\n{again}\n{tree}");
        }
        let spanned = yaml::from_str_spanned(&text).unwrap();
        assert!(same(&spanned.value, &tree));
        let _ = yaml::from_str_strict(&text);
        let _ = yaml::from_str_all(&text);
    });
}

const YAML: &[&str] = &[
    "- ",
    "? ",
    ": ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!binary ",
    "!!int ",
    "!!float ",
    "!t ",
    "%YAML 1.1\n",
    "%TAG ! x\n",
    "---\n",
    "...\n",
    "|\n",
    "|-\n",
    "|+\n",
    "|2\n",
    ">\n",
    ">-\n",
    "'",
    "\"",
    "\\x41",
    "\\u00e9",
    "#",
    "\t",
    "\r\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "yes",
    "~",
    "0o7",
    "0x1F",
    "1_000",
    "1:30",
    ".inf",
    ".nan",
    "1e3",
    "2001-01-01",
    "\n  ",
    "\n",
    "  ",
    "@",
    "`",
    "😀",
];

/// What goyaml writes in a way that it does not read back, and so do we: line breaks beyond ASCII, and the text `<<`.
fn is_lossy(tree: &Json) -> bool {
    let odd = |text: &str| text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
    match tree {
        Json::String(text) => odd(text),
        Json::Array(items) => items.iter().any(is_lossy),
        Json::Object(map) => map.iter().any(|(key, value)| key == "<<" || odd(key) || is_lossy(value)),
        _ => false,
    }
}

/// Equal, and a float that is a whole number is equal to the integer that it is written as.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|b| same(value, b))),
        (a, b) => a == b,
    }
}

/// Values merge with themselves to themselves.
#[test]
fn values_files() {
    fuzz("values", YAML, |input| {
        let Ok(tree) = values::from_yaml(input) else { return };
        let mut twice = tree.clone();
        values::merge(&mut twice, tree.clone());
        assert_eq!(twice, tree);
        let tree = Json::Object(tree);
        let plain = values::plain(tree.clone());
        assert_eq!(values::with_floats(plain.clone()), values::with_floats(tree.clone()));
        let Ok(written) = yaml::try_to_string(&plain) else { return };
        if is_lossy(&tree) {
            return;
        }
        let again = Json::Object(values::from_yaml(written.as_bytes()).unwrap());
        assert!(same(&again, &tree), "{written}\n{again}\n{tree}");
    });
}

/// No path leaves the chart, and nothing is larger than its limit.
#[test]
fn archives() {
    const WORDS: &[&str] = &[
        "../",
        "/",
        "c/",
        "\\",
        "C:",
        "Chart.yaml",
        "charts/",
        "templates/",
        "x.tgz",
        "ustar\0",
        "\0",
        "././@LongLink",
        "12 path=../a\n",
        "0000644\0",
        "77777777777",
        "name: c\n",
    ];
    fuzz("archives", WORDS, |input| {
        let limits = LoadLimits { max_file: 1 << 20, max_total: 4 << 20, max_files: 1_000, ..LoadLimits::default() };
        // Seeds are unpacked: a mutation of packed bytes would not get past the checksum.
        for bytes in [input.to_vec(), gzip(&sealed(input))] {
            let Ok(chart) = load_archive(&bytes, &limits) else { continue };
            for file in chart.raw() {
                assert!(!file.name.starts_with('/') && !file.name.split('/').any(|part| part == ".."), "{}", file.name);
                assert!(file.data.len() <= 1 << 20);
            }
        }
    });
}

/// The archive with the checksums that its headers should have.
fn sealed(tar: &[u8]) -> Vec<u8> {
    let mut out = tar.to_vec();
    for header in out.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A record that is read is written so that it reads the same.
#[test]
fn release_records() {
    const WORDS: &[&str] = &[
        "\"name\":",
        "\"info\":",
        "\"chart\":",
        "null",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"\\u0000\"",
        "1e400",
        "-0",
        "true",
        "\"version\":1",
    ];
    fuzz("releases", WORDS, |input| {
        use base64::Engine as _;
        let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes).into_bytes();
        for stored in [input.to_vec(), text(input), text(&gzip(input))] {
            let Ok(record) = release::decode(&stored) else { continue };
            let again = release::decode(&release::encode(&record)).unwrap();
            assert_eq!(release::encode(&again), release::encode(&record));
            let _ = (record.status(), record.chart_name(), record.notes(), record.hook_manifests().count());
        }
    });
}
