//! Layers around calls, tower's own and others, on either side.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_stream::StreamExt;
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::retry::{Policy, RetryLayer};
use tower::timeout::TimeoutLayer;
use traitwire::middleware::{BoxError, Next, Request, Response, from_fn, intercept};
use traitwire::{
    CallError, Channel, Code, Context, Executed, RpcError, Server, ServerBuilder, Stream, Streaming,
    ipc_service,
};

#[ipc_service]
trait Clerk {
    async fn double(&self, number: u64) -> u64;
    async fn fail(&self) -> Result<u64, String>;
    async fn hold(&self);
    async fn held(&self) -> (u64, u64);
    async fn token(&self, cx: &Context) -> Option<String>;
    async fn time_left(&self, cx: &Context) -> Option<u64>;
    async fn panic(&self);
    #[ipc(oneway)]
    async fn note(&self);
    #[ipc(idempotent)]
    async fn flaky(&self) -> u64;
    fn count(&self, to: u64) -> impl Stream<Item = u64>;
    async fn sum(&self, numbers: Streaming<u64>) -> u64;
    #[ipc(spawn)]
    async fn spawned(&self, number: u64) -> u64;
}

#[derive(Default)]
struct State {
    begun: AtomicUsize,
    dropped: AtomicUsize,
    notes: AtomicUsize,
    noted: Notify,
}

struct Desk(Arc<State>);

/// Counts when it is dropped.
struct Holding(Arc<State>);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

impl Clerk for Desk {
    async fn double(&self, number: u64) -> u64 {
        self.0.begun.fetch_add(1, SeqCst);
        number * 2
    }

    async fn fail(&self) -> Result<u64, String> {
        Err("on purpose".to_owned())
    }

    async fn hold(&self) {
        self.0.begun.fetch_add(1, SeqCst);
        let _holding = Holding(Arc::clone(&self.0));
        std::future::pending().await
    }

    async fn held(&self) -> (u64, u64) {
        (self.0.begun.load(SeqCst) as u64, self.0.dropped.load(SeqCst) as u64)
    }

    async fn token(&self, cx: &Context) -> Option<String> {
        cx.metadata().get_str("token").map(str::to_owned)
    }

    async fn time_left(&self, cx: &Context) -> Option<u64> {
        Some(cx.deadline()?.duration_since(std::time::Instant::now()).as_millis() as u64)
    }

    async fn panic(&self) {
        panic!("on purpose");
    }

    async fn note(&self) {
        self.0.notes.fetch_add(1, SeqCst);
        self.0.noted.notify_one();
    }

    async fn flaky(&self) -> u64 {
        self.0.begun.fetch_add(1, SeqCst) as u64
    }

    fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn sum(&self, mut numbers: Streaming<u64>) -> u64 {
        let mut sum = 0;
        while let Some(Ok(number)) = numbers.next().await {
            sum += number;
        }
        sum
    }

    async fn spawned(&self, number: u64) -> u64 {
        number + 1
    }
}

struct Place {
    address: String,
    state: Arc<State>,
    _directory: tempfile::TempDir,
}

impl Place {
    async fn client(&self) -> ClerkClient {
        ClerkClient::connect(&self.address).await.expect("connected")
    }

    async fn channel(&self) -> Channel {
        Channel::connect(&self.address).await.expect("connected")
    }
}

/// Does the same with a server in this process and behind a socket; `build` puts layers around it.
async fn everywhere<F: Future<Output = ()>>(
    build: impl Fn(ServerBuilder) -> ServerBuilder,
    test: impl Fn(Place) -> F,
) {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    for address in ["mem:middleware-{n}", "unix:{dir}/socket"] {
        let directory = tempfile::tempdir().expect("a directory");
        let number = NAMES.fetch_add(1, SeqCst).to_string();
        let address =
            address.replace("{n}", &number).replace("{dir}", &directory.path().display().to_string());
        let state = Arc::<State>::default();
        let server = build(Server::builder()).service(ClerkServer::new(Desk(Arc::clone(&state))));
        let handle = server.bind(&address).await.expect("bound").spawn();
        let place = Place { address, state, _directory: directory };
        tokio::time::timeout(Duration::from_secs(20), test(place)).await.expect("in time");
        handle.shutdown(Duration::ZERO).await.expect("an end");
    }
}

fn bare(server: ServerBuilder) -> ServerBuilder {
    server
}

fn refusal<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> RpcError {
    match result.expect_err("a refusal") {
        CallError::Rpc(error) => error,
        CallError::Service(error) => panic!("{error:?}"),
    }
}

/// Everything a service can do still works.
async fn all_is_well(clerk: &ClerkClient, state: &State) {
    assert_eq!(clerk.double(4).await, Ok(8));
    assert_eq!(clerk.fail().await, Err(CallError::Service("on purpose".to_owned())));
    assert_eq!(refusal(clerk.panic().await).code(), Code::Panicked);
    assert_eq!(clerk.spawned(1).await, Ok(2));
    let counted: Vec<_> = clerk.count(1000).collect().await;
    assert!(counted.iter().zip(0..).all(|(item, n)| *item == Ok(n)) && counted.len() == 1000);
    assert_eq!(clerk.sum(tokio_stream::iter(0..1000)).await, Ok(499_500));
    clerk.note().await.expect("accepted");
    while state.notes.load(SeqCst) == 0 {
        state.noted.notified().await;
    }
}

#[tokio::test]
async fn every_kind_of_call_goes_through_layers() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let log = |side: &'static str| {
        let seen = Arc::clone(&seen);
        from_fn(move |request: Request, next: Next| {
            let seen = Arc::clone(&seen);
            async move {
                let method = request.method().to_owned();
                let answer = next.run(request).await;
                let came = match &answer {
                    Ok(response) if response.is_error() => "error".to_owned(),
                    Ok(response) => response.size().to_string(),
                    Err(error) => error.code().to_string(),
                };
                seen.lock().expect("no panic").push(format!("{side} {method}: {came}"));
                answer
            }
        })
    };
    everywhere(
        |server| server.layer(log("server")),
        |place| {
            let (seen, layer) = (Arc::clone(&seen), log("client"));
            async move {
                let clerk = ClerkClient::new(place.channel().await.layer(layer));
                all_is_well(&clerk, &place.state).await;
                let seen = std::mem::take(&mut *seen.lock().expect("no panic"));
                for method in ["double: 1", "fail: error", "panic: Panicked", "count: 0", "sum: 3", "note: 0"]
                {
                    for side in ["client", "server"] {
                        let line = format!("{side} Clerk.{method}");
                        assert!(seen.contains(&line), "{line} is missing in {seen:?}");
                    }
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_timeout_ends_a_call_on_either_side() {
    let limit = || TimeoutLayer::new(Duration::from_millis(30));
    everywhere(bare, |place| async move {
        let clerk = ClerkClient::new(place.channel().await.layer(limit()));
        let error = refusal(clerk.hold().await);
        assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::Maybe), "{error}");
        assert_eq!(error.method(), Some("Clerk.hold"));
        // The call was dropped, so its handler was.
        while place.state.dropped.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(clerk.double(1).await, Ok(2));
    })
    .await;
    everywhere(
        |server| server.layer(limit()),
        |place| async move {
            let clerk = place.client().await;
            let error = refusal(clerk.hold().await);
            assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::Yes), "{error}");
            assert_eq!(clerk.held().await, Ok((1, 1)));
        },
    )
    .await;
}

#[tokio::test]
async fn a_concurrency_limit_lets_calls_wait() {
    let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let count = |running: Arc<(AtomicUsize, AtomicUsize)>| {
        from_fn(move |request, next: Next| {
            let running = Arc::clone(&running);
            async move {
                let now = running.0.fetch_add(1, SeqCst) + 1;
                running.1.fetch_max(now, SeqCst);
                tokio::task::yield_now().await;
                let answer = next.run(request).await;
                running.0.fetch_sub(1, SeqCst);
                answer
            }
        })
    };
    everywhere(
        |server| server.layer(count(Arc::clone(&running))).layer(ConcurrencyLimitLayer::new(3)),
        |place| {
            let running = Arc::clone(&running);
            async move {
                let clerk = place.client().await;
                let calls = (0..50).map(|number| {
                    let clerk = clerk.clone();
                    tokio::spawn(async move { clerk.double(number).await })
                });
                for (call, number) in calls.collect::<Vec<_>>().into_iter().zip(0..) {
                    assert_eq!(call.await.expect("no panic"), Ok(number * 2));
                }
                assert_eq!(running.1.load(SeqCst), 3);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn e_06_clones_that_do_nothing_and_calls_that_are_dropped_keep_no_place() {
    everywhere(bare, |place| async move {
        let channel = place.channel().await.layer(ConcurrencyLimitLayer::new(1));
        let clerk = ClerkClient::new(channel);
        let idle: Vec<_> = (0..20).map(|_| clerk.clone()).collect();
        for clerk in &idle {
            assert_eq!(clerk.double(1).await, Ok(2));
        }
        for _ in 0..20 {
            // Dropped while it has the one place, and while it waits for it.
            let (has_it, waits) = (clerk.hold(), clerk.hold());
            let (mut has_it, mut waits) = (Box::pin(has_it), Box::pin(waits));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(has_it.as_mut().poll(&mut cx).is_pending() && waits.as_mut().poll(&mut cx).is_pending());
        }
        for clerk in &idle {
            assert_eq!(clerk.double(2).await, Ok(4));
        }
    })
    .await;
}

#[tokio::test]
async fn load_is_shed_before_a_handler_runs() {
    let shed = || {
        ServiceBuilder::new().layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(1)).into_inner()
    };
    everywhere(
        |server| server.layer(shed()),
        |place| async move {
            let clerk = place.client().await;
            let holding = tokio::spawn({
                let clerk = clerk.clone();
                async move { clerk.hold().await }
            });
            while place.state.begun.load(SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            let error = refusal(clerk.double(1).await);
            assert_eq!((error.code(), error.executed()), (Code::ResourceExhausted, Executed::No), "{error}");
            assert!(error.is_retryable());
            holding.abort();
            while clerk.double(1).await.is_err() {}
        },
    )
    .await;
    everywhere(bare, |place| async move {
        let clerk = ClerkClient::new(place.channel().await.layer(shed()));
        let holding = tokio::spawn({
            let clerk = clerk.clone();
            async move { clerk.hold().await }
        });
        while place.state.begun.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let error = refusal(clerk.double(1).await);
        assert_eq!((error.code(), error.executed()), (Code::ResourceExhausted, Executed::No), "{error}");
        holding.abort();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_works_behind_a_buffer() {
    let limit = || ServiceBuilder::new().buffer(100).rate_limit(5, Duration::from_secs(1));
    let server = Server::builder().service(ClerkServer::new(Desk(Arc::default())));
    let handle = server.layer(limit()).bind("mem:middleware-rate").await.expect("bound").spawn();
    for channel in [Channel::connect(handle.endpoint()).await.expect("connected")] {
        let clerk = ClerkClient::new(channel);
        let since = tokio::time::Instant::now();
        for number in 0..21 {
            assert_eq!(clerk.double(number).await, Ok(2 * number));
        }
        assert!(since.elapsed() >= Duration::from_secs(4), "{:?}", since.elapsed());
        assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
    }
    let bare = Server::builder().service(ClerkServer::new(Desk(Arc::default())));
    let bare = bare.bind("mem:middleware-rate-client").await.expect("bound").spawn();
    let channel = Channel::connect(bare.endpoint()).await.expect("connected").layer(limit());
    let clerk = ClerkClient::new(channel);
    let since = tokio::time::Instant::now();
    for number in 0..11 {
        assert_eq!(clerk.double(number).await, Ok(2 * number));
    }
    assert!(since.elapsed() >= Duration::from_secs(2), "{:?}", since.elapsed());
}

/// Tries an idempotent call again, so many times.
#[derive(Clone)]
struct Again(usize);

impl Policy<Request, Response, BoxError> for Again {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<Response, BoxError>) -> Option<Self::Future> {
        self.0 = self.0.checked_sub(1)?;
        result.is_err().then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        if request.is_idempotent() { request.try_clone() } else { None }
    }
}

#[tokio::test]
async fn towers_retry_repeats_unary_calls() {
    // Refuses the first two calls of each kind.
    let refused = Arc::new(AtomicUsize::new(0));
    let refuse = |refused: &Arc<AtomicUsize>| {
        let refused = Arc::clone(refused);
        intercept(move |_: &mut Request| match refused.fetch_add(1, SeqCst) {
            0 | 1 => Err(RpcError::new(Code::ResourceExhausted, "come again")),
            _ => Ok(()),
        })
    };
    everywhere(
        |server| {
            refused.store(0, SeqCst);
            server.layer(refuse(&refused))
        },
        |place| {
            let refused = Arc::clone(&refused);
            async move {
                let clerk = ClerkClient::new(place.channel().await.layer(RetryLayer::new(Again(5))));
                assert_eq!(clerk.flaky().await, Ok(0));
                refused.store(0, SeqCst);
                let error = refusal(clerk.double(1).await);
                assert_eq!((error.message(), error.executed()), ("come again", Executed::No));
                refused.store(0, SeqCst);
                let items: Vec<_> = clerk.count(3).collect().await;
                assert!(
                    matches!(&items[..], [Err(CallError::Rpc(error))] if error.message() == "come again")
                );
            }
        },
    )
    .await;
}

#[tokio::test]
async fn interceptors_change_what_travels_and_refuse() {
    let guard = intercept(|request: &mut Request| match request.metadata().get_str("token") {
        Some("secret") => {
            request.metadata_mut().insert("token", "seen");
            Ok(())
        }
        _ => Err(RpcError::new(Code::PermissionDenied, "the token is missing or wrong")),
    });
    everywhere(
        |server| server.layer(guard.clone()),
        |place| async move {
            let error = refusal(place.client().await.double(1).await);
            assert_eq!((error.code(), error.executed()), (Code::PermissionDenied, Executed::No), "{error}");
            assert_eq!(place.state.begun.load(SeqCst), 0);
            let channel = place.channel().await.layer(intercept(|request: &mut Request| {
                request.metadata_mut().insert("token", "secret");
                request.limit_time(Duration::from_secs(5));
                Ok(())
            }));
            let clerk = ClerkClient::new(channel.clone());
            assert_eq!(clerk.token().await, Ok(Some("seen".to_owned())));
            let left = clerk.time_left().await.expect("a call").expect("a deadline");
            assert!((1..=5000).contains(&left), "{left} ms");
            all_is_well(&clerk, &place.state).await;
            // The last one added sees a call first.
            let channel =
                channel.layer(intercept(|request: &mut Request| match request.metadata().is_empty() {
                    true => Err(RpcError::new(Code::InvalidArgument, "first")),
                    false => Ok(()),
                }));
            assert_eq!(refusal(ClerkClient::new(channel.clone()).double(1).await).message(), "first");
            let clerk = ClerkClient::new(channel).with_metadata("any", "thing");
            assert_eq!(clerk.double(1).await, Ok(2));
        },
    )
    .await;
}

#[tokio::test]
async fn what_a_layer_says_is_heard() {
    #[derive(Debug)]
    struct Moody;
    impl std::fmt::Display for Moody {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("not in the mood")
        }
    }
    impl std::error::Error for Moody {}
    let moody = tower::util::MapErrLayer::new(|_: BoxError| -> BoxError { Box::new(Moody) });
    everywhere(bare, |place| {
        let moody = moody.clone();
        async move {
            let clerk = ClerkClient::new(place.channel().await.layer(moody));
            let error = refusal(clerk.panic().await);
            assert_eq!((error.code(), error.executed()), (Code::Internal, Executed::Maybe), "{error}");
            assert!(error.message().contains("not in the mood"), "{error}");
            assert_eq!(clerk.double(2).await, Ok(4));
        }
    })
    .await;
}

#[tokio::test]
async fn a_dropped_call_is_dropped_in_all_layers() {
    let dropped = Arc::<AtomicUsize>::default();
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let count = |dropped: &Arc<AtomicUsize>| {
        let dropped = Arc::clone(dropped);
        from_fn(move |request, next: Next| {
            let count = Count(Arc::clone(&dropped));
            async move {
                let _count = count;
                next.run(request).await
            }
        })
    };
    everywhere(
        |server| server.layer(count(&dropped)),
        |place| {
            let (dropped, layer) = (Arc::clone(&dropped), count(&dropped));
            async move {
                let clerk = ClerkClient::new(place.channel().await.layer(layer));
                let holding = tokio::spawn(async move { clerk.hold().await });
                while place.state.begun.load(SeqCst) == 0 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(dropped.swap(0, SeqCst), 0);
                holding.abort();
                while dropped.load(SeqCst) < 2 || place.state.dropped.load(SeqCst) == 0 {
                    tokio::task::yield_now().await;
                }
                dropped.store(0, SeqCst);
            }
        },
    )
    .await;
}
