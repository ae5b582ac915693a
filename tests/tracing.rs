//! Spans on both sides of a call, and the trace context that travels from service to service.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tokio_stream::StreamExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use traitwire::{Context, Server, Stream, ipc_service};

type Fields = BTreeMap<&'static str, String>;

/// Keeps all spans, and in which of them events came.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    spans: Vec<(&'static str, Fields)>,
    entered: Vec<u64>,
    events: Vec<(String, Vec<u64>)>,
}

struct Note<'a>(&'a mut Fields);

impl Visit for Note<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "traitwire" || metadata.target() == "tracing_test"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        span.record(&mut Note(&mut fields));
        let mut collected = self.0.lock().expect("no panic");
        collected.spans.push((span.metadata().name(), fields));
        Id::from_u64(collected.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut collected = self.0.lock().expect("no panic");
        values.record(&mut Note(&mut collected.spans[span.into_u64() as usize - 1].1));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Note(&mut fields));
        let mut collected = self.0.lock().expect("no panic");
        let entered = collected.entered.clone();
        collected.events.push((fields.remove("message").unwrap_or_default(), entered));
    }

    fn enter(&self, span: &Id) {
        self.0.lock().expect("no panic").entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.0.lock().expect("no panic").entered.pop();
    }
}

impl Collector {
    fn spans(&self, name: &str) -> Vec<Fields> {
        let collected = self.0.lock().expect("no panic");
        collected.spans.iter().filter(|span| span.0 == name).map(|span| span.1.clone()).collect()
    }
}

#[ipc_service]
trait Station {
    /// What came with the call, after so many further stations.
    async fn pass(&self, further: u32, cx: &Context) -> (Option<String>, Option<String>);
    async fn fail(&self);
    fn count(&self, further: u32) -> impl Stream<Item = u32>;
    #[ipc(spawn)]
    async fn spawned(&self, further: u32) -> Option<String>;
}

struct Line;

async fn next() -> StationClient {
    StationClient::connect("mem:tracing").await.expect("connected")
}

impl Station for Line {
    async fn pass(&self, further: u32, cx: &Context) -> (Option<String>, Option<String>) {
        tracing::info!(target: "tracing_test", "passing");
        // Also after the handler has waited.
        tokio::task::yield_now().await;
        if further > 0 {
            return next().await.pass(further - 1).await.expect("a call");
        }
        let text = |name| cx.metadata().get_str(name).map(str::to_owned);
        (text("traceparent"), text("tracestate"))
    }

    async fn fail(&self) {
        panic!("on purpose");
    }

    fn count(&self, further: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter(0..further)
    }

    async fn spawned(&self, further: u32) -> Option<String> {
        next().await.pass(further).await.expect("a call").0
    }
}

/// One test at a time: `tracing` may take a place in the code that one thread reaches first, where nobody looks, for one
/// at which nobody ever will, while another thread begins to look.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn served() -> StationClient {
    // One server for all tests of this program, on a runtime of its own.
    if StationClient::connect("mem:tracing").await.is_err() {
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async move {
                let server = Server::builder().service(StationServer::new(Line));
                let server = server.bind("mem:tracing").await.expect("bound");
                ready.send(()).expect("somebody waits");
                server.run().await
            })
        });
        is_ready.recv().expect("it serves");
    }
    next().await
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn a_trace_goes_on_from_service_to_service_where_nobody_looks() {
    let _alone = ALONE.lock().await;
    let station = served().await;
    assert_eq!(station.pass(2).await, Ok((None, None)), "nobody has begun one");
    let given = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let traced = station.with_metadata("traceparent", given.clone()).with_metadata("tracestate", "a=1,b=2");
    let (parent, state) = traced.pass(0).await.expect("a call");
    assert_eq!(parent.as_deref(), Some(given.as_str()), "it travels as it is given");
    assert_eq!(state.as_deref(), Some("a=1,b=2"));
    let (parent, state) = traced.pass(2).await.expect("a call");
    let parent = parent.expect("it was passed on");
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01"), "{parent}");
    assert_ne!(parent, given, "each call is a span of its own");
    assert_eq!(state.as_deref(), Some("a=1,b=2"));
    let parent = traced.spawned(1).await.expect("a call").expect("it was passed on");
    assert!(parent.contains(TRACE), "{parent}");
    // What is none goes no further than where it was sent.
    let wrong = station.with_metadata("traceparent", "00-zz-01");
    assert_eq!(wrong.pass(0).await, Ok((Some("00-zz-01".to_owned()), None)));
    assert_eq!(wrong.pass(1).await, Ok((None, None)));
}

#[tokio::test]
async fn both_sides_have_spans_that_tell_what_is_called() {
    let _alone = ALONE.lock().await;
    let collector = Collector::default();
    let _default = tracing::subscriber::set_default(collector.clone());
    // Both in this thread, where the collector is.
    let station = StationClient::local(Line);
    let (parent, _) = station.pass(0).await.expect("a call");
    let parent = parent.expect("a trace was begun");
    let (calls, serves) = (collector.spans("call"), collector.spans("serve"));
    let (call, serve) = (&calls[0], &serves[0]);
    assert_eq!((call["rpc.method"].as_str(), call["otel.kind"].as_str()), ("Station.pass", "client"));
    assert_eq!((serve["rpc.method"].as_str(), serve["otel.kind"].as_str()), ("Station.pass", "server"));
    assert_eq!(call["server.address"], "in-process:Station");
    assert_eq!((&serve["trace_id"], &serve["parent_id"]), (&call["trace_id"], &call["span_id"]));
    assert_eq!(parent, format!("00-{}-{}-00", call["trace_id"], call["span_id"]));
    {
        let collected = collector.0.lock().expect("no panic");
        let (message, within) = &collected.events[0];
        assert_eq!((message.as_str(), collected.spans[within[0] as usize - 1].0), ("passing", "serve"));
        assert!(collected.entered.is_empty());
    }
    station.fail().await.expect_err("a panic");
    assert_eq!(collector.spans("call")[1]["error"], "Panicked");
    assert_eq!(station.count(3).collect::<Vec<_>>().await.len(), 3);
    assert_eq!(collector.spans("serve")[2]["rpc.method"], "Station.count");
}
