//! An interface as text.

use std::collections::{HashMap, HashSet};

use traitwire_idl::{Definition, Field, Interface, Schema, Shape, Type, Types, Variant};

struct Page<T>(T);

impl<T: Schema> Schema for Page<T> {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Page",
            |types| vec![T::describe(types)],
            "Part of a list.",
            |types| {
                Shape::Struct(vec![
                    Field::new("items", Vec::<T>::describe(types)).docs("In order.\n\nNever empty."),
                    Field::new("next", Option::<u64>::describe(types)).with_default().alias("following"),
                ])
            },
        )
    }
}

struct Order;

impl Schema for Order {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Order",
            |_| Vec::new(),
            "",
            |types| {
                Shape::Enum(vec![
                    Variant::new("Open", Shape::Unit).docs("Not paid."),
                    Variant::new("Paid", Shape::Struct(vec![Field::new("at", Type::U64).docs("When.")])),
                    Variant::new("Parts", Shape::Newtype(Vec::<Self>::describe(types))),
                    Variant::new("Pair", Shape::Tuple(vec![Type::I8, Type::Char])),
                    Variant::new("Other", Shape::Unit).other(),
                ])
            },
        )
    }
}

struct Id;

impl Schema for Id {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>("Id", |_| Vec::new(), "", |_| Shape::Newtype(Type::U128))
    }
}

struct Mark;

impl Schema for Mark {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>("Mark", |_| Vec::new(), "", |_| Shape::Unit)
    }
}

fn interface() -> Interface {
    Interface::builder("Orders", "Orders of a shop.")
        .method("list", |m| {
            m.docs("Lists them.\nPage by page.").argument::<u64>("from").output::<Page<Order>>().idempotent()
        })
        .method("put", |m| {
            m.argument::<Id>("id").argument::<(u8, (bool,), ())>("odd").with_default().error::<Mark>()
        })
        .method("raw", |m| m.output::<HashMap<String, HashSet<[f32; 3]>>>().error::<String>())
        .method("ping", |m| m.oneway())
        .build()
}

const TEXT: &str = "\
/// Orders of a shop.
trait Orders {
    /// Lists them.
    /// Page by page.
    #[ipc(idempotent)]
    async fn list(&self, from: u64) -> Page<Order>;

    async fn put(&self, id: Id, #[ipc(default)] odd: (u8, (bool,), ())) -> Result<(), Mark>;

    async fn raw(&self) -> Result<HashMap<String, HashSet<[f32; 3]>>, String>;

    #[ipc(oneway)]
    async fn ping(&self);
}

/// Part of a list.
struct Page<Order> {
    /// In order.
    ///
    /// Never empty.
    items: Vec<Order>,
    #[serde(alias = \"following\", default)]
    next: Option<u64>,
}

enum Order {
    /// Not paid.
    Open,
    Paid {
        /// When.
        at: u64,
    },
    Parts(Vec<Order>),
    Pair(i8, char),
    #[serde(other)]
    Other,
}

struct Id(u128);

struct Mark;
";

#[test]
fn text_is_that_of_a_trait() {
    let interface = interface();
    assert_eq!(interface.print(), TEXT);
    assert_eq!(interface.print(), interface.clone().print());
    assert_eq!(
        interface.methods[0].print(&interface.types),
        "async fn list(&self, from: u64) -> Page<Order>"
    );
    assert_eq!(interface.methods[0].output.print(&interface.types), "Page<Order>");
}

#[test]
fn the_text_of_a_peers_model_stays_bounded() {
    let mut interface = interface();
    let mut circle = Definition::new("C\u{1b}", Shape::Newtype(Type::Named(99)));
    circle.arguments = vec![Type::Named(0); 16];
    circle.docs = "a\u{7}b".into();
    interface.types = vec![circle; 20];
    let text = interface.print();
    assert!(text.len() < 100_000, "{}", text.len());
    assert!(!text.contains(['\u{1b}', '\u{7}']) && text.contains("(?99)"));
}

#[test]
fn a_few_bytes_that_stand_for_much_text_do_not_make_it_endless() {
    let client = Type::Client("x".repeat(64));
    let mut wide = Definition::new("W".repeat(100_000), Shape::Unit);
    wide.arguments = vec![client; 60];
    let mentions = Definition::new("Mentions", Shape::Tuple(vec![Type::Named(0); 10_000]));
    let mut interface = interface();
    interface.types = vec![wide, mentions];
    let text = interface.print();
    assert!(text.len() < 17 << 20, "{}", text.len());
    assert_eq!(
        text.matches(&"W".repeat(100_000)).count(),
        1,
        "a long name stands where its type is defined, and nowhere else"
    );
}
