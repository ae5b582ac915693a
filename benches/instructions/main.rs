//! Instructions of one small call, by part, as callgrind counts them: `cargo bench --bench instructions`.
//!
//! Unlike times, these figures are the same on a busy machine. Each scenario runs under valgrind twice, the
//! second time with twice the calls; what the second run takes more is shared out among its further calls, so
//! that starting and ending cost nothing. Arguments name the scenarios to run; none means all.

mod callgrind;
mod canned;
mod scenarios;
mod service;
mod session;

use callgrind::{COUNT, Counted};
use scenarios::SCENARIOS;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["run", name, count] => return scenarios::run(name, count.parse().expect("a number of calls")),
        _ if !words.contains(&"--bench") => return println!("counts under `cargo bench` only"),
        _ => {}
    }
    let chosen: Vec<&str> = words.into_iter().filter(|word| *word != "--bench").collect();
    println!("| instructions of one add(i32, i32) -> i32                   | a call |");
    println!("|------------------------------------------------------------|-------:|");
    for scenario in SCENARIOS.iter().filter(|scenario| chosen.is_empty() || chosen.contains(&scenario.name)) {
        let counted = [COUNT, 2 * COUNT].map(|count| callgrind::instructions(scenario, count));
        match counted {
            [Counted::Instructions(once), Counted::Instructions(twice)] => {
                let each = (twice - once) as f64 / COUNT as f64;
                println!("| {:<12} {:<45} | {each:>6.0} |", scenario.name, scenario.what);
            }
            [Counted::NoValgrind, _] | [_, Counted::NoValgrind] => {
                return println!("skipped: valgrind cannot be started here");
            }
            [Counted::Failed(why), _] | [_, Counted::Failed(why)] => {
                println!("| {:<12} failed: {why}", scenario.name);
            }
        }
    }
}
