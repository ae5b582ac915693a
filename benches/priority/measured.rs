//! The service, the two runs with Traitwire, and the ratios between all three.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use traitwire::{Server, ipc_service};

use crate::chunk::{self, BODY};

/// Uploads as one chunk: each gives one figure.
const CHUNKS: usize = 5;

/// Calls before those that count.
const WARM_UP: usize = 2_000;

#[ipc_service]
trait Desk {
    #[ipc(priority = "high")]
    async fn add(&self, a: i32, b: i32) -> i32;
    #[ipc(priority = "low")]
    async fn upload(&self, data: Vec<u8>) -> u64;
}

struct Plain;

impl Desk for Plain {
    async fn add(&self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    async fn upload(&self, data: Vec<u8>) -> u64 {
        data.len() as u64
    }
}

/// Serves until it is killed, and says where.
pub(crate) fn serve(address: &str) {
    let address = address.to_owned();
    runtime().block_on(async move {
        let server = Server::builder().service(DeskServer::new(Plain));
        let server = server.bind(&*address).await.expect("the address can be served");
        println!("{}", server.endpoint());
        tokio::spawn(server.run()).await.expect("no panic").expect("it serves until it is killed");
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime can be built")
}

/// A process that does not outlive its use.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// p50 and p99, in microseconds.
#[derive(Clone, Copy)]
struct Figures(f64, f64);

fn figures(mut times: Vec<u64>) -> Figures {
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100] as f64 / 1e3;
    Figures(at(50), at(99))
}

pub(crate) fn run(calls: usize) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let unix = format!("unix:{}/desk", directory.path().display());
    for (transport, address) in [("unix", unix.as_str()), ("tcp", "tcp://127.0.0.1:0")] {
        let options = "max_frame=128MiB&max_message=128MiB&max_inflight=256MiB";
        let this = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(this);
        command.args(["serve", &format!("{address}?{options}")]).stdout(Stdio::piped());
        let mut server = Running(command.spawn().expect("this program can be started"));
        let mut line = String::new();
        BufReader::new(server.0.stdout.as_mut().expect("it is piped")).read_line(&mut line).expect("text");
        let address = line.trim().split('?').next().unwrap_or_default().to_owned();
        let (idle, busy, uploads) = runtime().block_on({
            let address = address.clone();
            async move { tokio::spawn(calling(address, calls)).await.expect("no panic") }
        });
        let chunk = figures((0..CHUNKS).map(|_| chunk::measure(&address)).collect());
        println!("{transport}: idle p50 {:.1} us, p99 {:.1} us", idle.0, idle.1);
        println!(
            "{transport}: beside 100 MiB p50 {:.1} us, p99 {:.1} us ({uploads} uploads)",
            busy.0, busy.1
        );
        println!("{transport}: behind one chunk p50 {:.1} us", chunk.0);
        println!(
            "{transport}: p50 {:.2}x idle, p99 {:.2}x idle, one chunk is {:.0}x p50 and {:.0}x p99",
            busy.0 / idle.0,
            busy.1 / idle.1,
            chunk.0 / busy.0,
            chunk.0 / busy.1,
        );
    }
}

async fn calling(address: String, calls: usize) -> (Figures, Figures, u64) {
    let client = DeskClient::connect(&*address).await.expect("the server is there");
    let mut alone = Vec::with_capacity(calls);
    for n in 0..WARM_UP + calls {
        let took = small(&client, n).await;
        if n >= WARM_UP {
            alone.push(took);
        }
    }
    // Odd while an upload is on its way.
    let stage = Arc::new(AtomicU64::new(0));
    let uploading = tokio::spawn({
        let (client, stage) = (client.clone(), Arc::clone(&stage));
        async move {
            loop {
                let data = vec![7; BODY];
                stage.fetch_add(1, Ordering::SeqCst);
                assert_eq!(client.upload(data).await.expect("the call succeeds"), BODY as u64);
                stage.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let mut beside = Vec::with_capacity(calls);
    let mut n = 0;
    while beside.len() < calls {
        let before = stage.load(Ordering::SeqCst);
        let took = small(&client, n).await;
        n += 1;
        if before % 2 == 1 && stage.load(Ordering::SeqCst) == before {
            beside.push(took);
        }
    }
    uploading.abort();
    (figures(alone), figures(beside), stage.load(Ordering::SeqCst) / 2)
}

async fn small(client: &DeskClient, n: usize) -> u64 {
    let n = n as i32;
    let start = Instant::now();
    let sum = client.add(n, 1).await.expect("the call succeeds");
    assert_eq!(sum, n.wrapping_add(1));
    start.elapsed().as_nanos() as u64
}
