//! The reports for other programs, each read back by a real reader of its format or held against its schema.

mod chats;
mod chromium;

mod html;
mod machines;
mod markdown;
mod program;
mod results;
mod samples;
