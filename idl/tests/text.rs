//! Text to models: whatever a model says, its text says too, and whatever is wrong in a text is told.

#[path = "text/models.rs"]
mod models;

use proptest::prelude::*;
use proptest::test_runner::Config;
use traitwire_idl::{Fingerprint, Interface, Type, parse, print_all};

proptest! {
    #![proptest_config(Config { cases: 1000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn what_is_printed_is_read_back(interface in models::interface()) {
        let text = interface.print();
        let read = Interface::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read, &interface, "{}", text);
        prop_assert_eq!(read.print(), text);
    }

    #[test]
    fn interfaces_that_are_printed_together_are_read_back(
        mut interfaces in prop::collection::vec(models::interface(), 1..4),
        is_repeated in any::<bool>(),
    ) {
        if is_repeated && let Some(first) = interfaces.first().cloned() {
            interfaces.push(first);
        }
        for (index, interface) in interfaces.iter_mut().enumerate() {
            interface.name = format!("{index}{}", interface.name);
        }
        let text = print_all(&interfaces);
        let read = parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(parse(&print_all(&read)).expect("it was read before"), read.clone());
        for (interface, read) in interfaces.iter().zip(&read) {
            // Types that no method mentions, and another order than that of mention, are what one text alone can say.
            if !interface.print().contains("#[ipc(ordered") {
                prop_assert_eq!(read, interface, "{}", text);
            }
            let of = |interface: &Interface| -> Vec<_> {
                let methods = interface.methods.iter();
                methods.map(|it| (it.name.clone(), Fingerprint::of_method(it, &interface.types))).collect()
            };
            prop_assert_eq!(of(read), of(interface));
        }
    }

    #[test]
    fn text_that_is_damaged_is_refused_or_read(
        interface in models::interface(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, "[-<>(){}\\[\\],;:#\"'a&=]{0,2}"), 1..4),
    ) {
        let mut characters: Vec<char> = interface.print().chars().collect();
        for (at, length, instead) in cuts {
            let at = at.index(characters.len() + 1);
            let end = characters.len().min(at + length);
            characters.splice(at..end, instead.chars());
        }
        let text: String = characters.into_iter().collect();
        if let Err(error) = parse(&text) {
            prop_assert!(!error.problems().is_empty());
        }
    }
}

#[track_caller]
fn reads_as(written: &str, canonical: &str) {
    let interface = Interface::parse(written).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(interface.print(), canonical);
}

#[test]
fn text_as_one_writes_it_in_rust_is_read() {
    reads_as(
        r#"
        //! Contracts of a shop.

        /// Orders of a shop.
        #[ipc_service(name = "shop-orders")]
        pub trait Orders {
            /// Lists them.
            /** Page by page. */
            #[ipc(idempotent)]
            async fn list(&self, from: usize, names: &[String], title: &str) -> Page<Order>;
            fn watch(&self, raw: &[u8]) -> impl Stream<Item = Result<Order, Trouble>> + Send;
            async fn open(&self, file: std::path::PathBuf) -> Result<impl Stream<Item = Vec<u8>>, Trouble>;
            fn later(&self) -> impl Future<Output = Duration> + Send;
            async fn put(&self, orders: Streaming<Order, Trouble>, progress: OrdersClient, #[ipc(default)] r#type: u8,);
            #[ipc(oneway)]
            async fn note(&self, text: Box<str>, at: Client<"other service">);
        }

        /// Part of a list.
        #[ipc_type]
        #[derive(Eq)]
        pub struct Page<T> {
            pub items: VecDeque<T>,
            pub next: Option<u64>,
        }

        #[serde(deny_unknown_fields, default)]
        struct Order { #[serde(rename = "type", alias = "kind")] kind: char, by: ::std::collections::BTreeMap<String, Arc<Order>> }

        pub enum Trouble {
            Lost(pub (u8, [i8; 0x10])),
            Mixed(u8,),
            #[serde(other)]
            Other,
        }
        "#,
        r#"/// Orders of a shop.
#[ipc_service(name = "shop-orders")]
trait shop_orders {
    /// Lists them.
    /// Page by page.
    #[ipc(idempotent)]
    async fn list(&self, from: u64, names: Vec<String>, title: String) -> Page<Order>;

    fn watch(&self, raw: Vec<u8>) -> impl Stream<Item = Result<Order, Trouble>>;

    async fn open(&self, file: String) -> Result<impl Stream<Item = Vec<u8>>, Trouble>;

    async fn later(&self) -> Duration;

    async fn put(&self, orders: Streaming<Result<Order, Trouble>>, progress: Client<"shop-orders">, #[ipc(default)] r#type: u8);

    #[ipc(oneway)]
    async fn note(&self, text: String, at: Client<"other service">);
}

/// Part of a list.
struct Page<Order> {
    items: Vec<Order>,
    next: Option<u64>,
}

#[serde(deny_unknown_fields)]
struct Order {
    #[serde(alias = "kind", default)]
    r#type: char,
    #[serde(default)]
    by: HashMap<String, Order>,
}

enum Result<Order, Trouble> {
    Ok(Order),
    Err(Trouble),
}

enum Trouble {
    Lost((u8, [i8; 16])),
    Mixed(u8,),
    #[serde(other)]
    Other,
}

#[serde(deny_unknown_fields)]
struct Duration {
    secs: u64,
    nanos: u32,
}
"#,
    );
}

#[test]
fn what_is_rare_has_a_form_of_its_own() {
    reads_as(
        r#"
        trait Odd {
            async fn value(&self) -> (Result<u8, Twice>);
            async fn nothing(&self, #[ipc(name = "two words")] x: (,), y: ()) -> ((),);
        }
        #[serde(rename = "Twice")]
        struct Twice2(Box<Option<Page<Twice>>>,);
        struct Twice { #[ipc(required)] a: Option<u8>, #[ipc(optional)] b: u8, again: Twice2 }
        #[ipc(docs = " blank before and after ")]
        struct Page<Twice> { }
        "#,
        r#"trait Odd {
    async fn value(&self) -> (Result<u8, Twice>);

    async fn nothing(&self, #[ipc(name = "two words")] two_words: (,), y: ()) -> ((),);
}

enum Result<u8, Twice> {
    Ok(u8),
    Err(Twice),
}

struct Twice {
    #[ipc(required)]
    a: Option<u8>,
    #[ipc(optional)]
    b: u8,
    again: Twice2,
}

#[serde(rename = "Twice")]
struct Twice2(Option<Page<Twice>>,);

#[ipc(docs = " blank before and after ")]
struct Page<Twice> {}
"#,
    );
}

#[test]
fn a_text_may_describe_several_services() {
    let text = "trait A { async fn a(&self, b: BClient, x: X) -> Y; }\n\
                trait B { async fn b(&self) -> Y; }\n\
                struct X; struct Y(X); struct Unused(u8);";
    let interfaces = parse(text).unwrap();
    let names = |interface: &Interface| {
        interface.types.iter().map(|definition| definition.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(interfaces.iter().map(names).collect::<Vec<_>>(), [["X", "Y"], ["Y", "X"]]);
    assert_eq!(interfaces[0].methods[0].arguments[0].ty, Type::client("B"));
    let error = Interface::parse(text).unwrap_err().to_string();
    assert!(error.starts_with("this text describes 2 interfaces"), "{error}");
    let ordered = text.replace("trait A", "#[ipc(ordered)] trait A");
    assert_eq!(names(&parse(&ordered).unwrap()[0]), ["X", "Y", "Unused"]);
}

#[test]
fn a_type_of_two_services_is_printed_once_and_two_of_one_name_apart() {
    let shop = "trait Shop {\n    async fn list(&self) -> Vec<Item>;\n}\n\nstruct Item {\n    owner: Owner,\n}\n\n\
                struct Owner(String);\n";
    let more = "trait Bank {\n    async fn owner(&self) -> Owner;\n\n    async fn item(&self) -> Item;\n}\n\n\
                struct Owner(String);\n\nstruct Item(u8);\n";
    let interfaces = [shop, more].map(|text| Interface::parse(text).unwrap());
    let together = print_all(&interfaces);
    assert_eq!(
        together,
        format!(
            "{shop}\ntrait Bank {{\n    async fn owner(&self) -> Owner;\n\n    async fn item(&self) -> Item2;\n}}\n\n\
             #[serde(rename = \"Item\")]\nstruct Item2(u8);\n"
        )
    );
    assert_eq!(parse(&together).unwrap(), interfaces);
    assert_eq!([print_all(&[]), print_all(&interfaces[..1])], [String::new(), shop.to_owned()]);
}

#[test]
fn standard_types_are_those_that_rust_describes() {
    use std::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
    use std::time::{Duration, SystemTime};
    let rust = Interface::builder("S", "")
        .method("a", |m| m.argument::<Result<u8, String>>("a").argument::<std::convert::Infallible>("b"))
        .method("b", |m| m.argument::<Duration>("a").argument::<SystemTime>("b"))
        .method("c", |m| m.argument::<Range<u8>>("a").argument::<RangeInclusive<u8>>("b"))
        .method("d", |m| m.argument::<RangeFrom<u8>>("a").argument::<RangeTo<u8>>("b"))
        .method("e", |m| m.argument::<Bound<u8>>("a").argument::<std::ffi::OsString>("b"))
        .method("f", |m| m.argument::<std::net::IpAddr>("a").argument::<std::net::SocketAddr>("b"))
        .build();
    let text = "trait S {
        async fn a(&self, a: Result<u8, String>, b: Infallible);
        async fn b(&self, a: Duration, b: SystemTime);
        async fn c(&self, a: Range<u8>, b: RangeInclusive<u8>);
        async fn d(&self, a: RangeFrom<u8>, b: RangeTo<u8>);
        async fn e(&self, a: Bound<u8>, b: OsString);
        async fn f(&self, a: IpAddr, b: SocketAddr);
    }";
    assert_eq!(Interface::parse(text).unwrap(), rust);
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [("(", ")"), ("[", "; 1]"), ("Option<", ">"), ("(", ",)")] {
        for (depth, expected) in
            [(200, None), (300, Some("types lie")), (100_000, Some("lie in one another"))]
        {
            let text = format!(
                "trait A {{ async fn a(&self, a: {}u8{}); }}",
                open.repeat(depth),
                close.repeat(depth)
            );
            let error = parse(&text).err().map(|error| error.to_string());
            match (error, expected) {
                (None, None) => {}
                (Some(error), Some(expected)) => assert!(error.contains(expected), "{depth} {error}"),
                (error, _) => panic!("{open} {depth}: {error:?}"),
            }
        }
    }
}

#[test]
fn generic_types_that_grow_without_end_are_refused() {
    let larger = "this generic type contains ever larger instances of itself";
    let more = "this generic type contains ever more instances of itself";
    let letters = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];
    // Two fields that make every order of the arguments: turned by one place, and with the first two changed round.
    let mut turned = letters;
    turned.rotate_left(1);
    let mut changed = letters;
    changed.swap(0, 1);
    let [all, turned, changed] = [letters, turned, changed].map(|letters| letters.join(", "));
    let orders = format!("struct P<{all}> {{ turned: Vec<P<{turned}>>, changed: Vec<P<{changed}>> }}");
    for (mentioned, types, message) in [
        ("P<u8>", "struct P<T> { next: Vec<P<(T, T)>> }", larger),
        ("P<u8>", "struct P<T> { next: Vec<P<HashMap<T, Vec<T>>>> }", larger),
        ("P<u8>", "struct P<T> { next: Vec<P<Vec<T>>> }", larger),
        ("P<u8>", "struct P<T> { next: Vec<P<Pair<T, T>>> } struct Pair<A, B>(A, B);", larger),
        ("P<u8>", "struct P<T> { next: Vec<P<Result<T, T>>> }", larger),
        ("P<u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, bool, char>", &orders, more),
    ] {
        let error = parse(&format!("trait S {{ async fn a(&self, p: {mentioned}); }} {types}")).unwrap_err();
        assert_eq!(error.problems()[0].message, message, "{types}: {error}");
    }
}

#[test]
fn mistakes_are_told_with_place_and_advice() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/text/mistakes");
    let mut differing = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let source = entry.unwrap().path();
        if source.extension().is_none_or(|extension| extension != "idl") {
            continue;
        }
        let said = parse(&std::fs::read_to_string(&source).unwrap()).unwrap_err().to_string() + "\n";
        let golden = source.with_extension("txt");
        if std::env::var_os("MISTAKES").is_some_and(|value| value == "overwrite") {
            std::fs::write(&golden, &said).unwrap();
        }
        if std::fs::read_to_string(&golden).unwrap_or_default() != said {
            differing.push(format!("{}:\n{said}", source.display()));
        }
    }
    assert!(differing.is_empty(), "MISTAKES=overwrite accepts these:\n{}", differing.join("\n"));
}

#[test]
fn thousands_of_types_of_one_name_are_found_by_their_arguments_and_in_any_order() {
    const COUNT: usize = 3_400;
    let mut text = "trait S { async fn m(&self, last: Page<Page<I3399>>); }\n".to_owned();
    // What is in the arguments of the first is defined last.
    (0..COUNT).for_each(|at| text += &format!("struct Page<Page<I{at}>> {{ outer: Page<I{at}> }}\n"));
    (0..COUNT).rev().for_each(|at| text += &format!("struct Page<I{at}> {{ inner: I{at} }}\n"));
    (0..COUNT).for_each(|at| text += &format!("struct I{at} {{ n{at}: u8 }}\n"));
    // On a stack that would not hold one call in another for each of them.
    let read = std::thread::Builder::new().stack_size(256 << 10).spawn(move || Interface::parse(&text));
    let interface = read.expect("a thread").join().expect("no panic").expect("an interface");
    let names: Vec<_> = interface.types.iter().map(|it| (&*it.name, it.arguments.clone())).collect();
    let expected = [("Page", vec![Type::Named(1)]), ("Page", vec![Type::Named(2)]), ("I3399", Vec::new())];
    assert_eq!(names, expected);
}

#[test]
fn only_a_few_numbers_of_arguments_are_told() {
    let of = |count: usize| format!("struct P<{}>;\n", vec!["u8"; count].join(", "));
    let told = |counts: &[usize]| {
        let items: String = counts.iter().map(|count| of(*count)).collect();
        let error =
            parse(&format!("trait S {{ async fn m(&self, a: P<>); }}\n{items}")).expect_err("no such P");
        let mut helps = error.problems().iter().map(|problem| problem.help.clone());
        helps.find(|help| help.starts_with("it is defined")).expect("said of P")
    };
    assert_eq!(told(&[1, 1, 1]), "it is defined with 1 of them");
    assert_eq!(told(&[3, 1]), "it is defined with 1 or 3 of them");
    assert_eq!(told(&[6, 5, 4, 3, 2, 1]), "it is defined with 1 or 2 or 3 or 4 or more of them");
}
