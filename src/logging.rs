//! What happens goes to stderr. What writes it is made with the first line: most commands write none, and
//! its registry of spans, of which we have none, takes longer to make than a source to read.

use crate::cli::LogLevel;
use std::sync::OnceLock;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Logs to stderr from now on.
pub(crate) fn to_stderr(level: LogLevel) {
    let most = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    // It is set once, before anything is logged.
    let _ = tracing::subscriber::set_global_default(Log { most, writer: OnceLock::new() });
}

struct Log {
    most: Level,
    writer: OnceLock<Box<dyn Subscriber + Send + Sync>>,
}

impl Log {
    fn writer(&self) -> &(dyn Subscriber + Send + Sync) {
        &**self.writer.get_or_init(|| {
            // The journal adds the time; a terminal does not need it.
            let writer = tracing_subscriber::fmt()
                .with_writer(std::io::stderr)
                .with_max_level(self.most)
                .with_target(false)
                .with_ansi(false)
                .without_time();
            Box::new(writer.finish())
        })
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.most
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.most))
    }

    fn event(&self, event: &Event<'_>) {
        self.writer().event(event);
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.writer().new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.writer().record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.writer().record_follows_from(span, follows);
    }

    fn enter(&self, span: &Id) {
        self.writer().enter(span);
    }

    fn exit(&self, span: &Id) {
        self.writer().exit(span);
    }
}
