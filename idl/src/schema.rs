//! From Rust types to the model: the trait that types implement, and the registry that makes recursion and
//! generics work. Never looks at a value.

use std::any::TypeId;
use std::collections::HashMap;

use crate::model::{Argument, Definition, Interface, Method, Shape, Type, UnknownFields};

/// A type that may be an argument, a result or an error of a method.
///
/// `#[ipc_type]` implements it, as does `#[derive(Schema)]` beside serde's own derives. The description must
/// be that of the bytes which the type's `Serialize` writes in a binary format.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross a process boundary: it has no schema",
    label = "not a type that calls can carry",
    note = "put `#[ipc_type]` on the type, or `#[derive(traitwire::Schema)]` beside its serde derives",
    note = "for a type of another crate, enable the traitwire feature named after it, or wrap it in a type of your own"
)]
pub trait Schema: 'static {
    /// The type, its definitions entered into `types`.
    fn describe(types: &mut Types) -> Type;
}

/// The named types met so far. One entry for each Rust type, so that recursive types end and generic ones
/// stay apart.
#[derive(Debug, Default)]
pub struct Types {
    known: HashMap<TypeId, usize>,
    definitions: Vec<Definition>,
}

impl Types {
    /// Enters the definition of `T`, unless it is known, and refers to it. `arguments` and `shape` may
    /// describe `T` again: it is known by then.
    pub fn define<T: ?Sized + 'static>(
        &mut self,
        name: &str,
        arguments: impl FnOnce(&mut Self) -> Vec<Type>,
        docs: &str,
        shape: impl FnOnce(&mut Self) -> Shape,
    ) -> Type {
        if let Some(&index) = self.known.get(&TypeId::of::<T>()) {
            return Type::Named(index);
        }
        let index = self.definitions.len();
        self.known.insert(TypeId::of::<T>(), index);
        self.definitions.push(Definition { docs: docs.to_owned(), ..Definition::new(name, Shape::Unit) });
        self.definitions[index].arguments = arguments(self);
        self.definitions[index].shape = shape(self);
        Type::Named(index)
    }

    /// Says of `T`, which was entered, that its reader refuses fields that it does not know.
    pub fn refuse_unknown_fields<T: ?Sized + 'static>(&mut self) {
        if let Some(&index) = self.known.get(&TypeId::of::<T>()) {
            self.definitions[index].unknown_fields = UnknownFields::Refused;
        }
    }

    /// The definitions, in the order they were met.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The definitions, in the order they were met.
    pub fn into_definitions(self) -> Vec<Definition> {
        self.definitions
    }
}

impl Interface {
    /// Describes a service method by method; generated code does it.
    pub fn builder(name: impl Into<String>, docs: impl Into<String>) -> InterfaceBuilder {
        InterfaceBuilder {
            name: name.into(),
            docs: docs.into(),
            methods: Vec::new(),
            types: Types::default(),
        }
    }
}

/// An interface in the making.
#[derive(Debug)]
pub struct InterfaceBuilder {
    name: String,
    docs: String,
    methods: Vec<Method>,
    types: Types,
}

impl InterfaceBuilder {
    /// Adds a method; `describe` says what it is. Without an output it gives `()`.
    pub fn method(
        mut self,
        name: &str,
        describe: impl for<'a> FnOnce(MethodBuilder<'a>) -> MethodBuilder<'a>,
    ) -> Self {
        describe(self.begin(name));
        self
    }

    /// Adds a method, as [`method`](Self::method) does. One function for all methods: generated code is small.
    #[inline(never)]
    pub fn add(&mut self, name: &str, describe: for<'a> fn(MethodBuilder<'a>) -> MethodBuilder<'a>) {
        describe(self.begin(name));
    }

    fn begin(&mut self, name: &str) -> MethodBuilder<'_> {
        let method = Method {
            name: name.to_owned(),
            docs: String::new(),
            arguments: Vec::new(),
            output: Type::Unit,
            stream: false,
            error: None,
            idempotent: false,
            oneway: false,
        };
        self.methods.push(method);
        let last = self.methods.len() - 1;
        MethodBuilder { method: &mut self.methods[last], types: &mut self.types }
    }

    /// The interface.
    pub fn build(self) -> Interface {
        let Self { name, docs, methods, types } = self;
        Interface { name, docs, methods, types: types.into_definitions() }
    }
}

/// A service as data. The client that `#[ipc_service]` makes of a trait implements it.
pub trait Contract {
    /// The trait as an interface, with the schemas of all its types.
    fn interface() -> &'static Interface;
}

/// A method in the making.
#[derive(Debug)]
pub struct MethodBuilder<'a> {
    method: &'a mut Method,
    types: &'a mut Types,
}

impl MethodBuilder<'_> {
    /// Its doc comment.
    #[inline(never)]
    pub fn docs(self, docs: &str) -> Self {
        docs.clone_into(&mut self.method.docs);
        self
    }

    /// Its next argument.
    #[inline(never)]
    pub fn argument<T: Schema + ?Sized>(self, name: &str) -> Self {
        let ty = T::describe(self.types);
        self.method.arguments.push(Argument::new(name, ty));
        self
    }

    /// Its next argument, a stream of such items.
    #[inline(never)]
    pub fn streaming<T: Schema + ?Sized>(self, name: &str) -> Self {
        let ty = T::describe(self.types);
        self.method.arguments.push(Argument { stream: true, ..Argument::new(name, ty) });
        self
    }

    /// A callee can do without the argument that was added last.
    pub fn with_default(self) -> Self {
        if let Some(argument) = self.method.arguments.last_mut() {
            argument.default = true;
        }
        self
    }

    /// What it gives.
    #[inline(never)]
    pub fn output<T: Schema + ?Sized>(self) -> Self {
        self.method.output = T::describe(self.types);
        self
    }

    /// It gives a stream of such items.
    pub fn stream<T: Schema + ?Sized>(self) -> Self {
        let described = self.output::<T>();
        described.method.stream = true;
        described
    }

    /// Its own error.
    #[inline(never)]
    pub fn error<T: Schema + ?Sized>(self) -> Self {
        self.method.error = Some(T::describe(self.types));
        self
    }

    /// Calling it twice is as good as once.
    pub fn idempotent(self) -> Self {
        self.method.idempotent = true;
        self
    }

    /// Its caller does not wait for it.
    pub fn oneway(self) -> Self {
        self.method.oneway = true;
        self
    }
}
