//! A receipt: what an apply sent and what became of each object, as data and as text.
//!
//! Made from the journal of the run, and for a run that came to its end from its results too. Of a run that was
//! cut off it says what is known: what was sent, what was answered, and what nobody knows.
//! Deliberately absent: values. The results show them under their marks, as the apply itself did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clean;
use super::outcome::{ApplyReport, ObjectResult, Word, text as results_text};
use super::shown::{Action, Finding, ObjectName, Weight};
use crate::run::journal::{Account, Answer, End, Named, Sent};

/// The version of the file that is written here.
const FORMAT: u32 = 1;

/// What an apply did.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct Receipt {
    /// The version of this file: 1.
    pub trueup_receipt: u32,
    /// The version of the program that wrote it.
    pub tool_version: String,
    /// When the run began, in UTC.
    pub started: String,
    /// When it ended; absent for a run that was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The seal of the saved plan that it applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// How many requests that write were sent again.
    pub retries: u32,
    /// The requests that write, in the order in which they were sent.
    pub requests: Vec<RequestSent>,
    /// What became of the objects.
    pub results: ApplyReport,
}

/// A request that was sent, or was about to be.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct RequestSent {
    /// The target.
    pub target: String,
    /// The kind.
    pub kind: String,
    /// The name of the document.
    pub name: String,
    /// What it did: `create`, `update` or `delete`.
    pub action: String,
    /// The verb.
    pub method: String,
    /// The path as the kind has it, its parameters not filled in.
    pub path: String,
    /// A digest of what was sent; of secret and personal values only whether there were any enters.
    pub digest: String,
    /// When it was begun, in UTC.
    pub at: String,
    /// The status of the last answer; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's own name for the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How many times it was sent; 0 when the run was cut off before that was known.
    pub attempts: u32,
    /// True when it may have taken effect although no answer says so.
    pub unknown: bool,
}

impl Receipt {
    /// Of a run as its journal tells it; `results` are those of a run that came to its end.
    pub fn new(account: &Account, results: Option<ApplyReport>) -> Self {
        Self {
            trueup_receipt: FORMAT,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            started: account.started.clone(),
            ended: account.ended.clone(),
            plan: account.plan.clone(),
            retries: account.sent.iter().map(|sent| attempts(sent).saturating_sub(1)).sum(),
            requests: account.sent.iter().map(request).collect(),
            results: results.unwrap_or_else(|| as_far_as_known(account)),
        }
    }

    /// For a terminal of `width` columns.
    pub fn text(&self, width: usize) -> String {
        let line = |text: &str| clean::line(text).into_owned();
        let ended =
            self.ended.as_ref().map_or_else(|| "was cut off".to_owned(), |at| format!("to {}", line(at)));
        let plan = self.plan.as_ref().map(|plan| {
            let plan = line(plan);
            format!(", of the plan {}", clean::cut(&plan, 13))
        });
        format!(
            "apply from {} {ended}{}; {}, {}\n\n{}",
            line(&self.started),
            plan.unwrap_or_default(),
            clean::count(self.requests.len(), "request"),
            clean::count(self.retries as usize, "retry").replace("retrys", "retries"),
            results_text(&self.results, width),
        )
    }
}

/// Reads a receipt; nothing when the text is none.
pub fn open(text: &str) -> Option<Receipt> {
    serde_json::from_str(text).ok().filter(|receipt: &Receipt| receipt.trueup_receipt == FORMAT)
}

fn attempts(sent: &Sent) -> u32 {
    sent.answer.as_ref().map_or(0, |answer| answer.attempts)
}

fn request(sent: &Sent) -> RequestSent {
    let cut_off = Answer { unknown: true, ..Answer::default() };
    let answer = sent.answer.as_ref().unwrap_or(&cut_off);
    RequestSent {
        target: sent.object.target.clone(),
        kind: sent.object.kind.clone(),
        name: sent.object.name.clone(),
        action: sent.action.clone(),
        method: sent.method.clone(),
        path: sent.path.clone(),
        digest: sent.digest.clone(),
        at: sent.at.clone(),
        status: answer.status,
        request_id: answer.request_id.clone(),
        attempts: answer.attempts,
        unknown: answer.unknown,
    }
}

/// The results of a run that was cut off: of what was sent and not read back nobody knows.
fn as_far_as_known(account: &Account) -> ApplyReport {
    let mut results: Vec<ObjectResult> = account.ends.iter().map(ended).collect();
    results.extend(account.open().into_iter().map(unknown));
    ApplyReport::told(results)
}

fn ended(end: &End) -> ObjectResult {
    let result = match &*end.result {
        "done" => Word::Done,
        "unchanged" => Word::Unchanged,
        "refused" => Word::Refused,
        "failed" => Word::Failed,
        "not_started" => Word::NotStarted,
        _ => Word::Unknown,
    };
    let known = blank(&end.object, end.action.as_deref(), result);
    ObjectResult { attempts: end.attempts, millis: end.millis, ..known }
}

fn unknown(sent: &Sent) -> ObjectResult {
    let message = match sent.answer.as_ref().map(|answer| answer.status) {
        Some(Some(status)) => format!("the service answered {status}, and it was not read back any more"),
        Some(None) => "the service gave no answer, and it was not looked up any more".to_owned(),
        None => "it was about to be sent when the run was cut off".to_owned(),
    };
    let reason = Finding {
        code: "cut-off".to_owned(),
        severity: Weight::Warning,
        message,
        hint: Some("the next run looks it up; plan again".to_owned()),
        file: None,
        line: None,
        column: None,
    };
    let known = blank(&sent.object, Some(&sent.action), Word::Unknown);
    ObjectResult { attempts: attempts(sent), reasons: vec![reason], ..known }
}

fn blank(object: &Named, action: Option<&str>, result: Word) -> ObjectResult {
    let action = action.and_then(|action| match action {
        "create" => Some(Action::Create),
        "update" => Some(Action::Update),
        "delete" => Some(Action::Delete),
        _ => None,
    });
    ObjectResult {
        object: ObjectName {
            kind: object.kind.clone(),
            name: object.name.clone(),
            target: object.target.clone(),
            id: None,
            file: object.file.clone(),
            line: object.line,
        },
        action,
        result,
        attempts: 0,
        millis: 0,
        reasons: Vec::new(),
        moved: Vec::new(),
        lost: Vec::new(),
        findings: Vec::new(),
    }
}
