//! An error enum that grows: with a `#[serde(other)]` variant from the beginning, old callers read what they do not know
//! as that.

use traitwire::{CallError, Code, Executed, Server};

mod old {
    use traitwire::{ipc_service, ipc_type};

    #[ipc_type]
    pub enum BookingError {
        Full {
            seats: u32,
        },
        #[serde(other)]
        Other,
    }

    /// Without a variant for others.
    #[ipc_type]
    pub enum Rigid {
        Full,
    }

    #[ipc_service]
    pub trait Booking {
        async fn book(&self, which: u8) -> Result<u8, BookingError>;
        async fn open(&self, which: u8) -> Result<impl Stream<Item = u8>, BookingError>;
        fn seats(&self, which: u8) -> impl Stream<Item = Result<u8, BookingError>>;
        async fn rigid(&self, which: u8) -> Result<u8, Rigid>;
    }
}

mod new {
    use traitwire::{Stream, ipc_service, ipc_type};

    #[ipc_type]
    pub enum BookingError {
        Closed,
        Sold {
            to: String,
            at: Vec<u64>,
        },
        Full {
            seats: u32,
            waiting: Option<u32>,
        },
        #[serde(other)]
        Other,
    }

    #[ipc_type]
    pub enum Rigid {
        Full,
        Closed,
    }

    #[ipc_service]
    pub trait Booking {
        async fn book(&self, which: u8) -> Result<u8, BookingError>;
        async fn open(&self, which: u8) -> Result<impl Stream<Item = u8>, BookingError>;
        fn seats(&self, which: u8) -> impl Stream<Item = Result<u8, BookingError>>;
        async fn rigid(&self, which: u8) -> Result<u8, Rigid>;
    }

    pub struct Impl;

    fn error(which: u8) -> BookingError {
        match which {
            0 => BookingError::Closed,
            1 => BookingError::Sold { to: "Ann".into(), at: vec![1, 300] },
            2 => BookingError::Full { seats: 9, waiting: Some(1) },
            _ => BookingError::Other,
        }
    }

    impl Booking for Impl {
        async fn book(&self, which: u8) -> Result<u8, BookingError> {
            Err(error(which))
        }

        async fn open(&self, which: u8) -> Result<impl Stream<Item = u8>, BookingError> {
            if which < 4 { Err(error(which)) } else { Ok(tokio_stream::iter([which])) }
        }

        fn seats(&self, which: u8) -> impl Stream<Item = Result<u8, BookingError>> {
            tokio_stream::iter([Ok(7), Err(error(which))])
        }

        async fn rigid(&self, which: u8) -> Result<u8, Rigid> {
            Err(if which == 0 { Rigid::Full } else { Rigid::Closed })
        }
    }
}

fn own<E: std::fmt::Debug>(error: CallError<E>) -> E {
    match error {
        CallError::Service(error) => error,
        CallError::Rpc(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn errors_that_an_old_caller_does_not_know_are_read_as_its_other_one() {
    let server = Server::builder().service(new::BookingServer::new(new::Impl));
    let _handle = server.bind("mem:booking").await.expect("an address").spawn();
    let client = old::BookingClient::connect("mem:booking").await.expect("it is there");
    for which in 0..4 {
        let expected = || match which {
            2 => old::BookingError::Full { seats: 9 },
            _ => old::BookingError::Other,
        };
        assert_eq!(own(client.book(which).await.expect_err("refused")), expected());
        let error = client.open(which).next().await.expect("the error").expect_err("refused");
        assert_eq!(own(error), expected());
        let mut seats = client.seats(which);
        assert_eq!(seats.next().await.expect("an item").expect("a seat"), 7);
        assert_eq!(own(seats.next().await.expect("an item").expect_err("refused")), expected());
        assert!(seats.next().await.is_none());
    }
    // Without such a variant it is the one call that fails, and it says that it was executed.
    assert_eq!(own(client.rigid(0).await.expect_err("refused")), old::Rigid::Full);
    let error = client.rigid(1).await.expect_err("refused");
    let error = error.rpc().expect("the framework's");
    assert_eq!((error.code(), error.executed()), (Code::SchemaMismatch, Executed::Yes));
    assert!(error.message().contains("Closed"), "{error}");
}
