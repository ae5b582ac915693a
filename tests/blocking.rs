//! placeholder
#![cfg(feature = "blocking")]
use traitwire::{Server, ipc_service};
#[ipc_service]
pub trait Calc {
    async fn add(&self, a: i32, b: i32) -> i32;
}
struct P;
impl Calc for P {
    async fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }
}
#[test]
fn x() {
    let c = CalcBlockingClient::local(P);
    assert_eq!(c.add(1, 2), Ok(3));
    let _ = Server::builder();
}
