//! A contract that was there before the code: `contract_first.idl` is all that both sides know.
//!
//! `cargo run --example contract_first`

use std::collections::HashMap;
use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use traitwire::{Broadcast, CallError, Server, Stream};

/// Types, trait, client and server.
mod library {
    traitwire::include_interface!("examples/contract_first.idl");
}

use library::{Book, Library, LibraryClient, LibraryServer, Loan, PageBook, Refusal};

const TITLES: &[&str] = &["The Trait", "The Wire", "A History of Wire", "Wire and Rope"];
const PAGE: usize = 2;

struct Shelf {
    lent: Mutex<HashMap<u64, String>>,
    loans: Broadcast<Loan>,
}

impl Library for Shelf {
    async fn find(&self, word: &str, from: Option<u64>) -> PageBook {
        let books =
            (0..).zip(TITLES).filter(|(number, title)| *number >= from.unwrap_or(0) && title.contains(word));
        let mut books =
            books.map(|(number, title)| Book { number, title: (*title).to_owned(), authors: Vec::new() });
        let items: Vec<_> = books.by_ref().take(PAGE).collect();
        PageBook { items, next: books.next().map(|book| book.number) }
    }

    async fn lend(&self, number: u64, reader: &str) -> Result<Duration, Refusal> {
        if number >= TITLES.len() as u64 {
            return Err(Refusal::NoSuchBook);
        }
        let mut lent = self.lent.lock().expect("nobody panics while lending");
        if let Some(reader) = lent.get(&number) {
            return Err(Refusal::LentTo(reader.clone()));
        }
        lent.insert(number, reader.to_owned());
        self.loans.publish(Loan { book: number, reader: reader.to_owned() });
        Ok(Duration::from_secs(14 * 24 * 60 * 60))
    }

    fn loans(&self) -> impl Stream<Item = Loan> {
        tokio_stream::StreamExt::filter_map(self.loans.subscribe(), Result::ok)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shelf = Shelf { lent: Mutex::default(), loans: Broadcast::new(16) };
    let loans = shelf.loans.clone();
    let server = Server::builder().service(LibraryServer::new(shelf)).bind("mem:library").await?.spawn();
    let library = LibraryClient::connect("mem:library").await?;

    let mut from = None;
    loop {
        let page = library.find("Wire", from).await?;
        let titles: Vec<_> = page.items.iter().map(|book| book.title.as_str()).collect();
        println!("found {}", titles.join(", "));
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }

    let mut watched = library.loans();
    let watching = tokio::spawn(async move { watched.next().await });
    // The call is made once the first item is asked for.
    while loans.subscribers() == 0 {
        tokio::task::yield_now().await;
    }
    let time = library.lend(1, "Ada").await?;
    println!("lent for {} days", time.as_secs() / (24 * 60 * 60));
    if let Some(loan) = watching.await? {
        let loan = loan?;
        println!("{} has book {}", loan.reader, loan.book);
    }
    match library.lend(1, "Ben").await {
        Err(CallError::Service(Refusal::LentTo(reader))) => println!("refused: {reader} has it"),
        other => println!("unexpected: {other:?}"),
    }

    server.shutdown(Duration::from_secs(5)).await?;
    Ok(())
}
