//! The descriptions that come with the program, as texts: every `.yaml` file below `builtin/`, and beside each what
//! was read of it, as JSON. YAML and the walk that finds faults in it would take most of a short run's time.
//!
//! A new API or kind is a new file and a line here; tests hold the list against the directory, and each JSON file
//! against its YAML. Deliberately absent: anything that reads them. `registry` does, on demand.

macro_rules! embed_descriptions {
    ($($path:literal),* $(,)?) => {
        /// Path, as `api/file`; the description as it was written, and as it was read.
        pub(super) const TEXTS: &[(&str, &str, &str)] = &[$((
            $path,
            include_str!(concat!("builtin/", $path, ".yaml")),
            include_str!(concat!("builtin/", $path, ".json")),
        )),*];
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
