//! Calls of every size, given up at every stage, under limits that bite: what is answered is right, and when the
//! storm is over nothing is missing.

use std::time::Duration;

use tokio::task::JoinSet;
use traitwire::{CallError, Code, Server, ipc_service};

#[ipc_service]
trait Mirror {
    /// The same bytes with one added to each, and how many there were.
    async fn turn(&self, number: u64, bytes: Vec<u8>) -> (u64, Vec<u8>);
    /// The same without a block: the text comes in parts that are copied.
    #[ipc(spawn)]
    async fn shout(&self, text: String) -> Result<String, u64>;
}

struct Glass;

impl Mirror for Glass {
    async fn turn(&self, number: u64, mut bytes: Vec<u8>) -> (u64, Vec<u8>) {
        if number.is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
        bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
        (number, bytes)
    }

    async fn shout(&self, text: String) -> Result<String, u64> {
        if text.len().is_multiple_of(5) { Err(text.len() as u64) } else { Ok(text.to_uppercase()) }
    }
}

/// A generator that gives the same numbers in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn size(&mut self) -> usize {
        let most = [10, 1_000, 40_000, 70_000, 150_000, 600_000][self.roll(6) as usize];
        self.roll(most) as usize
    }
}

/// One call, which may be dropped or run out of time; what it answers has to be right.
async fn one_call(mirror: &MirrorClient, dice: &mut Dice) {
    let (number, size) = (dice.roll(1 << 20), dice.size());
    let hurried = mirror.with_timeout(Duration::from_micros(100 + dice.roll(20_000)));
    let mirror = if dice.roll(3) == 0 { &hurried } else { mirror };
    let polls = if dice.roll(3) == 0 { dice.roll(6) } else { u64::MAX };
    let call = async {
        if dice.roll(4) == 0 {
            let text: String =
                (0..size).map(|at| char::from(b'a' + ((at as u64 + number) % 26) as u8)).collect();
            match mirror.shout(text.clone()).await {
                Ok(shouted) => assert!(shouted == text.to_uppercase(), "{size} letters"),
                Err(CallError::Service(length)) => assert_eq!(length, size as u64),
                Err(CallError::Rpc(error)) => assert_eq!(error.code(), Code::DeadlineExceeded, "{error}"),
            }
        } else {
            let bytes: Vec<u8> = (0..size).map(|at| (at as u64 * 31 + number) as u8).collect();
            match mirror.turn(number, bytes.clone()).await {
                Ok((same, turned)) => {
                    assert_eq!(same, number);
                    let expected = bytes.iter().map(|byte| byte.wrapping_add(1));
                    assert!(turned.len() == size && expected.eq(turned.iter().copied()), "{size} bytes");
                }
                Err(error) => {
                    let error = error.rpc().expect("the framework's");
                    assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
                }
            }
        }
    };
    let mut call = std::pin::pin!(call);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        call.as_mut().poll(cx)
    })
    .await;
}

async fn storm(address: String) {
    let server = Server::builder().service(MirrorServer::new(Glass)).bind(address).await.expect("bound");
    let endpoint = server.endpoint().clone();
    let handle = server.spawn();
    let mirror = MirrorClient::connect(endpoint).await.expect("connected");
    let mut callers = JoinSet::new();
    for caller in 1..=12u64 {
        let mirror = mirror.clone();
        callers.spawn(async move {
            let mut dice = Dice(0x9E37_79B9_7F4A_7C15 + caller);
            for _ in 0..12 {
                one_call(&mirror, &mut dice).await;
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.expect("every answer is right");
    }
    for number in 0..20 {
        let bytes = vec![7; 90_000];
        assert_eq!(mirror.turn(number, bytes).await, Ok((number, vec![8; 90_000])));
    }
    let shutdown = handle.shutdown(Duration::from_secs(5)).await.expect("an end");
    assert_eq!(shutdown.cut_off, 0);
}

const LIMITS: [&str; 4] = [
    "keepalive=off",
    "max_calls=2&max_inflight=800KiB",
    "max_frame=1KiB&max_queued=16KiB&max_calls=8",
    "max_inflight=800000&max_message=800000&max_queued=1KiB",
];

macro_rules! over {
    ($($name:ident $address:expr;)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for limits in LIMITS {
                let directory = tempfile::tempdir().expect("a directory");
                let place = $address.replace("{dir}", &directory.path().display().to_string());
                let storm = storm(format!("{place}?{limits}"));
                tokio::time::timeout(Duration::from_secs(60), storm).await.expect("in time");
            }
        })+
    };
}

over! {
    mem "mem:storm";
    fifo "fifo:{dir}/storm";
    unix "unix:{dir}/storm";
    tcp "tcp://127.0.0.1:0";
}

#[tokio::test]
async fn on_one_thread() {
    for limits in LIMITS {
        let storm = storm(format!("mem:storm-one?{limits}"));
        tokio::time::timeout(Duration::from_secs(60), storm).await.expect("in time");
    }
}
