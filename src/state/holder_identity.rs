//! Who runs the program, for those who meet its traces: whoever waits for its lease.

use std::env;

/// The variable with what others are to see instead, such as the address of a CI job.
const HOLDER_VARIABLE: &str = "TRUEUP_HOLDER";
/// The most characters of it.
const MAX_HOLDER_CHARS: usize = 200;

/// The user, the machine and the process, or what the variable says.
pub fn find_holder_identity() -> String {
    let word = |name: &str| env::var(name).ok().filter(|word| !word.trim().is_empty());
    if let Some(said) = word(HOLDER_VARIABLE) {
        return said.chars().take(MAX_HOLDER_CHARS).collect();
    }
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(word);
    let machine = gethostname::gethostname();
    format!(
        "{}@{}, process {}",
        user.as_deref().unwrap_or("somebody"),
        machine.to_string_lossy(),
        std::process::id()
    )
}
