//! Methods and services that are there under a condition only, several services in one module, other
//! visibilities.

use traitwire::ipc_service;

#[ipc_service]
trait Conditional {
    #[cfg(any())]
    async fn never(&self, missing: NoSuchType) -> AnotherMissing;
    #[cfg(not(any()))]
    async fn first(&self) -> u32;
    #[cfg(any())]
    async fn version(&self) -> String;
    #[cfg(not(any()))]
    async fn version(&self) -> u32;
    #[cfg_attr(all(), cfg(any()))]
    async fn also_never(&self, missing: NoSuchType);
    #[allow(dead_code)]
    #[deprecated = "too old"]
    async fn old(&self) -> u32;
    #[cfg_attr(all(), doc = "Documented.")]
    async fn last(&self) -> u32;
}

#[cfg(any())]
#[ipc_service]
trait Gone {
    async fn nothing(&self, missing: NoSuchType);
}

#[ipc_service]
#[cfg(any())]
trait GoneToo {
    async fn nothing(&self, missing: NoSuchType);
}

#[ipc_service(name = "second")]
pub(super) trait Second {
    async fn first(&self) -> u32;
}

/// Items of a module inside.
pub mod inner {
    /// Seen from the module around.
    #[traitwire::ipc_service]
    pub(super) trait Inner {
        async fn first(&self) -> u32;
    }
}
use inner::{Inner, InnerClient};

struct All;

impl Conditional for All {
    async fn first(&self) -> u32 {
        1
    }
    async fn version(&self) -> u32 {
        2
    }
    async fn old(&self) -> u32 {
        3
    }
    async fn last(&self) -> u32 {
        4
    }
}
impl Second for All {
    async fn first(&self) -> u32 {
        5
    }
}
impl Inner for All {
    async fn first(&self) -> u32 {
        6
    }
}

#[tokio::test]
async fn indices_are_those_of_what_is_there() {
    let client = ConditionalClient::local(All);
    assert_eq!(client.first().await.unwrap(), 1);
    assert_eq!(client.version().await.unwrap(), 2);
    #[allow(deprecated)]
    let old = client.old().await.unwrap();
    assert_eq!(old, 3);
    assert_eq!(client.last().await.unwrap(), 4);
    assert_eq!(SecondClient::local(All).first().await.unwrap(), 5);
    assert_eq!(InnerClient::local(All).first().await.unwrap(), 6);
}

#[tokio::test]
async fn a_service_may_live_in_a_function() {
    #[ipc_service]
    trait Local {
        async fn first(&self) -> u32;
    }
    struct Here;
    impl Local for Here {
        async fn first(&self) -> u32 {
            7
        }
    }
    assert_eq!(LocalClient::local(Here).first().await.unwrap(), 7);
}
