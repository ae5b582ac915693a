//! [`Schema`](crate::Schema) for types that are not the user's own. Each must describe the bytes that serde's
//! own implementation writes in a binary format, and never looks at a value.

mod external;
mod model;
mod std;
