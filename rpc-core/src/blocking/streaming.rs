//! A stream of items as a thread reads it that waits for each. Never reads ahead.

use std::convert::Infallible;
use std::fmt;
use std::iter::FusedIterator;

use super::wait_for;
use crate::error::CallError;
use crate::streaming::Streaming;

/// Items from the other side of a call, one after another, as an iterator: what a method of a blocking client gives in
/// place of a [`Streaming`].
///
/// Nothing is sent before the first item is asked for. A failed call is an item, the last one, so the end of the
/// iteration without an error means that all there was has come. Dropping it cancels the call.
pub struct BlockingStreaming<T, E = Infallible> {
    /// Gone when it has ended.
    items: Option<Streaming<T, E>>,
}

impl<T, E> From<Streaming<T, E>> for BlockingStreaming<T, E> {
    fn from(items: Streaming<T, E>) -> Self {
        Self { items: Some(items) }
    }
}

impl<T, E> Iterator for BlockingStreaming<T, E> {
    type Item = Result<T, CallError<E>>;

    /// Waits for the next item. In a task of an async runtime it is an error, `InvalidArgument`, and the last one.
    fn next(&mut self) -> Option<Self::Item> {
        let next = wait_for(self.items.as_mut()?.next()).unwrap_or_else(|error| {
            self.items = None;
            Some(Err(error.into()))
        });
        if next.is_none() {
            self.items = None;
        }
        next
    }
}

impl<T, E> FusedIterator for BlockingStreaming<T, E> {}

impl<T, E> fmt::Debug for BlockingStreaming<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingStreaming").finish_non_exhaustive()
    }
}
