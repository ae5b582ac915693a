//! The limit of a byte stream: one task at each end, frames of a length and bytes, an echo, and numbers one after
//! another. No calls.

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stream::{self, Listener, Reader, Writer};
use crate::support::cpu::Clocks;
use crate::support::measurement::Measurement;
use crate::support::workload::{
    CONNECTIONS, ITEMS, TIMED_CALLS, Timing, WARM_UP, WARM_UP_CALLS, Work, latency,
};

/// Bytes of a frame where a call would be small.
const SMALL: usize = 16;
const READ: usize = 64 << 10;
/// Bytes that any socket holds.
const PIPE: usize = 64 << 10;
/// Bytes of a frame that asks to be counted to what it says.
const COUNT: usize = 8;
/// Numbers in one frame.
const BATCH: u64 = 8 << 10;

struct Frames {
    reader: Reader,
    writer: Writer,
    input: Vec<u8>,
    /// Up to where the input has been used.
    used: usize,
    output: Vec<u8>,
}

impl Frames {
    fn new((reader, writer): (Reader, Writer)) -> Self {
        Self { reader, writer, input: Vec::with_capacity(READ), used: 0, output: Vec::new() }
    }

    async fn connect(address: &str) -> io::Result<Self> {
        stream::connect(address).await.map(Self::new)
    }

    fn put(&mut self, body: &[u8]) {
        self.output.extend_from_slice(&(body.len() as u32).to_le_bytes());
        self.output.extend_from_slice(body);
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.output).await?;
        self.output.clear();
        Ok(())
    }

    /// The place of the next frame's body, if all of it has come.
    fn arrived(&mut self) -> Option<Range<usize>> {
        let length = self.input[self.used..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
        let start = self.used + 4;
        let body = start..start + length as usize;
        (body.end <= self.input.len()).then(|| {
            self.used = body.end;
            body
        })
    }

    /// Sends all numbers below the one that was sent.
    async fn count(&mut self, asked: Range<usize>) -> io::Result<()> {
        let to = number(&self.input[asked]);
        for start in (0..to).step_by(BATCH as usize) {
            let end = to.min(start + BATCH);
            self.output.extend_from_slice(&(((end - start) * 8) as u32).to_le_bytes());
            (start..end).for_each(|number| self.output.extend_from_slice(&number.to_le_bytes()));
            self.flush().await?;
        }
        Ok(())
    }

    async fn next(&mut self) -> io::Result<Range<usize>> {
        loop {
            if let Some(body) = self.arrived() {
                return Ok(body);
            }
            self.input.drain(..std::mem::take(&mut self.used));
            self.input.reserve(READ);
            if self.reader.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

pub(crate) async fn serve(listener: Listener) -> io::Result<()> {
    loop {
        let frames = Frames::new(listener.accept().await?);
        tokio::spawn(echo(frames));
    }
}

async fn echo(mut frames: Frames) -> io::Result<()> {
    loop {
        let mut body = frames.next().await?;
        loop {
            if body.len() == COUNT {
                frames.count(body).await?;
            } else {
                let Frames { input, output, .. } = &mut frames;
                output.extend_from_slice(&input[body.start - 4..body.end]);
            }
            match frames.arrived() {
                Some(next) => body = next,
                None => break,
            }
        }
        frames.flush().await?;
    }
}

pub(crate) async fn bench(work: Work, address: &str) -> io::Result<Measurement> {
    match work {
        Work::W1 => one_at_a_time(Frames::connect(address).await?).await,
        Work::W5 => items(Frames::connect(address).await?).await,
        Work::W6 => connections(address).await,
        Work::Echo(_) => {
            let times = echoes(Frames::connect(address).await?, work).await?;
            Ok(pipelined(Frames::connect(address).await?, work).await?.and(&latency(times)))
        }
        _ => pipelined(Frames::connect(address).await?, work).await,
    }
}

async fn one_at_a_time(mut frames: Frames) -> io::Result<Measurement> {
    let mut times = Vec::with_capacity(TIMED_CALLS as usize);
    for n in 0..WARM_UP_CALLS + TIMED_CALLS {
        let start = Instant::now();
        frames.put(&[n as u8; SMALL]);
        frames.flush().await?;
        assert_eq!(frames.next().await?.len(), SMALL);
        if n >= WARM_UP_CALLS {
            times.push(start.elapsed().as_nanos() as u64);
        }
    }
    Ok(Measurement::new(Work::W1, &latency(times)).and(&[("calls", f64::from(WARM_UP_CALLS + TIMED_CALLS))]))
}

async fn echoes(mut frames: Frames, work: Work) -> io::Result<Vec<u64>> {
    let body = vec![7; work.block()];
    let mut timing = Timing::new(work);
    while timing.goes_on() {
        let start = Instant::now();
        frames.put(&body);
        frames.flush().await?;
        let echoed = frames.next().await?.len();
        timing.add(start.elapsed());
        assert_eq!(echoed, body.len());
    }
    Ok(timing.times)
}

/// As many frames under way as the workload has callers: those that came together are followed by as many. Large
/// ones are fewer: neither end reads while it writes, so that more than a socket holds would stop both.
async fn pipelined(mut frames: Frames, work: Work) -> io::Result<Measurement> {
    let body = vec![7; work.block().max(SMALL)];
    let clocks = Clocks::new(None);
    let mut warm_up = true;
    let (mut start, mut cpu, mut count, mut before) = (Instant::now(), 0, 0, 0);
    for _ in 0..work.in_flight().min(PIPE / body.len()).max(1) {
        frames.put(&body);
    }
    loop {
        frames.flush().await?;
        let mut arrived = Some(frames.next().await?);
        while let Some(echoed) = arrived {
            assert_eq!(echoed.len(), body.len());
            count += 1;
            frames.put(&body);
            arrived = frames.arrived();
        }
        let took: Duration = start.elapsed();
        if warm_up && took > WARM_UP {
            (start, cpu, before, warm_up) = (Instant::now(), clocks.now(), count, false);
        } else if !warm_up && took > work.time() {
            let measurement = work.rate(count - before, took, clocks.now() - cpu);
            return Ok(measurement.and(&[("calls", count as f64)]));
        }
    }
}

async fn items(mut frames: Frames) -> io::Result<Measurement> {
    let (mut start, mut cpu, clocks) = (Instant::now(), 0, Clocks::new(None));
    for to in [1000, ITEMS] {
        (start, cpu) = (Instant::now(), clocks.now());
        frames.put(&to.to_le_bytes());
        frames.flush().await?;
        let mut count = 0;
        while count < to {
            let body = frames.next().await?;
            for item in frames.input[body].chunks_exact(8) {
                assert_eq!(number(item), count);
                count += 1;
            }
        }
    }
    Ok(Work::W5.rate(ITEMS, start.elapsed(), clocks.now() - cpu))
}

async fn connections(address: &str) -> io::Result<Measurement> {
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        let mut frames = Frames::connect(address).await?;
        frames.put(&[0; SMALL]);
        frames.flush().await?;
        frames.next().await?;
    }
    Ok(Work::W6.rate(CONNECTIONS as u64, start.elapsed(), 0))
}
