//! A receipt: what an apply sent and what became of each object, as data and as text.
//!
//! Made from the journal of the run, and for a run that came to its end from its results too. Of a run that was interrupted it says what is known: what was sent, what was answered, and what no one knows.
//! The results show values under their marks, as the apply itself did; of what was overwritten stands here what
//! may be kept (`run::undo`). It is sealed (`seal`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::outcome::{ApplyReport, ObjectResult, ResultStatus, render_results as results_text};
use super::plan_report::{ActionView, DiagnosticView, ObjectName, SeverityView};
use super::sanitize;
use super::saved_plan::BoundTarget;
use super::seal::{FileSeal, SealMessages};
use crate::diagnostic::Diagnostic;
use crate::run::journal::{
    RecordedObject, RecordedRequest, RecordedResponse, RecordedResult, RecordedRun, RecordedTarget,
};
use crate::run::last_applied::DigestExport;
use crate::run::undo::WrittenObject;

/// The version of the file that is written here.
const FORMAT: u32 = 1;
/// The member that tells a receipt from other files.
const MEMBER: &str = "trueup_receipt";

/// What an apply did.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct Receipt {
    /// The version of this file: 1.
    pub trueup_receipt: u32,
    /// The version of the program that wrote it.
    pub tool_version: String,
    /// The name of the run, which its journal has too.
    #[serde(default)]
    pub run: String,
    /// Who ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// The commit that was checked out, in a Git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When the run began, in UTC.
    pub started: String,
    /// When it ended; absent for a run that was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The seal of the saved plan that it applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// How many requests that write were sent again.
    pub retries: u32,
    /// The targets that it could write to.
    #[serde(default)]
    pub targets: Vec<BoundTarget>,
    /// The requests that write, in the order in which they were sent.
    pub requests: Vec<ReceiptRequest>,
    /// The objects that were written to, with what was there before as far as it may be kept.
    #[serde(default)]
    pub objects: Vec<WrittenObject>,
    /// What objects were applied as, for `drift` on other machines; absent where receipts are not shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<DigestExport>,
    /// The environments of which every object was as this commit describes it when the run ended; only where another
    /// environment comes after them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified: Vec<String>,
    /// What became of the objects.
    pub results: ApplyReport,
    /// What tells whether anything above was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<FileSeal>,
}

/// A request that was sent, or was about to be.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct ReceiptRequest {
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
    /// A digest of what was sent; without a key only whether there were any of secret and personal values enters.
    pub digest: String,
    /// When it was begun, in UTC.
    pub at: String,
    /// When it was answered, or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<String>,
    /// The status of the last answer; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's own name for the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How many times it was sent; 0 when the run was interrupted before that was known.
    pub attempts: u32,
    /// True when it may have taken effect although no answer says so.
    pub unknown: bool,
}

impl Receipt {
    /// Of a run as its journal tells it; `results` are those of a run that came to its end.
    pub fn new(account: &RecordedRun, results: Option<ApplyReport>) -> Self {
        Self {
            trueup_receipt: FORMAT,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            run: account.name.clone(),
            started_by: account.context.who.clone(),
            commit: account.context.commit.clone(),
            started: account.started.clone(),
            ended: account.ended.clone(),
            plan: account.context.plan.clone(),
            targets: account.context.targets.iter().map(convert_target).collect(),
            retries: account.requests.iter().map(|sent| count_attempts(sent).saturating_sub(1)).sum(),
            requests: account.requests.iter().map(convert_request).collect(),
            objects: account.objects.clone(),
            applied: None,
            verified: account.verified.clone(),
            results: results.unwrap_or_else(|| build_partial_results(account)),
            seal: None,
        }
    }

    /// Seals it, under the key where there is one.
    ///
    /// # Errors
    /// When it cannot be JSON at all; a receipt always can.
    pub fn seal(mut self, key: Option<&[u8]>) -> serde_json::Result<Self> {
        self.seal = None;
        self.seal = Some(FileSeal::from_json(&serde_json::to_value(&self)?, key));
        Ok(self)
    }

    /// For a terminal of `width` columns.
    pub fn render_text(&self, width: usize) -> String {
        let line = |text: &str| sanitize::escape_line(text).into_owned();
        let ended =
            self.ended.as_ref().map_or_else(|| "was interrupted".to_owned(), |at| format!("to {}", line(at)));
        let plan = self.plan.as_ref().map(|plan| {
            let plan = line(plan);
            format!(", of the plan {}", sanitize::truncate_line(&plan, 13))
        });
        let who = self.started_by.as_ref().map(|who| format!(" by {}", line(who)));
        let commit = self
            .commit
            .as_ref()
            .map(|own| format!(", at commit {}", sanitize::truncate_line(&line(own), 13)));
        let verified = self.verified.iter().map(|name| format!(", {} verified", line(name)));
        format!(
            "apply from {} {ended}{}{}{}{}; {}, {}\n\n{}",
            line(&self.started),
            who.unwrap_or_default(),
            plan.unwrap_or_default(),
            commit.unwrap_or_default(),
            verified.collect::<String>(),
            sanitize::format_count(self.requests.len(), "request"),
            sanitize::format_count(self.retries as usize, "retry").replace("retrys", "retries"),
            results_text(&self.results, width),
        )
    }
}

/// Reads a receipt without a look at its seal, to be shown; nothing when the text is none.
pub fn read_unverified(text: &str) -> Option<Receipt> {
    serde_json::from_str(text).ok().filter(|receipt: &Receipt| receipt.trueup_receipt == FORMAT)
}

/// What is said of a receipt whose seal is not right.
const SEAL_MESSAGES: SealMessages = SealMessages {
    noun: "receipt",
    tampered_code: "tampered-receipt",
    foreign_code: "receipt-mismatch",
    hint: "get the original file; the content of this one is not trusted",
    unkeyed_hint: "undo it without TRUEUP_DIGEST_KEY, where that is safe",
};

/// Reads a receipt and holds its seal against the key, of which it tells whether it was made under one.
///
/// # Errors
/// When it is not one, is of another version, or was changed.
pub fn read_verified<'k>(text: &str, key: impl Fn(bool) -> Option<&'k [u8]>) -> Result<Receipt, Diagnostic> {
    let broken = |why: &str| {
        Diagnostic::error("invalid-receipt", format!("this receipt cannot be read: {why}"))
            .with_hint("name a file in `.trueup/receipts`, or get the original file")
    };
    let json: Json = serde_json::from_str(text).map_err(|_| broken("it is not JSON"))?;
    match json.get(MEMBER).and_then(Json::as_u64) {
        Some(version) if version == u64::from(FORMAT) => {}
        Some(version) => {
            return Err(Diagnostic::error("receipt-mismatch", format!("this receipt has format {version}"))
                .with_hint(format!("this program reads format {FORMAT}")));
        }
        None => return Err(broken("it is not a receipt")),
    }
    // what serde says of a value repeats it, and no one knows what stands in a broken file
    let receipt: Receipt =
        serde_json::from_value(json.clone()).map_err(|_| broken("a member is missing or invalid"))?;
    let keyed = receipt.seal.as_ref().is_some_and(|seal| seal.keyed);
    FileSeal::check(receipt.seal.as_ref(), json, key(keyed), SEAL_MESSAGES)?;
    Ok(receipt)
}

fn convert_target(own: &RecordedTarget) -> BoundTarget {
    BoundTarget {
        name: own.name.clone(),
        api: own.api.clone(),
        base_url: own.base_url.clone(),
        connection: Vec::new(),
    }
}

fn count_attempts(sent: &RecordedRequest) -> u32 {
    sent.response.as_ref().map_or(0, |answer| answer.attempts)
}

fn convert_request(sent: &RecordedRequest) -> ReceiptRequest {
    let cut_off = RecordedResponse { unknown: true, ..RecordedResponse::default() };
    let answer = sent.response.as_ref().unwrap_or(&cut_off);
    ReceiptRequest {
        target: sent.object.target.clone(),
        kind: sent.object.kind.clone(),
        name: sent.object.name.clone(),
        action: sent.action.clone(),
        method: sent.method.clone(),
        path: sent.path.clone(),
        digest: sent.digest.clone(),
        at: sent.at.clone(),
        answered_at: sent.answered_at.clone(),
        status: answer.status,
        request_id: answer.request_id.clone(),
        attempts: answer.attempts,
        unknown: answer.unknown,
    }
}

/// The results of a run that was interrupted: of what was sent and not read back no one knows.
fn build_partial_results(account: &RecordedRun) -> ApplyReport {
    let mut results: Vec<ObjectResult> = account.results.iter().map(convert_end).collect();
    results.extend(account.find_open_requests().into_iter().map(build_unknown_result));
    ApplyReport::from_results(results)
}

fn convert_end(end: &RecordedResult) -> ObjectResult {
    let result = match &*end.result {
        "done" => ResultStatus::Done,
        "unchanged" => ResultStatus::Unchanged,
        "refused" => ResultStatus::Refused,
        "unread" => ResultStatus::Unread,
        "failed" => ResultStatus::Failed,
        "not_started" => ResultStatus::NotStarted,
        "partial" => ResultStatus::Partial,
        _ => ResultStatus::Unknown,
    };
    let known = build_empty_result(&end.object, end.action.as_deref(), result);
    ObjectResult { attempts: end.attempts, duration_ms: end.millis, ..known }
}

fn build_unknown_result(sent: &RecordedRequest) -> ObjectResult {
    let message = match sent.response.as_ref().map(|answer| answer.status) {
        Some(Some(status)) => format!("the service answered {status}, but the object was not read back"),
        Some(None) => "the service sent no response, and the object was not read back".to_owned(),
        None => "the run was interrupted before the request was confirmed as sent".to_owned(),
    };
    let reason = DiagnosticView {
        code: "interrupted-run".to_owned(),
        severity: SeverityView::Warning,
        message,
        hint: Some("the next run looks it up; plan again".to_owned()),
        file: None,
        line: None,
        column: None,
    };
    let known = build_empty_result(&sent.object, Some(&sent.action), ResultStatus::Unknown);
    ObjectResult { attempts: count_attempts(sent), reasons: vec![reason], ..known }
}

fn build_empty_result(object: &RecordedObject, action: Option<&str>, result: ResultStatus) -> ObjectResult {
    let action = action.and_then(|action| match action {
        "create" => Some(ActionView::Create),
        "update" => Some(ActionView::Update),
        "delete" => Some(ActionView::Delete),
        "replace" => Some(ActionView::Replace),
        _ => None,
    });
    ObjectResult {
        object: ObjectName {
            kind: object.kind.clone(),
            name: object.name.clone(),
            environment: object.environment.clone(),
            target: object.target.clone(),
            id: None,
            file: object.file.clone(),
            line: object.line,
        },
        action,
        result,
        attempts: 0,
        duration_ms: 0,
        reasons: Vec::new(),
        conflicts: Vec::new(),
        not_kept: Vec::new(),
        diagnostics: Vec::new(),
    }
}
