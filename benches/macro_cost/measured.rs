//! Building, running and weighing of the programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::programs::Framework;

/// A package under `target/`.
struct Program {
    framework: Framework,
    methods: usize,
    folder: PathBuf,
    /// Shared by all, so that what they depend on is built once.
    target: PathBuf,
    /// Seconds of builds after a change.
    rebuilt: Vec<f64>,
}

/// What a built program weighs, in bytes; `None` without binutils.
struct Weight {
    text: Option<u64>,
    stripped: Option<u64>,
}

pub(crate) fn run(frameworks: &[Framework], rounds: usize, methods: usize) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/macro_cost");
    let mut programs: Vec<Program> = frameworks
        .iter()
        .flat_map(|framework| [methods, 1].map(|methods| Program::new(*framework, methods, &place)))
        .collect();
    for program in &mut programs {
        program.write(0);
        eprintln!("building {}", program.framework.package(program.methods));
        program.build();
        program.check();
    }
    for round in 1..=rounds {
        for program in programs.iter_mut().filter(|program| program.methods > 1) {
            program.write(round);
            let start = Instant::now();
            program.build();
            program.rebuilt.push(start.elapsed().as_secs_f64());
        }
    }
    println!("a trait of {methods} methods; median of {rounds} builds\n");
    println!(
        "| | rebuilt, s | `.text`, bytes | stripped, bytes | `.text` of one method | of each further one |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for pair in programs.chunks(2) {
        let [many, one] = pair else { continue };
        let (weight, single) = (many.weight(), one.weight());
        let further =
            weight.text.zip(single.text).map(|(many, one)| (many - one) / (methods as u64 - 1).max(1));
        let cells = [weight.text, weight.stripped, single.text, further];
        let cells = cells.map(|bytes| bytes.map_or("-".to_owned(), |bytes| bytes.to_string()));
        println!("| {} | {} | {} |", many.framework, many.time(), cells.join(" | "));
    }
}

impl Program {
    fn new(framework: Framework, methods: usize, place: &Path) -> Self {
        let folder = place.join(framework.package(methods));
        Self { framework, methods, folder, target: place.join("target"), rebuilt: Vec::new() }
    }

    fn write(&self, change: usize) {
        fs::create_dir_all(self.folder.join("src")).expect("the package's folder can be made");
        let write = |file: &str, text: String| {
            fs::write(self.folder.join(file), text).expect("the package can be written");
        };
        write("Cargo.toml", self.framework.manifest(self.methods));
        // Other than the last run's: a build that finds nothing new is none.
        let change = format!("{change} of {}", std::process::id());
        write("src/main.rs", self.framework.source(self.methods, &change));
    }

    fn build(&self) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(&self.folder).args(["build", "--release", "--quiet", "--target-dir"]);
        let built = command.arg(&self.target).status().expect("cargo can be started");
        assert!(built.success(), "{} is built", self.framework);
    }

    fn executable(&self) -> PathBuf {
        self.target.join("release").join(self.framework.package(self.methods))
    }

    /// Whether it does what it is for.
    fn check(&self) {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let output = Command::new(self.executable()).arg(folder.path().join("socket")).output();
        let printed = String::from_utf8(output.expect("it can be started").stdout).expect("text");
        let methods = self.methods as u64;
        assert_eq!(printed.trim(), (6 * methods + methods * (methods + 1)).to_string(), "{}", self.framework);
    }

    fn time(&self) -> String {
        let mut times = self.rebuilt.clone();
        times.sort_by(f64::total_cmp);
        match times[..] {
            [] => "-".to_owned(),
            [least, .., most] => format!("{:.1} ({least:.1} to {most:.1})", times[times.len() / 2]),
            [only] => format!("{only:.1}"),
        }
    }

    fn weight(&self) -> Weight {
        let executable = self.executable();
        let sections = Command::new("size").arg("-A").arg(&executable).stderr(Stdio::null()).output();
        let text = sections.ok().and_then(|output| {
            let printed = String::from_utf8(output.stdout).ok()?;
            let row = printed.lines().find(|line| line.starts_with(".text "))?;
            row.split_whitespace().nth(1)?.parse().ok()
        });
        let stripped = executable.with_extension("stripped");
        let ran = Command::new("strip").arg("-o").arg(&stripped).arg(&executable).status();
        let is_stripped = ran.is_ok_and(|status| status.success());
        let stripped = is_stripped.then(|| fs::metadata(&stripped).ok().map(|file| file.len())).flatten();
        Weight { text, stripped }
    }
}
