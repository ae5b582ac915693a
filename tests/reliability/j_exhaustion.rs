//! J: a machine that has nothing left to give.

use traitwire::{Code, Executed};

use crate::support::probe::ProbeClient;
use crate::support::victim::{SOCKETS, Victim, soon};

#[tokio::test]
async fn j_01_no_descriptor_is_left() {
    for place in SOCKETS {
        let victim = Victim::of(&place.address(""), Some(64)).await;
        let mut clients: Vec<_> = (0..200)
            .map(|_| {
                let address = format!("{}?connect_timeout=700ms", victim.address);
                tokio::spawn(async move { ProbeClient::connect(&address).await })
            })
            .collect();
        let mut connected = Vec::new();
        let mut refused = 0;
        for client in clients.drain(..) {
            match soon("connecting", client).await.expect("no panic") {
                Ok(client) => connected.push(client),
                Err(error) => {
                    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No));
                    refused += 1;
                }
            }
        }
        assert!(refused > 100 && !connected.is_empty(), "{refused} refused");
        for client in &connected {
            assert_eq!(soon("a call", client.add(1, 2)).await, Ok(3), "those inside are well");
        }
        drop(connected);
        // It recovers by itself.
        let late = soon("a place", async {
            loop {
                match ProbeClient::connect(&victim.address).await {
                    Ok(client) => break client,
                    Err(error) => assert_eq!(error.executed(), Executed::No, "{error}"),
                }
            }
        });
        let late = late.await;
        assert_eq!(late.add(1, 2).await, Ok(3));
        drop(late);
        victim.unharmed().await;
    }
}
