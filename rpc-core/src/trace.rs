//! Traces: a span of `tracing` for each call on either side, and the W3C trace context that travels with calls from
//! service to service. Costs two looks where nobody traces. Never records a value of a call.

use std::fmt;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Span, field};

use crate::context::HandlerScope;
use crate::endpoint::Endpoint;
use crate::error::RpcError;
use crate::metadata::Metadata;
use crate::random;

/// Where the two values travel, by <https://www.w3.org/TR/trace-context/>.
const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// The target of all spans: `traitwire=debug` shows them.
const TARGET: &str = "traitwire";

/// The numbers of a `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parent {
    trace: u128,
    span: u64,
    flags: u8,
}

impl Parent {
    /// The beginning of a trace that nobody has asked to be kept.
    fn root() -> Self {
        let trace = u128::from(random::bits()) << 64 | u128::from(random::bits() | 1);
        Self { trace, span: random::bits() | 1, flags: 0 }
    }

    /// The next span of the same trace.
    fn next(self) -> Self {
        Self { span: random::bits() | 1, ..self }
    }

    /// `version-trace-span-flags` in lower-case hexadecimal. Later versions may go on after that.
    fn parse(text: &[u8]) -> Option<Self> {
        let (now, more) = text.split_at_checked(55)?;
        let version = hex(&now[..2])?;
        if version == 0xFF || !(more.is_empty() || version > 0 && more[0] == b'-') {
            return None;
        }
        if [now[2], now[35], now[52]] != *b"---" {
            return None;
        }
        let (trace, span) = (hex(&now[3..35])?, hex(&now[36..52])?);
        (trace != 0 && span != 0).then_some(Self { trace, span: span as u64, flags: hex(&now[53..])? as u8 })
    }
}

fn hex(digits: &[u8]) -> Option<u128> {
    let is_hex = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
    u128::from_str_radix(digits, 16).ok()
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// Whether a call that is made now could be traced: nearly always there is neither a reader of spans nor a trace.
pub(crate) fn may_be_wanted() -> bool {
    HandlerScope::is_traced() || LevelFilter::current() >= Level::DEBUG
}

/// A call that is traced.
#[derive(Debug)]
pub(crate) struct Traced {
    parent: Option<Parent>,
    state: Option<Vec<u8>>,
    span: Span,
}

impl Traced {
    /// What a handler runs in: a span, and what its own calls pass on. `None` where nobody traces.
    pub(crate) fn served(metadata: Option<&Metadata>, method: &str, caller: &Endpoint) -> Option<Arc<Self>> {
        let parent = metadata.and_then(|metadata| Parent::parse(metadata.get(PARENT)?));
        let listens =
            || LevelFilter::current() >= Level::DEBUG && tracing::enabled!(target: TARGET, Level::DEBUG);
        if parent.is_none() && !listens() {
            return None;
        }
        let state = metadata.and_then(|metadata| metadata.get(STATE)).map(<[u8]>::to_vec);
        let span = tracing::debug_span!(
            target: TARGET,
            "serve",
            otel.kind = "server",
            rpc.system = "traitwire",
            rpc.method = method,
            client.address = %caller,
            trace_id = field::Empty,
            parent_id = field::Empty,
        );
        if let Some(Parent { trace, span: id, .. }) = parent {
            span.record("trace_id", format_args!("{trace:032x}"));
            span.record("parent_id", format_args!("{id:016x}"));
        }
        Some(Arc::new(Self { parent, state, span }))
    }

    /// Does something within the span.
    pub(crate) fn within<R>(&self, act: impl FnOnce() -> R) -> R {
        self.span.in_scope(act)
    }
}

/// A call that is made and traced.
pub(crate) struct Calling {
    pub(crate) span: Span,
    /// What the call is to carry beside its arguments.
    pub(crate) metadata: Metadata,
}

impl Calling {
    /// The span of a call, and the trace context it carries: that of the handler which makes it, or one that it is
    /// given already. A call within a span that somebody looks at begins a trace if there is none. `None` where nobody
    /// traces.
    pub(crate) fn new(
        handler: Option<&Traced>,
        metadata: Option<&Metadata>,
        method: &str,
        endpoint: &Endpoint,
    ) -> Option<Self> {
        let inherited = handler.and_then(|handler| handler.parent);
        let enabled = tracing::enabled!(target: TARGET, Level::DEBUG);
        if inherited.is_none() && !enabled {
            return None;
        }
        let mut metadata = metadata.cloned().unwrap_or_default();
        let given = metadata.get(PARENT).and_then(Parent::parse);
        let parent = given.or(inherited);
        let ours = parent.map_or_else(Parent::root, Parent::next);
        metadata.insert(PARENT, ours.to_string());
        if given.is_none()
            && let Some(state) = handler.and_then(|handler| handler.state.clone())
        {
            metadata.insert(STATE, state);
        }
        let span = tracing::debug_span!(
            target: TARGET,
            "call",
            otel.kind = "client",
            rpc.system = "traitwire",
            rpc.method = method,
            server.address = %endpoint,
            trace_id = format_args!("{:032x}", ours.trace),
            span_id = format_args!("{:016x}", ours.span),
            error = field::Empty,
        );
        Some(Self { span, metadata })
    }

    /// How the call failed.
    pub(crate) fn failed(&self, error: &RpcError) {
        self.span.record("error", field::display(error.code()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_by_the_letter() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = Parent::parse(good.as_bytes()).expect("well-formed");
        assert_eq!(parent.to_string(), good);
        let next = parent.next();
        assert!(next.trace == parent.trace && next.span != parent.span && next.flags == 1);
        assert!(Parent::parse(b"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Parent::parse(bad.as_bytes()), None, "{bad}");
        }
        let root = Parent::root();
        assert_eq!(Parent::parse(root.to_string().as_bytes()), Some(root));
    }
}
