//! Real products that no one here wrote: each is started on loopback and goes through the steps of a user.
//!
//! A test runs where its product is installed and is skipped with a message elsewhere; where
//! `TRUEUP_REQUIRE_PRODUCTS=1` is set, a product that is missing is a failure.

#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod icinga2_hosts;
mod kinto_records;
mod powerdns_zones;
mod product;
mod syncthing_devices;
