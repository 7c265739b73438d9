//! CPU time, memory, open files and tasks of this process, read when somebody asks.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use std::{fmt, fs};

/// Ticks per second in which Linux counts CPU time for user space, on every architecture that we build for.
const TICKS: f64 = 100.0;

/// Reads `/proc`; says nothing where there is none.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            counter.encode(encoder.encode_descriptor("process_cpu_seconds", "CPU time used", None, counter.metric_type())?)?;
        }
        if let Some(bytes) = resident_bytes() {
            let gauge = ConstGauge::new(bytes);
            gauge.encode(encoder.encode_descriptor("process_resident_memory_bytes", "Memory in use", None, gauge.metric_type())?)?;
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            let gauge = ConstGauge::new(files.count() as f64);
            gauge.encode(encoder.encode_descriptor("process_open_fds", "Open files", None, gauge.metric_type())?)?;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let gauge = ConstGauge::new(runtime.metrics().num_alive_tasks() as f64);
            gauge.encode(encoder.encode_descriptor("helmward_tasks", "Tasks that have not ended", None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // the program's name, in parentheses, may hold spaces
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
}
