//! The built-in descriptions as texts: every `.yaml` file below `builtin/`.
//!
//! A new API or kind is a new file and a line here; a test compares the list with the directory.
//! Deliberately absent: reading. `registry` does that on demand.

macro_rules! embed_descriptions {
    ($($path:literal),* $(,)?) => {
        /// Path, as `api/file`, and text.
        pub(super) const TEXTS: &[(&str, &str)] =
            &[$(($path, include_str!(concat!("builtin/", $path, ".yaml")))),*];
    };
}

embed_descriptions! {
    "bokamera/api",
    "bokamera/customer",
    "bootview/api",
    "bootview/partner",
    "bootview/payment-gateway",
    "carrierx/api",
    "carrierx/partner",
    "keypro/api",
    "keypro/customer",
}
