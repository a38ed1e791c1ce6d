//! The reports for other programs, each read back by a real reader of its format or held against its schema.

mod chats;
mod chromium;
#[path = "../end_to_end/desk.rs"]
#[allow(dead_code)]
mod desk;
#[path = "../report/estate.rs"]
#[allow(dead_code)]
mod estate;

mod html;
mod machines;
mod markdown;
mod program;
mod results;
mod samples;
