#[cfg(unix)]
#[allow(clippy::manual_async_fn, clippy::too_many_arguments)]
pub(crate) trait Empty: ::core::marker::Send + ::core::marker::Sync + 'static {}
#[cfg(unix)]
/// A client of [`Empty`]: its methods are calls to whatever serves `Empty` at the other end of its channel.
///
/// Cheap to clone; clones share the connection. Two clients are equal if they call the same service.
#[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
#[allow(dead_code)]
pub(crate) struct EmptyClient {
    client: ::traitwire::__private::Client,
}
#[cfg(unix)]
/// Serves an implementation of [`Empty`] as `Empty`.
#[allow(dead_code)]
pub(crate) struct EmptyServer<S> {
    implementation: ::traitwire::__private::Arc<S>,
}
#[cfg(unix)]
#[doc(hidden)]
#[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all, clippy::pedantic)]
const _: () = {
    use ::traitwire::__private as __traitwire;
    enum __EmptyMethod {}
    fn __Empty_description() -> &'static __traitwire::ServiceDescription {
        static DESCRIPTION: __traitwire::OnceLock<__traitwire::ServiceDescription> = __traitwire::OnceLock::new();
        __traitwire::OnceLock::get_or_init(
            &DESCRIPTION,
            || {
                let interface = __traitwire::Interface::builder("Empty", "");
                __traitwire::ServiceDescription::new(interface.build(), &[])
            },
        )
    }
    #[allow(dead_code, dropping_copy_types)]
    impl EmptyClient {
        /// A client over a channel that is open already. A service that the peer does not have shows at
        /// the first call.
        pub(crate) fn new(channel: __traitwire::Channel) -> Self {
            Self {
                client: __traitwire::Client::new(channel, __Empty_description()),
            }
        }
        /// Connects to the service at an address, and fails if something else is there.
        ///
        /// # Errors
        /// The address is malformed, nobody answers there, or the peer serves something else.
        pub(crate) async fn connect<Via>(
            address: impl __traitwire::Dial<Via>,
        ) -> __traitwire::Result<Self, __traitwire::RpcError> {
            match __traitwire::Client::connect(address, __Empty_description()).await {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
        /// A client of an implementation in this process. Calls behave as over a connection.
        pub(crate) fn local(implementation: impl Empty) -> Self {
            Self {
                client: __traitwire::Client::local(EmptyServer::new(implementation)),
            }
        }
        /// The channel that calls go through.
        pub(crate) fn channel(&self) -> &__traitwire::Channel {
            __traitwire::Client::channel(&self.client)
        }
        /// A client whose calls end, at the latest, after this time.
        #[must_use]
        pub(crate) fn with_timeout(&self, timeout: __traitwire::Duration) -> Self {
            Self {
                client: __traitwire::Client::with_timeout(&self.client, timeout),
            }
        }
        /// A client whose calls have this priority, whatever their methods have.
        #[must_use]
        pub(crate) fn with_priority(&self, priority: __traitwire::Priority) -> Self {
            Self {
                client: __traitwire::Client::with_priority(&self.client, priority),
            }
        }
        /// A client whose calls carry this beside their arguments; handlers read it from their `Context`.
        #[must_use]
        pub(crate) fn with_metadata(
            &self,
            key: impl __traitwire::Into<__traitwire::String>,
            value: impl __traitwire::Into<__traitwire::Vec<::core::primitive::u8>>,
        ) -> Self {
            Self {
                client: __traitwire::Client::with_metadata(&self.client, key, value),
            }
        }
    }
    #[automatically_derived]
    impl __traitwire::Contract for EmptyClient {
        fn interface() -> &'static __traitwire::Interface {
            __traitwire::ServiceDescription::interface(__Empty_description())
        }
    }
    impl __traitwire::serde::Serialize for EmptyClient {
        fn serialize<__S: __traitwire::serde::Serializer>(
            &self,
            serializer: __S,
        ) -> __traitwire::Result<__S::Ok, __S::Error> {
            __traitwire::serde::Serialize::serialize(&self.client, serializer)
        }
    }
    impl<'de> __traitwire::serde::Deserialize<'de> for EmptyClient {
        fn deserialize<__D: __traitwire::serde::Deserializer<'de>>(
            deserializer: __D,
        ) -> __traitwire::Result<Self, __D::Error> {
            match __traitwire::Client::deserialize(__Empty_description(), deserializer) {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
    }
    impl __traitwire::Schema for EmptyClient {
        fn describe(types: &mut __traitwire::Types) -> __traitwire::Type {
            let _ = types;
            __traitwire::Type::client("Empty")
        }
    }
    #[allow(dead_code)]
    impl<__S: Empty> EmptyServer<__S> {
        /// Serves this implementation.
        pub(crate) fn new(implementation: __S) -> Self {
            Self {
                implementation: __traitwire::Arc::new(implementation),
            }
        }
        /// Serves an implementation that others hold too.
        pub(crate) fn from_arc(implementation: __traitwire::Arc<__S>) -> Self {
            Self { implementation }
        }
    }
    #[automatically_derived]
    impl<__S> ::core::clone::Clone for EmptyServer<__S> {
        fn clone(&self) -> Self {
            Self {
                implementation: ::core::clone::Clone::clone(&self.implementation),
            }
        }
    }
    #[automatically_derived]
    impl<__S> ::core::fmt::Debug for EmptyServer<__S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            ::core::fmt::Formatter::write_str(formatter, "EmptyServer")
        }
    }
    #[automatically_derived]
    impl<__S: Empty> __traitwire::Dispatch for EmptyServer<__S> {
        fn description(&self) -> &'static __traitwire::ServiceDescription {
            __Empty_description()
        }
        fn slot(
            &self,
            method: ::core::primitive::u32,
        ) -> __traitwire::Option<__traitwire::Box<dyn __traitwire::Slot>> {
            match method {
                _ => __traitwire::Option::None,
            }
        }
    }
};
::traitwire::__private::blocking! {
    #[cfg(unix)] #[doc =
    " A client of [`Empty`] for threads that wait: its methods are calls to whatever serves `Empty` at the other end."]
    #[doc = ""] #[doc =
    " In a task of an async runtime its calls fail, unsent: they would hold up the thread. Cheap to clone;"]
    #[doc = " clones share the connection, and any number of threads may call at once."]
    #[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
    #[allow(dead_code)] pub (crate) struct EmptyBlockingClient { client : EmptyClient, }
    #[cfg(unix)] #[doc(hidden)] #[allow(deprecated, non_camel_case_types, non_snake_case,
    clippy::all, clippy::pedantic)] const _ : () = { use ::traitwire::__private as
    __traitwire; #[allow(dead_code)] impl EmptyBlockingClient { #[doc =
    r" A client over a channel that is open already. A service that the peer does not have shows at"]
    #[doc = r" the first call."] pub (crate) fn new(channel : __traitwire::Channel) ->
    Self { Self { client : EmptyClient::new(channel) } } #[doc =
    r" Connects to the service at an address, and fails if something else is there."]
    #[doc = r""] #[doc = r" # Errors"] #[doc =
    r" The address is malformed, nobody answers there, or the peer serves something else. In a task of"]
    #[doc = r" an async runtime."] pub (crate) fn connect < Via > (address : impl
    __traitwire::Dial < Via >,) -> __traitwire::Result < Self, __traitwire::RpcError > {
    match __traitwire::wait(EmptyClient::connect(address)) {
    __traitwire::Result::Ok(client) => __traitwire::Result::Ok(Self { client }),
    __traitwire::Result::Err(error) => __traitwire::Result::Err(error), } } #[doc =
    r" A client of an implementation in this process. Calls behave as over a connection; handlers run"]
    #[doc = r" on a thread that all blocking clients share."] pub (crate) fn
    local(implementation : impl Empty) -> Self { Self { client :
    EmptyClient::local(implementation) } } #[doc =
    r" The channel that calls go through."] pub (crate) fn channel(& self) -> &
    __traitwire::Channel { EmptyClient::channel(& self.client) } #[doc =
    r" A client whose calls end, at the latest, after this time."] #[must_use] pub
    (crate) fn with_timeout(& self, timeout : __traitwire::Duration) -> Self { Self {
    client : EmptyClient::with_timeout(& self.client, timeout) } } #[doc =
    r" A client whose calls have this priority, whatever their methods have."]
    #[must_use] pub (crate) fn with_priority(& self, priority : __traitwire::Priority) ->
    Self { Self { client : EmptyClient::with_priority(& self.client, priority) } } #[doc
    =
    r" A client whose calls carry this beside their arguments; handlers read it from their `Context`."]
    #[must_use] pub (crate) fn with_metadata(& self, key : impl __traitwire::Into <
    __traitwire::String >, value : impl __traitwire::Into < __traitwire::Vec <
    ::core::primitive::u8 >>,) -> Self { Self { client : EmptyClient::with_metadata(&
    self.client, key, value) } } } impl __traitwire::From < EmptyClient > for
    EmptyBlockingClient { #[doc = r" The same client, for threads that wait."] fn
    from(other : EmptyClient) -> Self { Self { client : other } } } };
}
