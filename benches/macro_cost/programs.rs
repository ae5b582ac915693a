//! The programs that are built: the same service and the same calls by each framework, over a Unix socket.

use std::fmt;

/// What the program is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framework {
    Traitwire,
    Tarpc,
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Framework::Traitwire => "traitwire",
            Framework::Tarpc => "tarpc 0.38",
        })
    }
}

impl Framework {
    /// The name of the package of so many methods.
    pub(crate) fn package(self, methods: usize) -> String {
        let name = match self {
            Framework::Traitwire => "with-traitwire",
            Framework::Tarpc => "with-tarpc",
        };
        format!("{name}-{methods}")
    }

    pub(crate) fn manifest(self, methods: usize) -> String {
        let dependencies = match self {
            Framework::Traitwire => format!("traitwire = {{ path = {:?} }}", env!("CARGO_MANIFEST_DIR")),
            Framework::Tarpc => {
                "tarpc = { version = \"=0.38.0\", features = [\"full\"] }\nfutures = \"0.3\"".to_owned()
            }
        };
        format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             tokio = {{ version = \"1\", features = [\"full\"] }}\n{dependencies}\n",
            self.package(methods)
        )
    }

    /// The program. `change` goes into the trait, so that another one is another program.
    pub(crate) fn source(self, methods: usize, change: &str) -> String {
        let lines = |line: &dyn Fn(usize) -> String| (1..=methods).map(line).collect::<String>();
        let signature = |context: &str, n: usize| {
            format!("async fn m{n}({context}a: u64, b: String, c: Vec<u32>) -> Result<(u64, String), String>")
        };
        let (in_trait, in_server) = match self {
            Framework::Traitwire => ("&self, ", "&self, "),
            Framework::Tarpc => ("", "self, _: context::Context, "),
        };
        let declared = lines(&|n| format!("    {};\n", signature(in_trait, n)));
        let implemented = lines(&|n| {
            format!(
                "    {} {{\n        if b.is_empty() {{\n            return Err(\"empty\".to_owned());\n        }}\n        \
                 Ok((c.iter().map(|c| u64::from(*c)).sum::<u64>() + a + {n}, b))\n    }}\n",
                signature(in_server, n)
            )
        });
        let (context, unwrapped) = match self {
            Framework::Traitwire => ("", ".expect(\"a reply\")"),
            Framework::Tarpc => ("context::current(), ", ".expect(\"a reply\").expect(\"a result\")"),
        };
        let called = lines(&|n| {
            format!(
                "    sum += client.m{n}({context}{n}, \"text\".to_owned(), vec![1, 2, 3]).await{unwrapped}.0;\n"
            )
        });
        let Shell { uses, service, server, started } = self.shell();
        format!(
            "{uses}\n/// Change {change}.\n{service}\npub trait Wide {{\n{declared}}}\n\n{server}\n\nimpl Wide for Plain {{\n{implemented}}}\n\n\
             #[tokio::main]\nasync fn main() {{\n    let path = std::env::args().nth(1).expect(\"a path\");\n{started}    \
             let mut sum = 0;\n{called}    println!(\"{{sum}}\");\n}}\n"
        )
    }

    fn shell(self) -> Shell {
        match self {
            Framework::Traitwire => Shell {
                uses: "use traitwire::{Server, ipc_service};\n",
                service: "#[ipc_service]",
                server: "struct Plain;",
                started: "    let address = format!(\"unix:{path}\");
    let server = Server::builder().service(WideServer::new(Plain));
    server.bind(&address).await.expect(\"it is free\").spawn();
    let client = WideClient::connect(address).await.expect(\"a connection\");
",
            },
            Framework::Tarpc => Shell {
                uses: "use futures::StreamExt;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context, serde_transport::unix};
",
                service: "#[tarpc::service]",
                server: "#[derive(Clone)]\nstruct Plain;",
                started: "    let mut listener = unix::listen(&path, Bincode::default).await.expect(\"it is free\");
    tokio::spawn(async move {
        while let Some(Ok(transport)) = listener.next().await {
            let calls = BaseChannel::with_defaults(transport).execute(Plain.serve());
            tokio::spawn(calls.for_each(|call| async {
                tokio::spawn(call);
            }));
        }
    });
    let transport = unix::connect(&path, Bincode::default).await.expect(\"a connection\");
    let client = WideClient::new(client::Config::default(), transport).spawn();
",
            },
        }
    }
}

/// What differs between the frameworks around the same methods.
struct Shell {
    uses: &'static str,
    service: &'static str,
    server: &'static str,
    started: &'static str,
}
