//! Log lines for people or programs, and traces for whoever collects them (OpenTelemetry, OTLP over HTTP), off by default.

use super::journal::Scribe;
use crate::config::{Config, LogFormat};
use anyhow::Context;
use opentelemetry::{
    propagation::TextMapPropagator,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use stampede_actors::trace::{self, Propagation};
use stampede_http::ops::Journal;
use std::{collections::HashMap, io::IsTerminal, sync::Arc};
use tracing::Level;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Begins; the provider is to be shut down at the end.
pub(super) fn begin(config: &Config, journal: Arc<Journal>) -> anyhow::Result<Option<SdkTracerProvider>> {
    let filter = EnvFilter::builder().parse(&config.log).context("STAMPEDE_LOG is no filter")?;
    let lines = match config.log_format {
        LogFormat::Human => {
            let colours = std::io::stderr().is_terminal();
            fmt::layer().with_target(false).with_ansi(colours).with_writer(std::io::stderr).boxed()
        }
        LogFormat::Json => fmt::layer().json().with_current_span(true).with_writer(std::io::stderr).boxed(),
    };
    let traces = config.otlp_endpoint.as_deref().map(provider).transpose()?;
    let spans = traces.as_ref().map(|traces| {
        // Our own spans only: those of libraries are many and say little.
        let ours = Targets::new().with_target("stampede", Level::DEBUG);
        tracing_opentelemetry::layer().with_tracer(traces.tracer("stampede")).with_filter(ours)
    });
    tracing_subscriber::registry()
        .with(spans)
        .with(Scribe(journal).with_filter(LevelFilter::WARN))
        .with(lines.with_filter(filter))
        .try_init()
        .context("logs were begun before")?;
    Ok(traces)
}

fn provider(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    trace::install(Propagation { current, adopt, link });
    let exporter = SpanExporter::builder().with_http().with_endpoint(format!("{endpoint}/v1/traces")).build();
    let exporter = exporter.context("STAMPEDE_OTLP_ENDPOINT cannot be used")?;
    let resource = Resource::builder().with_service_name("stampede").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// W3C Trace Context, version 00: the one header that carries a trace.
const HEADER: &str = "traceparent";

fn current() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&tracing::Span::current().context(), &mut carrier);
    carrier.remove(HEADER)
}

fn adopt(span: &tracing::Span, context: &str) {
    // A span that nobody records has no parent to be set.
    let _ = span.set_parent(read(context));
}

fn link(span: &tracing::Span, context: &str) {
    span.add_link(read(context).span().span_context().clone());
}

fn read(context: &str) -> opentelemetry::Context {
    let carrier = HashMap::from([(HEADER.to_owned(), context.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &carrier)
}
