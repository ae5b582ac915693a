//! Runtimes that end while others still hold what they ran.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use traitwire::{ChannelState, Code, Executed, Server, ipc_service};

#[ipc_service]
trait Echo {
    async fn echo(&self, text: String) -> String;
    async fn hang(&self);
    async fn hangs(&self) -> bool;
}

#[derive(Default)]
struct Plain {
    hangs: AtomicBool,
}

impl Echo for Plain {
    async fn echo(&self, text: String) -> String {
        text
    }

    async fn hang(&self) {
        self.hangs.store(true, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn hangs(&self) -> bool {
        self.hangs.load(Ordering::SeqCst)
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Runs something that must not take for ever, which a runtime that hangs could not say itself.
fn in_time(act: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let acting = std::thread::spawn(move || {
        act();
        let _ = done.send(());
    });
    match ended.recv_timeout(Duration::from_secs(20)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => acting.join().expect("no panic"),
    }
}

#[test]
fn q_09_a_client_whose_runtime_has_ended_connects_in_the_next() {
    for address in ["mem:runtimes", "tcp://127.0.0.1:0"] {
        in_time(move || {
            let serving = runtime();
            let server =
                serving.block_on(Server::builder().service(EchoServer::new(Plain::default())).bind(address));
            let server = server.expect("bound");
            let endpoint = server.endpoint().clone();
            serving.spawn(server.run());
            let connecting = runtime();
            let client = connecting.block_on(EchoClient::connect(endpoint)).expect("connected");
            let other = runtime();
            let hanging = other.spawn({
                let client = client.clone();
                async move { client.hang().await }
            });
            other.block_on(async { while !client.hangs().await.expect("an answer") {} });
            drop(connecting);
            other.block_on(async {
                let error = hanging.await.expect("no panic").expect_err("cut off");
                assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Unavailable));
                assert_eq!(client.channel().state(), ChannelState::Idle);
                client.echo("again".to_owned()).await.expect("a connection of this runtime's");
                assert_eq!(client.channel().state(), ChannelState::Ready);
                client.channel().close().await;
                let error = client.echo(String::new()).await.expect_err("closed");
                assert_eq!(error.rpc().map(|error| error.executed()), Some(Executed::No));
            });
        });
    }
}

#[test]
fn q_09_a_runtime_ends_while_its_server_accepts() {
    in_time(|| {
        let clients = runtime();
        for _ in 0..40 {
            let serving = runtime();
            let server = serving.block_on(
                Server::builder().service(EchoServer::new(Plain::default())).bind("tcp://127.0.0.1:0"),
            );
            let server = server.expect("bound");
            let endpoint = server.endpoint().clone();
            serving.spawn(server.run());
            for _ in 0..20 {
                let endpoint = endpoint.clone();
                clients.spawn(async move {
                    while let Ok(client) = EchoClient::connect(&endpoint).await {
                        let _ = client.echo("x".to_owned()).await;
                    }
                });
            }
            let _ = clients.block_on(EchoClient::connect(&endpoint)).expect("connected");
            drop(serving);
        }
    });
}
