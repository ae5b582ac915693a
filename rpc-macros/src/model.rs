//! A service as data: what the trait says, each piece with the place it was written at. Never holds tokens
//! that were rendered ahead; the files in `expand` make all tokens from this alone.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::{Attribute, Block, Expr, Path, Type, Visibility};

use crate::recognise;

/// One service trait.
#[derive(Debug)]
pub(crate) struct Service {
    /// The user's attributes, ours taken out.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) wire_name: WireName,
    /// Where the façade is found.
    pub(crate) krate: Path,
    /// Does the client implement the trait?
    pub(crate) is_transparent: bool,
    pub(crate) methods: Vec<Method>,
}

/// A name as peers see it.
#[derive(Debug, Clone)]
pub(crate) struct WireName {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// One method.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) name: Ident,
    pub(crate) wire_name: WireName,
    pub(crate) kind: Kind,
    pub(crate) idempotent: bool,
    pub(crate) spawn: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) priority: Option<Priority>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: Output,
    pub(crate) default: Option<DefaultBody>,
}

/// How a method's messages flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One request, one reply; either may be a stream.
    Call,
    /// One request, for whose reply nobody waits.
    Oneway,
}

/// How urgent a method's calls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    Low,
    Normal,
    High,
}

/// A body in the trait: the server's, if the implementation has none.
#[derive(Debug)]
pub(crate) struct DefaultBody {
    pub(crate) block: Block,
    /// Was it the body of an `async fn`, or does it return a future?
    pub(crate) is_async: bool,
}

/// One argument.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: Ident,
    /// As written, references included.
    pub(crate) ty: Type,
    pub(crate) passing: Passing,
    /// What it is for a caller that does not send it.
    pub(crate) default: Option<ArgumentDefault>,
}

/// `#[ipc(default)]` of an argument.
#[derive(Debug)]
pub(crate) enum ArgumentDefault {
    /// Its type's own, by `Default`; the word is where that is asked for.
    OfType(Span),
    /// This.
    Value(Box<Expr>),
}

/// How an argument gets from the caller to the handler.
#[derive(Debug)]
pub(crate) enum Passing {
    /// `T`: decoded and given.
    Owned(Coding),
    /// `&T`: decoded as `T` and lent.
    Decoded { value: Type, coding: Coding },
    /// `&str`, `&Path`: lent from the request's bytes.
    Lent { value: Type },
    /// `&[u8]`: a block lent from the request's bytes.
    LentBytes,
    /// `&[T]`: decoded as `Vec<T>` and lent.
    Slice { element: Type },
    /// `Streaming<T, E>`: items that follow the call.
    Streamed(Box<Items>),
    /// `&Context`: made by the server, never on the wire.
    Context,
}

/// The items of a stream: values, or values and errors.
#[derive(Debug, Clone)]
pub(crate) struct Items {
    /// `T` of `Result<T, E>`, else the whole.
    pub(crate) value: Type,
    /// `E` of `Result<T, E>`.
    pub(crate) error: Option<Type>,
}

impl Items {
    fn of(item: &Type) -> Self {
        match recognise::result(item) {
            Some((value, error)) => Self { value: value.clone(), error: Some(error.clone()) },
            None => Self { value: item.clone(), error: None },
        }
    }
}

impl Passing {
    pub(crate) fn of(ty: &Type) -> Self {
        if let Some((value, error)) = recognise::streaming(ty) {
            let items = Items { value: value.clone(), error: error.cloned() };
            return Passing::Streamed(Box::new(items));
        }
        let Type::Reference(reference) = recognise::bare(ty) else {
            return Passing::Owned(Coding::of(ty));
        };
        let referent = recognise::bare(&reference.elem);
        match referent {
            Type::Slice(slice) if recognise::is_named(&slice.elem, "u8") => Passing::LentBytes,
            Type::Slice(slice) => Passing::Slice { element: (*slice.elem).clone() },
            _ if recognise::is_named(referent, "Context") => Passing::Context,
            _ if recognise::is_lendable(referent) => Passing::Lent { value: referent.clone() },
            _ => Passing::Decoded { value: referent.clone(), coding: Coding::of(referent) },
        }
    }

    /// Does the handler's argument point into the request's bytes?
    pub(crate) fn borrows_request(&self) -> bool {
        matches!(self, Passing::Lent { .. } | Passing::LentBytes)
    }
}

impl Argument {
    /// The items, if it is a stream.
    pub(crate) fn streamed(&self) -> Option<&Items> {
        match &self.passing {
            Passing::Streamed(items) => Some(items),
            _ => None,
        }
    }

    /// Is it among the bytes of the call itself?
    pub(crate) fn is_sent(&self) -> bool {
        !matches!(self.passing, Passing::Context | Passing::Streamed(_))
    }

    /// Is it made by the server rather than sent?
    pub(crate) fn is_context(&self) -> bool {
        matches!(self.passing, Passing::Context)
    }

    /// Does the client's method still hold it when it is encoded? Blocks of bytes are moved by the encoding.
    pub(crate) fn outlives_encoding(&self) -> bool {
        matches!(self.passing, Passing::Owned(Coding::Value))
    }
}

/// How one value becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// By its `Serialize` and `Deserialize`.
    Value,
    /// `Vec<u8>`: the same bytes, copied as a block.
    Bytes,
}

impl Coding {
    pub(crate) fn of(ty: &Type) -> Self {
        if recognise::is_byte_vec(ty) { Coding::Bytes } else { Coding::Value }
    }
}

/// What a method returns.
#[derive(Debug)]
pub(crate) struct Output {
    /// The future's output, or the stream, as written.
    pub(crate) written: Type,
    /// `T` of `Result<T, E>`, else the whole.
    pub(crate) value: Type,
    /// `E` of `Result<T, E>`.
    pub(crate) error: Option<Type>,
    /// The items, where `value` is a stream.
    pub(crate) items: Option<Items>,
    /// Is it to be waited for, or is it a stream that is there at once?
    pub(crate) is_awaited: bool,
}

impl Output {
    pub(crate) fn of(written: &Type, is_async: bool) -> Self {
        let (value, error) = match recognise::result(written) {
            Some((value, error)) => (value.clone(), Some(error.clone())),
            None => (written.clone(), None),
        };
        let items = recognise::stream_item(&value).map(Items::of);
        let is_awaited = is_async || items.is_none();
        Self { written: written.clone(), value, error, items, is_awaited }
    }

    /// The one error of a call: its own, or that of its items.
    pub(crate) fn call_error(&self) -> Option<&Type> {
        self.error.as_ref().or(self.items.as_ref().and_then(|items| items.error.as_ref()))
    }
}
