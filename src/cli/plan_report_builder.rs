//! What reports say of a plan of this run: with the sizes of its requests, the selection and the forecast.

use super::prepared_run::PreparedRun;
use super::request_forecast;
use super::selection_filter::SelectionFilter;
use crate::plan::{Plan, PlanSubject, StepRequest};
use crate::report::PlanReport;
use crate::report::pseudonyms::PersonalDataMode;
use crate::run::estimate;

/// What may be shown of a plan.
pub fn build_report(plan: &Plan, prepared: &PreparedRun) -> PlanReport {
    build_report_with(plan, prepared, prepared.build_pseudonyms())
}

/// The same, with persons shown in this way.
pub fn build_report_with(plan: &Plan, prepared: &PreparedRun, persons: PersonalDataMode) -> PlanReport {
    let bytes = |subject: &PlanSubject, planned: &StepRequest| {
        prepared.services.get(&subject.target).map_or(0, |service| service.count_body_bytes(&planned.request))
    };
    let since = prepared.selection.as_ref().and_then(SelectionFilter::to_since_view);
    let selection = prepared.describe_selection();
    let services = &prepared.services;
    let applying = estimate::estimate_requests(services, plan, &prepared.build_jobs());
    let requests = request_forecast::forecast_requests(services, &applying, plan.complete);
    let report = PlanReport::from_plan_with_mode(plan, &bytes, persons);
    let complete = report.complete && prepared.selection.is_none() && selection.is_none();
    PlanReport { complete, since, selection, requests, ..report }
}
