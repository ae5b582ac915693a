//! Every order in which the two sides of a ring can use its words, tried one after another by loom. The ring is the
//! real one; its bytes are cells in which loom sees every access, and a bell is loom's own. A side that sleeps on while
//! the other waits for it is a deadlock to loom, and fails.
//!
//! `RUSTFLAGS="--cfg traitwire_loom" cargo test --release -p traitwire-transport --lib races`

use std::mem::MaybeUninit;

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Notify};
use loom::thread;

use super::ring::{Consumer, Get, Producer, Put, sleep_for_bytes, wake_for_bytes};
use super::words::{PeerWords, Words};

/// Bytes that the ring holds: fewer than are sent, so that both sides have to wait.
const CAPACITY: usize = 2;
const BYTES: u8 = 3;

struct Side {
    words: Words,
    ring: Vec<UnsafeCell<u8>>,
    bell: Notify,
}

impl Side {
    fn new() -> Arc<Self> {
        let ring = (0..CAPACITY).map(|_| UnsafeCell::new(0)).collect();
        Arc::new(Self { words: Words::default(), ring, bell: Notify::new() })
    }
}

/// The ring of a side, for its producer.
struct Ring(Arc<Side>);

impl Put for Ring {
    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        for (cell, byte) in self.0.ring[offset..].iter().zip(bytes) {
            // SAFETY: loom fails the test if anybody else accesses the cell at the same time.
            cell.with_mut(|place| unsafe { *place = *byte });
        }
    }
}

/// As the other side sees it.
impl Get for Side {
    fn words(&self) -> PeerWords<'_> {
        PeerWords::new(&self.words)
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn get(&self, offset: usize, into: &mut [MaybeUninit<u8>]) {
        for (cell, byte) in self.ring[offset..].iter().zip(into) {
            // SAFETY: as above.
            cell.with(|place| byte.write(unsafe { *place }));
        }
    }
}

/// Sends all the bytes, asleep whenever there is no room, then says that nothing follows.
fn produce(own: &Arc<Side>, other: &Side) {
    let mut producer = Producer::new(Ring(Arc::clone(own)));
    let mut next = 0;
    while next < BYTES {
        let sent = producer.send(&own.words, other, &[next]).expect("an honest consumer");
        if sent > 0 {
            next += 1;
            if producer.must_ring(other) {
                other.bell.notify();
            }
        } else if producer.sleep(&own.words, other).expect("an honest consumer") {
            own.bell.wait();
            producer.wake(&own.words);
        }
    }
    producer.close(&own.words);
    if producer.must_ring(other) {
        other.bell.notify();
    }
}

/// Takes bytes, asleep whenever there are none, until nothing follows. `at_once` is how many it takes at a time.
fn consume(own: &Side, other: &Side, at_once: usize) -> Vec<u8> {
    let mut consumer = Consumer::new();
    let mut all = Vec::new();
    loop {
        let mut bytes = [MaybeUninit::new(u8::MAX); CAPACITY];
        let taken = consumer.take(&own.words, other, &mut bytes[..at_once]).expect("an honest producer");
        // SAFETY: all of them began initialised.
        all.extend(bytes[..taken].iter().map(|byte| unsafe { byte.assume_init() }));
        if taken > 0 {
            if consumer.must_ring(other) {
                other.bell.notify();
            }
        } else if consumer.is_closed(other).expect("an honest producer") {
            return all;
        } else if sleep_for_bytes(&own.words, other) {
            own.bell.wait();
            wake_for_bytes(&own.words);
        }
    }
}

fn in_every_order(at_once: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let (here, there) = (Side::new(), Side::new());
        let (own, other) = (Arc::clone(&here), Arc::clone(&there));
        let producing = thread::spawn(move || produce(&own, &other));
        assert_eq!(consume(&there, &here, at_once), (0..BYTES).collect::<Vec<_>>());
        producing.join().expect("no panic");
    });
}

#[test]
fn k_08_bytes_arrive_in_order_and_nobody_sleeps_on() {
    in_every_order(CAPACITY);
}

#[test]
fn k_08_the_same_byte_by_byte() {
    in_every_order(1);
}
