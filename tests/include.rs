//! `include_interface!`: from a file to calls.
#![deny(warnings, missing_docs)]

use tokio_stream::StreamExt as _;
use traitwire::{CallError, Stream};

mod plain {
    // What is in scope here must not disturb what is generated.
    #[allow(dead_code)]
    struct String;
    #[allow(dead_code)]
    type Result<T> = std::result::Result<T, ()>;

    traitwire::include_interface!("tests/include/calculator.idl");
}

mod with_context {
    mod other {
        pub(crate) use ::traitwire as ours;
    }

    traitwire::include_interface!(
        "tests/include/calculator.idl",
        context,
        crate = "crate::with_context::other::ours"
    );
}

struct Abacus;

impl plain::Calculator for Abacus {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, plain::MathError> {
        a.checked_div(b).ok_or(plain::MathError::DivisionByZero)
    }

    async fn greet(&self, name: &str) -> String {
        format!("hello, {name}")
    }

    fn countdown(&self, from: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter((0..from).rev())
    }
}

#[tokio::test]
async fn what_is_included_can_be_called() {
    let calculator = plain::CalculatorClient::local(Abacus);
    assert_eq!(calculator.add(2, 3).await.unwrap(), 5);
    assert_eq!(calculator.divide(1, 0).await, Err(CallError::Service(plain::MathError::DivisionByZero)));
    assert_eq!(calculator.greet("you").await.unwrap(), "hello, you");
    let countdown: Vec<_> = calculator.countdown(2).collect().await;
    assert_eq!(countdown, [Ok(1), Ok(0)]);
}

struct Polite;

impl with_context::Calculator for Polite {
    async fn add(&self, _: &traitwire::Context, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn divide(&self, _: &traitwire::Context, a: i64, _: i64) -> Result<i64, with_context::MathError> {
        Ok(a)
    }

    async fn greet(&self, context: &traitwire::Context, name: &str) -> String {
        format!("{}, {name}", context.metadata().get_str("greeting").unwrap_or("hello"))
    }

    fn countdown(&self, _: &traitwire::Context, _: u32) -> impl Stream<Item = u32> {
        tokio_stream::empty()
    }
}

#[tokio::test]
async fn a_context_is_there_if_it_is_asked_for() {
    let calculator = with_context::CalculatorClient::local(Polite).with_metadata("greeting", "good day");
    assert_eq!(calculator.greet("you").await.unwrap(), "good day, you");
}
