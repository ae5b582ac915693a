//! The commands as processes: what they print, where, and how they end.

#![cfg(unix)]

#[path = "support/process.rs"]
mod process;
#[path = "support/service.rs"]
mod service;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use process::{Said, run, run_reading, traitwire};
use service::Running;

/// The command prints this and ends well.
fn prints(arguments: &[&str], out: &str) {
    let said = run(arguments);
    assert_eq!(said, Said { out: out.to_owned(), err: String::new(), code: 0 }, "{arguments:?}");
}

/// The command ends with this code, and each of these is on standard error.
fn fails(arguments: &[&str], code: i32, words: &[&str]) {
    let said = run(arguments);
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{arguments:?}: {said:?}");
    for words in words {
        assert!(said.err.contains(words), "{arguments:?}: {words:?} is missing in\n{}", said.err);
    }
}

fn interrupt(child: &Child) {
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("there is a shell").success());
}

#[test]
fn list_says_what_is_served() {
    let service = Running::start();
    let names = "Numbers\n  add\n  divide\n  look_up\n  countdown\n  sum\n  double\n  whoami\n  note\n  wait\n  \
                 panic\n  steer\n  nap\n";
    prints(&["list", &service.address], names);
    let said = run(&["list", "--json", &service.address]);
    let services: serde_json::Value = serde_json::from_str(&said.out).expect("it is JSON");
    assert_eq!(services[0]["name"], "Numbers");
    assert_eq!(services[0]["methods"][0]["name"], "add");
    assert_eq!(services[0]["methods"][0]["fingerprint"].as_str().map(str::len), Some(16));
}

#[test]
fn describe_says_what_a_service_or_a_method_is() {
    let service = Running::start();
    let all = run(&["describe", &service.address]);
    let one = run(&["describe", &service.address, "Numbers"]);
    assert_eq!((&all, all.code), (&one, 0));
    for words in [
        "/// Numbers of all kinds.",
        "trait Numbers {",
        "/// Adds two numbers.",
        "enum Trouble {",
        "struct Entry {",
    ] {
        assert!(all.out.contains(words), "{words:?} is missing in\n{}", all.out);
    }
    let method = run(&["describe", &service.address, "Numbers.divide"]).out;
    assert!(method.contains("Trouble") && method.contains("divide"), "{method}");
    assert!(!method.contains("Entry") && !method.contains("countdown"), "{method}");
    let said = run(&["describe", "--json", &service.address, "Numbers.divide"]);
    let interface: serde_json::Value = serde_json::from_str(&said.out).expect("it is JSON");
    assert_eq!(interface["methods"][0]["name"], "divide");
    fails(&["describe", &service.address, "Letters"], 2, &["does not serve Letters", "it serves Numbers"]);
    fails(
        &["describe", &service.address, "divide"],
        2,
        &["does not serve divide", "a method is named with its service: Numbers.divide\n"],
    );
    fails(
        &["describe", &service.address, "Numbers.subtract"],
        2,
        &["has no method subtract", "it has add, divide,"],
    );
}

#[test]
fn call_prints_the_result_as_json() {
    let service = Running::start();
    let call = |rest: &[&str], out: &str| prints(&[&["call", service.address.as_str()], rest].concat(), out);
    call(&["Numbers.add", r#"{"a": 2, "b": 3}"#], "5\n");
    call(&["Numbers.add", "[2, -3]"], "-1\n");
    call(&["Numbers.look_up", "[42]"], "{\"number\":42,\"name\":\"the answer\",\"asked\":{\"today\":1}}\n");
    call(
        &["Numbers.look_up", r#"["18446744073709551615"]"#],
        "{\"number\":\"18446744073709551615\",\"name\":null,\"asked\":{\"today\":1}}\n",
    );
    call(
        &["--pretty", "Numbers.look_up", "[7]"],
        "{\n  \"number\": 7,\n  \"name\": null,\n  \"asked\": {\n    \"today\": 1\n  }\n}\n",
    );
    call(&["Numbers.note", r#"["remember"]"#], "");
    call(&["Numbers.whoami"], "\"nobody\"\n");
    call(&["-m", "name=a=b", "--priority", "high", "Numbers.whoami", "{}"], "\"a=b\"\n");
    call(&["Numbers.countdown", "[3]"], "2\n1\n0\n");
    call(&["--max-size", "64KiB", "Numbers.add", "[2, 3]"], "5\n");
    call(&["Numbers.steer"], "\"\\u009b31m\\u001b[31m\"\n");
}

#[test]
fn call_reads_arguments_and_items_where_it_is_told_to() {
    let service = Running::start();
    let call = |method| ["call", service.address.as_str(), method];
    let read = run_reading(&[&call("Numbers.add")[..], &["-"]].concat(), "{\"a\": 2,\n\"b\": 3}");
    assert_eq!((read.out.as_str(), read.code), ("5\n", 0), "{read:?}");
    let place = tempfile::tempdir().expect("a place");
    let file = place.path().join("arguments.json");
    std::fs::write(&file, "[2, 3]").expect("it is written");
    prints(&[&call("Numbers.add")[..], &[&format!("@{}", file.display())]].concat(), "5\n");
    let summed = run_reading(&call("Numbers.sum"), "1\n\n \"2\"\n3");
    assert_eq!((summed.out.as_str(), summed.code), ("6\n", 0), "{summed:?}");
    let doubled = run_reading(&call("Numbers.double"), "1\n2\n");
    assert_eq!((doubled.out.as_str(), doubled.code), ("2\n4\n", 0), "{doubled:?}");
    for (input, words) in [
        ("1\n{", "line 2 of standard input is not JSON: EOF while parsing an object at column 1\n"),
        (
            "{\"a\":1,\"a\":2}",
            "line 1 of standard input cannot be read: the key \"a\" comes twice at column 10\n",
        ),
        ("1\n\ntrue", "line 3 of standard input is no item: expected i64, found true"),
    ] {
        let said = run_reading(&call("Numbers.sum"), input);
        assert!(said.code == 2 && said.err.contains(words), "{said:?}");
    }
    let said = run_reading(&[&call("Numbers.sum")[..], &["-"]].concat(), "[]");
    assert!(said.code == 2 && said.err.contains("standard input is for the items"), "{said:?}");
}

#[test]
fn items_are_printed_as_they_come() {
    let service = Running::start();
    let mut child = traitwire()
        .args(["call", &service.address, "Numbers.double"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("it has one"));
    let mut stdin = child.stdin.take().expect("it has one");
    for number in 1..4 {
        std::io::Write::write_all(&mut stdin, format!("{number}\n").as_bytes()).expect("it reads");
        let mut line = String::new();
        out.read_line(&mut line).expect("it prints");
        assert_eq!(line, format!("{}\n", number * 2));
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_methods_own_error_is_json_on_standard_error() {
    let service = Running::start();
    let said = run(&["call", &service.address, "Numbers.divide", "[1, 0]"]);
    assert_eq!(said, Said { out: String::new(), err: "\"Zero\"\n".to_owned(), code: 1 });
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let service = Running::start();
    let address = service.address.as_str();
    fails(&["call", address, "Numbers.add", "{"], 2, &["is not JSON: EOF", "help: write an object"]);
    fails(&["call", address, "Numbers.add", "@/nowhere"], 2, &["/nowhere cannot be read"]);
    fails(
        &["call", address, "Numbers.add", r#"{"a": 1}"#],
        2,
        &[
            "error: InvalidArgument: the argument b is missing\n",
            "method: Numbers.add\n",
            "executed: no\n",
            "help: correct",
        ],
    );
    fails(&["call", address, "Numbers"], 2, &["is a service, not a method", "name one of its methods: add,"]);
    fails(&["call", address, "Numbers.subtract"], 2, &["Numbers has no method subtract", "it has add,"]);
    fails(&["call", address, "Letters.add"], 2, &["does not serve Letters.add", "it serves Numbers"]);
    fails(
        &["call", address, "add", "[1, 2]"],
        2,
        &["does not serve add", "a method is named with its service: Numbers.add\n"],
    );
    fails(&["bench", address, "add", "[1, 2]"], 2, &["a method is named with its service: Numbers.add\n"]);
    fails(
        &["call", address, "Numbers.add", r#"{"a": 1, "b": 2, "a": 3}"#],
        2,
        &["cannot be read: the key \"a\" comes twice at line 1 column 20"],
    );
    fails(&["call", "pigeon:coop", "Numbers.add"], 2, &["unknown scheme", "help: "]);
    fails(
        &["list", "unix:/nowhere/at/all"],
        3,
        &["error: Unavailable: ", "address: unix:/nowhere/at/all", "help: check that the service runs"],
    );
    if cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        let said = run(&["list", &address.replace("unix:", "shm:")]);
        assert!(
            said.code == 3 && said.err.contains("dial unix:PATH") && !said.err.contains("help:"),
            "{said:?}"
        );
    }
    fails(
        &["call", address, "Numbers.panic"],
        4,
        &["error: Panicked: ", "executed: yes", "help: see the server's own log"],
    );
    fails(
        &["call", "--timeout", "20ms", address, "Numbers.wait"],
        5,
        &["error: DeadlineExceeded: ", "it had 20ms"],
    );
    fails(
        &["call", "-m", "name=Nemo", address, "Numbers.whoami"],
        4,
        &["error: InvalidArgument: nobody is called Nemo", "executed: yes", "help: the peer says so"],
    );
    fails(
        &["call", "--max-size", "200", address, "Numbers.look_up", "[42]"],
        4,
        &[
            "error: TooLarge: ",
            "more than 200 bytes (max_size)",
            "executed: yes",
            "help: `call` has --max-size",
        ],
    );
    fails(
        &["call", "--max-size", "1B", address, "Numbers.note", r#"["long"]"#],
        2,
        &["the value takes more than 1 bytes (max_size)", "help: `call` has --max-size"],
    );
    let deep = format!("[{}]", "[".repeat(200) + &"]".repeat(200));
    fails(
        &["call", address, "Numbers.add", &deep],
        2,
        &["cannot be read: arrays and objects lie more than 127 deep in one another at line 1 column 128\n"],
    );
    fails(&["call", "--max-size", "64XiB", address, "Numbers.add"], 2, &["expected a number of bytes"]);
    fails(&["call", "--timeout", "soon", address, "Numbers.wait"], 2, &["invalid value 'soon'"]);
    fails(&["call", "--metadata", "x", address, "Numbers.wait"], 2, &["expected a name, `=` and a value"]);
    fails(&["dance"], 2, &["unrecognized subcommand"]);
}

#[test]
fn an_interrupt_cancels_the_call() {
    let service = Running::start();
    let child = traitwire().args(["call", &service.address, "Numbers.double"]).stdin(Stdio::piped()).spawn();
    let mut child = child.expect("it starts");
    let mut stdin = child.stdin.take().expect("it has one");
    std::io::Write::write_all(&mut stdin, b"1\n").expect("it reads");
    // Its first item is there, so the call is under way; more input may come.
    child.stdout.as_mut().expect("it has one").read_exact(&mut [0; 2]).expect("it prints");
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

/// Nothing on the thread that prints can hear it.
#[test]
fn an_interrupt_ends_a_command_whose_output_nobody_reads() {
    let service = Running::start();
    let child = traitwire().args(["call", &service.address, "Numbers.countdown", "[100000000]"]).spawn();
    let mut child = child.expect("it starts");
    child.stdout.as_mut().expect("it has one").read_exact(&mut [0; 2]).expect("it prints");
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn what_is_given_is_held_to_max_size() {
    let service = Running::start();
    let call = |target, arguments, input: &str| {
        let given = ["call", "--max-size", "1KiB", &service.address, target, arguments];
        let said = run_reading(&given, input);
        assert_eq!(said.code, 2, "{said:?}");
        said.err
    };
    let (blank, zeros) = (" ".repeat(1 << 20), format!("[{}0]", "0,".repeat(30)));
    for (target, arguments, input, words) in [
        ("Numbers.add", "-", &blank, "standard input has more than 1.0 KiB (max_size)"),
        ("Numbers.add", "-", &zeros, "the value takes more than 1024 bytes (max_size)"),
        ("Numbers.sum", "{}", &blank, "line 1 of standard input has more than 1.0 KiB (max_size)"),
        ("Numbers.sum", "{}", &zeros, "the value takes more than 1024 bytes (max_size)"),
    ] {
        let said = call(target, arguments, input);
        assert!(said.contains(words) && said.contains("help: `call` has --max-size"), "{said}");
    }
}

#[test]
fn a_timeout_bounds_connecting_too() {
    let place = tempfile::tempdir().expect("a place");
    let path = place.path().join("silent.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).expect("it listens");
    let address = format!("unix:{}", path.display());
    let said = run(&["call", "--timeout", "20ms", &address, "Numbers.add", "[1, 2]"]);
    assert!(said.code == 3 && said.err.contains("no connection within --timeout 20ms"), "{said:?}");
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let service = Running::start();
    let child = traitwire().args(["call", &service.address, "Numbers.countdown", "[1000000]"]).spawn();
    let mut child = child.expect("it starts");
    let mut out = child.stdout.take().expect("it has one");
    out.read_exact(&mut [0; 7]).expect("it prints");
    drop(out);
    let ended: Said = child.wait_with_output().expect("it ends").into();
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[test]
fn bench_measures_calls() {
    let service = Running::start();
    let bench = |rest: &[&str]| {
        let said = run(&[&["bench", "--json", "--warm-up", "0s", service.address.as_str()], rest].concat());
        let measured: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_default();
        (said, measured)
    };
    let (said, measured) = bench(&["Numbers.add", "[1, 2]", "-n", "300", "-c", "7"]);
    assert_eq!((said.code, &measured["answered"], &measured["concurrency"]), (0, &300.into(), &7.into()));
    let times = ["min", "p50", "p75", "p90", "p99", "p99.9", "p99.99", "max"].map(|name| {
        measured["latency_ns"][name].as_u64().unwrap_or_else(|| panic!("{name} is missing in {measured}"))
    });
    assert!(times[0] > 0 && times.is_sorted(), "{measured}");

    let (said, measured) =
        bench(&["Numbers.divide", "[1, 0]", "--rate", "1000", "-n", "50", "--connections", "2"]);
    assert_eq!((said.code, &measured["answered"], &measured["own_errors"]), (0, &50.into(), &50.into()));
    assert!(measured["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.049), "{measured}");

    let (said, measured) = bench(&["Numbers.countdown", "[1000]", "-n", "20", "-c", "3"]);
    assert_eq!((said.code, &measured["answered"], &measured["items"]), (0, &20.into(), &20_000.into()));
    assert!(measured["items_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{measured}");

    let (said, measured) = bench(&["Numbers.add", "[1, 2]", "-d", "50ms", "--rate", "100"]);
    assert_eq!(said.code, 0);
    assert!(measured["answered"].as_u64().is_some_and(|answered| (1..=6).contains(&answered)), "{measured}");

    let (said, measured) = bench(&["--timeout", "5ms", "Numbers.wait", "-n", "2"]);
    assert_eq!((said.code, &measured["failed"]["DeadlineExceeded"]), (5, &2.into()), "{said:?}");
    assert_eq!(measured["answered"], 0);
    // To three digits.
    assert!(measured["latency_ns"]["p50"].as_u64().is_some_and(|median| median >= 4_990_000), "{measured}");

    let said = run(&["bench", &service.address, "Numbers.add", "[1, 2]", "-n", "100"]);
    for words in ["Numbers.add at unix:", "100 calls, 1 at once", "answered  100 (", "p99.99  ", "max  ", "█"]
    {
        assert!(said.out.contains(words), "{words:?} is missing in\n{}", said.out);
    }
    let address = service.address.as_str();
    fails(&["bench", address, "Numbers.sum", "[]"], 2, &["takes a stream, and there are no items to send"]);
    fails(&["bench", address, "Numbers.add", "[1]"], 2, &["the argument b is missing", "`describe` shows"]);
}

/// A peer that stalls holds up a caller that calls at set times; those calls count from when they were due.
#[test]
fn a_stall_is_seen_by_all_calls_that_it_holds_up() {
    let service = Running::start();
    let said = run(&[
        "bench",
        "--json",
        "--warm-up",
        "0s",
        "--rate",
        "1000",
        "-c",
        "1",
        "-d",
        "200ms",
        &service.address,
        "Numbers.nap",
        "[50]",
    ]);
    let measured: serde_json::Value = serde_json::from_str(&said.out).expect("it is JSON");
    let count = |name: &str| measured[name].as_u64().unwrap_or_default();
    // Four fit into the time, one after the other; 200 were due.
    assert!((1..=5).contains(&count("answered")) && count("unstarted") > 100, "{measured}");
    assert!(measured["latency_ns"]["p50"].as_u64().is_some_and(|median| median > 60_000_000), "{measured}");
}

#[test]
fn an_interrupted_bench_prints_what_it_has_measured() {
    let service = Running::start();
    let arguments =
        ["bench", "--json", "--warm-up", "0s", "-d", "1h", &service.address, "Numbers.nap", "[10]"];
    let child = traitwire().args(arguments).spawn().expect("it starts");
    for _ in 0..3 {
        service.naps.recv().expect("they are had");
    }
    interrupt(&child);
    let said: Said = child.wait_with_output().expect("it ends").into();
    let measured: serde_json::Value = serde_json::from_str(&said.out).expect("it is JSON");
    assert_eq!((said.code, &measured["interrupted"]), (130, &true.into()), "{said:?}");
    assert!(measured["answered"].as_u64().is_some_and(|answered| answered >= 2), "{measured}");
}

#[test]
fn completions_and_help_are_there() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&["completions", shell]);
        assert!(said.code == 0 && said.out.contains("describe"), "{shell}: {said:?}");
    }
    let help = run(&["--help"]).out;
    assert!(help.contains("130  interrupted") && help.contains("completions"), "{help}");
}
