//! An iterator as the argument stream of a call. Its items may take their time: they are made on a thread for that, and
//! are sent as they come. Never lets an iterator that panics pass for one that has ended.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;

/// Items that are made ahead of what is sent.
const AHEAD: usize = 256;

/// The items of an iterator, as a stream of the hidden runtime's.
pub struct Feed<I: IntoIterator> {
    state: State<I>,
}

enum State<I: IntoIterator> {
    /// Nobody has asked for an item.
    Unread(I),
    Read(mpsc::Receiver<Made<I::Item>>),
    Ended,
}

enum Made<T> {
    Item(T),
    /// There are no more.
    End,
    /// What the iterator panicked with.
    Panic(Box<dyn Any + Send>),
}

/// A stream of an iterator's items. Nothing is iterated before the first one is asked for. An iterator that waits for its
/// next item when its call ends keeps the thread that it is run on until it has it.
pub fn feed<I>(items: I) -> Feed<I>
where
    I: IntoIterator<Item: Send, IntoIter: Send> + Send + 'static,
{
    Feed { state: State::Unread(items) }
}

/// Nothing in it is pinned in place.
impl<I: IntoIterator> Unpin for Feed<I> {}

impl<I> Stream for Feed<I>
where
    I: IntoIterator<Item: Send + 'static> + Send + 'static,
{
    type Item = I::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<I::Item>> {
        let state = &mut self.get_mut().state;
        if matches!(state, State::Unread(_))
            && let State::Unread(items) = std::mem::replace(state, State::Ended)
        {
            let (made, read) = mpsc::channel(AHEAD);
            tokio::task::spawn_blocking(move || make(items, &made));
            *state = State::Read(read);
        }
        let State::Read(read) = state else { return Poll::Ready(None) };
        let next = std::task::ready!(read.poll_recv(cx));
        if let Some(Made::Item(item)) = next {
            return Poll::Ready(Some(item));
        }
        *state = State::Ended;
        match next {
            Some(Made::Panic(panic)) => resume_unwind(panic),
            // Its runtime ends and has dropped it: the peer is not to take what there is for all.
            None => resume_unwind(Box::new("the iterator of an argument stream was dropped before its end")),
            Some(Made::End | Made::Item(_)) => Poll::Ready(None),
        }
    }
}

/// Makes all items, until nobody reads them any more.
fn make<I: IntoIterator>(items: I, made: &mpsc::Sender<Made<I::Item>>) {
    let made_all = catch_unwind(AssertUnwindSafe(|| {
        for item in items {
            if made.blocking_send(Made::Item(item)).is_err() {
                break;
            }
        }
    }));
    let _ = made.blocking_send(made_all.map_or_else(Made::Panic, |()| Made::End));
}

impl<I: IntoIterator> fmt::Debug for Feed<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}
