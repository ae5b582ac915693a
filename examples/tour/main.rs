//! A document search in a process of its own, reached over every transport: the same questions, the same
//! answers, and what each way costs.
//!
//! `cargo run --release --example tour`; `--quick` measures briefly.

mod measure;
mod search;
mod server;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use traitwire::{CallError, Config, Endpoint};

use crate::search::{Hit, IndexStats, SearchClient, SearchError};

pub(crate) type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What is searched: this repository.
const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const QUERIES: [&str; 3] = ["never knows", "deadline passes", "zombie"];
/// The file that is read, and a word that it alone holds: made up here, in two parts.
const LARGE: &str = "large.txt";
pub(crate) const RARE: &str = concat!("quux", "ification");
const MEBIBYTE: usize = 1 << 20;
const FORBIDDEN: [&str; 3] = ["../../../../etc/passwd", "/etc/passwd", "src/../../secret"];
const STEPS: u64 = 5;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address] => server::serve(address).await,
        [] => tour_until_interrupted(Duration::from_millis(700)).await,
        ["--quick"] => tour_until_interrupted(Duration::from_millis(60)).await,
        _ => Err("usage: tour [--quick]".into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tour: {error}");
            if error.is::<Interrupted>() { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}

/// Whatever the tour has started or made is dropped with its future, so an interrupt is an error like any.
async fn tour_until_interrupted(time: Duration) -> Fallible<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        ended = tour(time) => ended,
        _ = interrupt.recv() => Err(Interrupted.into()),
        _ = terminate.recv() => Err(Interrupted.into()),
        _ = hangup.recv() => Err(Interrupted.into()),
    }
}

#[derive(Debug)]
struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted; nothing is left behind")
    }
}

impl Error for Interrupted {}

async fn tour(time: Duration) -> Fallible<()> {
    let scratch = tempfile::Builder::new().prefix("traitwire-tour-").tempdir()?;
    let documents = scratch.path().join("documents");
    write_large(&documents)?;
    let config = configuration(scratch.path())?;

    let names: Vec<&str> = config.services().collect();
    let progress = ProgressBar::new(names.len() as u64 * STEPS)
        .with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {prefix}: {msg}")?);
    let mut stops = Vec::new();
    for name in names {
        progress.set_prefix(name.to_owned());
        stops.push(Stop::visit(&config.endpoint(name)?, &documents, time, &progress).await?);
    }
    progress.finish_and_clear();

    report(&stops)?;
    scratch.close()?;
    println!("Nothing is left behind: no process, no socket, no pipe, no file.");
    Ok(())
}

/// The table of addresses, its placeholders filled in.
fn configuration(directory: &Path) -> Fallible<Config> {
    let file = Path::new(REPOSITORY).join("examples/tour/tour.toml");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = text.replace("${tour}", &escaped(&std::env::current_exe()?)?);
    let text = text.replace("${dir}", &escaped(directory)?);
    Ok(Config::parse(&text.replace("${pid}", &std::process::id().to_string()))?)
}

/// A path as it stands in an address, whatever characters it has.
fn escaped(path: &Path) -> Fallible<String> {
    Ok(Endpoint::from_words([path.as_os_str().as_encoded_bytes()])?.raw_target().to_owned())
}

fn write_large(directory: &Path) -> Fallible<()> {
    fs::create_dir(directory)?;
    let mut text = format!("{RARE}\n");
    text.push_str(&"one line among the many of a large document\n".repeat(MEBIBYTE / 44 + 1));
    text.truncate(MEBIBYTE);
    Ok(fs::write(directory.join(LARGE), text)?)
}

/// What one transport has answered, and at what cost.
struct Stop {
    endpoint: Endpoint,
    answers: Answers,
    connect: Duration,
    median: Duration,
    slowest: Duration,
    calls: f64,
    bytes: f64,
}

/// All that has to be the same wherever the service is.
#[derive(PartialEq)]
struct Answers {
    indexed: [IndexStats; 2],
    hits: Vec<Vec<Hit>>,
    large: Vec<u8>,
    refused: Vec<SearchError>,
}

impl Stop {
    async fn visit(
        address: &Endpoint,
        documents: &Path,
        time: Duration,
        progress: &ProgressBar,
    ) -> Fallible<Self> {
        let step = |what: &'static str| {
            progress.set_message(what);
            progress.inc(1);
        };
        step("connecting");
        let (running, endpoint) = server::start(address).await?;
        let before = Instant::now();
        let client = SearchClient::connect(&endpoint).await?;
        let connect = before.elapsed();
        step("indexing and asking");
        let answers = Answers::ask(&client, documents).await?;
        step("small calls, one by one");
        let (median, slowest) = measure::latency(&client, time).await?;
        step("small calls, many at once");
        let calls = measure::throughput(&client, time).await?;
        step("large results");
        let bytes = measure::transfer(&client, LARGE, time).await?;
        client.channel().close().await;
        running.stop().await?;
        Ok(Self { endpoint, answers, connect, median, slowest, calls, bytes })
    }
}

impl Answers {
    async fn ask(client: &SearchClient, documents: &Path) -> Fallible<Self> {
        let documents = documents.to_str().ok_or("the temporary directory's name is no text")?;
        let indexed = [client.index(REPOSITORY).await?, client.index(documents).await?];
        let mut hits = Vec::new();
        for query in QUERIES {
            hits.push(client.search(query).await?);
        }
        let large = client.read(LARGE).await?;
        let mut refused = Vec::new();
        for path in FORBIDDEN {
            match client.read(path).await {
                Err(CallError::Service(error @ SearchError::OutsideRoot(_))) => refused.push(error),
                other => return Err(format!("{path} should be refused, not {other:?}").into()),
            }
        }
        Ok(Self { indexed, hits, large, refused })
    }
}

fn report(stops: &[Stop]) -> Fallible<()> {
    let first = stops.first().ok_or("the configuration names no service")?;
    let [stats, _] = &first.answers.indexed;
    println!(
        "Indexed {} text files of this repository: {} lines, {} different words.",
        stats.documents, stats.lines, stats.words
    );
    for (query, hits) in QUERIES.iter().zip(&first.answers.hits) {
        println!("\n{query:?}, of {} hits the first two outside the tour:", hits.len());
        for hit in hits.iter().filter(|hit| !hit.path.starts_with("examples/tour/")).take(2) {
            println!("  {}:{}: {}", hit.path, hit.line, hit.excerpt);
        }
    }
    println!("\nPaths out of the directory are refused: {}", FORBIDDEN.join(", "));

    println!(
        "\n{:9} {:>10} {:>9} {:>9} {:>12} {:>8}  address",
        "transport", "connect", "p50", "p99", "calls/s", "MB/s"
    );
    for stop in stops {
        println!(
            "{:9} {:>10} {:>9} {:>9} {:>12.0} {:>8.0}  {}",
            stop.endpoint.scheme(),
            micros(stop.connect),
            micros(stop.median),
            micros(stop.slowest),
            stop.calls,
            stop.bytes / 1e6,
            shortened(&stop.endpoint)
        );
    }
    println!(
        "p50, p99: one small call after another. calls/s: {} at once on one connection.",
        measure::IN_FLIGHT
    );
    println!("MB/s: a file of 1 MiB, read from disk at each call. Connecting to exec starts the process.");

    let differing: Vec<&str> = stops
        .iter()
        .filter(|stop| stop.answers != first.answers)
        .map(|stop| stop.endpoint.scheme())
        .collect();
    if differing.is_empty() {
        println!("\nThe answers of all {} transports agree.", stops.len());
        Ok(())
    } else {
        Err(format!("{} answered otherwise than {}", differing.join(", "), first.endpoint.scheme()).into())
    }
}

fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

/// An address as the table has room for.
fn shortened(endpoint: &Endpoint) -> String {
    let program = std::env::current_exe().ok().and_then(|program| escaped(&program).ok()).unwrap_or_default();
    let place = std::env::temp_dir();
    let place = escaped(&place).unwrap_or_default();
    endpoint.to_string().replace(&program, "…/tour").replace(&place, "…")
}
