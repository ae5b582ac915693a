//! The peer of the scenarios: a bare session that answers at once, behind a pipe of memory. Never runs a thread of its
//! own.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::sync::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::body::Body;
use crate::connection::now;
use crate::error::RpcError;
use crate::options::Options;
use crate::proto::{Arrived, CallId, CallKey, Event, NewCall, Outcome, Outgoing, SLICES, Session, StreamEnd};
use crate::transport::{BusyPoll, DirectRead};

/// A method that the peer answers at once, and one that it answers when it has read all items.
pub(super) const PLAIN: u32 = 0;
pub(super) const STREAMED: u32 = 1;

/// A peer that answers each call, reads each item and takes each byte at once.
pub(super) struct Remote {
    pub(super) session: Session,
    outgoing: Outgoing,
    /// Part of a frame.
    partial: Vec<u8>,
    /// For this side to read.
    input: VecDeque<u8>,
    ended: bool,
    reader: Option<Waker>,
    /// Somebody looks for what comes, and need not be woken.
    looked_at: bool,
    /// What goes with the reply to a call.
    pub(super) besides: Besides,
    /// Calls that are answered at the end of their streams.
    streams: Vec<(CallId, StreamEnd)>,
    /// Batches that were read.
    pub(super) batches: usize,
    /// A call of its own, and who waits for the reply.
    calling: Option<CallKey>,
    answered: bool,
    watcher: Option<Waker>,
}

/// What a peer says in one go with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Besides {
    Nothing,
    /// A call of its own.
    Call,
    /// That it leaves.
    GoAway,
}

impl Remote {
    pub(super) fn call(&mut self) {
        let mut call = Some(NewCall::new(0, Body::default()));
        match self.session.poll_start(&mut None, &mut call, Waker::noop()) {
            Poll::Ready(Ok(key)) => self.calling = Some(key),
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self) -> Vec<Waker> {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Call(incoming) if incoming.method == STREAMED => {
                    self.streams.push((incoming.id, StreamEnd::Callee(incoming.key)));
                }
                Event::Call(incoming) => {
                    match self.besides {
                        Besides::Nothing => {}
                        Besides::Call => self.call(),
                        Besides::GoAway => self.session.go_away("it is late"),
                    }
                    self.session.reply(incoming.id, Outcome::Output(Body::default()));
                }
                Event::Cancel(id, code) => {
                    self.session.reply(id, Outcome::Failure(RpcError::new(code, "given up")));
                }
            }
        }
        for (id, end) in std::mem::take(&mut self.streams) {
            loop {
                match self.session.poll_items(end, Waker::noop()) {
                    Poll::Ready(Arrived::Items(_)) => self.batches += 1,
                    Poll::Ready(Arrived::Ended(..)) => {
                        break self.session.reply(id, Outcome::Output(Body::default()));
                    }
                    Poll::Pending => break self.streams.push((id, end)),
                }
            }
        }
        if let Some(key) = self.calling
            && self.session.poll_reply(key, Waker::noop()).is_ready()
        {
            (self.calling, self.answered) = (None, true);
        }
        self.session.take_output(&mut self.outgoing);
        while self.outgoing.remaining() > 0 {
            let mut slices = [io::IoSlice::new(&[]); SLICES];
            let count = self.outgoing.slices(&mut slices);
            let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
            self.outgoing.advance(bytes.len());
            self.input.extend(bytes);
        }
        let wakes = !self.looked_at && (!self.input.is_empty() || self.ended);
        let reader = if wakes { self.reader.take() } else { None };
        let watcher = if self.answered { self.watcher.take() } else { None };
        reader.into_iter().chain(watcher).collect()
    }
}

#[derive(Clone)]
pub(super) struct Pipe(Arc<Mutex<Remote>>, DirectRead);

impl Pipe {
    /// To a peer that says this hello first.
    pub(super) fn new(hello: &[u8], options: Options) -> Self {
        let remote = Remote {
            session: Session::new(hello, options, now()),
            outgoing: Outgoing::new(false),
            partial: Vec::new(),
            input: VecDeque::new(),
            ended: false,
            reader: None,
            looked_at: false,
            besides: Besides::Nothing,
            streams: Vec::new(),
            batches: 0,
            calling: None,
            answered: false,
            watcher: None,
        };
        Self(Arc::new(Mutex::new(remote)), DirectRead::new())
    }

    /// Asks its reading half to read at once.
    pub(super) fn direct_read(&self) -> DirectRead {
        self.1.clone()
    }

    pub(super) fn act<R>(&self, act: impl FnOnce(&mut Remote) -> R) -> R {
        let mut remote = self.0.lock().expect("nobody panics with it");
        let result = act(&mut remote);
        let woken = remote.settle();
        drop(remote);
        woken.into_iter().for_each(Waker::wake);
        result
    }

    /// The peer goes away.
    pub(super) fn end(&self) {
        self.act(|remote| remote.ended = true);
    }

    /// The reply to the peer's own call has come.
    pub(super) async fn answered(&self) {
        poll_fn(|cx| {
            self.act(|remote| match remote.answered {
                true => Poll::Ready(()),
                false => {
                    remote.watcher = Some(cx.waker().clone());
                    Poll::Pending
                }
            })
        })
        .await;
    }
}

impl BusyPoll for Pipe {
    fn has_bytes(&self) -> bool {
        let remote = self.0.lock().expect("nobody panics with it");
        !remote.input.is_empty() || remote.ended
    }

    fn disarm(&self) {
        self.0.lock().expect("nobody panics with it").looked_at = true;
    }

    fn arm(&self) -> bool {
        let mut remote = self.0.lock().expect("nobody panics with it");
        let is_quiet = remote.input.is_empty() && !remote.ended;
        remote.looked_at &= !is_quiet;
        is_quiet
    }

    fn untaken(&self) -> usize {
        0
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut remote = self.0.lock().expect("nobody panics with it");
        let is_there = !remote.input.is_empty() || remote.ended;
        match (is_there, self.1.take()) {
            // Whoever is registered stays so.
            (true, true) => {}
            (false, true) => return Poll::Pending,
            (true, false) => remote.looked_at = true,
            (false, false) => {
                remote.looked_at = false;
                remote.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        let count = remote.input.len().min(buffer.remaining());
        let bytes: Vec<u8> = remote.input.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.act(|remote| {
            remote.partial.extend_from_slice(bytes);
            let used = remote.session.handle_input(&remote.partial, now()).expect("no rule broken");
            remote.partial.drain(..used);
        });
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}
