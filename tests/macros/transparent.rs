//! A client as the object it calls: what generic code sees of one, of the other, and of one behind the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use traitwire::{
    CallError, Code, Context, Executed, RpcError, Server, ServerHandle, Stream, Streaming, ipc_service,
    ipc_type,
};

/// Why a shelf has no answer.
#[ipc_type]
pub enum Failure {
    /// There is no such thing.
    Missing(String),
    /// This number is odd.
    Odd(u32),
    /// It was asked in vain.
    Lost(RpcError),
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self::Lost(error)
    }
}

impl Failure {
    fn lost(self) -> RpcError {
        match self {
            Self::Lost(error) => error,
            other => panic!("not lost: {other:?}"),
        }
    }
}

/// Methods of every kind.
#[ipc_service(transparent, name = "shelf")]
pub trait Shelf {
    /// Lends, owns, and takes blocks of bytes.
    async fn find(
        &self,
        name: &str,
        block: &[u8],
        more: Vec<u8>,
        all: &[String],
        one: &u64,
    ) -> Result<String, Failure>;
    async fn nothing(&self) -> Result<(), Failure>;
    fn future(&self, a: u32) -> impl Future<Output = Result<u32, Failure>>;
    fn send_future(&self, a: u32) -> impl Future<Output = Result<u32, RpcError>> + Send;
    /// Has a body.
    async fn place(&self) -> Result<String, Failure> {
        Ok("the trait".to_owned())
    }
    /// Has one that stays.
    async fn twice(&self, a: u32) -> Result<u32, Failure> {
        Ok(self.future(a).await? * 2)
    }
    async fn r#type(&self, r#match: u8, client: u8, arguments: u8) -> Result<u8, Failure>;
    #[cfg(any())]
    async fn gone(&self, missing: NoSuchType) -> Result<u8, NoSuchType>;
    #[cfg(not(any()))]
    #[deprecated = "too old"]
    async fn there(&self) -> Result<u8, Failure>;
    async fn whoami(&self, before: u8, cx: &Context) -> Result<String, Failure>;
    /// Milliseconds.
    async fn left(&self, cx: &Context) -> Result<Option<u64>, Failure>;
    async fn tags(&self, cx: &Context) -> Result<Vec<(String, Vec<u8>)>, Failure>;
    #[ipc(oneway)]
    async fn note(&self, text: String, cx: &Context);
    fn evens(&self, to: u32) -> impl Stream<Item = Result<u32, Failure>>;
    async fn open(&self, name: &str) -> Result<impl Stream<Item = Result<String, Failure>>, Failure>;
    async fn awaited(&self) -> impl Stream<Item = Result<u8, Failure>>;
    async fn sum(&self, values: Streaming<u32>) -> Result<u32, Failure>;
    async fn check(&self, prefix: &str, values: Streaming<u32, Failure>) -> Result<String, Failure>;
    fn echo(&self, values: Streaming<u32, Failure>) -> impl Stream<Item = Result<u32, Failure>>;
}

#[derive(Default)]
struct Oak {
    noted: Arc<Notify>,
    /// How many argument streams have ended.
    ended: Arc<AtomicU32>,
    /// A handler of one has been dropped.
    dropped: Arc<Notify>,
}

struct Tell(Arc<Notify>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Shelf for Oak {
    async fn find(
        &self,
        name: &str,
        block: &[u8],
        more: Vec<u8>,
        all: &[String],
        one: &u64,
    ) -> Result<String, Failure> {
        match name {
            "" => Err(Failure::Missing(one.to_string())),
            name => Ok(format!("{name} {block:?} {more:?} {all:?} {one}")),
        }
    }
    async fn nothing(&self) -> Result<(), Failure> {
        Ok(())
    }
    async fn future(&self, a: u32) -> Result<u32, Failure> {
        if a % 2 == 1 { Err(Failure::Odd(a)) } else { Ok(a) }
    }
    async fn send_future(&self, a: u32) -> Result<u32, RpcError> {
        if a % 2 == 1 { Err(RpcError::new(Code::Internal, "odd")) } else { Ok(a) }
    }
    async fn place(&self) -> Result<String, Failure> {
        Ok("the implementation".to_owned())
    }
    async fn r#type(&self, r#match: u8, client: u8, arguments: u8) -> Result<u8, Failure> {
        Ok(r#match + client + arguments)
    }
    async fn there(&self) -> Result<u8, Failure> {
        Ok(1)
    }
    async fn whoami(&self, before: u8, cx: &Context) -> Result<String, Failure> {
        Ok(format!("{before} {}", cx.method()))
    }
    async fn left(&self, cx: &Context) -> Result<Option<u64>, Failure> {
        let left = |deadline: std::time::Instant| Instant::from(deadline) - Instant::now();
        Ok(cx.deadline().map(|deadline| left(deadline).as_millis() as u64))
    }
    async fn tags(&self, cx: &Context) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        Ok(cx.metadata().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
    async fn note(&self, _: String, _: &Context) {
        self.noted.notify_one();
    }
    fn evens(&self, to: u32) -> impl Stream<Item = Result<u32, Failure>> {
        tokio_stream::iter((0..to).map(|n| if n % 2 == 0 { Ok(n) } else { Err(Failure::Odd(n)) }))
    }
    async fn open(&self, name: &str) -> Result<impl Stream<Item = Result<String, Failure>>, Failure> {
        match name {
            "" => Err(Failure::Missing("name".to_owned())),
            name => Ok(tokio_stream::iter(name.chars().map(|letter| Ok(letter.into())).collect::<Vec<_>>())),
        }
    }
    async fn awaited(&self) -> impl Stream<Item = Result<u8, Failure>> {
        tokio_stream::iter([Ok(1)])
    }
    async fn sum(&self, mut values: Streaming<u32>) -> Result<u32, Failure> {
        let _tell = Tell(Arc::clone(&self.dropped));
        let mut sum = 0;
        while let Some(value) = values.next().await {
            sum += value.map_err(RpcError::from)?;
        }
        self.ended.fetch_add(1, Ordering::Relaxed);
        Ok(sum)
    }
    async fn check(&self, prefix: &str, mut values: Streaming<u32, Failure>) -> Result<String, Failure> {
        let mut seen = prefix.to_owned();
        while let Some(value) = values.next().await {
            match value {
                Ok(value) => seen += &value.to_string(),
                Err(CallError::Service(error)) => seen += &format!("{error:?}"),
                Err(CallError::Rpc(error)) => return Err(error.into()),
            }
        }
        Ok(seen)
    }
    fn echo(&self, values: Streaming<u32, Failure>) -> impl Stream<Item = Result<u32, Failure>> {
        values.map(|value| {
            value.map_err(|error| match error {
                CallError::Service(error) => error,
                CallError::Rpc(error) => error.into(),
            })
        })
    }
}

fn items<T: Send + 'static, E: Send + 'static, const N: usize>(
    items: [Result<T, CallError<E>>; N],
) -> Streaming<T, E> {
    Streaming::from_stream(tokio_stream::iter(items))
}

async fn all<T>(stream: impl Stream<Item = Result<T, Failure>>) -> Vec<Result<T, Failure>> {
    stream.collect().await
}

/// Whatever it is, it answers like this.
async fn exercise(shelf: &impl Shelf) {
    let cx = &Context::local();
    let found = shelf.find("a", &[1], vec![2], &["b".to_owned()], &3).await;
    assert_eq!(found, Ok("a [1] [2] [\"b\"] 3".to_owned()));
    assert_eq!(shelf.find("", &[], vec![], &[], &3).await, Err(Failure::Missing("3".to_owned())));
    assert_eq!(shelf.nothing().await, Ok(()));
    assert_eq!((shelf.future(2).await, shelf.future(3).await), (Ok(2), Err(Failure::Odd(3))));
    assert_eq!(shelf.send_future(2).await, Ok(2));
    assert_eq!(shelf.send_future(3).await, Err(RpcError::new(Code::Internal, "odd")));
    assert_eq!(shelf.place().await, Ok("the implementation".to_owned()));
    assert_eq!((shelf.twice(2).await, shelf.twice(3).await), (Ok(4), Err(Failure::Odd(3))));
    assert_eq!(shelf.r#type(1, 2, 3).await, Ok(6));
    #[expect(deprecated)]
    let there = shelf.there().await;
    assert_eq!(there, Ok(1));
    assert!(shelf.whoami(7, cx).await.is_ok_and(|said| said.starts_with("7 ")));
    assert_eq!(shelf.tags(cx).await, Ok(vec![]));
    assert_eq!(all(shelf.evens(3)).await, [Ok(0), Err(Failure::Odd(1)), Ok(2)]);
    assert_eq!(all(shelf.open("xy").await.unwrap()).await, ["x", "y"].map(|s| Ok(s.to_owned())));
    assert_eq!(all(shelf.awaited().await).await, [Ok(1)]);
    assert_eq!(shelf.sum(items([Ok(1), Ok(2)])).await, Ok(3));
    let values = || items([Ok(1), Err(CallError::Service(Failure::Odd(1))), Ok(2)]);
    assert_eq!(shelf.check("p", values()).await, Ok("p1Odd(1)2".to_owned()));
    assert_eq!(all(shelf.echo(values())).await, [Ok(1), Err(Failure::Odd(1)), Ok(2)]);
    // Refused at once by an object, with the first item by a client.
    let refused = match shelf.open("").await {
        Ok(stream) => all(stream).await.pop().expect("an item").map(drop),
        Err(error) => Err(error),
    };
    assert_eq!(refused, Err(Failure::Missing("name".to_owned())));
}

async fn served(shelf: impl Shelf, address: &str) -> (ShelfClient, ServerHandle) {
    let server = Server::builder().service(ShelfServer::new(shelf)).bind(address).await.unwrap();
    let handle = server.spawn();
    (ShelfClient::connect(handle.endpoint()).await.unwrap(), handle)
}

/// A client whose peer is gone.
async fn orphan(address: &str) -> ShelfClient {
    let (client, handle) = served(Oak::default(), address).await;
    handle.shutdown(Duration::ZERO).await.unwrap();
    client
}

#[tokio::test]
async fn an_object_and_its_clients_answer_alike() {
    exercise(&Oak::default()).await;
    exercise(&ShelfClient::local(Oak::default())).await;
    let (behind, _behind) = served(Oak::default(), "mem:transparent-behind").await;
    exercise(&behind).await;
    let (front, _front) = served(behind, "mem:transparent-front").await;
    exercise(&front).await;
}

#[tokio::test]
async fn the_clients_own_methods_come_first() {
    let client = ShelfClient::local(Oak::default());
    let own: Result<u32, CallError<Failure>> = client.future(3).await;
    assert_eq!(own, Err(CallError::Service(Failure::Odd(3))));
    let of_the_trait: Result<u32, Failure> = Shelf::future(&client, 3).await;
    assert_eq!(of_the_trait, Err(Failure::Odd(3)));
}

#[tokio::test]
async fn a_failed_call_is_an_error_of_the_method() {
    let orphan = &orphan("mem:transparent-orphan").await;
    let cx = &Context::local();
    assert_eq!(Shelf::nothing(orphan).await.unwrap_err().lost().code(), Code::Unavailable);
    assert_eq!(Shelf::send_future(orphan, 2).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(Shelf::sum(orphan, items([])).await.unwrap_err().lost().method(), Some("shelf.sum"));
    let evens = all(Shelf::evens(orphan, 2)).await;
    let [Err(Failure::Lost(error))] = &evens[..] else { panic!("{evens:?}") };
    assert_eq!((error.code(), error.address()), (Code::Unavailable, Some("mem:transparent-orphan")));
    let opened = Shelf::open(orphan, "x").await.expect("a stream, whose first item says more");
    assert_eq!(all(opened).await.pop().unwrap().unwrap_err().lost().code(), Code::Unavailable);
    // Nobody hears of this one.
    Shelf::note(orphan, "lost".to_owned(), cx).await;
}

#[tokio::test]
async fn what_is_not_waited_for_arrives() {
    let oak = Oak::default();
    let noted = Arc::clone(&oak.noted);
    Shelf::note(&ShelfClient::local(oak), "kept".to_owned(), &Context::local()).await;
    noted.notified().await;
}

/// Passes the context of its calls to a service behind, in a task of its own.
struct Relay(ShelfClient);

/// Asks for what a call's context says, from a place that inherits nothing.
#[ipc_service(transparent)]
trait Relaying {
    async fn left(&self, cx: &Context) -> Result<Option<u64>, Failure>;
    async fn tags(&self, cx: &Context) -> Result<Vec<(String, Vec<u8>)>, Failure>;
}

impl Relaying for Relay {
    async fn left(&self, cx: &Context) -> Result<Option<u64>, Failure> {
        let (behind, cx) = (self.0.clone(), cx.clone());
        tokio::spawn(async move { Shelf::left(&behind, &cx).await }).await.unwrap()
    }
    async fn tags(&self, cx: &Context) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let (behind, cx) = (self.0.clone(), cx.clone());
        tokio::spawn(async move { Shelf::tags(&behind, &cx).await }).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_the_deadline_of_its_context() {
    let behind = ShelfClient::local(Oak::default());
    let seconds = Duration::from_secs;
    for (own, outer, left) in [
        (None, None, None),
        (None, Some(3), Some(3000)),
        (Some(5), Some(3), Some(3000)),
        (Some(2), Some(3), Some(2000)),
        (Some(2), None, Some(2000)),
    ] {
        let behind = own.map_or(behind.clone(), |own| behind.with_timeout(seconds(own)));
        let relay = RelayingClient::local(Relay(behind));
        let relay = outer.map_or(relay.clone(), |outer| relay.with_timeout(seconds(outer)));
        assert_eq!(relay.left().await, Ok(left), "{own:?} {outer:?}");
    }
    assert_eq!(Shelf::left(&behind, &Context::local()).await, Ok(None));
}

#[tokio::test]
async fn a_call_carries_the_metadata_of_its_context() {
    let behind = ShelfClient::local(Oak::default()).with_metadata("own", "1").with_metadata("both", "1");
    let relay = RelayingClient::local(Relay(behind));
    let of = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Ok(pairs.collect::<Vec<_>>())
    };
    assert_eq!(relay.tags().await, of(&[("both", "1"), ("own", "1")]));
    let relay = relay.with_metadata("both", "2").with_metadata("outer", "2");
    assert_eq!(relay.tags().await, of(&[("both", "2"), ("outer", "2"), ("own", "1")]));
}

#[tokio::test]
async fn a_local_context_knows_nothing() {
    let cx = Context::local();
    assert_eq!((cx.deadline(), cx.method(), cx.is_cancelled()), (None, "", false));
    assert!(cx.metadata().is_empty());
    assert_eq!((cx.peer().endpoint.to_string().as_str(), cx.peer().credentials), ("in-process:local", None));
    assert!(tokio::time::timeout(Duration::ZERO, cx.cancelled()).await.is_err());
}

fn trouble() -> RpcError {
    RpcError::new(Code::DeadlineExceeded, "too slow").with_address("mem:far").with_method("far.away")
}

#[tokio::test]
async fn a_failure_in_a_stream_that_is_handed_on_ends_the_call() {
    let oak = Oak::default();
    let ended = Arc::clone(&oak.ended);
    let client = ShelfClient::local(oak).with_timeout(Duration::from_secs(60));
    // Whatever has come before it and may come after it.
    let values = items([Ok(1), Err(CallError::Rpc(trouble())), Ok(2)]);
    let error = Shelf::sum(&client, values).await.unwrap_err().lost();
    assert_eq!(
        error,
        trouble().with_executed(Executed::Maybe),
        "as it was, but for what it says of this call"
    );
    // The connection is as good as before.
    assert_eq!(Shelf::sum(&client, items([Ok(1)])).await, Ok(1));
    assert_eq!(ended.load(Ordering::Relaxed), 1, "the first handler saw no end of its stream");
}

#[tokio::test]
async fn the_handler_of_a_call_that_ends_so_is_dropped() {
    let oak = Oak::default();
    let (ended, dropped) = (Arc::clone(&oak.ended), Arc::clone(&oak.dropped));
    let client = ShelfClient::local(oak);
    let (send, values) = mpsc::channel(1);
    let call = tokio::spawn(async move {
        Shelf::sum(&client, Streaming::from_stream(ReceiverStream::new(values))).await
    });
    for value in 0..10 {
        send.send(Ok(value)).await.unwrap();
    }
    send.send(Err(CallError::Rpc(trouble()))).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap_err().lost().code(), Code::DeadlineExceeded);
    dropped.notified().await;
    assert_eq!(ended.load(Ordering::Relaxed), 0, "a stream that broke off did not end");
}

#[tokio::test]
async fn the_same_failure_ends_the_stream_that_such_a_call_returns() {
    let client = ShelfClient::local(Oak::default()).with_timeout(Duration::from_secs(60));
    let (send, values) = mpsc::channel(1);
    let mut echo = std::pin::pin!(Shelf::echo(&client, Streaming::from_stream(ReceiverStream::new(values))));
    let (sent, echoed) = tokio::join!(send.send(Ok(4)), echo.next());
    assert_eq!((sent.is_ok(), echoed), (true, Some(Ok(4))));
    send.send(Err(CallError::Rpc(trouble()))).await.unwrap();
    assert_eq!(echo.next().await.unwrap().unwrap_err().lost(), trouble().with_executed(Executed::Maybe));
    assert_eq!(echo.next().await, None);
}

#[tokio::test]
async fn a_lost_connection_is_passed_on_with_its_address() {
    let (far, handle) = served(Oak::default(), "mem:transparent-far").await;
    let (send, values) = mpsc::channel(1);
    let mut echo = far.echo(ReceiverStream::new(values));
    let (sent, echoed) = tokio::join!(send.send(Ok(4)), echo.next());
    assert_eq!((sent.is_ok(), echoed), (true, Some(Ok(4))));
    handle.shutdown(Duration::ZERO).await.unwrap();
    let near = ShelfClient::local(Oak::default());
    let error = Shelf::check(&near, "", echo).await.unwrap_err().lost();
    assert_eq!(error.address(), Some("mem:transparent-far"), "{error}");
    assert_eq!((error.method(), error.executed()), (Some("shelf.echo"), Executed::Maybe), "{error}");
}

#[tokio::test]
async fn a_call_in_generic_code_may_be_sent_to_a_task() {
    fn find(shelf: impl Shelf) -> JoinHandle<Result<u32, Failure>> {
        tokio::spawn(async move { shelf.future(2).await })
    }
    assert_eq!(find(ShelfClient::local(Oak::default())).await.unwrap(), Ok(2));
    assert_eq!(find(Oak::default()).await.unwrap(), Ok(2));
}

/// Where nothing has a name, and `traitwire` has another.
mod bare {
    #![no_implicit_prelude]

    mod elsewhere {
        pub(super) use ::traitwire as other;
    }

    /// A blanket method, of the name that a conversion has.
    trait Meddler: ::std::marker::Sized {
        #[expect(dead_code, reason = "it must not be called")]
        fn into(self) -> ! {
            ::std::panic!("the user's method was called")
        }
    }
    impl<T> Meddler for T {}

    #[elsewhere::other::ipc_service(transparent, crate = "elsewhere::other")]
    pub(super) trait Bare {
        async fn get(
            &self,
            client: &[u8],
            self_: ::std::vec::Vec<u8>,
            _context: &::traitwire::Context,
        ) -> ::std::result::Result<u8, ::traitwire::RpcError>;
        fn give(
            &self,
            arguments: ::traitwire::Streaming<::std::vec::Vec<u8>>,
        ) -> impl ::traitwire::Stream<
            Item = ::std::result::Result<::std::vec::Vec<u8>, ::traitwire::RpcError>,
        > + ::std::marker::Send;
        #[ipc(oneway)]
        async fn drop(&self);
    }
}

struct Plank;

impl bare::Bare for Plank {
    async fn get(&self, client: &[u8], self_: Vec<u8>, _: &Context) -> Result<u8, RpcError> {
        Ok((client.len() + self_.len()) as u8)
    }
    fn give(&self, arguments: Streaming<Vec<u8>>) -> impl Stream<Item = Result<Vec<u8>, RpcError>> {
        arguments.map(|item| item.map_err(RpcError::from))
    }
    async fn drop(&self) {}
}

#[tokio::test]
async fn no_name_of_the_users_is_needed() {
    async fn exercise(bare: impl bare::Bare) {
        assert_eq!(bare.get(b"a", vec![1, 2], &Context::local()).await, Ok(3));
        let given = bare.give(items([Ok(vec![1; 100_000]), Ok(vec![])]));
        let given: Vec<_> = given.collect().await;
        assert_eq!(given, [Ok(vec![1; 100_000]), Ok(vec![])]);
        bare.drop().await;
    }
    exercise(Plank).await;
    exercise(bare::BareClient::local(Plank)).await;
}
