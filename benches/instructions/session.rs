//! The machine without tasks, locks and input or output.

use std::hint::black_box;
use std::task::{Poll, Waker};
use std::time::Instant;

use traitwire_core::Options;
use traitwire_core::codec::{Decoder, Encoder};
use traitwire_core::proto::{CallKey, Event, NewCall, Outcome, Outgoing, Session};

use crate::callgrind::measured;
use crate::service;

/// A session whose peer has said hello, and all it has said itself taken.
struct Open {
    session: Session,
    output: Outgoing,
    now: Instant,
    woken: Vec<Waker>,
}

impl Open {
    fn new(own: &[u8], peer: &[u8]) -> Self {
        let now = Instant::now();
        let mut open = Self {
            session: Session::new(own, Options::default(), now),
            output: Outgoing::new(true),
            now,
            woken: Vec::new(),
        };
        open.take(peer);
        open.write();
        open
    }

    fn take(&mut self, input: &[u8]) {
        let used = self.session.handle_input(input, self.now).expect("it follows the rules");
        assert_eq!(used, input.len());
    }

    /// Takes what there is to write, as if it were written.
    fn write(&mut self) {
        self.session.take_output(&mut self.output);
        self.output.advance(self.output.remaining());
    }

    fn start(&mut self) -> CallKey {
        let body = arguments().finish().expect("numbers can be encoded");
        let mut request = Some(NewCall::new(0, body));
        let Poll::Ready(Ok(key)) = self.session.poll_start(&mut None, &mut request, Waker::noop()) else {
            panic!("there is room for the call");
        };
        let polled = self.session.poll_reply(key, Waker::noop());
        assert!(polled.is_pending());
        self.write();
        key
    }

    fn finish(&mut self, key: CallKey, reply: &[u8]) -> i32 {
        self.take(reply);
        self.session.take_wakers(&mut self.woken);
        self.woken.drain(..).for_each(Waker::wake);
        let Poll::Ready(Outcome::Output(body)) = self.session.poll_reply(key, Waker::noop()) else {
            panic!("the reply has come");
        };
        let mut decoder = Decoder::new(&body);
        let value = decoder.value().expect("it is a number");
        decoder.finish().expect("it is one number");
        value
    }
}

fn arguments() -> Encoder {
    let mut encoder = Encoder::new();
    encoder.value(&black_box(2i32)).value(&black_box(3i32));
    encoder
}

pub(crate) fn encode_arguments(count: u64) {
    for _ in 0..count {
        measured(|| arguments().finish().expect("numbers can be encoded").len());
    }
}

pub(crate) fn call(count: u64) {
    let (mut client, reply) = client();
    for _ in 0..count {
        let key = measured(|| client.start());
        assert_eq!(client.finish(key, &reply), 5);
    }
}

pub(crate) fn reply(count: u64) {
    let (mut client, reply) = client();
    for _ in 0..count {
        let key = client.start();
        assert_eq!(measured(|| client.finish(key, &reply)), 5);
    }
}

fn client() -> (Open, Vec<u8>) {
    (Open::new(&service::client_hello(), &service::server_hello()), service::reply())
}

pub(crate) fn serve(count: u64) {
    let mut server = Open::new(&service::server_hello(), &service::client_hello());
    let call = service::call();
    for _ in 0..count {
        measured(|| {
            server.take(&call);
            let Some(Event::Call(incoming)) = server.session.poll_event() else {
                panic!("the call has come")
            };
            let mut decoder = Decoder::new(&incoming.body);
            let (a, b): (i32, i32) = (decoder.value().expect("a number"), decoder.value().expect("a number"));
            let mut encoder = Encoder::new();
            encoder.value(&(a + b));
            let body = encoder.finish().expect("numbers can be encoded");
            server.session.reply(incoming.id, Outcome::Output(body));
            server.write();
        });
    }
}
