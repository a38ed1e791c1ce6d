//! The question before the first write.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};

use tokio::runtime::Runtime;

use super::exit::ExitStatus;
use super::screen::TerminalScreen;
use super::signals::{SignalListener, interrupted_exit};
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::report::sanitize::{escape_line, format_count};

/// Asks; gives why the answer is no, which it is without a terminal, and how the run exits then.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn ask_approval(
    plan: &Plan,
    runtime: &Runtime,
    screen: &TerminalScreen,
) -> anyhow::Result<Option<(Diagnostic, ExitStatus)>> {
    if !screen.is_interactive() {
        let message = "no terminal for the prompt; nothing was written";
        let hint = "review the plan, then run again with `--auto-approve`";
        return Ok(Some((Diagnostic::error("no-terminal", message).with_hint(hint), ExitStatus::Refused)));
    }
    let changes = format_count(plan.steps.len(), "change");
    let targets: BTreeSet<&str> = plan.steps.iter().map(|step| &*step.subject.target).collect();
    let targets: Vec<_> = targets.iter().map(|name| escape_line(name)).collect();
    screen.print_stderr(&format!("\nApply {changes} to {}? Type \"yes\": ", targets.join(", ")));
    io::stderr().flush()?;
    let Some(answer) = read_answer(runtime)? else {
        screen.print_stderr("\ninterrupted: nothing was written\n");
        let why = Diagnostic::error("interrupted", "the run was interrupted before the first write");
        return Ok(Some((why, interrupted_exit())));
    };
    let declined = || Diagnostic::note("declined", "cancelled; nothing was written");
    Ok((answer.trim() != "yes").then(|| (declined(), ExitStatus::Refused)))
}

/// The line that someone types; nothing after a signal. A thread of its own reads, which the exit ends.
fn read_answer(runtime: &Runtime) -> anyhow::Result<Option<String>> {
    let (tell, line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer).map(|_| answer);
        let _ = tell.send(read);
    });
    runtime.block_on(async {
        let mut signals = SignalListener::new()?;
        tokio::select! {
            line = line => Ok(Some(line??)),
            _ = signals.receive() => Ok(None),
        }
    })
}
