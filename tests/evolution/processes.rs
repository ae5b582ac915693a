//! Each version in a process of its own, over a real transport.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::{new, old};

const ROLE: &str = "TRAITWIRE_TEST_VERSION";

/// A line for the parent. What the test harness prints may stand before the mark.
const MARK: &str = "@@";

/// A child that runs one version. It ends with its parent, and at the latest when this is dropped.
struct Process(Child);

impl Process {
    fn start(role: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("the test's own program"));
        command.args(["--exact", "another_role", "--nocapture", "--test-threads=1"]).env(ROLE, role);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self(child.expect("a child process"))
    }

    /// What the child says first.
    fn word(&mut self) -> String {
        let mut lines = BufReader::new(self.0.stdout.as_mut().expect("piped")).lines();
        loop {
            let line = lines.next().expect("the child says something").expect("its output");
            if let Some((_, word)) = line.split_once(MARK) {
                return word.trim().to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the child does; nothing in the parent.
pub fn play_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        match *words {
            ["serve", version, address] => {
                let server = match version {
                    "old" => old::serve(address).await,
                    _ => new::serve(address).await,
                };
                let endpoint = server.endpoint().clone();
                let _handle = server.spawn();
                println!("{MARK}{endpoint}");
                std::io::stdout().flush().expect("the parent listens");
                // Does not outlive the parent.
                let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await;
            }
            ["call", "old", address] => old::call(address).await,
            ["call", "new", address] => new::call(address).await,
            _ => panic!("no role {role}"),
        }
    });
}

fn old_and_new(client: &str, server: &str) {
    for address in ["unix:", "tcp://127.0.0.1:0"] {
        let folder = tempfile::tempdir().expect("a folder");
        let address = match address {
            "unix:" => format!("unix:{}", folder.path().join("shop.sock").display()),
            other => other.to_owned(),
        };
        let mut server = Process::start(&format!("serve {server} {address}"));
        let address = server.word();
        let mut client = Process::start(&format!("call {client} {address}"));
        let status = client.0.wait().expect("it ends");
        let mut said = String::new();
        let errors = client.0.stderr.as_mut().expect("piped");
        std::io::Read::read_to_string(errors, &mut said).expect("its errors");
        assert!(status.success(), "{address}: {said}");
    }
}

#[test]
fn an_old_client_calls_a_new_server() {
    old_and_new("old", "new");
}

#[test]
fn a_new_client_calls_an_old_server() {
    old_and_new("new", "old");
}

#[test]
fn equal_versions_have_nothing_to_tell_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("unix:{}", folder.path().join("shop.sock").display());
    let mut server = Process::start(&format!("serve new {address}"));
    let address = server.word();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let shop = new::ShopClient::connect(address).await.expect("a shop");
        assert_eq!(new::ShopClient::same(&shop, 1).await, Ok(1));
        assert_eq!(shop.find(7).await, Ok(new::order()));
    });
}
