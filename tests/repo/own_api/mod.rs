//! APIs of one's own: described in data only, drafted from OpenAPI, checked with every fault at its line, tried
//! against live objects. The real program works in a workspace of its own against a sandbox of the same
//! descriptions.

mod api_check;
mod api_try;
mod api_try_write;
mod conditional_writes;
mod draft_estates;
mod draft_guesses;
mod drafts;
mod example;
mod identities;
mod immutable_lists;
mod keyed_members;
mod large_collections;
mod late_operations;
mod operation_words;
mod paging_styles;
mod parents;
mod parents_kept;
mod partial_updates;
mod searches;
mod secret_readback;
mod several_updates;
mod tutorial;
mod unusual_openapi;
