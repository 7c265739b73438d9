//! Logs: one JSON object per line with `level`, `ts`, `msg` and the fields of the event and its spans, or text for people.

use serde_json::{Map, Value};
use std::{fmt, io::Write};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::MakeWriter,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line, as log collectors and the dashboards of Flux expect.
    Json,
    /// Text for a terminal.
    Text {
        /// With colours.
        color: bool,
    },
}

/// A filter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("log filter {filter:?} cannot be read: {why}; write for example \"info\" or \"info,helmward::git=debug\"")]
pub struct LogFilterError {
    /// The filter.
    pub filter: String,
    /// Why.
    pub why: String,
}

/// Builds what takes the events. `filter` is a level, or levels per module.
///
/// # Errors
/// The filter cannot be read.
pub fn subscriber<W>(format: LogFormat, filter: &str, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, LogFilterError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let bad = |err: tracing_subscriber::filter::ParseError| LogFilterError { filter: filter.into(), why: err.to_string() };
    let filter = EnvFilter::builder().parse(filter).map_err(bad)?;
    let registry = Registry::default().with(filter);
    Ok(match format {
        LogFormat::Json => Box::new(registry.with(JsonLayer { writer })),
        LogFormat::Text { color } => {
            let text = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(color).with_target(false).compact();
            Box::new(registry.with(text))
        }
    })
}

/// Makes a subscriber the one of the whole process. Later calls change nothing.
///
/// # Errors
/// The filter cannot be read.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogFilterError> {
    let _ = tracing::subscriber::set_global_default(subscriber(format, filter, std::io::stderr)?);
    Ok(())
}

/// Writes JSON lines.
struct JsonLayer<W> {
    writer: W,
}

/// The fields of a span, kept with it.
struct Fields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Collect(Map::new());
            attributes.record(&mut fields);
            span.extensions_mut().insert(Fields(fields.0));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            let mut collect = Collect(std::mem::take(&mut fields.0));
            values.record(&mut collect);
            fields.0 = collect.0;
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Collect(Map::new());
        event.record(&mut fields);
        let mut fields = fields.0;
        let message = fields.remove("message").unwrap_or_else(|| Value::String(String::new()));
        let mut line = Map::new();
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        line.insert("level".into(), level.into());
        line.insert("ts".into(), format!("{:.3}", jiff::Timestamp::now()).into());
        line.insert("msg".into(), message);
        line.insert("logger".into(), event.metadata().target().into());
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(Fields(of_span)) = span.extensions().get::<Fields>() {
                line.extend(of_span.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        // a field must not pass for one of ours
        for (name, value) in fields {
            let name = if matches!(name.as_str(), "level" | "ts" | "msg" | "logger") { format!("{name}_") } else { name };
            line.insert(name, value);
        }
        if let Ok(mut text) = serde_json::to_vec(&line) {
            text.push(b'\n');
            // nowhere to report it
            let _ = self.writer.make_writer_for(event.metadata()).write_all(&text);
        }
    }
}

/// Collects fields as JSON.
struct Collect(Map<String, Value>);

impl Visit for Collect {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.insert(field.name().into(), value.to_string().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str, work: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        tracing::subscriber::with_default(subscriber(format, filter, move || writer.clone()).unwrap(), work);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_are_json() {
        let text = logged(LogFormat::Json, "info", || {
            let span = tracing::info_span!("reconcile", kind = "HelmRelease", name = "web", revision = tracing::field::Empty);
            let _entered = span.enter();
            span.record("revision", "main@1234567");
            tracing::warn!(count = 3, level = "mine", error = %"it\nfailed", "applied {}", 7);
            tracing::debug!("unseen");
        });
        let line: Value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
        for (field, value) in [
            ("level", "warn"),
            ("msg", "applied 7"),
            ("kind", "HelmRelease"),
            ("name", "web"),
            ("revision", "main@1234567"),
            ("error", "it\nfailed"),
            ("level_", "mine"),
        ] {
            assert_eq!(line[field], value, "{text}");
        }
        assert_eq!(line["count"], 3);
        let ts = line["ts"].as_str().unwrap();
        assert!(ts.parse::<jiff::Timestamp>().is_ok() && ts.len() == "2026-01-01T00:00:00.000Z".len(), "{ts}");
        assert!(text.starts_with("{\"") && text.lines().count() == 1);
    }

    #[test]
    fn filters_hold() {
        let work = || {
            tracing::info!(target: "a", "one");
            tracing::debug!(target: "b", "two");
        };
        let text = logged(LogFormat::Text { color: false }, "warn,b=debug", work);
        assert!(text.contains("two") && !text.contains("one") && !text.contains('\u{1b}'), "{text}");
        assert!(subscriber(LogFormat::Json, "info,=x=", std::io::stderr).is_err());
    }
}
