//! The inputs that fuzzing has found interesting, once more, through the same functions.

#[allow(unreachable_pub, reason = "a crate of its own to the fuzzer")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

type Target = fn(&[u8]);

fn replay(target: &str, run: Target) {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&corpus).expect("a corpus") {
        let path = entry.expect("an entry").path();
        run(&std::fs::read(&path).expect("an input"));
        inputs += 1;
    }
    assert!(inputs > 0, "nothing in {}", corpus.display());
}

#[test]
fn frame() {
    replay("frame", targets::frame);
}

#[test]
fn hello() {
    replay("hello", targets::hello);
}

#[test]
fn bodies() {
    replay("bodies", targets::bodies);
}

#[cfg(feature = "json")]
#[test]
fn json() {
    replay("json", targets::json);
}

#[test]
fn evolution() {
    replay("evolution", targets::evolution);
}

#[test]
fn connection() {
    replay("connection", targets::connection);
}

/// Changes to inputs, always the same ones.
struct Changes(u64);

impl Changes {
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(input.len() + 1);
        match self.below(6) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = [0, 1, 2, 0x7f, 0x80, 0xff][self.below(6)],
            2 => input.truncate(at),
            3 => input.insert(at, self.below(256) as u8),
            4 if at < input.len() => drop(input.remove(at)),
            _ => {
                let from = self.below(other.len() + 1);
                input.splice(at..at, other[from..].iter().copied().take(20));
            }
        }
    }
}

/// Where there is no fuzzer: inputs of the corpus, changed at random, for a moment or for so many seconds as
/// `TRAITWIRE_FUZZ` says.
#[test]
fn changed_inputs() {
    let seconds = std::env::var("TRAITWIRE_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let time = std::time::Duration::from_secs(seconds);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let targets: &[(&str, Target)] = &[
        ("frame", targets::frame),
        ("hello", targets::hello),
        ("bodies", targets::bodies),
        #[cfg(feature = "json")]
        ("json", targets::json),
        ("evolution", targets::evolution),
    ];
    for (target, run) in targets {
        let entries = std::fs::read_dir(folder.join(target)).expect("a corpus");
        let mut corpus: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        corpus.sort();
        let corpus: Vec<_> = corpus.iter().map(|path| std::fs::read(path).expect("an input")).collect();
        let (mut changes, started) = (Changes(7), std::time::Instant::now());
        while started.elapsed() < time {
            let mut input = corpus[changes.below(corpus.len())].clone();
            for _ in 0..=changes.below(6) {
                let other = &corpus[changes.below(corpus.len())];
                changes.change(&mut input, other);
            }
            run(&input);
        }
    }
}
