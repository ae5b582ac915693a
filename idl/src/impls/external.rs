//! Schemas of other crates' types, each behind the feature of its name.
