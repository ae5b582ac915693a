//! Changes of methods that the shop has not: of their errors and attributes, of arguments that go, of options and signs.
//! `docs/changing-an-interface.md` has a row for each.

use std::fmt::Debug;
use std::sync::mpsc::{Receiver, Sender, channel};

use traitwire::{CallError, Code, Executed, Server, ServerHandle};

mod before {
    use super::*;
    use traitwire::ipc_service;

    #[ipc_service]
    pub trait Desk {
        async fn error_removed(&self) -> Result<u8, String>;
        async fn error_added(&self) -> u8;
        async fn argument_removed(&self, kept: u8, gone: u8) -> u8;
        async fn default_removed(&self, kept: u8, #[ipc(default = 5)] gone: u8) -> u8;
        async fn option_added(&self, kept: u8) -> u8;
        async fn option_removed(&self, kept: u8, gone: Option<u8>) -> u8;
        async fn needs_argument(&self, value: Option<u8>) -> u8;
        async fn needs_result(&self) -> Option<u8>;
        async fn signs_argument(&self, value: u16) -> u16;
        async fn signs_result(&self) -> u16;
        async fn no_longer_waited_for(&self, value: u8);
        #[ipc(oneway)]
        async fn now_waited_for(&self, value: u8);
        async fn now_idempotent(&self) -> u8;
        #[ipc(idempotent)]
        async fn no_longer_idempotent(&self) -> u8;
    }

    pub struct Impl(pub Sender<u8>);

    impl Desk for Impl {
        async fn error_removed(&self) -> Result<u8, String> {
            Ok(1)
        }

        async fn error_added(&self) -> u8 {
            1
        }

        async fn argument_removed(&self, kept: u8, _: u8) -> u8 {
            kept
        }

        async fn default_removed(&self, kept: u8, gone: u8) -> u8 {
            kept + gone
        }

        async fn option_added(&self, kept: u8) -> u8 {
            kept
        }

        async fn option_removed(&self, kept: u8, gone: Option<u8>) -> u8 {
            kept + gone.unwrap_or(100)
        }

        async fn needs_argument(&self, value: Option<u8>) -> u8 {
            value.unwrap_or(0)
        }

        async fn needs_result(&self) -> Option<u8> {
            Some(1)
        }

        async fn signs_argument(&self, value: u16) -> u16 {
            value
        }

        async fn signs_result(&self) -> u16 {
            1
        }

        async fn no_longer_waited_for(&self, value: u8) {
            self.0.send(value).expect("the test listens");
        }

        async fn now_waited_for(&self, value: u8) {
            self.0.send(value).expect("the test listens");
        }

        async fn now_idempotent(&self) -> u8 {
            1
        }

        async fn no_longer_idempotent(&self) -> u8 {
            1
        }
    }
}

mod after {
    use super::*;
    use traitwire::ipc_service;

    #[ipc_service]
    pub trait Desk {
        async fn error_removed(&self) -> u8;
        async fn error_added(&self) -> Result<u8, String>;
        async fn argument_removed(&self, kept: u8) -> u8;
        async fn default_removed(&self, kept: u8) -> u8;
        async fn option_added(&self, kept: u8, more: Option<u8>) -> u8;
        async fn option_removed(&self, kept: u8) -> u8;
        async fn needs_argument(&self, value: u8) -> u8;
        async fn needs_result(&self) -> u8;
        async fn signs_argument(&self, value: i32) -> u16;
        async fn signs_result(&self) -> i32;
        #[ipc(oneway)]
        async fn no_longer_waited_for(&self, value: u8);
        async fn now_waited_for(&self, value: u8);
        #[ipc(idempotent)]
        async fn now_idempotent(&self) -> u8;
        async fn no_longer_idempotent(&self) -> u8;
    }

    pub struct Impl(pub Sender<u8>);

    impl Desk for Impl {
        async fn error_removed(&self) -> u8 {
            2
        }

        async fn error_added(&self) -> Result<u8, String> {
            Ok(2)
        }

        async fn argument_removed(&self, kept: u8) -> u8 {
            kept
        }

        async fn default_removed(&self, kept: u8) -> u8 {
            kept
        }

        async fn option_added(&self, kept: u8, more: Option<u8>) -> u8 {
            kept + more.unwrap_or(100)
        }

        async fn option_removed(&self, kept: u8) -> u8 {
            kept
        }

        async fn needs_argument(&self, value: u8) -> u8 {
            value
        }

        async fn needs_result(&self) -> u8 {
            2
        }

        async fn signs_argument(&self, value: i32) -> u16 {
            value as u16
        }

        async fn signs_result(&self) -> i32 {
            -2
        }

        async fn no_longer_waited_for(&self, value: u8) {
            self.0.send(value).expect("the test listens");
        }

        async fn now_waited_for(&self, value: u8) {
            self.0.send(value).expect("the test listens");
        }

        async fn now_idempotent(&self) -> u8 {
            2
        }

        async fn no_longer_idempotent(&self) -> u8 {
            2
        }
    }
}

async fn old_server(address: &str) -> (ServerHandle, Receiver<u8>) {
    let (sender, said) = channel();
    let server = Server::builder().service(before::DeskServer::new(before::Impl(sender)));
    (server.bind(address).await.expect("an address").spawn(), said)
}

async fn new_server(address: &str) -> (ServerHandle, Receiver<u8>) {
    let (sender, said) = channel();
    let server = Server::builder().service(after::DeskServer::new(after::Impl(sender)));
    (server.bind(address).await.expect("an address").spawn(), said)
}

fn refused<T: Debug, E: Debug>(answer: Result<T, CallError<E>>) {
    let error = answer.expect_err("refused").rpc().expect("the framework's").clone();
    assert_eq!((error.code(), error.executed()), (Code::SchemaMismatch, Executed::No), "{error}");
}

#[tokio::test]
async fn an_old_client_works_with_what_the_new_server_can_read() {
    let (_handle, said) = new_server("mem:methods-after").await;
    let desk = before::DeskClient::connect("mem:methods-after").await.expect("a desk");
    assert_eq!(desk.error_removed().await, Ok(2));
    refused(desk.error_added().await);
    refused(desk.argument_removed(1, 2).await);
    assert_eq!(desk.default_removed(1, 2).await, Ok(1), "the new server does not hear of it");
    assert_eq!(desk.option_added(1).await, Ok(101), "it is none");
    assert_eq!(desk.option_removed(1, Some(2)).await, Ok(1), "the new server does not hear of it");
    refused(desk.needs_argument(Some(3)).await);
    assert_eq!(desk.needs_result().await, Ok(Some(2)));
    assert_eq!(desk.signs_argument(40_000).await, Ok(40_000));
    refused(desk.signs_result().await);
    assert_eq!((desk.now_idempotent().await, desk.no_longer_idempotent().await), (Ok(2), Ok(2)));

    assert_eq!(desk.no_longer_waited_for(7).await, Ok(()));
    assert_eq!(said.try_recv(), Ok(7), "the caller that waits is told when it is done");
    desk.now_waited_for(8).await.expect("it is queued");
    assert_eq!(desk.error_removed().await, Ok(2), "its answer does no harm");
    assert_eq!(tokio::task::spawn_blocking(move || said.recv()).await.expect("it waits"), Ok(8));
}

#[tokio::test]
async fn a_new_client_works_with_what_the_old_server_can_read() {
    let (_handle, said) = old_server("mem:methods-before").await;
    let desk = after::DeskClient::connect("mem:methods-before").await.expect("a desk");
    refused(desk.error_removed().await);
    assert_eq!(desk.error_added().await, Ok(1));
    refused(desk.argument_removed(1).await);
    assert_eq!(desk.default_removed(1).await, Ok(6), "by the old server's default");
    assert_eq!(desk.option_added(1, Some(2)).await, Ok(1), "the old server does not hear of it");
    assert_eq!(desk.option_removed(1).await, Ok(101), "it is none");
    assert_eq!(desk.needs_argument(3).await, Ok(3));
    refused(desk.needs_result().await);
    refused(desk.signs_argument(4).await);
    assert_eq!(desk.signs_result().await, Ok(1));
    assert_eq!((desk.now_idempotent().await, desk.no_longer_idempotent().await), (Ok(1), Ok(1)));

    assert_eq!(desk.now_waited_for(7).await, Ok(()));
    assert_eq!(said.try_recv(), Ok(7), "the caller that waits is told when it is done");
    desk.no_longer_waited_for(8).await.expect("it is queued");
    assert_eq!(desk.signs_result().await, Ok(1), "its answer does no harm");
    assert_eq!(tokio::task::spawn_blocking(move || said.recv()).await.expect("it waits"), Ok(8));
}
