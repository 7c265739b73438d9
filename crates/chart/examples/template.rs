//! `helm template` on this crate, for comparing the two:
//! `template RELEASE CHART [-n NS] [-f FILE]... [--set K=V]... [--include-crds] …`

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use helmward_chart::chart::{Chart, LoadLimits, load_archive, load_tree};
use helmward_chart::render::{
    Input, ReleaseInfo, TemplateOptions, helm_template_capabilities, parse_kube_version, render, render_with_log, to_template_pieces,
};
use helmward_chart::template::{CallSite, Entropy, Time};
use helmward_chart::{Json, values};
use serde_json::Map;

/// As in the daemon's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = String;

/// Random bytes of the system.
struct System(Mutex<fs::File>);

impl Entropy for System {
    fn fill(&self, _: &CallSite, out: &mut [u8]) {
        self.0.lock().expect("no user of the file panics").read_exact(out).expect("the system gives random bytes");
    }
}

#[derive(Default)]
struct Args {
    names: Vec<String>,
    namespace: String,
    files: Vec<String>,
    kube_version: Option<String>,
    api_versions: Vec<String>,
    skip_schema: bool,
    is_upgrade: bool,
    repeat: usize,
    output: TemplateOptions,
}

fn args() -> Result<Args, Failure> {
    let mut out = Args { namespace: "default".to_owned(), ..Args::default() };
    let mut rest = std::env::args().skip(1);
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("flag needs an argument: {arg}"));
        match arg.as_str() {
            "-n" | "--namespace" => out.namespace = value()?,
            "-f" | "--values" => out.files.push(value()?),
            "--kube-version" => out.kube_version = Some(value()?),
            "-a" | "--api-versions" => out.api_versions.extend(value()?.split(',').map(str::to_owned)),
            "-s" | "--show-only" => out.output.show_only.push(value()?),
            "--repeat" => out.repeat = value()?.parse().map_err(|_| "--repeat takes a number".to_owned())?,
            "--include-crds" => out.output.include_crds = true,
            "--skip-tests" => out.output.skip_tests = true,
            "--no-hooks" => out.output.no_hooks = true,
            "--skip-schema-validation" => out.skip_schema = true,
            "--is-upgrade" => out.is_upgrade = true,
            flag if flag.starts_with('-') => return Err(format!("unknown flag: {flag}")),
            _ => out.names.push(arg),
        }
    }
    Ok(out)
}

/// Files below a directory; symbolic links are followed, as Helm does for a chart of one's own.
fn walk(root: &Path, prefix: &str, out: &mut Vec<(String, Bytes)>) -> Result<(), Failure> {
    let text = |e: std::io::Error| e.to_string();
    for entry in fs::read_dir(root).map_err(text)? {
        let entry = entry.map_err(text)?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let meta = fs::metadata(entry.path()).map_err(text)?;
        if meta.is_dir() {
            walk(&entry.path(), &format!("{name}/"), out)?;
        } else if meta.is_file() {
            out.push((name, fs::read(entry.path()).map_err(text)?.into()));
        } else {
            return Err(format!("cannot load irregular file {} as it has file mode type bits set", entry.path().display()));
        }
    }
    Ok(())
}

fn load(path: &str) -> Result<Chart, Failure> {
    let limits = LoadLimits::default();
    let path = Path::new(path);
    let loaded = if path.is_dir() {
        let mut tree = Vec::new();
        walk(path, "", &mut tree)?;
        load_tree(tree, &limits)
    } else {
        load_archive(&fs::read(path).map_err(|e| e.to_string())?, &limits)
    };
    loaded.map_err(|e| e.to_string())
}

fn user_values(args: &Args) -> Result<Map<String, Json>, Failure> {
    let mut out = Map::new();
    for file in &args.files {
        let text = fs::read(file).map_err(|_| format!("open {file}: no such file or directory"))?;
        values::merge(&mut out, values::from_yaml(&text).map_err(|e| format!("failed to parse {file}: {e}"))?);
    }
    Ok(out)
}

fn run() -> Result<(), Failure> {
    let error = |e: &dyn std::fmt::Display| format!("Error: {e}\n");
    let args = args().map_err(|e| error(&e))?;
    let [name, path] = args.names.as_slice() else { return Err("Error: expected a release name and a chart\n".to_owned()) };
    let mut capabilities = helm_template_capabilities();
    if let Some(version) = &args.kube_version {
        parse_kube_version(&mut capabilities, version).map_err(|e| error(&e))?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    let values = user_values(&args).map_err(|e| error(&e))?;
    let chart = load(path).map_err(|e| error(&e))?;
    chart.check_installable().map_err(|e| error(&e))?;
    if chart.metadata().deprecated {
        eprintln!("WARNING: This chart is deprecated");
    }
    chart.check_dependencies().map_err(|e| error(&e))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| error(&e))?;
    let entropy = fs::File::open("/dev/urandom").map_err(|e| error(&e))?;
    let mut release = ReleaseInfo::install(name.as_str(), args.namespace.as_str());
    (release.is_install, release.is_upgrade) = (!args.is_upgrade, args.is_upgrade);
    let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
    let time = Time::unix(seconds, now.subsec_nanos());
    let mut input = Input::new(&chart, &values, release, &capabilities, time, Arc::new(System(Mutex::new(entropy))));
    input.options.skip_schema = args.skip_schema;
    for _ in 0..args.repeat {
        let start = std::time::Instant::now();
        let _ = render(&input);
        eprintln!("{:?}", start.elapsed());
    }
    let mut log = Vec::new();
    let rendered = render_with_log(&input, &mut log);
    log.iter().for_each(|line| eprintln!("{line}"));
    let rendered = rendered.map_err(|e| e.to_template_output())?;
    let pieces = to_template_pieces(&rendered, &args.output).map_err(|e| e.to_template_output())?;
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let written = pieces.iter().try_for_each(|piece| out.write_all(piece.as_bytes())).and_then(|()| out.flush());
    // The process ends: nobody needs the memory.
    std::mem::forget(pieces);
    std::mem::forget((chart, rendered));
    written.map_err(|e| error(&e))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
    }
}
