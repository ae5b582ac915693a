//! A chat: many clients in one room. Each enters with an object of its own, by which the room calls it, and hears what
//! is said as events.
//!
//! `cargo run --example chat [CLIENTS]`

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use traitwire::{Broadcast, Lagged, Server, Stream, ipc_service, ipc_type};

/// What is heard in the room.
#[ipc_type]
#[derive(Eq)]
pub enum Event {
    /// Somebody came in.
    Entered(String),
    /// Somebody said something.
    Said(String, String),
}

/// Who is in the room, as the room knows them.
#[ipc_service]
pub trait Guest {
    /// A word to this guest alone.
    async fn whisper(&self, from: String, text: String) -> String;
}

/// A room to talk in.
#[ipc_service]
pub trait Room {
    /// Comes in. Names are taken once.
    async fn enter(&self, name: String, guest: GuestClient) -> Result<(), String>;
    /// Says something to all.
    async fn say(&self, name: String, text: String);
    /// Passes a word on to one guest, and brings the answer.
    async fn whisper(&self, from: String, to: String, text: String) -> Result<String, String>;
    /// What happens from now on. Who listens too slowly is told how much was missed.
    fn events(&self) -> impl Stream<Item = Result<Event, Lagged>>;
    /// Who listens at the moment.
    async fn listeners(&self) -> u64;
}

struct Parlour {
    guests: Mutex<BTreeMap<String, GuestClient>>,
    events: Broadcast<Event>,
}

impl Room for Parlour {
    async fn enter(&self, name: String, guest: GuestClient) -> Result<(), String> {
        let taken = self.guests.lock().expect("no panic").insert(name.clone(), guest);
        if taken.is_some() {
            return Err(format!("another {name} is here"));
        }
        self.events.publish(Event::Entered(name));
        Ok(())
    }

    async fn say(&self, name: String, text: String) {
        self.events.publish(Event::Said(name, text));
    }

    async fn whisper(&self, from: String, to: String, text: String) -> Result<String, String> {
        let guest = self.guests.lock().expect("no panic").get(&to).cloned();
        let guest = guest.ok_or_else(|| format!("{to} is not here"))?;
        guest.whisper(from, text).await.map_err(|error| format!("{to} does not answer: {error}"))
    }

    fn events(&self) -> impl Stream<Item = Result<Event, Lagged>> {
        self.events.subscribe()
    }

    async fn listeners(&self) -> u64 {
        self.events.subscribers() as u64
    }
}

struct Visitor(String);

impl Guest for Visitor {
    async fn whisper(&self, from: String, text: String) -> String {
        format!("{} to {from}: \"{text}\"? I had no idea!", self.0)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let clients: u64 = std::env::args().nth(1).map_or(Ok(20), |argument| argument.parse())?;
    let scratch = tempfile::tempdir()?;
    let address = format!("unix:{}", scratch.path().join("room.sock").display());

    let events = Broadcast::new(1024);
    let parlour = Parlour { guests: Mutex::default(), events: events.clone() };
    let handle = Server::builder().service(RoomServer::new(parlour)).bind(&address).await?.spawn();

    // Each guest has a connection of its own, listens first, and says something once all are there.
    let mut guests = Vec::new();
    for number in 0..clients {
        let room = RoomClient::connect(&address).await?;
        let mut heard = room.events();
        let listening = tokio::spawn(async move {
            let mut said = 0;
            while said < clients {
                match heard.next().await {
                    Some(Ok(Event::Said(..))) => said += 1,
                    Some(Ok(Event::Entered(_))) => {}
                    Some(Err(error)) => return Err(error.to_string()),
                    None => return Err("the room was closed".to_owned()),
                }
            }
            Ok(said)
        });
        while room.listeners().await? <= number {
            tokio::task::yield_now().await;
        }
        let name = format!("guest {number}");
        room.enter(name.clone(), GuestClient::local(Visitor(name.clone()))).await?;
        guests.push((name, room, listening));
    }
    for (name, room, _) in &guests {
        room.say(name.clone(), "good evening".to_owned()).await?;
    }
    let (first, last) = (&guests[0], &guests[guests.len() - 1]);
    println!("{}", first.1.whisper(first.0.clone(), last.0.clone(), "it rains".to_owned()).await?);

    let mut heard = 0;
    for (_, _, listening) in guests {
        heard += listening.await??;
    }
    println!("{clients} guests heard {heard} words");
    events.close();
    handle.shutdown(Duration::from_secs(5)).await?;
    Ok(())
}
