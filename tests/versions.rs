//! Two sides that do not mean the same: refused for the methods concerned, with the place named.

#![allow(missing_docs, unreachable_pub, reason = "a service of a test needs neither")]

use traitwire::{Channel, Code, Executed, RpcError, Server};

mod old {
    use traitwire::{ipc_service, ipc_type};

    #[ipc_type]
    pub(super) struct Item {
        pub(super) name: String,
        pub(super) price: f64,
    }

    #[ipc_type]
    pub(super) struct Order {
        pub(super) items: Vec<Item>,
    }

    #[ipc_service]
    pub(super) trait Shop {
        async fn open(&self) -> bool;
        async fn total(&self, order: Order) -> u64;
        async fn close(&self);
    }

    pub(super) struct Impl;

    impl Shop for Impl {
        async fn open(&self) -> bool {
            true
        }

        async fn total(&self, order: Order) -> u64 {
            order.items.len() as u64
        }

        async fn close(&self) {}
    }
}

mod new {
    use traitwire::{ipc_service, ipc_type};

    #[ipc_type]
    pub(super) struct Item {
        pub(super) name: String,
        pub(super) price: String,
    }

    #[ipc_type]
    pub(super) struct Order {
        pub(super) items: Vec<Item>,
    }

    #[ipc_service]
    pub(super) trait Shop {
        async fn total(&self, order: Order) -> u64;
        async fn open(&self) -> bool;
        async fn reopen(&self);
    }
}

mod other {
    #[traitwire::ipc_service]
    pub(super) trait Bank {
        async fn balance(&self) -> i64;
    }
}

fn rpc<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, traitwire::CallError<E>>) -> RpcError {
    result.expect_err("refused").rpc().expect("the framework's").clone()
}

#[tokio::test]
async fn a_mismatch_concerns_its_own_method_and_names_the_place() {
    let server =
        Server::builder().service(old::ShopServer::new(old::Impl)).bind("mem:versions").await.unwrap();
    let handle = server.spawn();

    let shop = new::ShopClient::connect("mem:versions").await.expect("the service is there");
    assert_eq!(shop.open().await, Ok(true), "equal signatures work, whatever their order");

    let order = new::Order { items: vec![new::Item { name: "a".into(), price: "1".into() }] };
    let error = rpc(shop.total(order).await);
    assert_eq!((error.code(), error.executed()), (Code::SchemaMismatch, Executed::No));
    assert_eq!(error.method(), Some("Shop.total"));
    let place = "Order.items[].price: String on the client, f64 on the server (in the arguments)";
    assert!(error.message().ends_with(place), "{error}");

    let error = rpc(shop.reopen().await);
    assert_eq!((error.code(), error.executed()), (Code::Unimplemented, Executed::No));
    assert!(error.message().contains("reopen"), "{error}");
    handle.shutdown(std::time::Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_service_that_is_not_served_fails_at_connect_and_at_the_first_call() {
    let server = Server::builder().service(old::ShopServer::new(old::Impl)).bind("mem:wrong").await.unwrap();
    let _handle = server.spawn();

    let error = other::BankClient::connect("mem:wrong").await.expect_err("no bank there");
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().contains("Bank") && error.message().contains("Shop"), "{error}");
    assert_eq!(error.address(), Some("mem:wrong"));

    let channel = Channel::connect("mem:wrong").await.expect("connected");
    let error = rpc(other::BankClient::new(channel).balance().await);
    assert_eq!((error.code(), error.executed()), (Code::Unimplemented, Executed::No));
}

#[tokio::test]
async fn two_services_of_one_name_are_refused() {
    let builder =
        Server::builder().service(old::ShopServer::new(old::Impl)).service(old::ShopServer::new(old::Impl));
    let error = builder.bind("mem:twice").await.expect_err("twice");
    assert_eq!(error.code(), Code::InvalidArgument);
}
