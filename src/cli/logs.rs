//! Logs on stderr, for `-v` and `-vv`: each request with verb, path, status and time. No value is ever handed
//! to a log, so there is nothing to hide here.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

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
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(styled).with_target(false).without_time();
    // a second start (in tests) keeps the first
    let _ = tracing_subscriber::registry().with(layer).with(ours).try_init();
}
