//! YAML, documents, kinds, schemas: what people write, and what the program says about it.

#[path = "../support/mod.rs"]
mod support;

mod compose;
mod documents;
mod editor;
mod editor_levels;
mod explain;
mod fmt;
mod jsv_vectors;
mod kinds;
mod reference_pages;
mod schemas;
mod yaml;
