//! Names that could collide with those in generated code.
#![allow(non_camel_case_types, dead_code)]

use traitwire::{ipc_service, ipc_type};

/// Blanket methods in scope, of the names that generated code calls.
trait Meddler: Sized {
    fn value(&self) -> ! {
        panic!("the user's method was called")
    }
    fn bytes(&self) -> ! {
        panic!("the user's method was called")
    }
    fn clone(self) -> ! {
        panic!("the user's method was called")
    }
    fn call(&self) -> ! {
        panic!("the user's method was called")
    }
    fn finish(&self) -> ! {
        panic!("the user's method was called")
    }
    fn release(&self) -> ! {
        panic!("the user's method was called")
    }
    fn context(&self) -> ! {
        panic!("the user's method was called")
    }
    fn method(&self) -> ! {
        panic!("the user's method was called")
    }
    fn build(&self) -> ! {
        panic!("the user's method was called")
    }
    fn optional(&self) -> ! {
        panic!("the user's method was called")
    }
    fn from(self) -> ! {
        panic!("the user's method was called")
    }
}
impl<T> Meddler for T {}

mod std {}
mod core {}
mod traitwire_core {}
mod serde {}

#[ipc_type]
pub struct Ok;
#[ipc_type]
pub struct Err {
    pub r#type: u8,
}
#[ipc_type]
pub struct Some(pub u8);
#[ipc_type]
pub enum Option {
    Some,
    None,
}
#[ipc_type]
pub struct S;
#[ipc_type]
pub struct Via;
#[ipc_type]
pub struct Client;
#[ipc_type]
pub struct Method<T>(pub T);
#[ipc_type]
pub struct Box<T> {
    pub types: T,
    pub describe: ::std::vec::Vec<u8>,
}
#[ipc_type]
pub struct Arc;
#[ipc_type]
pub struct Future;

#[ipc_service]
pub trait Torture {
    async fn value(&self, a: Ok, b: Err, c: Some, d: Option, e: S) -> Ok;
    async fn call(&self, f: Via, g: Client, h: Method<u8>, i: Box<Arc>) -> Future;
    async fn slot(&self, arguments: u8, request: u8, service: u8, self_: u8, d: u8, e: u8) -> u8;
    async fn description(
        &self,
        output: u8,
        value: u8,
        error: u8,
        encoder: u8,
        decoder: u8,
    ) -> ::std::result::Result<u8, u8>;
    async fn r#type(&self, r#match: u8, method: u8, implementation: u8, formatter: u8) -> u8;
    async fn r#async(&self, client: u8, channel: u8, context: u8, interface: u8) -> u8;
    async fn result(&self, fail: bool) -> ::std::result::Result<Ok, Err>;
    async fn drop(&self, r#fn: &[u8], drop: &str) -> u8;
    async fn fmt(&self, server: u8) -> u8;
    async fn call_site(&self) -> Vec<u8>;
    #[allow(non_snake_case)]
    async fn camelCase(&self, Argument: u8) -> u8;
}

struct Here;

impl Torture for Here {
    async fn value(&self, a: Ok, _: Err, _: Some, _: Option, _: S) -> Ok {
        a
    }
    async fn call(&self, _: Via, _: Client, _: Method<u8>, _: Box<Arc>) -> Future {
        Future
    }
    async fn slot(&self, arguments: u8, request: u8, service: u8, self_: u8, d: u8, e: u8) -> u8 {
        arguments + request + service + self_ + d + e
    }
    async fn description(
        &self,
        output: u8,
        value: u8,
        error: u8,
        encoder: u8,
        decoder: u8,
    ) -> ::std::result::Result<u8, u8> {
        Result::Ok(output + value + error + encoder + decoder)
    }
    async fn r#type(&self, r#match: u8, method: u8, implementation: u8, formatter: u8) -> u8 {
        r#match + method + implementation + formatter
    }
    async fn r#async(&self, client: u8, channel: u8, context: u8, interface: u8) -> u8 {
        client + channel + context + interface
    }
    async fn result(&self, fail: bool) -> ::std::result::Result<Ok, Err> {
        if fail { Result::Err(Err { r#type: 9 }) } else { Result::Ok(Ok) }
    }
    async fn drop(&self, r#fn: &[u8], drop: &str) -> u8 {
        (r#fn.len() + drop.len()) as u8
    }
    async fn fmt(&self, server: u8) -> u8 {
        server
    }
    async fn call_site(&self) -> Vec<u8> {
        ::std::vec![1]
    }
    #[allow(non_snake_case)]
    async fn camelCase(&self, Argument: u8) -> u8 {
        Argument
    }
}

#[tokio::test]
async fn no_name_of_the_users_is_caught() {
    let client = TortureClient::local(Here);
    let argument = Box { types: Arc, describe: ::std::vec![1, 2] };
    assert_eq!(client.value(Ok, Err { r#type: 1 }, Some(1), Option::None, S).await.unwrap(), Ok);
    assert_eq!(Torturer::call(&client, argument).await, Future);
    assert_eq!(client.slot(1, 2, 3, 4, 5, 6).await.unwrap(), 21);
    assert_eq!(client.description(1, 2, 3, 4, 5).await.unwrap(), 15);
    assert_eq!(client.r#type(1, 2, 3, 4).await.unwrap(), 10);
    assert_eq!(client.r#async(1, 2, 3, 4).await.unwrap(), 10);
    assert_eq!(client.result(false).await.unwrap(), Ok);
    assert_eq!(client.result(true).await, Result::Err(::traitwire::CallError::Service(Err { r#type: 9 })));
    assert_eq!(client.drop(b"ab", "cd").await.unwrap(), 4);
    assert_eq!(client.fmt(3).await.unwrap(), 3);
    assert_eq!(client.call_site().await.unwrap(), [1]);
    assert_eq!(client.camelCase(3).await.unwrap(), 3);
}

struct Torturer;

impl Torturer {
    async fn call(client: &TortureClient, argument: Box<Arc>) -> Future {
        client.call(Via, Client, Method(1), argument).await.unwrap()
    }
}

macro_rules! service_in_its_own_module {
    ($module:ident, $name:ident, $argument:ident, $ty:ty) => {
        mod $module {
            #[traitwire::ipc_service]
            pub(super) trait $name {
                async fn get(&self, $argument: $ty, lent: &[$ty]) -> $ty;
            }
        }
    };
}
service_in_its_own_module!(result, Result, request, u8);
service_in_its_own_module!(send, Send, arguments, u16);
service_in_its_own_module!(clone, Clone, service, ::std::vec::Vec<u8>);
service_in_its_own_module!(vec, Vec, argument, u32);
service_in_its_own_module!(option, Option, output, ::std::string::String);

/// Where the façade goes by another name.
mod elsewhere {
    pub mod reexport {
        pub use ::traitwire as other;
    }

    #[reexport::other::ipc_type(crate = "crate::hygiene::elsewhere::reexport::other")]
    pub struct Thing {
        pub bytes: Vec<u8>,
    }

    #[reexport::other::ipc_service(crate = "reexport::other", name = "elsewhere")]
    pub trait Elsewhere {
        async fn thing(&self, thing: Thing) -> Thing {
            thing
        }
        async fn failing(&self) -> String {
            panic!("as it should")
        }
    }

    struct Here;
    impl Elsewhere for Here {}

    #[tokio::test]
    async fn the_facade_may_be_elsewhere() {
        let client = ElsewhereClient::local(Here);
        let thing = Thing { bytes: ::std::vec![1, 2, 3] };
        assert_eq!(client.thing(thing.clone()).await.unwrap(), thing);
        let panicked = client.failing().await.unwrap_err();
        assert_eq!(panicked.rpc().unwrap().method(), Some("elsewhere.failing"));
    }
}

/// Where nothing has a name.
mod bare {
    #![no_implicit_prelude]

    #[::traitwire::ipc_type]
    #[derive(Copy, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct Defaulted<T = u8, const N: usize = 3>
    where
        T: ::std::marker::Copy,
    {
        pub it: T,
    }

    #[::traitwire::ipc_type]
    #[derive(Default)]
    #[non_exhaustive]
    pub enum Kind {
        #[default]
        One = 7,
        #[serde(alias = "zwei")]
        Two = 9,
    }

    #[::traitwire::ipc_service]
    pub trait Bare {
        async fn get(
            &self,
            a: Defaulted,
            b: &str,
            kind: Kind,
            cx: &::traitwire::Context,
        ) -> ::std::result::Result<Defaulted<u16>, Kind>;
        fn give(&self) -> impl ::std::future::Future<Output = ()> + ::std::marker::Send {
            async {}
        }
    }
}
