//! A stream in both directions over a file that is larger than either process keeps: the parent reads it block by
//! block and sends it to a child, which ciphers each block and sends it back, and the parent writes what comes.
//!
//! Nobody reads ahead further than credit goes, so memory stays flat however large the file is.
//!
//! `cargo run --example pipeline [MEBIBYTES]`

use std::error::Error;
use std::io::{Read, Seek, Write};

use tokio_stream::{StreamExt, iter};
use traitwire::{Endpoint, Server, Stream, Streaming, ipc_service};

/// What happens to blocks of bytes on their way through another process.
#[ipc_service]
pub trait Pipeline {
    /// Ciphers blocks, in order, as they come. The same key deciphers them.
    fn cipher(&self, key: u8, blocks: Streaming<Vec<u8>>) -> impl Stream<Item = Vec<u8>>;
    /// The most memory that this process ever had, in bytes.
    async fn peak_memory(&self) -> u64;
}

struct Cipher;

impl Pipeline for Cipher {
    fn cipher(&self, key: u8, blocks: Streaming<Vec<u8>>) -> impl Stream<Item = Vec<u8>> {
        // An error ends the stream here: then the call has ended too, and nobody hears of it.
        blocks.map_while(Result::ok).map(move |mut block| {
            block.iter_mut().for_each(|byte| *byte ^= key);
            block
        })
    }

    async fn peak_memory(&self) -> u64 {
        peak_memory()
    }
}

const BLOCK: usize = 256 << 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("serve") {
        let server = Server::builder().service(PipelineServer::new(Cipher)).bind("stdio:").await?;
        return Ok(server.run().await?);
    }
    let mebibytes = argument.map_or(Ok(256), |argument| argument.parse())?;

    let mut plain = tempfile::tempfile()?;
    for number in 0..mebibytes {
        plain.write_all(&vec![number as u8; 1 << 20])?;
    }
    plain.rewind()?;
    let mut ciphered = tempfile::tempfile()?;

    let program = std::env::current_exe()?;
    let words = [program.as_os_str().as_encoded_bytes(), b"serve"];
    let pipeline = PipelineClient::connect(Endpoint::from_words(words)?).await?;
    let mut blocks = pipeline.cipher(0x5A, iter(blocks_of(plain.try_clone()?)));
    while let Some(block) = blocks.next().await {
        ciphered.write_all(&block?)?;
    }

    let bytes = ciphered.stream_position()?;
    assert_eq!(bytes, plain.metadata()?.len(), "all of it came back");
    ciphered.rewind()?;
    let mut last = 0;
    for (number, block) in blocks_of(ciphered).enumerate() {
        let expected = ((number * BLOCK) >> 20) as u8 ^ 0x5A;
        assert!(block.iter().all(|byte| *byte == expected), "block {number} is not what was sent");
        last = number;
    }
    println!("{} MiB in {} blocks went through another process", bytes >> 20, last + 1);
    let theirs = pipeline.peak_memory().await?;
    println!("at most {} MiB of memory here, {} MiB there", peak_memory() >> 20, theirs >> 20);
    Ok(())
}

/// The blocks of a file, read when they are asked for.
fn blocks_of(mut file: std::fs::File) -> impl Iterator<Item = Vec<u8>> {
    std::iter::from_fn(move || {
        let mut block = vec![0; BLOCK];
        let bytes = file.read(&mut block).expect("a file that was just written can be read");
        block.truncate(bytes);
        (bytes > 0).then_some(block)
    })
}

/// As the system counts it; 0 where it does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}
