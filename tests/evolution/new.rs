//! The shop later: fields added, removed, renamed and in another order, variants and arguments added, numbers wider,
//! a newtype gone.

use std::collections::BTreeMap;

use traitwire::{CallError, Code, Executed, RpcError, Server, Stream, Streaming, ipc_service, ipc_type};

#[ipc_type]
pub struct Item {
    pub count: u32,
    pub tags: Option<Vec<String>>,
    #[serde(alias = "name")]
    pub title: String,
    #[serde(default)]
    pub discount: Discount,
}

#[ipc_type]
pub struct Discount {
    pub percent: u8,
}

impl Default for Discount {
    fn default() -> Self {
        Self { percent: 3 }
    }
}

#[ipc_type]
pub enum Status {
    Returned,
    Shipped(String),
    Paid { amount: u32 },
    Open,
}

#[ipc_type]
pub enum Colour {
    Green,
    Red,
    #[serde(other)]
    Unknown,
}

#[ipc_type]
pub struct Order {
    pub status: Status,
    pub weight: u32,
    pub items: Vec<Item>,
    pub notes: BTreeMap<String, Colour>,
    pub id: u32,
    #[serde(default = "nobody")]
    pub customer: String,
}

fn nobody() -> String {
    "nobody".into()
}

#[ipc_type]
pub enum Refusal {
    Closed,
    Stolen,
    Unknown(u32),
}

#[ipc_type]
pub struct Event {
    pub status: Status,
    pub at: u8,
    pub place: Option<String>,
}

#[ipc_type]
pub struct Broken {
    pub items: Vec<Price>,
}

#[ipc_type]
pub struct Price {
    pub price: String,
}

#[ipc_service]
pub trait Bell {
    async fn ring(&self, times: u8, #[ipc(default = 2)] loudness: u8) -> u8;
}

#[ipc_service]
pub trait Shop {
    async fn put(&self, order: Order) -> Order;
    async fn find(&self, id: u32) -> Result<Order, Refusal>;
    async fn list(
        &self,
        from: u32,
        #[ipc(default = 10)] limit: u32,
        #[ipc(default)] filter: &str,
        most: Option<u32>,
    ) -> Vec<u32>;
    #[ipc(name = "before")]
    async fn after(&self) -> String;
    fn watch(&self, until: u8) -> impl Stream<Item = Event>;
    fn refuse(&self) -> impl Stream<Item = Result<u8, Refusal>>;
    async fn sum(&self, values: Streaming<Event>, #[ipc(default = true)] all: bool) -> u32;
    async fn call(&self, bell: BellClient, times: u8) -> u8;
    async fn bell(&self) -> BellClient;
    async fn wide(&self, value: u32) -> u32;
    async fn broken(&self, order: Broken) -> u8;
    async fn same(&self, a: i64) -> i64;
    async fn added(&self) -> u8;
}

pub struct Impl;

pub struct Steel;

impl Bell for Steel {
    async fn ring(&self, times: u8, loudness: u8) -> u8 {
        times * loudness
    }
}

pub fn order() -> Order {
    let item = Item {
        count: 1,
        tags: Some(vec!["new".into()]),
        title: "found".into(),
        discount: Discount { percent: 50 },
    };
    let notes = [("new".to_owned(), Colour::Green), ("red".to_owned(), Colour::Red)].into();
    Order { status: Status::Open, weight: 4, items: vec![item], notes, id: 7, customer: "somebody".into() }
}

impl Shop for Impl {
    async fn put(&self, order: Order) -> Order {
        // What the old version did not send is what the types say.
        assert_eq!(order.customer, "nobody");
        assert!(order.items.iter().all(|item| item.tags.is_none() && item.discount.percent == 3));
        assert_eq!(order.items[0].title, "tea");
        order
    }

    async fn find(&self, id: u32) -> Result<Order, Refusal> {
        match id {
            7 => Ok(order()),
            9 => Err(Refusal::Stolen),
            10 => Ok(Order { status: Status::Returned, ..order() }),
            id => Err(Refusal::Unknown(id)),
        }
    }

    async fn list(&self, from: u32, limit: u32, filter: &str, most: Option<u32>) -> Vec<u32> {
        assert_eq!((filter, most), ("", None));
        vec![from, limit]
    }

    async fn after(&self) -> String {
        "new".into()
    }

    fn watch(&self, until: u8) -> impl Stream<Item = Event> {
        tokio_stream::iter((0..until).map(|at| {
            let status = if at < 2 { Status::Shipped(at.to_string()) } else { Status::Returned };
            Event { at, status, place: Some("here".into()) }
        }))
    }

    fn refuse(&self) -> impl Stream<Item = Result<u8, Refusal>> {
        tokio_stream::iter([Ok(1), Err(Refusal::Unknown(2))])
    }

    async fn sum(&self, mut values: Streaming<Event>, all: bool) -> u32 {
        assert!(all);
        let mut sum = 0;
        while let Some(Ok(event)) = values.next().await {
            assert_eq!((event.place, event.status), (None, Status::Open));
            sum += u32::from(event.at);
        }
        sum
    }

    async fn call(&self, bell: BellClient, times: u8) -> u8 {
        bell.ring(times, 100).await.unwrap_or(0)
    }

    async fn bell(&self) -> BellClient {
        BellClient::local(Steel)
    }

    async fn wide(&self, value: u32) -> u32 {
        value
    }

    async fn broken(&self, order: Broken) -> u8 {
        order.items.len() as u8
    }

    async fn same(&self, a: i64) -> i64 {
        a
    }

    async fn added(&self) -> u8 {
        1
    }
}

pub async fn serve(address: &str) -> Server {
    Server::builder().service(ShopServer::new(Impl)).bind(address).await.expect("an address")
}

fn mismatch<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> RpcError {
    let error = result.expect_err("refused").rpc().expect("the framework's").clone();
    assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
    error
}

/// The new client with an old server.
pub async fn call(address: &str) {
    let shop = ShopClient::connect(address).await.expect("a shop");
    assert_eq!(shop.same(-5).await, Ok(-5));

    let sent = Order { notes: [("new".to_owned(), Colour::Green)].into(), ..order() };
    let back = shop.put(sent.clone()).await.expect("an order");
    assert_eq!((back.id, back.weight, &back.status), (sent.id, sent.weight, &sent.status));
    assert_eq!(back.customer, "nobody", "the old version keeps nothing of it");
    let kept = Item { tags: None, discount: Discount::default(), ..sent.items[0].clone() };
    assert_eq!(back.items, [kept]);
    assert_eq!(back.notes["new"], Colour::Unknown, "which is what the old version made of it");
    // A variant that the old version lacks ends this one call, before it is executed.
    let error = mismatch(shop.put(Order { status: Status::Returned, ..sent.clone() }).await);
    assert!(error.message().contains("Status::Returned"), "{error}");
    assert_eq!(error.executed(), Executed::No);

    let found = shop.find(7).await.expect("an order");
    assert_eq!((found.items.len(), found.items[0].title.as_str(), found.weight), (2, "tea", 12));
    assert_eq!(shop.find(8).await, Err(CallError::Service(Refusal::Unknown(8))));
    assert_eq!(shop.list(3, 4, "which nobody hears of", Some(1)).await.expect("a list"), [3]);
    assert_eq!(shop.after().await.as_deref(), Ok("old"));

    let mut events = shop.watch(200);
    for at in 0..200 {
        let status = Status::Shipped(at.to_string());
        assert_eq!(events.next().await, Some(Ok(Event { at, status, place: None })));
    }
    assert!(events.next().await.is_none());
    let mut refused = shop.refuse();
    assert_eq!(refused.next().await, Some(Ok(1)));
    assert_eq!(refused.next().await, Some(Err(CallError::Service(Refusal::Unknown(2)))));

    // The handler reads items up to the one with a variant that it lacks.
    let events = (0..5).map(|at| Event {
        at,
        status: if at < 3 { Status::Open } else { Status::Returned },
        place: None,
    });
    assert_eq!(shop.sum(tokio_stream::iter(events), true).await, Ok(3));

    assert_eq!(
        shop.call(BellClient::local(Steel), 4).await,
        Ok(8),
        "by the loudness of the one who is called"
    );
    let bell = shop.bell().await.expect("a bell");
    assert_eq!(bell.ring(3, 7).await, Ok(3));

    let error = mismatch(shop.wide(2).await);
    let place = "value: u32 on the client, u8 on the server (in the arguments)";
    assert!(error.message().ends_with(place), "{error}");
    let error = mismatch(shop.broken(Broken { items: Vec::new() }).await);
    let place = "Broken.items[].price: String on the client, f64 on the server (in the arguments)";
    assert!(error.message().ends_with(place), "{error}");
    let added = shop.added().await.expect_err("not yet").rpc().expect("the framework's").clone();
    assert_eq!((added.code(), added.executed()), (Code::Unimplemented, Executed::No));
    assert_eq!(shop.same(5).await, Ok(5));
}
