//! Logs on stderr, for `-v` and `-vv`: each request with verb, path, status and time. No value is ever handed
//! to a log; the last filter is before it all the same.

use std::io::{self, Write};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::output_filter::filter_bytes;

/// Stderr behind the last filter. Each event is written in one piece.
struct FilteredStderr;

impl Write for FilteredStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(&filter_bytes(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Starts logging as loud as asked, styled or plain.
pub fn start_logging(verbose: u8, styled: bool) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // other crates log URLs and headers; only our own events are let through
    let ours = tracing_subscriber::filter::Targets::new().with_target("trueup", level);
    let layer =
        fmt::layer().with_writer(|| FilteredStderr).with_ansi(styled).with_target(false).without_time();
    // a second start (in tests) keeps the first
    let _ = tracing_subscriber::registry().with(layer).with(ours).try_init();
}
