//! A lock file of a crate's own services, as docs/changing-an-interface.md has it: one line, and the file beside it.
#![allow(missing_docs, reason = "a service of a test needs none")]

use traitwire::idl::Contract;
use traitwire::idl::lock::{self, LockError};
use traitwire::{ipc_service, ipc_type};

#[ipc_type]
pub struct Room {
    pub name: String,
    #[serde(default)]
    pub floor: i8,
}

#[ipc_service]
pub trait House {
    async fn celsius(&self, room: Room) -> Result<f32, String>;
}

#[ipc_service]
pub trait Doors {
    fn opened(&self) -> impl Stream<Item = Room>;
}

#[test]
fn others_can_still_call() -> Result<(), LockError> {
    lock::verify("tests/lock/interfaces.lock", [HouseClient::interface(), DoorsClient::interface()])
}

#[test]
fn a_client_tells_the_interface_of_its_trait() {
    let names = |interface: &traitwire::idl::Interface| {
        (interface.name.clone(), interface.methods.len(), interface.types.len())
    };
    assert_eq!(names(HouseClient::interface()), ("House".to_owned(), 1, 1));
    assert_eq!(names(<DoorsClient as Contract>::interface()), ("Doors".to_owned(), 1, 1));
}
