//! The limit of calls: what separate callers on one connection need at least. Callers add frames to one
//! buffer, a task writes what has gathered, another gives each reply to its caller; the server answers where
//! it reads. No schema, no limits, no deadlines, no cancellation.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};

use crate::stream::{self, Listener, Reader, Writer};
use crate::support::workload::Caller;

const ADD: u8 = 0;
const ECHO: u8 = 1;
/// Bytes of a frame before its body: length of the rest, call, method.
const HEAD: usize = 4 + 4 + 1;
const READ: usize = 64 << 10;

fn put(output: &mut Vec<u8>, call: u32, method: u8, body: &[u8]) {
    output.extend_from_slice(&((HEAD - 4 + body.len()) as u32).to_le_bytes());
    output.extend_from_slice(&call.to_le_bytes());
    output.push(method);
    output.extend_from_slice(body);
}

/// Reads once, and takes the whole frames off the front of `input`.
async fn read(
    reader: &mut Reader,
    input: &mut Vec<u8>,
    mut frame: impl FnMut(u32, u8, &[u8]),
) -> io::Result<()> {
    input.reserve(READ);
    if reader.read_buf(input).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut rest = &input[..];
    while let Some((length, after)) = rest.split_first_chunk() {
        let Some((bytes, after)) = after.split_at_checked(u32::from_le_bytes(*length) as usize) else {
            break;
        };
        let (call, bytes) = bytes.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
        let (method, body) = bytes.split_first().ok_or(io::ErrorKind::InvalidData)?;
        frame(u32::from_le_bytes(*call), *method, body);
        rest = after;
    }
    let used = input.len() - rest.len();
    input.drain(..used);
    Ok(())
}

pub(crate) async fn serve(listener: Listener) -> io::Result<()> {
    loop {
        let (reader, writer) = listener.accept().await?;
        tokio::spawn(answer(reader, writer));
    }
}

async fn answer(mut reader: Reader, mut writer: Writer) -> io::Result<()> {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    loop {
        read(&mut reader, &mut input, |call, method, body| match method {
            ADD => put(&mut output, call, ADD, &(number(body, 0) + number(body, 4)).to_le_bytes()),
            _ => put(&mut output, call, ECHO, body),
        })
        .await?;
        writer.write_all(&output).await?;
        output.clear();
    }
}

fn number(body: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(body[at..at + 4].try_into().expect("four bytes"))
}

#[derive(Clone)]
pub(crate) struct Multiplexer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    output: Mutex<Vec<u8>>,
    written: Notify,
    closed: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    last: u32,
    calls: HashMap<u32, oneshot::Sender<Vec<u8>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    async fn write(&self, mut writer: Writer) -> io::Result<()> {
        let mut writing = Vec::new();
        while !self.closed.load(Relaxed) {
            std::mem::swap(&mut writing, &mut *lock(&self.output));
            if writing.is_empty() {
                self.written.notified().await;
            }
            writer.write_all(&writing).await?;
            writing.clear();
        }
        writer.shutdown().await
    }

    async fn read(&self, mut reader: Reader) -> io::Result<()> {
        let mut input = Vec::new();
        loop {
            read(&mut reader, &mut input, |call, _, body| {
                if let Some(caller) = lock(&self.waiting).calls.remove(&call) {
                    // A caller that is gone wants no reply.
                    let _ = caller.send(body.to_vec());
                }
            })
            .await?;
        }
    }

    async fn call(&self, method: u8, body: &[u8]) -> Vec<u8> {
        let (caller, reply) = oneshot::channel();
        let call = {
            let mut waiting = lock(&self.waiting);
            waiting.last = waiting.last.wrapping_add(1);
            let call = waiting.last;
            waiting.calls.insert(call, caller);
            call
        };
        let first = {
            let mut output = lock(&self.output);
            put(&mut output, call, method, body);
            output.len() == HEAD + body.len()
        };
        if first {
            self.written.notify_one();
        }
        reply.await.expect("the server answers")
    }
}

impl Caller for Multiplexer {
    async fn connect(address: &str) -> Self {
        let (reader, writer) = stream::connect(address).await.expect("the server is there");
        let shared = Arc::<Shared>::default();
        let (reading, writing) = (Arc::clone(&shared), Arc::clone(&shared));
        tokio::spawn(async move { reading.read(reader).await });
        tokio::spawn(async move { writing.write(writer).await });
        Self(shared)
    }

    async fn add(&self, a: i32, b: i32) -> i32 {
        let mut body = [0; 8];
        body[..4].copy_from_slice(&a.to_le_bytes());
        body[4..].copy_from_slice(&b.to_le_bytes());
        number(&self.0.call(ADD, &body).await, 0)
    }

    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        self.0.call(ECHO, &data).await
    }

    async fn count(&self, _: u64) -> Option<u64> {
        None
    }

    async fn server(&self) -> Option<u32> {
        None
    }

    async fn close(self) {
        self.0.closed.store(true, Relaxed);
        self.0.written.notify_one();
    }
}
