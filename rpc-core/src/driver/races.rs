//! The orders in which threads can meet at a connection, tried one after another by loom: callers, the driver, whoever
//! wakes a handler, the transport. All of those in which threads are interrupted [twice](PREEMPTIONS) at most. The code
//! is the real one; only the peer is a bare session behind a pipe of memory.
//! An order in which somebody sleeps on is a deadlock to loom, and fails.
//!
//! `RUSTFLAGS="--cfg traitwire_loom" cargo test --release -p traitwire-core --lib races`

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use traitwire_idl::{Fingerprint, Interface};

use crate::body::Body;
use crate::codec::Encoder;
use crate::connection::{Closing, Connection, now};
use crate::error::RpcError;
use crate::open::open;
use crate::options::Options;
use crate::priority::Priority;
use crate::proto::hello::{Hello, ServedMethod, ServedService};
use crate::proto::{
    Arrived, Batch, CallId, CallKey, Event, NewCall, Outcome, Outgoing, SLICES, Session, StreamEnd,
};
use crate::service::{Attributes, Dispatch, Reply, ServiceDescription, Slot, slot};
use crate::services::Services;
use crate::transport::{BusyPoll, Peer, Wire};

/// How often a thread is interrupted where it would go on: what races there are show with two.
const PREEMPTIONS: usize = 2;

/// Tries the orders of a scenario.
fn in_every_order(scenario: impl Fn() + Send + Sync + 'static) {
    // For the driver's timers, which never fire here.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS);
    model.max_branches = 20_000;
    model.check(scenario);
}

/// A peer that answers each call, reads each item and takes each byte at once.
struct Remote {
    session: Session,
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
    besides: Besides,
    /// Calls that are answered at the end of their streams.
    streams: Vec<(CallId, StreamEnd)>,
    /// Batches that were read.
    batches: usize,
    /// A call of its own, and who waits for the reply.
    calling: Option<CallKey>,
    answered: bool,
    watcher: Option<Waker>,
}

/// What a peer says in one go with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Besides {
    Nothing,
    /// A call of its own.
    Call,
    /// That it leaves.
    GoAway,
}

impl Remote {
    fn call(&mut self) {
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
struct Pipe(Arc<Mutex<Remote>>);

impl Pipe {
    fn act<R>(&self, act: impl FnOnce(&mut Remote) -> R) -> R {
        let mut remote = self.0.lock().expect("nobody panics with it");
        let result = act(&mut remote);
        let woken = remote.settle();
        drop(remote);
        woken.into_iter().for_each(Waker::wake);
        result
    }

    /// The peer goes away.
    fn end(&self) {
        self.act(|remote| remote.ended = true);
    }

    /// The reply to the peer's own call has come.
    async fn answered(&self) {
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
        remote.looked_at = !remote.input.is_empty() || remote.ended;
        if !remote.looked_at {
            remote.reader = Some(cx.waker().clone());
            return Poll::Pending;
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

/// A method that the peer answers at once, and one that it answers when it has read all items.
const PLAIN: u32 = 0;
const STREAMED: u32 = 1;

/// Whether callers look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    Never,
    AtReplies,
}

/// A connection that has said hello, its driver at rest, and its peer.
struct World {
    connection: Arc<Connection>,
    driver: Pin<Box<dyn Future<Output = RpcError> + Send>>,
    pipe: Pipe,
}

impl World {
    fn new(services: Services, limit: impl FnOnce(&mut Options)) -> Self {
        Self::open(services, limit, Looked::Never)
    }

    /// One whose callers read their replies themselves.
    fn looked_at(services: Services, limit: impl FnOnce(&mut Options), besides: Besides) -> Self {
        let world = Self::open(services, limit, Looked::AtReplies);
        world.pipe.act(|remote| remote.besides = besides);
        world
    }

    fn open(services: Services, limit: impl FnOnce(&mut Options), looked: Looked) -> Self {
        let mut options = Options { keepalive: None, ..Options::default() };
        limit(&mut options);
        let mut hello = Hello::new(&options.limits, 1);
        let method =
            |name: &str| ServedMethod { name: name.to_owned(), fingerprint: Fingerprint::from_bits(1) };
        hello.services.push(ServedService { name: "S".to_owned(), methods: vec![method("p"), method("s")] });
        let hello = hello.encode().expect("encodable");
        let remote = Remote {
            session: Session::new(&hello, options.clone(), now()),
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
        let pipe = Pipe(Arc::new(Mutex::new(remote)));
        let peer = Peer::new("test:peer".parse().expect("an address"));
        let mut wire = Wire::new(pipe.clone(), pipe.clone(), peer);
        if looked == Looked::AtReplies {
            wire = wire.with_busy_poll(Arc::new(pipe.clone()));
        }
        let hello = services.hello(&options.limits, 0).expect("encodable");
        let (connection, driver) = open(wire, &Arc::new(services), options, &hello);
        let mut driver: Pin<Box<dyn Future<Output = RpcError> + Send>> = Box::pin(driver.run());
        pipe.act(|_| ());
        while connection.hello().is_none() || pipe.act(|remote| remote.session.peer().is_none()) {
            assert!(driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        Self { connection, driver, pipe }
    }

    /// Runs the driver in a thread of its own.
    fn drive(self) -> (Arc<Connection>, Pipe, thread::JoinHandle<RpcError>) {
        let Self { connection, driver, pipe } = self;
        (connection, pipe, thread::spawn(move || block_on(driver)))
    }
}

fn caller(connection: &Arc<Connection>) -> thread::JoinHandle<Outcome> {
    let connection = Arc::clone(connection);
    thread::spawn(move || {
        block_on(async { connection.call(NewCall::new(PLAIN, Body::default())).await.outcome })
    })
}

fn close(connection: &Connection, driver: thread::JoinHandle<RpcError>) {
    connection.close(Closing::Flushed, "the test is over");
    driver.join().expect("no panic");
}

#[test]
fn a_call_is_made_while_the_driver_goes_to_rest() {
    in_every_order(|| {
        let (connection, _, driver) = World::new(Services::default(), |_| ()).drive();
        let outcome = caller(&connection).join().expect("no panic");
        assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
        close(&connection, driver);
    });
}

#[test]
fn two_callers_write_at_once() {
    in_every_order(|| {
        let (connection, _, driver) = World::new(Services::default(), |_| ()).drive();
        let other = caller(&connection);
        let outcome = block_on(connection.call(NewCall::new(PLAIN, Body::default()))).outcome;
        for outcome in [outcome, other.join().expect("no panic")] {
            assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
        }
        close(&connection, driver);
    });
}

/// D-13: credit comes between asking for it and waiting for it.
#[test]
fn d_13_credit_comes_while_its_sender_begins_to_wait() {
    in_every_order(|| {
        let world = World::new(Services::default(), |options| options.limits.stream_window = 1024);
        let (connection, pipe, driver) = world.drive();
        block_on(async {
            let mut call = NewCall::new(STREAMED, Body::default());
            call.streams_arguments = true;
            let key = connection.start(call).await.map_err(|refused| refused.error).expect("a call");
            let end = connection.act(|session| session.caller_end(key));
            for _ in 0..2 {
                let mut items = Encoder::new();
                items.bytes(&[7; 1500]);
                let mut batch = Some(Batch { count: 1, items: items.finish().expect("encodable") });
                let sent = poll_fn(|cx| connection.act(|s| s.poll_send(end, &mut batch, cx.waker()))).await;
                assert!(matches!(sent, Ok(true)));
            }
            poll_fn(|cx| connection.act(|session| session.poll_finish(end, cx.waker()))).await;
            let outcome = poll_fn(|cx| connection.act(|session| session.poll_reply(key, cx.waker()))).await;
            assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
        });
        assert_eq!(pipe.act(|remote| remote.batches), 2);
        close(&connection, driver);
    });
}

#[test]
fn a_call_is_cancelled_while_its_reply_comes() {
    in_every_order(|| {
        // The next call needs its place.
        let (connection, _, driver) = World::new(Services::default(), |o| o.limits.max_calls = 1).drive();
        {
            let mut call = pin!(connection.call(NewCall::new(PLAIN, Body::default())));
            let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        let outcome = caller(&connection).join().expect("no panic");
        assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
        close(&connection, driver);
    });
}

#[test]
fn the_connection_ends_while_a_call_is_made() {
    in_every_order(|| {
        let (connection, pipe, driver) = World::new(Services::default(), |_| ()).drive();
        let caller = caller(&connection);
        pipe.end();
        // Whatever it is: it comes.
        caller.join().expect("no panic");
        driver.join().expect("no panic");
    });
}

/// What a handler waits for: to be told twice. Of loom's own parts, so that loom knows what comes after what.
#[derive(Default)]
struct Told(Mutex<(u32, Option<Waker>)>);

impl Told {
    fn tell(&self) {
        let mut told = self.0.lock().expect("nobody panics with it");
        told.0 += 1;
        let waker = told.1.take();
        drop(told);
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut told = self.0.lock().expect("nobody panics with it");
        if told.0 == 2 {
            return Poll::Ready(());
        }
        told.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A service whose one handler waits until it is told.
struct Waiting(Arc<Told>);

impl Dispatch for Waiting {
    fn description(&self) -> &'static ServiceDescription {
        static DESCRIPTION: OnceLock<ServiceDescription> = OnceLock::new();
        DESCRIPTION.get_or_init(|| {
            let interface = Interface::builder("Waiting", "").method("wait", |method| method).build();
            ServiceDescription::new(interface, &[Attributes::NONE])
        })
    }

    fn slot(&self, _: u32) -> Option<Box<dyn Slot>> {
        let told = Arc::clone(&self.0);
        Some(slot(move |_| {
            let told = Arc::clone(&told);
            async move {
                poll_fn(|cx| told.poll(cx)).await;
                Reply::output(|_| ())
            }
        }))
    }
}

#[test]
fn a_handler_is_woken_while_the_driver_goes_to_rest() {
    in_every_order(|| {
        let told = Arc::<Told>::default();
        let mut services = Services::default();
        services.add(Waiting(Arc::clone(&told)));
        let (connection, pipe, driver) = World::new(services, |_| ()).drive();
        pipe.act(Remote::call);
        let telling = thread::spawn(move || (0..2).for_each(|_| told.tell()));
        block_on(pipe.answered());
        telling.join().expect("no panic");
        close(&connection, driver);
    });
}

/// The peer's call comes to a caller that looks for its reply.
#[test]
fn a_looking_caller_reads_what_is_for_the_driver() {
    in_every_order(|| {
        let told = Arc::<Told>::default();
        (0..2).for_each(|_| told.tell());
        let mut services = Services::default();
        services.add(Waiting(told));
        let (connection, pipe, driver) = World::looked_at(services, |_| (), Besides::Call).drive();
        let outcome = caller(&connection).join().expect("no panic");
        assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
        block_on(pipe.answered());
        close(&connection, driver);
    });
}

#[test]
fn a_looking_caller_reads_that_the_peer_leaves() {
    in_every_order(|| {
        let world = World::looked_at(Services::default(), |_| (), Besides::GoAway);
        let (connection, _, driver) = world.drive();
        let outcome = caller(&connection).join().expect("no panic");
        assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
        // Nothing is in flight: the driver is to end it, and nobody else tells it.
        driver.join().expect("no panic");
        assert!(!connection.is_usable());
    });
}

/// The peer says how much it has taken: more may be written, which nobody else sees to.
#[test]
fn a_looking_caller_goes_on_with_what_the_peer_has_room_for() {
    in_every_order(|| {
        let world = World::looked_at(Services::default(), |o| o.low_window = 1024, Besides::Nothing);
        let (connection, _, driver) = world.drive();
        let outcome = block_on(async {
            let mut arguments = Encoder::new();
            arguments.bytes(&[7; 100_000]);
            let mut call = NewCall::new(PLAIN, arguments.finish().expect("encodable"));
            call.priority = Priority::Low;
            connection.call(call).await.outcome
        });
        assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
        close(&connection, driver);
    });
}
