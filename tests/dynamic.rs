//! Services called by what their peers say of them: every kind of method, with JSON, and what is refused before and
//! after the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tower::timeout::TimeoutLayer;
use traitwire::dynamic::{DynamicClient, JsonClient, JsonItems, JsonLimits, Value};
use traitwire::{
    CallError, Channel, Code, Context, Executed, Priority, RpcError, Server, ServerHandle, Stream, Streaming,
    ipc_service, ipc_type,
};

#[ipc_type]
struct Point {
    x: i64,
    label: Option<String>,
}

#[ipc_type]
enum Trouble {
    Missing(String),
    Late,
}

#[ipc_type]
enum Tree {
    Leaf,
    Branch(Vec<Tree>),
}

/// Calls something.
#[ipc_service]
trait Caller {
    async fn ring(&self) -> bool;
}

/// One method of each kind.
#[ipc_service]
trait Kinds {
    async fn shift(&self, point: Point, by: u128) -> Point;
    async fn index(&self, places: BTreeMap<u32, Point>) -> BTreeMap<String, u32>;
    async fn find(&self, name: &str) -> Result<u32, Trouble>;
    async fn whoami(&self, context: &Context) -> String;
    #[ipc(oneway)]
    async fn note(&self, text: String);
    async fn notes(&self) -> Vec<String>;
    fn countdown(&self, from: u32) -> impl Stream<Item = u32>;
    async fn open(&self, name: &str) -> Result<impl Stream<Item = char>, Trouble>;
    fn halves(&self, numbers: Streaming<u32>) -> impl Stream<Item = Result<u32, Trouble>>;
    async fn sum(&self, start: u64, numbers: Streaming<u64>) -> u64;
    async fn tree(&self, tree: Tree) -> Tree;
    async fn sleep(&self);
    async fn call_back(&self, caller: CallerClient) -> bool;
    fn nothings(&self) -> impl Stream<Item = ()>;
}

#[derive(Default)]
struct All {
    notes: Arc<Mutex<Vec<String>>>,
}

impl Kinds for All {
    async fn shift(&self, point: Point, by: u128) -> Point {
        Point { x: point.x + by as i64, ..point }
    }

    async fn index(&self, places: BTreeMap<u32, Point>) -> BTreeMap<String, u32> {
        places.into_iter().filter_map(|(at, point)| Some((point.label?, at))).collect()
    }

    async fn find(&self, name: &str) -> Result<u32, Trouble> {
        if name == "late" { Err(Trouble::Late) } else { Err(Trouble::Missing(name.to_owned())) }
    }

    async fn whoami(&self, context: &Context) -> String {
        context.metadata().get_str("name").unwrap_or("nobody").to_owned()
    }

    async fn note(&self, text: String) {
        self.notes.lock().unwrap().push(text);
    }

    async fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }

    fn countdown(&self, from: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter((0..from).rev())
    }

    async fn open(&self, name: &str) -> Result<impl Stream<Item = char>, Trouble> {
        let letters: Vec<char> = name.chars().collect();
        if letters.is_empty() { Err(Trouble::Late) } else { Ok(tokio_stream::iter(letters)) }
    }

    fn halves(&self, numbers: Streaming<u32>) -> impl Stream<Item = Result<u32, Trouble>> {
        use tokio_stream::StreamExt as _;
        numbers.map_while(Result::ok).map(|number| match number % 2 {
            0 => Ok(number / 2),
            _ => Err(Trouble::Missing(number.to_string())),
        })
    }

    async fn sum(&self, start: u64, mut numbers: Streaming<u64>) -> u64 {
        let mut sum = start;
        while let Some(Ok(number)) = numbers.next().await {
            sum += number;
        }
        sum
    }

    async fn tree(&self, tree: Tree) -> Tree {
        tree
    }

    async fn sleep(&self) {
        std::future::pending().await
    }

    async fn call_back(&self, caller: CallerClient) -> bool {
        caller.ring().await.unwrap_or(false)
    }

    fn nothings(&self) -> impl Stream<Item = ()> {
        tokio_stream::iter([(); 70_000])
    }
}

async fn serve(name: &str) -> (ServerHandle, JsonClient) {
    let address = format!("mem:dynamic-{name}");
    let server =
        Server::builder().service(KindsServer::new(All::default())).bind(address.as_str()).await.unwrap();
    (server.spawn(), JsonClient::connect(address.as_str(), "Kinds").await.unwrap())
}

fn items(values: impl IntoIterator<Item = Value, IntoIter: Send + 'static>) -> Option<JsonItems> {
    let mut values = values.into_iter();
    Some(Box::pin(tokio_stream::iter(std::iter::from_fn(move || values.next().map(Ok)))))
}

async fn all(mut stream: Streaming<Value, Value>) -> (Vec<Value>, Option<CallError<Value>>) {
    let mut items = Vec::new();
    while let Some(item) = stream.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(error) => return (items, Some(error)),
        }
    }
    (items, None)
}

fn rpc(error: CallError<Value>) -> RpcError {
    match error {
        CallError::Rpc(error) => error,
        CallError::Service(value) => panic!("the service's own: {value}"),
    }
}

#[tokio::test]
async fn a_peer_says_what_it_serves() {
    let (_handle, client) = serve("hello").await;
    let services = client.channel().services().await.unwrap();
    assert_eq!(services.len(), 1);
    assert_eq!((services[0].name.as_str(), services[0].methods.len()), ("Kinds", 14));
    assert_eq!(client.interface().docs, "One method of each kind.");
    assert_eq!(client.interface().methods[2].name, "find");
    let error = JsonClient::new(client.channel().clone(), "Kinks").await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert_eq!(error.message(), "the peer does not serve Kinks; it serves Kinds");
    assert_eq!(error.address(), Some("mem:dynamic-hello"));
}

#[tokio::test]
async fn a_call_takes_and_gives_json() {
    let (_handle, client) = serve("unary").await;
    let shifted = client.call("shift", &json!({"point": {"x": 1}, "by": "41"}), None).await;
    assert_eq!(shifted, Ok(json!({"x": 42, "label": null})));
    let shifted = client.call("shift", &json!([{"x": 1, "label": "a"}, 1]), None).await;
    assert_eq!(shifted, Ok(json!({"x": 2, "label": "a"})));
    let places = json!([{"7": {"x": 1, "label": "a"}, "9": {"x": 1}}]);
    assert_eq!(client.call("index", &places, None).await, Ok(json!({"a": 7})));
    let tree = json!({"Branch": ["Leaf", {"Branch": []}]});
    assert_eq!(client.call("tree", &json!([tree]), None).await, Ok(tree));
}

#[tokio::test]
async fn the_methods_own_error_is_json_too() {
    let (_handle, client) = serve("errors").await;
    for (name, error) in [("x", json!({"Missing": "x"})), ("late", json!("Late"))] {
        assert_eq!(client.call("find", &json!([name]), None).await, Err(CallError::Service(error)));
    }
    let refused = client.stream("open", &json!([""]), None).unwrap();
    assert_eq!(all(refused).await, (vec![], Some(CallError::Service(json!("Late")))));
}

#[tokio::test]
async fn streams_go_in_both_directions() {
    let (_handle, client) = serve("streams").await;
    let counted = client.stream("countdown", &json!({"from": 3}), None).unwrap();
    assert_eq!(all(counted).await, (vec![json!(2), json!(1), json!(0)], None));
    let many = client.stream("countdown", &json!([100_000]), None).unwrap();
    let (many, error) = all(many).await;
    assert_eq!((many.len(), many.last(), error), (100_000, Some(&json!(0)), None));
    let letters = client.stream("open", &json!(["ab"]), None).unwrap();
    assert_eq!(all(letters).await, (vec![json!("a"), json!("b")], None));
    let summed = client.call("sum", &json!([1]), items((0..1000).map(Value::from))).await;
    assert_eq!(summed, Ok(json!(499_501)));
    let halves = client.stream("halves", &json!([]), items([json!(4), json!(5)])).unwrap();
    assert_eq!(all(halves).await, (vec![json!({"Ok": 2}), json!({"Err": {"Missing": "5"}})], None));
    let nothings = client.stream("nothings", &json!([]), None).unwrap();
    let (nothings, error) = all(nothings).await;
    assert_eq!((nothings.len(), error), (70_000, None));
}

#[tokio::test]
async fn a_oneway_call_is_not_awaited() {
    let (_handle, client) = serve("oneway").await;
    assert_eq!(client.call("note", &json!(["first"]), None).await, Ok(Value::Null));
    assert_eq!(client.call("notes", &json!([]), None).await, Ok(json!(["first"])));
}

#[tokio::test]
async fn calls_carry_metadata_time_and_priority() {
    let (_handle, client) = serve("policy").await;
    let named = client.with_metadata("name", "somebody").with_priority(Priority::High);
    assert_eq!(named.call("whoami", &Value::Null, None).await, Ok(json!("somebody")));
    let hurried = client.with_timeout(Duration::from_millis(5));
    let error = rpc(hurried.call("sleep", &Value::Null, None).await.unwrap_err());
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(error.method(), Some("Kinds.sleep"));
}

#[tokio::test]
async fn layers_are_around_these_calls_too() {
    let (_handle, client) = serve("layers").await;
    let channel = client.channel().layer(TimeoutLayer::new(Duration::from_millis(5)));
    let client = JsonClient::new(channel, "Kinds").await.unwrap();
    let error = rpc(client.call("sleep", &Value::Null, None).await.unwrap_err());
    assert_eq!((error.code(), error.message()), (Code::DeadlineExceeded, "a layer's time for it ran out"));
}

#[tokio::test]
async fn what_is_not_of_its_type_is_refused_before_it_is_sent() {
    let (_handle, client) = serve("refused").await;
    for (method, arguments, code, words) in [
        ("shift", json!([{"x": "a"}, 1]), Code::InvalidArgument, "point.x: the number \"a\" is no i64"),
        ("find", json!({}), Code::InvalidArgument, "the argument name is missing"),
        ("nothing", json!([]), Code::Unimplemented, "Kinds has no method nothing; it has shift, index, find"),
        (
            "countdown",
            json!([1]),
            Code::InvalidArgument,
            "it was called as another kind of method: it gives a stream; call it by `stream`",
        ),
        (
            "sum",
            json!([1]),
            Code::InvalidArgument,
            "it was called as another kind of method: it takes a stream; give `items`, those of numbers",
        ),
        ("call_back", json!([1]), Code::InvalidArgument, "caller: a client of Caller has no JSON"),
    ] {
        let error = rpc(client.call(method, &arguments, None).await.unwrap_err());
        assert_eq!((error.code(), error.executed()), (code, Executed::No), "{method}");
        assert!(error.message().starts_with(words), "{}", error.message());
    }
    let error = client.call("find", &json!(["x"]), items([])).await.unwrap_err();
    assert!(rpc(error).message().ends_with("it takes no stream; give no `items`"));
    let error = client.stream("find", &json!(["x"]), None).unwrap_err();
    assert!(error.message().ends_with("it gives no stream; call it by `call`"));
}

#[tokio::test]
async fn a_client_keeps_to_the_limits_that_it_is_given() {
    let (_handle, client) = serve("limited").await;
    let limited = |size| client.with_limits(JsonLimits::default().with_max_size(size));
    let points = json!([{"1": {"x": 1, "label": "a"}}]);
    let error = rpc(limited(3).call("index", &points, None).await.unwrap_err());
    assert_eq!((error.code(), error.executed()), (Code::InvalidArgument, Executed::No), "{error}");
    assert_eq!(limited(400).call("index", &points, None).await, Ok(json!({"a": 1})));

    // More comes back than went; what is changed later of the policy keeps the limits.
    for text in ["a", "b", "c", "d", "e", "f"] {
        client.call("note", &json!([text]), None).await.unwrap();
    }
    let patient = limited(400).with_timeout(Duration::from_secs(60)).with_priority(Priority::Normal);
    let error = rpc(patient.call("notes", &Value::Null, None).await.unwrap_err());
    assert_eq!((error.code(), error.executed()), (Code::TooLarge, Executed::Yes), "{error}");
    assert!(error.message().ends_with("the value takes more than 400 bytes (max_size)"), "{error}");
    let (none, error) = all(limited(79).stream("countdown", &json!([1]), None).unwrap()).await;
    assert_eq!((none, error.map(|error| rpc(error).code())), (vec![], Some(Code::TooLarge)));
}

#[tokio::test]
async fn an_item_that_is_not_of_its_type_ends_the_call() {
    let (_handle, client) = serve("items").await;
    let error = rpc(client.call("sum", &json!([1]), items([json!(1), json!("x")])).await.unwrap_err());
    assert_eq!((error.code(), error.executed()), (Code::InvalidArgument, Executed::Maybe));
    assert_eq!(error.message(), "item 2 of numbers: the number \"x\" is no u64");
    let broken: JsonItems =
        Box::pin(tokio_stream::iter([Ok(json!(4)), Err(RpcError::new(Code::InvalidArgument, "line 2"))]));
    let halves = client.stream("halves", &json!([]), Some(broken)).unwrap();
    let (_, error) = all(halves).await;
    assert_eq!(error.map(rpc).map(|error| error.message().to_owned()), Some("line 2".to_owned()));
}

#[tokio::test]
async fn bytes_go_without_json_too() {
    let (_handle, client) = serve("bytes").await;
    let channel: Channel = client.channel().clone();
    let client = DynamicClient::new(channel, "Kinds").await.unwrap();
    assert_eq!(client.call("shift", &[2, 0, 41], None).await, Ok(vec![84, 0]));
    assert_eq!(client.call("find", b"\x01x", None).await, Err(CallError::Service(b"\0\x01x".to_vec())));
    let mut bytes = client.stream("countdown", &[2], None, |item| Ok((item[0], 1))).unwrap();
    assert_eq!(bytes.next().await, Some(Ok(1)));
    assert_eq!(bytes.next().await, Some(Ok(0)));
    assert_eq!(bytes.next().await, None);
    // The peer reads what was not checked here.
    let error = client.call("shift", &[2], None).await.unwrap_err();
    assert_eq!(error.rpc().map(RpcError::code), Some(Code::Decode));
}

/// A service before and after its server's upgrade.
mod upgraded {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use traitwire::{Stream, ipc_service, ipc_type};

    /// Calls that the new version has executed.
    pub(crate) static EXECUTED: AtomicU32 = AtomicU32::new(0);

    #[ipc_type]
    pub(crate) struct Before {
        pub(crate) at: u32,
    }

    #[ipc_type]
    pub(crate) struct After {
        pub(crate) at: u32,
        #[serde(default)]
        pub(crate) note: String,
    }

    #[ipc_service(name = "Upgraded")]
    pub(crate) trait Old {
        async fn same(&self) -> u8;
        async fn entry(&self) -> Before;
        fn entries(&self) -> impl Stream<Item = Before>;
    }

    #[ipc_service(name = "Upgraded")]
    pub(crate) trait New {
        fn entries(&self) -> impl Stream<Item = After>;
        async fn entry(&self) -> After;
        async fn same(&self) -> u8;
    }

    pub(crate) struct Impl;

    impl Old for Impl {
        async fn same(&self) -> u8 {
            1
        }

        async fn entry(&self) -> Before {
            Before { at: 1 }
        }

        fn entries(&self) -> impl Stream<Item = Before> {
            tokio_stream::iter([Before { at: 1 }])
        }
    }

    impl New for Impl {
        async fn same(&self) -> u8 {
            2
        }

        async fn entry(&self) -> After {
            EXECUTED.fetch_add(1, SeqCst);
            After { at: 2, note: "new".into() }
        }

        fn entries(&self) -> impl Stream<Item = After> {
            EXECUTED.fetch_add(1, SeqCst);
            tokio_stream::iter([After { at: 2, note: "new".into() }])
        }
    }
}

#[tokio::test]
async fn a_server_that_was_upgraded_is_not_called_by_the_schema_of_before() {
    use upgraded::{EXECUTED, Impl, NewServer, OldServer};
    let address = "mem:dynamic-upgraded";
    let old = Server::builder().service(OldServer::new(Impl)).bind(address).await.unwrap().spawn();
    let client = JsonClient::connect(address, "Upgraded").await.unwrap();
    assert_eq!(client.call("entry", &json!({}), None).await.unwrap(), json!({"at": 1}));
    old.shutdown(Duration::ZERO).await.unwrap();
    let _new = Server::builder().service(NewServer::new(Impl)).bind(address).await.unwrap().spawn();

    // What has not changed has only another number.
    assert_eq!(client.call("same", &json!({}), None).await.unwrap(), json!(2));
    let error = rpc(client.call("entry", &json!({}), None).await.unwrap_err());
    assert_eq!((error.code(), error.executed()), (Code::SchemaMismatch, Executed::No));
    let said = error.to_string();
    // What its code advises would say the contrary.
    assert!(
        said.ends_with(
            "when its schema was fetched (Upgraded.entry at mem:dynamic-upgraded); it was not \
                            executed; make the client anew, which fetches it again"
        ),
        "{error}"
    );
    let (items, error) = all(client.stream("entries", &json!({}), None).unwrap()).await;
    let error = rpc(error.expect("it fails"));
    assert!(items.is_empty());
    assert_eq!((error.code(), error.executed()), (Code::SchemaMismatch, Executed::No));
    assert_eq!(EXECUTED.load(std::sync::atomic::Ordering::SeqCst), 0);

    let client = JsonClient::new(client.channel().clone(), "Upgraded").await.unwrap();
    assert_eq!(client.call("entry", &json!({}), None).await.unwrap(), json!({"at": 2, "note": "new"}));
}
