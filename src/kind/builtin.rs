//! The descriptions that come with the program, as texts: every `.yaml` file below `builtin/`.
//!
//! A new API or kind is a new file and a line here; a test holds the list against the directory.
//! Deliberately absent: anything that reads them. `registry` does, on demand.

macro_rules! texts {
    ($($path:literal),* $(,)?) => {
        /// Path, as `api/file.yaml`, and text.
        pub(super) const TEXTS: &[(&str, &str)] = &[$(($path, include_str!(concat!("builtin/", $path)))),*];
    };
}

texts! {
    "bokamera/api.yaml",
    "bokamera/customer.yaml",
    "bootview/api.yaml",
    "bootview/partner.yaml",
    "bootview/payment-gateway.yaml",
    "carrierx/api.yaml",
    "carrierx/partner.yaml",
    "keypro/api.yaml",
    "keypro/customer.yaml",
}
