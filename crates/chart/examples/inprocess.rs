//! Renders a chart that is loaded once, N times: `inprocess CHART RENDERS [VALUES]`. Prints the CPU and the wall time
//! of one render in microseconds, first with nothing parsed before, then with the templates of the renders before it,
//! and the bytes of the output. `benches/render/run.sh` holds it against the same with Helm's engine.

#![allow(clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use helmward_chart::chart::{Chart, LoadLimits, load_tree};
use helmward_chart::render::{Input, ReleaseInfo, TemplateOptions, helm_template_capabilities, render, to_template_output};
use helmward_chart::template::{Capabilities, NoEntropy, ParseCache, Time};
use helmward_chart::{Json, values};
use serde_json::Map;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// Charts that are loaded ahead of a round of cold renders.
const ROUND: usize = 20;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let [_, path, renders, files @ ..] = args.as_slice() else { return Err("usage: inprocess CHART RENDERS [VALUES]".into()) };
    let renders: usize = renders.parse()?;
    let mut given = Map::new();
    for file in files {
        values::merge(&mut given, values::from_yaml(&fs::read(file)?)?);
    }
    let mut tree = Vec::new();
    walk(Path::new(path), "", &mut tree)?;
    let load = || load_tree(tree.clone(), &LoadLimits::default());
    let capabilities = helm_template_capabilities();

    let (mut cold, mut done) = (Spent::default(), 0);
    while done < renders {
        let charts = (0..ROUND).map(|_| load()).collect::<Result<Vec<Chart>, _>>()?;
        let start = Clock::now()?;
        for chart in &charts {
            once(chart, &given, &capabilities, Arc::default())?;
        }
        cold.add(&start)?;
        done += charts.len();
    }
    let (chart, cache) = (load()?, Arc::new(ParseCache::default()));
    let size = once(&chart, &given, &capabilities, Arc::clone(&cache))?;
    let start = Clock::now()?;
    for _ in 0..renders {
        once(&chart, &given, &capabilities, Arc::clone(&cache))?;
    }
    let mut warm = Spent::default();
    warm.add(&start)?;
    let per = |micros: u128, count: usize| micros / count.max(1) as u128;
    println!("{} {} {} {} {size}", per(cold.cpu, done), per(cold.wall, done), per(warm.cpu, renders), per(warm.wall, renders));
    Ok(())
}

fn once(chart: &Chart, given: &Map<String, Json>, capabilities: &Capabilities, cache: Arc<ParseCache>) -> Result<usize, Failure> {
    let release = ReleaseInfo::install("rel", "ns");
    let mut input = Input::new(chart, given, release, capabilities, Time::unix(0, 0), Arc::new(NoEntropy));
    input.cache = Some(cache);
    let rendered = render(&input).map_err(|e| e.to_string())?;
    let options = TemplateOptions { include_crds: true, ..TemplateOptions::default() };
    Ok(to_template_output(&rendered, &options).map_err(|e| e.to_string())?.len())
}

/// Microseconds.
#[derive(Default)]
struct Spent {
    cpu: u128,
    wall: u128,
}

impl Spent {
    fn add(&mut self, since: &Clock) -> Result<(), Failure> {
        self.wall += since.wall.elapsed().as_micros();
        self.cpu += Clock::now()?.cpu - since.cpu;
        Ok(())
    }
}

struct Clock {
    cpu: u128,
    wall: Instant,
}

impl Clock {
    /// The CPU time of this process and of its threads, those that have ended included, in steps of 10 ms.
    fn now() -> Result<Clock, Failure> {
        let stat = fs::read_to_string("/proc/self/stat")?;
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u128 = fields.skip(11).take(2).map(str::parse::<u128>).sum::<Result<_, _>>()?;
        Ok(Clock { cpu: ticks * 10_000, wall: Instant::now() })
    }
}

fn walk(root: &Path, prefix: &str, out: &mut Vec<(String, Bytes)>) -> Result<(), Failure> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            walk(&path, &format!("{name}/"), out)?;
        } else {
            out.push((name, fs::read(&path)?.into()));
        }
    }
    Ok(())
}
