//! The orders in which threads can meet at a connection, tried one after another by loom: callers, the driver, whoever
//! wakes a handler, the transport. All of those in which threads are interrupted [twice](PREEMPTIONS) at most. The code
//! is the real one; only the peer is a bare session behind a pipe of memory.
//! An order in which somebody sleeps on is a deadlock to loom, and fails.
//!
//! `RUSTFLAGS="--cfg traitwire_loom" cargo test --release -p traitwire-core --lib races`

mod remote;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;
use traitwire_idl::{Fingerprint, Interface};

use self::remote::{Besides, PLAIN, Pipe, Remote, STREAMED};
use crate::body::Body;
use crate::codec::Encoder;
use crate::connection::{Closing, Connection};
use crate::driver::LookKind;
use crate::error::RpcError;
use crate::open::open;
use crate::options::Options;
use crate::priority::Priority;
use crate::proto::hello::{Hello, ServedMethod, ServedService};
use crate::proto::{Batch, NewCall, Outcome};
use crate::service::{Attributes, Dispatch, Reply, ServiceDescription, Slot, slot};
use crate::services::Services;
use crate::transport::{Peer, Wire};

/// How often a thread is interrupted where it would go on: what races there are show with two.
const PREEMPTIONS: usize = 2;

/// Tries those orders of a scenario in which threads are interrupted [so often](PREEMPTIONS) at most.
fn in_many_orders(scenario: impl Fn() + Send + Sync + 'static) {
    // For the driver's timers, which never fire here.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS);
    model.max_branches = 20_000;
    model.check(scenario);
}

/// A connection that has said hello, its driver at rest, and its peer.
struct World {
    connection: Arc<Connection>,
    driver: Pin<Box<dyn Future<Output = RpcError> + Send>>,
    pipe: Pipe,
}

impl World {
    fn new(services: Services, limit: impl FnOnce(&mut Options)) -> Self {
        Self::open(services, limit, LookKind::Never)
    }

    /// One whose callers read their replies themselves.
    fn looked_at(
        looks: LookKind,
        services: Services,
        limit: impl FnOnce(&mut Options),
        besides: Besides,
    ) -> Self {
        let world = Self::open(services, limit, looks);
        world.pipe.act(|remote| remote.besides = besides);
        world
    }

    fn open(services: Services, limit: impl FnOnce(&mut Options), looks: LookKind) -> Self {
        let mut options = Options { keepalive: None, ..Options::default() };
        limit(&mut options);
        let mut hello = Hello::new(&options.limits, 1);
        let method =
            |name: &str| ServedMethod { name: name.to_owned(), fingerprint: Fingerprint::from_bits(1) };
        hello.services.push(ServedService { name: "S".to_owned(), methods: vec![method("p"), method("s")] });
        let hello = hello.encode().expect("encodable");
        let pipe = Pipe::new(&hello, options.clone());
        let peer = Peer::new("test:peer".parse().expect("an address"));
        let mut wire = Wire::new(pipe.clone(), pipe.clone(), peer);
        match looks {
            LookKind::Never => {}
            LookKind::AtMemory => wire = wire.with_busy_poll(Arc::new(pipe.clone())),
            LookKind::ByReading => wire = wire.with_direct_read(pipe.direct_read()),
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
    in_many_orders(|| {
        let (connection, _, driver) = World::new(Services::default(), |_| ()).drive();
        let outcome = caller(&connection).join().expect("no panic");
        assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
        close(&connection, driver);
    });
}

#[test]
fn two_callers_write_at_once() {
    in_many_orders(|| {
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
    in_many_orders(|| {
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
    in_many_orders(|| {
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
    in_many_orders(|| {
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
    in_many_orders(|| {
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

/// In both ways of looking: a caller that does so has part in all of these.
const LOOKING: [LookKind; 2] = [LookKind::AtMemory, LookKind::ByReading];

/// The peer's call comes to a caller that looks for its reply.
#[test]
fn a_looking_caller_reads_what_is_for_the_driver() {
    for looks in LOOKING {
        in_many_orders(move || {
            let told = Arc::<Told>::default();
            (0..2).for_each(|_| told.tell());
            let mut services = Services::default();
            services.add(Waiting(told));
            let (connection, pipe, driver) = World::looked_at(looks, services, |_| (), Besides::Call).drive();
            let outcome = caller(&connection).join().expect("no panic");
            assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
            block_on(pipe.answered());
            close(&connection, driver);
        });
    }
}

#[test]
fn a_looking_caller_reads_that_the_peer_leaves() {
    for looks in LOOKING {
        in_many_orders(move || {
            let world = World::looked_at(looks, Services::default(), |_| (), Besides::GoAway);
            let (connection, _, driver) = world.drive();
            let outcome = caller(&connection).join().expect("no panic");
            assert!(matches!(outcome, Outcome::Output(_)), "{outcome:?}");
            // Nothing is in flight: the driver is to end it, and nobody else tells it.
            driver.join().expect("no panic");
            assert!(!connection.is_usable());
        });
    }
}

/// The peer says how much it has taken: more may be written, which nobody else sees to.
#[test]
fn a_looking_caller_goes_on_with_what_the_peer_has_room_for() {
    for looks in LOOKING {
        in_many_orders(move || {
            let limit = |options: &mut Options| options.low_window = 1024;
            let (connection, _, driver) =
                World::looked_at(looks, Services::default(), limit, Besides::Nothing).drive();
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
}
