//! Clients as values: objects of either side, called over the connection that they were passed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use tokio_stream::StreamExt;
use traitwire::{
    Channel, ChannelState, Code, Context, Executed, Server, Stream, Streaming, ipc_service, ipc_type,
};

#[ipc_service]
trait Progress {
    async fn done(&self, percent: u32) -> bool;
    fn all(&self) -> impl Stream<Item = u32>;
}

#[ipc_type]
struct Job {
    name: String,
    progress: Option<ProgressClient>,
}

#[ipc_service]
trait Worker {
    async fn run(&self, job: Job) -> u64;
    async fn watch(&self, progress: ProgressClient) -> Vec<u32>;
    async fn keep(&self, progress: ProgressClient);
    async fn kept(&self) -> Option<ProgressClient>;
    async fn forget(&self);
    async fn counter(&self, from: u64) -> CounterClient;
    fn counters(&self, count: u64) -> impl Stream<Item = CounterClient>;
    async fn sum(&self, counters: Streaming<CounterClient>) -> u64;
    async fn name_of_caller(&self, cx: &Context) -> Result<String, String>;
    async fn same(&self, one: &ProgressClient, other: &ProgressClient) -> bool;
}

#[ipc_service]
trait Counter {
    async fn next(&self) -> u64;
}

#[ipc_service]
trait Named {
    async fn name(&self) -> String;
}

struct Me(&'static str);

impl Named for Me {
    async fn name(&self) -> String {
        self.0.to_owned()
    }
}

/// Counts how many of it there are.
struct Counting {
    at: AtomicU64,
    alive: Arc<AtomicUsize>,
}

impl Counting {
    fn new(at: u64, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, SeqCst);
        Self { at: AtomicU64::new(at), alive: Arc::clone(alive) }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

impl Counter for Counting {
    async fn next(&self) -> u64 {
        self.at.fetch_add(1, SeqCst)
    }
}

#[derive(Default)]
struct Foreman {
    alive: Arc<AtomicUsize>,
    kept: std::sync::Mutex<Option<ProgressClient>>,
}

impl Worker for Foreman {
    async fn run(&self, job: Job) -> u64 {
        let mut done = 0;
        for percent in [0, 50, 100] {
            if let Some(progress) = &job.progress {
                match progress.done(percent).await {
                    Ok(true) => done += 1,
                    Ok(false) => break,
                    Err(error) => panic!("{}: {error}", job.name),
                }
            }
        }
        done
    }

    async fn watch(&self, progress: ProgressClient) -> Vec<u32> {
        progress.all().map(|item| item.expect("an item")).collect().await
    }

    async fn keep(&self, progress: ProgressClient) {
        *self.kept.lock().expect("no panic") = Some(progress);
    }

    async fn kept(&self) -> Option<ProgressClient> {
        self.kept.lock().expect("no panic").clone()
    }

    async fn forget(&self) {
        *self.kept.lock().expect("no panic") = None;
    }

    async fn counter(&self, from: u64) -> CounterClient {
        CounterClient::local(Counting::new(from, &self.alive))
    }

    fn counters(&self, count: u64) -> impl Stream<Item = CounterClient> {
        let alive = Arc::clone(&self.alive);
        tokio_stream::iter((0..count).map(move |n| CounterClient::local(Counting::new(n, &alive))))
    }

    async fn sum(&self, mut counters: Streaming<CounterClient>) -> u64 {
        let mut sum = 0;
        while let Some(Ok(counter)) = counters.next().await {
            sum += counter.next().await.expect("a number");
        }
        sum
    }

    async fn name_of_caller(&self, cx: &Context) -> Result<String, String> {
        NamedClient::new(cx.channel()).name().await.map_err(|error| error.to_string())
    }

    async fn same(&self, one: &ProgressClient, other: &ProgressClient) -> bool {
        one == other
    }
}

/// Says when it comes to its end.
struct Bar {
    seen: Arc<AtomicU64>,
    most: u32,
    alive: Arc<AtomicUsize>,
}

impl Bar {
    fn client(most: u32) -> (ProgressClient, Arc<AtomicU64>, Arc<AtomicUsize>) {
        let (seen, alive) = (Arc::<AtomicU64>::default(), Arc::new(AtomicUsize::new(1)));
        let bar = Bar { seen: Arc::clone(&seen), most, alive: Arc::clone(&alive) };
        (ProgressClient::local(bar), seen, alive)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

impl Progress for Bar {
    async fn done(&self, percent: u32) -> bool {
        self.seen.fetch_add(1, SeqCst);
        percent < self.most
    }

    fn all(&self) -> impl Stream<Item = u32> {
        tokio_stream::iter(0..self.most)
    }
}

struct Served {
    client: WorkerClient,
    alive: Arc<AtomicUsize>,
    _handle: traitwire::ServerHandle,
    _directory: tempfile::TempDir,
}

async fn everywhere<F: Future<Output = ()>>(test: impl Fn(Served) -> F) {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    for address in ["mem:callbacks-{n}", "unix:{dir}/socket", "tcp://127.0.0.1:0", "fifo:{dir}/fifo"] {
        println!("over {address}");
        let directory = tempfile::tempdir().expect("a directory");
        let number = NAMES.fetch_add(1, SeqCst).to_string();
        let address =
            address.replace("{n}", &number).replace("{dir}", &directory.path().display().to_string());
        let foreman = Foreman::default();
        let alive = Arc::clone(&foreman.alive);
        let server =
            Server::builder().service(WorkerServer::new(foreman)).bind(address).await.expect("bound");
        let endpoint = server.endpoint().clone();
        let handle = server.spawn();
        let client = WorkerClient::connect(endpoint).await.expect("connected");
        let served = Served { client, alive, _handle: handle, _directory: directory };
        tokio::time::timeout(std::time::Duration::from_secs(20), test(served)).await.expect("in time");
    }
}

/// Waits until so many objects live.
async fn alive(count: &AtomicUsize, wanted: usize) {
    while count.load(SeqCst) != wanted {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_local_object_is_called_by_whoever_it_is_passed_to() {
    everywhere(|served| async move {
        let (progress, seen, living) = Bar::client(100);
        let job = Job { name: "all".into(), progress: Some(progress.clone()) };
        assert_eq!(served.client.run(job).await, Ok(2));
        assert_eq!(seen.load(SeqCst), 3);
        let job = Job { name: "silent".into(), progress: None };
        assert_eq!(served.client.run(job).await, Ok(0));
        assert_eq!(served.client.watch(progress.clone()).await, Ok((0..100).collect()));
        drop(progress);
        alive(&living, 0).await;
    })
    .await;
}

#[tokio::test]
async fn objects_of_the_server_are_called_and_given_back() {
    everywhere(|served| async move {
        let counter = served.client.counter(7).await.expect("a counter");
        assert_eq!((counter.next().await, counter.next().await), (Ok(7), Ok(8)));
        let clone = counter.clone();
        drop(counter);
        assert_eq!(clone.next().await, Ok(9));
        alive(&served.alive, 1).await;
        drop(clone);
        alive(&served.alive, 0).await;

        let counters: Vec<_> = served.client.counters(300).map(|item| item.expect("an item")).collect().await;
        assert_eq!((counters.len(), served.alive.load(SeqCst)), (300, 300));
        for (n, counter) in counters.iter().enumerate() {
            assert_eq!(counter.next().await, Ok(n as u64));
        }
        drop(counters);
        alive(&served.alive, 0).await;
    })
    .await;
}

#[tokio::test]
async fn an_object_that_comes_home_is_itself() {
    everywhere(|served| async move {
        let (progress, seen, living) = Bar::client(1);
        served.client.keep(progress.clone()).await.expect("kept");
        let home = served.client.kept().await.expect("an answer").expect("kept");
        assert_eq!(home, progress);
        assert_eq!(home.done(0).await, Ok(true));
        assert_eq!(seen.load(SeqCst), 1);
        assert_eq!(served.client.same(&progress, &home).await, Ok(true));
        let (other, ..) = Bar::client(1);
        assert_ne!(other, progress);
        assert_eq!(served.client.same(&progress, &other).await, Ok(false));
        drop((progress, home));
        assert_eq!(living.load(SeqCst), 1, "the server keeps it");
        served.client.forget().await.expect("forgotten");
        alive(&living, 0).await;
        // What is the server's own goes back there.
        let counters: Vec<_> = served.client.counters(3).map(|item| item.expect("an item")).collect().await;
        assert_eq!(served.client.sum(tokio_stream::iter(counters)).await, Ok(3));
        alive(&served.alive, 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_serves_is_called_back() {
    let server = Server::builder().service(WorkerServer::new(Foreman::default()));
    let handle = server.bind("mem:callbacks-context").await.expect("bound").spawn();
    let channel = Channel::builder().service(NamedServer::new(Me("Anna")));
    let worker = WorkerClient::new(channel.connect(handle.endpoint()).await.expect("connected"));
    assert_eq!(worker.name_of_caller().await, Ok("Anna".to_owned()));
    let worker = WorkerClient::connect(handle.endpoint()).await.expect("connected");
    let error = worker.name_of_caller().await.expect_err("it serves nothing").to_string();
    assert!(error.contains("the peer does not serve Named; it serves nothing"), "{error}");
    let nobody = Context::local().channel();
    assert_eq!(nobody.state(), ChannelState::Closed);
    let error = NamedClient::new(nobody).name().await.expect_err("nobody is there");
    assert_eq!(
        error.rpc().map(|error| (error.code(), error.executed())),
        Some((Code::Unavailable, Executed::No))
    );
}

#[tokio::test]
async fn the_end_of_a_connection_gives_everything_back() {
    everywhere(|served| async move {
        let (progress, _, living) = Bar::client(1);
        served.client.keep(progress.clone()).await.expect("kept");
        drop(progress);
        let counter = served.client.counter(1).await.expect("a counter");
        let closing = served.client.clone();
        // An object keeps its connection, as a stream does.
        drop(served.client);
        assert_eq!(counter.next().await, Ok(1));
        closing.channel().close().await;
        alive(&living, 0).await;
        alive(&served.alive, 0).await;
        let error = counter.next().await.expect_err("the connection is over");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Unavailable));
        assert_eq!(counter.channel().state(), ChannelState::Closed);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_passed_is_refused_and_costs_its_call_alone() {
    everywhere(|served| async move {
        let other = Server::builder().service(WorkerServer::new(Foreman::default()));
        static NAMES: AtomicUsize = AtomicUsize::new(0);
        let elsewhere = format!("mem:callbacks-elsewhere-{}", NAMES.fetch_add(1, SeqCst));
        let other = other.bind(elsewhere).await.expect("bound").spawn();
        let other = WorkerClient::connect(other.endpoint()).await.expect("connected");
        let foreign = other.counter(1).await.expect("a counter");
        let error = served.client.sum(tokio_stream::iter([foreign])).await.expect_err("another connection's");
        let error = error.rpc().expect("the framework's").clone();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().contains("another connection"), "{error}");

        let job = Job { name: String::new(), progress: Some(ProgressClient::new(other.channel().clone())) };
        let error = served.client.run(job).await.expect_err("a client of a connection");
        let error = error.rpc().expect("the framework's").clone();
        assert_eq!((error.code(), error.executed()), (Code::InvalidArgument, Executed::No), "{error}");
        assert!(error.message().contains("pass one made by `local`"), "{error}");
        assert_eq!(served.client.run(Job { name: String::new(), progress: None }).await, Ok(0));
    })
    .await;
}
