//! A client that means harm: `hostile ADDRESS ATTACK` launches one attack on a running server and says what
//! came of it. Without arguments it lists its attacks.

#[path = "../tests/support/hostile.rs"]
mod hostile;
#[path = "../tests/support/raw.rs"]
mod raw;

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(name)) = (arguments.next(), arguments.next()) else {
        println!("usage: hostile ADDRESS ATTACK, where ATTACK is `all` or one of");
        hostile::ATTACKS.iter().for_each(|attack| println!("  {:18}{}", attack.name, attack.about.trim()));
        return ExitCode::FAILURE;
    };
    let chosen: Vec<_> =
        hostile::ATTACKS.iter().filter(|attack| name == "all" || attack.name == name).collect();
    if chosen.is_empty() {
        eprintln!("there is no attack {name:?}");
        return ExitCode::FAILURE;
    }
    for attack in chosen {
        match (attack.strike)(address.clone()).await {
            Ok(seen) => println!(
                "{}: {} frames came back; {}; {}",
                attack.name,
                seen.frames.len(),
                if seen.alive { "the connection lives" } else { "the connection was ended" },
                seen.goodbye.as_deref().unwrap_or("no reason was given"),
            ),
            Err(error) => println!("{}: {error}", attack.name),
        }
    }
    ExitCode::SUCCESS
}
