//! The shop as it was first.

use std::collections::BTreeMap;

use traitwire::{CallError, Code, Executed, RpcError, Server, Stream, Streaming, ipc_service, ipc_type};

#[ipc_type]
pub struct Item {
    #[serde(alias = "title")]
    pub name: String,
    pub count: u32,
    #[serde(default = "unpriced")]
    pub price: u64,
}

fn unpriced() -> u64 {
    99
}

#[ipc_type]
pub enum Status {
    Open,
    Paid { amount: u32 },
    Shipped(String),
}

#[ipc_type]
pub enum Colour {
    Red,
    #[serde(other)]
    Unknown,
}

#[ipc_type]
pub struct Weight(pub u32);

#[ipc_type]
pub struct Order {
    pub id: u32,
    pub items: Vec<Item>,
    pub status: Status,
    pub weight: Weight,
    pub notes: BTreeMap<String, Colour>,
}

#[ipc_type]
pub enum Refusal {
    Unknown(u32),
    Closed,
}

#[ipc_type]
pub struct Event {
    pub at: u8,
    pub status: Status,
}

#[ipc_type]
pub struct Broken {
    pub items: Vec<Price>,
}

#[ipc_type]
pub struct Price {
    pub price: f64,
}

#[ipc_service]
pub trait Bell {
    async fn ring(&self, times: u8) -> u8;
}

#[ipc_service]
pub trait Shop {
    async fn same(&self, a: i64) -> i64;
    async fn put(&self, order: Order) -> Order;
    async fn find(&self, id: u32) -> Result<Order, Refusal>;
    async fn list(&self, from: u32) -> Vec<u32>;
    async fn before(&self) -> String;
    fn watch(&self, until: u8) -> impl Stream<Item = Event>;
    fn refuse(&self) -> impl Stream<Item = Result<u8, Refusal>>;
    async fn sum(&self, values: Streaming<Event>) -> u32;
    async fn call(&self, bell: BellClient, times: u8) -> u8;
    async fn bell(&self) -> BellClient;
    async fn wide(&self, value: u8) -> u8;
    async fn broken(&self, order: Broken) -> u8;
    async fn gone(&self) -> u8;
}

pub struct Impl;

pub struct Brass;

impl Bell for Brass {
    async fn ring(&self, times: u8) -> u8 {
        times
    }
}

pub fn order() -> Order {
    let item = Item { name: "tea".into(), count: 3, price: 5 };
    let notes = [("a".to_owned(), Colour::Red)].into();
    Order { id: 7, items: vec![item.clone(), item], status: Status::Open, weight: Weight(12), notes }
}

impl Shop for Impl {
    async fn same(&self, a: i64) -> i64 {
        a
    }

    async fn put(&self, order: Order) -> Order {
        order
    }

    async fn find(&self, id: u32) -> Result<Order, Refusal> {
        match id {
            7 => Ok(order()),
            id => Err(Refusal::Unknown(id)),
        }
    }

    async fn list(&self, from: u32) -> Vec<u32> {
        vec![from]
    }

    async fn before(&self) -> String {
        "old".into()
    }

    fn watch(&self, until: u8) -> impl Stream<Item = Event> {
        tokio_stream::iter((0..until).map(|at| Event { at, status: Status::Shipped(at.to_string()) }))
    }

    fn refuse(&self) -> impl Stream<Item = Result<u8, Refusal>> {
        tokio_stream::iter([Ok(1), Err(Refusal::Unknown(2))])
    }

    async fn sum(&self, mut values: Streaming<Event>) -> u32 {
        let mut sum = 0;
        while let Some(Ok(event)) = values.next().await {
            sum += u32::from(event.at);
        }
        sum
    }

    async fn call(&self, bell: BellClient, times: u8) -> u8 {
        bell.ring(times).await.unwrap_or(0)
    }

    async fn bell(&self) -> BellClient {
        BellClient::local(Brass)
    }

    async fn wide(&self, value: u8) -> u8 {
        value
    }

    async fn broken(&self, order: Broken) -> u8 {
        order.items.len() as u8
    }

    async fn gone(&self) -> u8 {
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

/// The old client with a new server.
pub async fn call(address: &str) {
    let shop = ShopClient::connect(address).await.expect("a shop");
    assert_eq!(shop.same(-5).await, Ok(-5));

    // What the new version does not know comes back as the old one's defaults.
    let mut sent = order();
    sent.status = Status::Paid { amount: 20 };
    let back = shop.put(sent.clone()).await.expect("an order");
    sent.items.iter_mut().for_each(|item| item.price = 99);
    assert_eq!(back, sent);

    let found = shop.find(7).await.expect("an order");
    assert_eq!(found.items[0], Item { name: "found".into(), count: 1, price: 99 });
    assert_eq!(found.notes["new"], Colour::Unknown, "a colour of the new version");
    assert_eq!(shop.find(8).await, Err(CallError::Service(Refusal::Unknown(8))));
    // A variant that only the new version has ends this one call.
    let error = mismatch(shop.find(9).await);
    assert!(error.message().contains("Refusal::Stolen"), "{error}");
    assert_eq!(error.executed(), Executed::Yes);
    let error = mismatch(shop.find(10).await);
    assert!(error.message().contains("Status::Returned"), "{error}");
    assert_eq!(shop.find(7).await, Ok(found));

    assert_eq!(shop.list(3).await.expect("a list"), [3, 10], "the default of the argument that is missing");
    assert_eq!(shop.before().await.as_deref(), Ok("new"), "found by its name on the wire");

    let mut events = shop.watch(3);
    for at in 0..2 {
        assert_eq!(events.next().await, Some(Ok(Event { at, status: Status::Shipped(at.to_string()) })));
    }
    let error = mismatch(events.next().await.expect("an item"));
    assert!(error.message().contains("Status::Returned"), "{error}");
    assert!(events.next().await.is_none());

    let mut refused = shop.refuse();
    assert_eq!(refused.next().await, Some(Ok(1)));
    assert_eq!(refused.next().await, Some(Err(CallError::Service(Refusal::Unknown(2)))));

    let events = (0..200).map(|at| Event { at, status: Status::Open });
    assert_eq!(shop.sum(tokio_stream::iter(events)).await, Ok((0..200).sum()));

    assert_eq!(
        shop.call(BellClient::local(Brass), 4).await,
        Ok(4),
        "the new version calls the old one's bell"
    );
    let bell = shop.bell().await.expect("a bell");
    assert_eq!(bell.ring(3).await, Ok(6), "the old version calls the new one's bell");

    let error = mismatch(shop.wide(200).await);
    assert!(error.message().ends_with("the result: u8 on the client, u32 on the server"), "{error}");
    let error = mismatch(shop.broken(Broken { items: vec![Price { price: 1.0 }] }).await);
    let place = "Broken.items[].price: f64 on the client, String on the server (in the arguments)";
    assert!(error.message().ends_with(place), "{error}");
    assert_eq!(error.executed(), Executed::No);
    let gone = shop.gone().await.expect_err("gone").rpc().expect("the framework's").clone();
    assert_eq!((gone.code(), gone.executed()), (Code::Unimplemented, Executed::No));
    assert_eq!(shop.same(5).await, Ok(5));
}
