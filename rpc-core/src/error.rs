//! What can go wrong with a call: one closed table of codes, one error type for the framework, one for a
//! call. Never holds a language's own error value: whatever crosses a process boundary crosses as text.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use traitwire_idl::{Field, Schema, Shape, Type, Types, Variant};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $advice:literal;)+) => {
        /// The kind of a failure, by what the caller can do about it. The numbers are the protocol's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[non_exhaustive]
        pub enum Code { $($(#[doc = $doc])+ $name = $number,)+ }

        impl Code {
            /// What a caller can do about it, in one sentence.
            pub const fn advice(self) -> &'static str {
                match self { $(Code::$name => $advice,)+ }
            }

            const ALL: &[Self] = &[$(Code::$name,)+];

            const fn name(self) -> &'static str {
                match self { $(Code::$name => stringify!($name),)+ }
            }
        }
    };
}

codes! {
    /// The peer cannot be reached, or the connection was lost.
    Unavailable = 0, "check that the service runs at this address";
    /// The call's time ran out.
    DeadlineExceeded = 1, "allow the call more time, or find out what is slow";
    /// The call was given up by its caller, or by a shutdown.
    Cancelled = 2, "call again if the result is still wanted";
    /// A limit of this side or of the peer was reached.
    ResourceExhausted = 3, "call again later, or raise the limit the message names";
    /// The peer does not serve this service or method.
    Unimplemented = 4, "connect to a peer that serves it, or upgrade the peer";
    /// Both sides know the method, with different signatures.
    SchemaMismatch = 5, "make the change one that both versions can read, or build both sides from one version";
    /// Bytes that should be a value of a known type are not.
    Decode = 6, "the two sides disagree on a type, or the peer is faulty";
    /// The peer broke the protocol, or does not speak it at all.
    Protocol = 7, "check that the address belongs to a traitwire service of a compatible version";
    /// The peer's identity is refused.
    PermissionDenied = 8, "run both sides as the same user, or allow the peer explicitly";
    /// The handler panicked.
    Panicked = 9, "see the server's own log for the panic";
    /// A message is larger than its receiver takes.
    TooLarge = 10, "send less at once, or raise the limit the message names, on the receiving side";
    /// An address, an option or a configuration is wrong.
    InvalidArgument = 11, "correct what the message names";
    /// Another server has the address.
    AddressInUse = 12, "stop the server that has it, or choose another address";
    /// A fault of the framework or of the machine it runs on.
    Internal = 13, "report it, with this message";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    /// A number this version does not know is `Internal`: a peer of a later version may send one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let name = String::deserialize(deserializer)?;
            let found = Code::ALL.iter().find(|code| code.name() == name);
            return found.copied().ok_or_else(|| D::Error::custom(format_args!("no code is named {name:?}")));
        }
        let number = u32::deserialize(deserializer)? as usize;
        Ok(Code::ALL.get(number).copied().unwrap_or(Code::Internal))
    }
}

impl Schema for Code {
    fn describe(types: &mut Types) -> Type {
        let variants = || Code::ALL.iter().map(|code| Variant::new(code.name(), Shape::Unit)).collect();
        types.define::<Self>("Code", |_| Vec::new(), "", |_| Shape::Enum(variants()))
    }
}

/// Did the call's handler run? The answer to "may I call again?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Executed {
    /// Certainly not: calling again does nothing twice.
    No,
    /// It cannot be known from here.
    Maybe,
    /// It ran, at least in part.
    Yes,
}

impl Schema for Executed {
    fn describe(types: &mut Types) -> Type {
        let variants = || ["No", "Maybe", "Yes"].map(|name| Variant::new(name, Shape::Unit)).into();
        types.define::<Self>("Executed", |_| Vec::new(), "", |_| Shape::Enum(variants()))
    }
}

/// A failure of the framework, the connection or the peer, as opposed to an error that a service's method
/// returns. One word wide; cloning it copies its text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RpcError(Box<Report>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Report {
    code: Code,
    executed: Executed,
    message: String,
    address: Option<String>,
    method: Option<String>,
    source: Option<Cause>,
    /// What to do, where this side knows better than by the code alone. It does not travel.
    #[serde(skip)]
    advice: Option<&'static str>,
}

impl RpcError {
    /// An error of a call that was not executed. `message` says what happened, in lower case and without
    /// a full stop.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Report {
            code,
            executed: Executed::No,
            message: message.into(),
            address: None,
            method: None,
            source: None,
            advice: None,
        }))
    }

    /// The same error with another answer to "did it run?".
    pub fn with_executed(mut self, executed: Executed) -> Self {
        self.0.executed = executed;
        self
    }

    /// The same error, naming the address it concerns. An address already named stays: it is nearer to
    /// the cause.
    pub fn with_address(mut self, address: impl fmt::Display) -> Self {
        self.0.address.get_or_insert_with(|| address.to_string());
        self
    }

    /// The same error, naming the method (`Service.method`) it concerns, unless one is named already.
    pub fn with_method(mut self, method: impl fmt::Display) -> Self {
        self.0.method.get_or_insert_with(|| method.to_string());
        self
    }

    /// The same error, saying this too.
    pub(crate) fn with_note(mut self, note: impl fmt::Display) -> Self {
        self.0.message = format!("{}; {note}", self.0.message);
        self
    }

    /// The same error, saying how much time the call had, where that ran out. An error that names an address came
    /// out of another call, through an argument stream, and is about that call's time.
    pub(crate) fn with_time(self, had: Option<Duration>) -> Self {
        match had.filter(|_| self.0.code == Code::DeadlineExceeded && self.0.address.is_none()) {
            Some(had) => self.with_note(format_args!("it had {}", humantime::format_duration(had))),
            None => self,
        }
    }

    /// The same error with what to do about it, in place of what its code says.
    pub(crate) fn with_advice(mut self, advice: &'static str) -> Self {
        self.0.advice = Some(advice);
        self
    }

    /// The same error with its cause, kept as text: the error and the chain of its own sources.
    pub fn with_source(mut self, source: &(dyn Error + 'static)) -> Self {
        self.0.source = Some(Cause::of(source));
        self
    }

    /// The same error with its texts cut so that it travels in at most 16 KiB (P-23).
    pub(crate) fn abridged(mut self) -> Self {
        let Report { message, address, method, source, .. } = &mut *self.0;
        let cause = source.iter_mut().flat_map(|cause| {
            cause.chain.truncate(Cause::MAX_CHAIN);
            std::iter::once(&mut cause.message).chain(&mut cause.chain)
        });
        let others = address.iter_mut().chain(method).chain(cause).map(|text| (text, 1 << 10));
        for (text, most) in others.chain([(message, 4 << 10)]) {
            if text.len() > most {
                text.truncate(text.floor_char_boundary(most - '…'.len_utf8()));
                text.push('…');
            }
        }
        self
    }

    /// The kind of the failure.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What a caller can do about it, in one sentence: its code's, or what is known of this very failure.
    pub fn advice(&self) -> &'static str {
        self.0.advice.unwrap_or(self.0.code.advice())
    }

    /// Whether the call's handler ran.
    pub fn executed(&self) -> Executed {
        self.0.executed
    }

    /// Whether calling again is both safe (nothing ran) and of use (the failure may pass by itself).
    pub fn is_retryable(&self) -> bool {
        self.0.executed == Executed::No && matches!(self.0.code, Code::Unavailable | Code::ResourceExhausted)
    }

    /// What happened, without address and method.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The address the failure concerns, where one is known.
    pub fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// The method the failure concerns, as `Service.method`, where one is known.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }
}

impl fmt::Debug for RpcError {
    /// The same text as for people, and the sources: a `main` that returns an error prints it like this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match &self.0.source {
            Some(source) => write!(f, "; caused by: {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &*self.0;
        write!(f, "{}: {}", report.code, report.message)?;
        match (&report.method, &report.address) {
            (Some(method), Some(address)) => write!(f, " ({method} at {address})")?,
            (Some(method), None) => write!(f, " ({method})")?,
            (None, Some(address)) => write!(f, " (at {address})")?,
            (None, None) => {}
        }
        match report.executed {
            // Connecting, binding and reading a configuration execute nothing in any case.
            Executed::No if report.method.is_none() => {}
            Executed::No => f.write_str("; it was not executed")?,
            Executed::Maybe => f.write_str("; it may have been executed")?,
            Executed::Yes => f.write_str("; it was executed")?,
        }
        write!(f, "; {}", self.advice())
    }
}

impl Error for RpcError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl Schema for RpcError {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "RpcError",
            |_| Vec::new(),
            "",
            |types| {
                Shape::Struct(vec![
                    Field::new("code", Code::describe(types)),
                    Field::new("executed", Executed::describe(types)),
                    Field::new("message", Type::String),
                    Field::new("address", Option::<String>::describe(types)),
                    Field::new("method", Option::<String>::describe(types)),
                    Field::new("source", Option::<Cause>::describe(types)),
                ])
            },
        )
    }
}

impl From<CallError<Infallible>> for RpcError {
    fn from(error: CallError<Infallible>) -> Self {
        match error {
            CallError::Service(never) => match never {},
            CallError::Rpc(error) => error,
        }
    }
}

/// An error's text and that of its sources, outermost first. A list rather than a chain of boxes, so that
/// decoding one a peer sent cannot recurse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cause {
    message: String,
    chain: Vec<String>,
}

impl Cause {
    /// Longer chains are cut: what is below the eighth source has never told anybody anything.
    const MAX_CHAIN: usize = 8;

    fn of(error: &(dyn Error + 'static)) -> Self {
        let mut chain = Vec::new();
        let mut source = error.source();
        while let Some(error) = source.filter(|_| chain.len() < Self::MAX_CHAIN) {
            chain.push(error.to_string());
            source = error.source();
        }
        Self { message: error.to_string(), chain }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.chain.iter().try_for_each(|source| write!(f, ": {source}"))
    }
}

impl Error for Cause {}

impl Schema for Cause {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Cause",
            |_| Vec::new(),
            "",
            |types| {
                Shape::Struct(vec![
                    Field::new("message", Type::String),
                    Field::new("chain", Vec::<String>::describe(types)),
                ])
            },
        )
    }
}

/// How a call fails: with the method's own error, or with the framework's.
///
/// `E` is the error type of the method's `Result`, [`Infallible`] where it has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallError<E = Infallible> {
    /// The method returned this error.
    Service(E),
    /// The call failed on its way.
    Rpc(RpcError),
}

impl<E> CallError<E> {
    /// The framework's error, if it is one.
    pub fn rpc(&self) -> Option<&RpcError> {
        match self {
            CallError::Service(_) => None,
            CallError::Rpc(error) => Some(error),
        }
    }

    /// The service's error converted, for use in `.map_err(CallError::widen)` between two methods.
    pub fn widen<F: From<E>>(self) -> CallError<F> {
        match self {
            CallError::Service(error) => CallError::Service(error.into()),
            CallError::Rpc(error) => CallError::Rpc(error),
        }
    }
}

impl<E> From<RpcError> for CallError<E> {
    fn from(error: RpcError) -> Self {
        CallError::Rpc(error)
    }
}

impl<E: fmt::Debug> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Service(error) => write!(f, "the service returned {error:?}"),
            CallError::Rpc(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CallError::Service(_) => None,
            CallError::Rpc(error) => error.source(),
        }
    }
}
