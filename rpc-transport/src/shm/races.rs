//! The orders in which the two sides of a ring can use its words, tried one after another by loom: all of those with at
//! most three interruptions ([`PREEMPTIONS`]), or two where three threads meet. The ring is the real one; its bytes are
//! cells in which loom sees every access, and a bell is loom's own: `bell.rs`, whose socket loom does not know, is not
//! looked at here. A side that sleeps on while the other waits for it is a deadlock to loom, and fails.
//!
//! `RUSTFLAGS="--cfg traitwire_loom" cargo test --release -p traitwire-transport --lib races`

use std::mem::MaybeUninit;

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex, Notify};
use loom::thread;

use super::ring::{Consumer, Get, Producer, Put, has_bytes, sleep_for_bytes, wake_for_bytes};
use super::words::{PeerWords, Words};

/// Bytes that the ring holds: fewer than are sent, so that both sides have to wait.
const CAPACITY: usize = 2;
const BYTES: u8 = 3;

/// How often a thread is interrupted where it would go on; waiting comes on top. With one more where three threads meet
/// it takes more than five minutes.
const PREEMPTIONS: usize = 3;
const PREEMPTIONS_OF_THREE: usize = 2;

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

/// Sends so many bytes, asleep whenever there is no room, then says that nothing follows.
fn produce(own: &Arc<Side>, other: &Side, bytes: u8) {
    let mut producer = Producer::new(Ring(Arc::clone(own)));
    let mut next = 0;
    while next < bytes {
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

/// The reading half, which the driver and a caller of one process take in turns.
struct Reading {
    consumer: Consumer,
    all: Vec<u8>,
    /// Nothing follows.
    has_ended: bool,
}

impl Reading {
    /// Takes what there is; whether that was anything.
    fn take(&mut self, own: &Side, other: &Side) -> bool {
        let mut bytes = [MaybeUninit::new(u8::MAX); CAPACITY];
        let taken = self.consumer.take(&own.words, other, &mut bytes).expect("an honest producer");
        // SAFETY: all of them began initialised.
        self.all.extend(bytes[..taken].iter().map(|byte| unsafe { byte.assume_init() }));
        if taken > 0 && self.consumer.must_ring(other) {
            other.bell.notify();
        }
        taken > 0
    }
}

/// Reads on until the end, asleep whenever there is nothing. Whatever it finds is taken under the lock.
fn drive(reading: &Mutex<Reading>, own: &Side, other: &Side) -> Vec<u8> {
    loop {
        {
            let mut reading = reading.lock().expect("no panic");
            wake_for_bytes(&own.words);
            if reading.take(own, other) {
                continue;
            }
            reading.has_ended |= reading.consumer.is_closed(other).expect("an honest producer");
            if reading.has_ended {
                return std::mem::take(&mut reading.all);
            }
            if !sleep_for_bytes(&own.words, other) {
                continue;
            }
        }
        own.bell.wait();
    }
}

/// A caller that has the reading half for one look: until it gives it back nobody need ring. If there is something then
/// after all, it wakes the driver.
fn look(reading: &Mutex<Reading>, own: &Side, other: &Side) {
    let Ok(mut reading) = reading.try_lock() else { return };
    if reading.has_ended {
        return;
    }
    wake_for_bytes(&own.words);
    if has_bytes(&own.words, other) {
        reading.take(own, other);
    }
    let is_quiet = sleep_for_bytes(&own.words, other);
    drop(reading);
    if !is_quiet {
        own.bell.notify();
    }
}

/// Tries those orders of a scenario in which threads are interrupted so often at most.
fn in_many_orders(preemptions: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(scenario);
}

fn two_sides(at_once: usize) {
    in_many_orders(PREEMPTIONS, move || {
        let (here, there) = (Side::new(), Side::new());
        let (own, other) = (Arc::clone(&here), Arc::clone(&there));
        let producing = thread::spawn(move || produce(&own, &other, BYTES));
        assert_eq!(consume(&there, &here, at_once), (0..BYTES).collect::<Vec<_>>());
        producing.join().expect("no panic");
    });
}

#[test]
fn k_08_bytes_arrive_in_order_and_nobody_sleeps_on() {
    two_sides(CAPACITY);
}

#[test]
fn k_08_the_same_byte_by_byte() {
    two_sides(1);
}

#[test]
fn k_08_the_same_while_a_caller_looks_in_place_of_the_driver() {
    in_many_orders(PREEMPTIONS_OF_THREE, || {
        let (here, there) = (Side::new(), Side::new());
        let reading =
            Arc::new(Mutex::new(Reading { consumer: Consumer::new(), all: Vec::new(), has_ended: false }));
        let (own, other) = (Arc::clone(&here), Arc::clone(&there));
        let producing = thread::spawn(move || produce(&own, &other, 1));
        let (own, other, read) = (Arc::clone(&there), Arc::clone(&here), Arc::clone(&reading));
        let looking = thread::spawn(move || look(&read, &own, &other));
        assert_eq!(drive(&reading, &there, &here), [0]);
        looking.join().expect("no panic");
        producing.join().expect("no panic");
    });
}
