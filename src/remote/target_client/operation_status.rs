//! Writes that a service answers before they are done: their status is requested until it says success or failure.
//!
//! The status is at a URL of the response, which is followed on the configured origin only. A write whose status is
//! not known in time has an unknown outcome, like one without an answer.
//! Deliberately absent: what the object is afterwards; it is read back like after every write.

use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::{RejectedResponse, RequestError, TargetClient};
use crate::diagnostic::Diagnostic;
use crate::exchange::HttpResponse;
use crate::kind::file::OperationStatusFile;
use crate::remote::retry::CompletedRequest;
use crate::remote::retry_after::parse_response_pause;
use crate::remote::transport::join_path;
use crate::remote::wire;

/// The status of a response that only accepts.
const ACCEPTED: u16 = 202;
/// How long a write may take where the description does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// The first pause before the status is requested again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How far a write is.
enum OperationProgress {
    Running,
    Done,
    Failed,
}

impl TargetClient {
    /// How long a write that was only accepted is followed.
    pub fn operation_timeout(&self) -> Duration {
        let status = self.target.api.operation_status.as_ref();
        status.map_or(Duration::ZERO, |status| status.within.map_or(DEFAULT_TIMEOUT, |within| within.0))
    }

    /// Follows a write that was only accepted to its end.
    pub(super) async fn wait_for_operation(
        &self,
        path: &str,
        answered: CompletedRequest,
    ) -> Result<CompletedRequest, RequestError> {
        let status = self.target.api.operation_status.as_ref();
        let Some(status) = status.filter(|_| answered.response.status == ACCEPTED) else {
            return Ok(answered);
        };
        let Some(url) = self.find_status_url(status, path, &answered.response) else {
            return Err(mark_unknown(self.build_unfollowed_operation()));
        };
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        let timeout = self.operation_timeout();
        while began.elapsed() < timeout {
            let response = self.fetch_url(&url).await.map_err(mark_unknown)?;
            match self.read_progress(status, &response) {
                OperationProgress::Done => return Ok(answered),
                OperationProgress::Failed => return Err(self.build_failed_operation(&url, response).await),
                OperationProgress::Running => {}
            }
            let asked = parse_response_pause(&response, SystemTime::now()).unwrap_or_default();
            tokio::select! {
                () = tokio::time::sleep(pause.max(asked).min(timeout)) => {}
                () = self.retry_budget().cancellation.wait_for_cancellation() => break,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let message = format!("{} accepted the request and has not completed it", self.target.api.title);
        let hint =
            "the next run shows whether it was completed; `operation_status.within` says how long to wait";
        Err(mark_unknown(RequestError::from_diagnostic(
            Diagnostic::error("operation-pending", message).with_hint(hint),
        )))
    }

    /// An operation of which no one can ask whether it is over.
    fn build_unfollowed_operation(&self) -> RequestError {
        let message = format!(
            "{} accepted the request, and names no status URL that can be followed",
            self.target.api.title
        );
        let hint = "the next run shows whether it was completed; check `operation_status` in the description of the API, \
                    and that the URL is on the host of `base_url`";
        RequestError::from_diagnostic(Diagnostic::error("operation-pending", message).with_hint(hint))
    }

    /// A relative URL is one to the URL of the request, as RFC 9110 has it for `Location`.
    fn find_status_url(
        &self,
        status: &OperationStatusFile,
        path: &str,
        response: &HttpResponse,
    ) -> Option<Url> {
        let url = match (&status.url_from, &status.url_member) {
            (Some(header), _) => response.find_header(header)?,
            (None, member) => {
                let paths = member.as_slice();
                let texts = wire::read_texts(&response.body, self.target.format, paths).ok()?;
                texts.first()?.to_string()
            }
        };
        self.resolve_same_origin(&join_path(&self.target.base_url, path)?, &url)
    }

    fn read_progress(&self, status: &OperationStatusFile, response: &HttpResponse) -> OperationProgress {
        let has = |members: &std::collections::BTreeMap<String, Vec<String>>,
                   test: &dyn Fn(&str, &str) -> bool| {
            members.keys().any(|member| {
                let paths = std::slice::from_ref(member);
                let texts = wire::read_texts(&response.body, self.target.format, paths).unwrap_or_default();
                texts.iter().any(|text| test(member, text))
            })
        };
        if has(&status.failed, &|member, value| status.is_failed(member, value)) {
            return OperationProgress::Failed;
        }
        match has(&status.done, &|member, value| status.is_done(member, value)) {
            true => OperationProgress::Done,
            false => OperationProgress::Running,
        }
    }

    /// What the service put into the query of the URL is no one else's, as a credential.
    async fn build_failed_operation(&self, url: &Url, response: HttpResponse) -> RequestError {
        let mut sent_secrets = self.client.collect_secrets().await;
        sent_secrets.extend(url.query_pairs().map(|(_, value)| SecretString::from(value.into_owned())));
        let message = format!("{} accepted the request and then failed", self.target.api.title);
        let hint = "see what the service says";
        RequestError {
            response: Some(Box::new(RejectedResponse {
                response,
                format: self.target.format,
                api: self.target.api.clone(),
                sent_secrets,
            })),
            ..RequestError::from_diagnostic(Diagnostic::error("operation-failed", message).with_hint(hint))
        }
    }
}

/// The write may still be carried out; the response of another request says nothing of it.
fn mark_unknown(error: RequestError) -> RequestError {
    RequestError { response: None, outcome_unknown: true, not_started: false, ..error }
}
