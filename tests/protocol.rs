//! The example of PROTOCOL.md, byte by byte: the client says what the document says it says, and so does the
//! server. Never uses the framework's own encoder.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use traitwire::{
    CallError, Channel, Code, Connector, Dial, Endpoint, Executed, Peer, RpcError, Server, Stream, Wire,
    ipc_service, ipc_type,
};

#[ipc_type]
enum MathError {
    DivisionByZero,
}

#[ipc_service]
trait Calculator {
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn divide(&self, a: i64, b: i64) -> Result<i64, MathError>;
    fn countdown(&self, from: u32) -> impl Stream<Item = u32>;
}

struct Abacus;

impl Calculator for Abacus {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a.checked_add(b).expect("too large")
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, MathError> {
        a.checked_div(b).ok_or(MathError::DivisionByZero)
    }

    fn countdown(&self, from: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter((0..from).rev())
    }
}

/// What one side says before the other speaks.
#[derive(Debug, PartialEq)]
struct Turn {
    side: char,
    bytes: Vec<u8>,
}

/// The turns of the example: lines `C  01 02 … | comment`.
fn example() -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in include_str!("../PROTOCOL.md").lines() {
        let Some((said, _)) = line.split_once('|') else { continue };
        let side = match said.get(..3) {
            Some("C  ") => 'C',
            Some("S  ") => 'S',
            _ => continue,
        };
        let bytes = said[3..].split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect(line));
        match turns.last_mut() {
            Some(turn) if turn.side == side => turn.bytes.extend(bytes),
            _ => turns.push(Turn { side, bytes: bytes.collect() }),
        }
    }
    turns
}

struct Once(Mutex<Option<Wire>>, Endpoint);

#[async_trait]
impl Connector for Once {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let wire = self.0.lock().expect("nothing panics under it").take();
        wire.ok_or_else(|| RpcError::new(Code::Unavailable, "it connects once"))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.1
    }
}

async fn play(mut there: DuplexStream, turns: Vec<Turn>) {
    for turn in turns {
        if turn.side == 'S' {
            there.write_all(&turn.bytes).await.unwrap();
        } else {
            let mut said = vec![0; turn.bytes.len()];
            there.read_exact(&mut said).await.unwrap();
            assert_eq!(said, turn.bytes);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_says_what_the_document_says() {
    let (here, there) = tokio::io::duplex(1 << 16);
    let playing = tokio::spawn(play(there, example()));
    let (reader, writer) = tokio::io::split(here);
    let endpoint = Endpoint::new("script", "protocol").unwrap();
    let wire = Wire::new(reader, writer, Peer::new(endpoint.clone()));
    let channel = Channel::connect(Once(Mutex::new(Some(wire)), endpoint)).await.unwrap();

    let calculator = CalculatorClient::new(channel);
    assert_eq!(calculator.add(2, 3).await, Ok(5));
    let quick = calculator.with_timeout(Duration::from_millis(250));
    assert_eq!(quick.divide(1, 0).await, Err(CallError::Service(MathError::DivisionByZero)));
    let error = RpcError::from(calculator.add(i64::MAX, 1).await.unwrap_err());
    assert_eq!((error.code(), error.executed()), (Code::Panicked, Executed::Yes));
    assert_eq!(error.message(), "the handler panicked: too large");
    assert_eq!(error.method(), Some("Calculator.add"));
    let mut counted = calculator.countdown(3);
    for number in [2, 1, 0] {
        assert_eq!(counted.next().await, Some(Ok(number)));
    }
    assert_eq!(counted.next().await, None);
    calculator.channel().close().await;
    playing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_server_says_what_the_document_says() {
    let server =
        Server::builder().service(CalculatorServer::new(Abacus)).bind("mem:protocol-example").await.unwrap();
    let _handle = server.spawn();
    let mut wire = "mem:protocol-example".dial().unwrap().connect().await.unwrap();
    for (at, turn) in example().into_iter().enumerate() {
        match turn.side {
            'C' => wire.writer.write_all(&turn.bytes).await.unwrap(),
            _ if at == 0 => greeted(&mut wire, &turn.bytes).await,
            _ => {
                let mut said = vec![0; turn.bytes.len()];
                wire.reader.read_exact(&mut said).await.unwrap();
                assert_eq!(said, turn.bytes);
            }
        }
    }
    let mut rest = Vec::new();
    wire.reader.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "it closes after the client's go-away");
}

/// The server's hello, but for its generation, which no two servers share.
async fn greeted(wire: &mut Wire, expected: &[u8]) {
    const LENGTH: usize = 12;
    const GENERATION: usize = 16 + 3 + 4 + 2 + 4 + 3 + 1;
    let mut said = [0; 16].to_vec();
    wire.reader.read_exact(&mut said).await.unwrap();
    let length = u32::from_le_bytes(said[LENGTH..].try_into().unwrap());
    said.resize(16 + length as usize, 0);
    wire.reader.read_exact(&mut said[16..]).await.unwrap();
    assert_eq!(said[..LENGTH], expected[..LENGTH]);
    assert_eq!(said[16..GENERATION], expected[16..GENERATION]);
    let services = expected.len() - GENERATION - 1;
    assert!(said.ends_with(&expected[GENERATION + 1..]), "{said:02x?} ends in {services} bytes of services");
    assert!(said.len() > GENERATION + services);
}
