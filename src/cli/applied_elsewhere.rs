//! Which steps of a saved plan were applied from other clones, as the shared receipts tell.

use url::Url;

use super::prepared_run::PreparedRun;
use super::shared_receipts::{MAX_READ_RECEIPTS, run_on_archive};
use crate::diagnostic::Diagnostic;
use crate::report::outcome::ResultStatus;
use crate::report::receipt::{self, Receipt};
use crate::report::saved_plan::SavedPlan;
use crate::run::applied_plans::AppliedPlans;
use crate::state::receipt_error::ReceiptStoreError;

/// Adds what other clones applied from the plan; gives what remains unknown.
pub fn learn_applied_steps(
    saved: &SavedPlan,
    applied: &mut AppliedPlans,
    prepared: &PreparedRun,
) -> Option<Diagnostic> {
    let Some(store) = &prepared.workspace.settings.receipts.store else {
        let note = "this workspace has applied no plan yet, and receipts are not shared: whether this plan was \
                    applied elsewhere is not known";
        return applied.is_empty().then(|| {
            Diagnostic::note("unknown-plan-history", note)
                .with_hint("set `receipts.store` in trueup.yaml so that every clone knows")
        });
    };
    match read_receipts_of_plan(store, saved, prepared) {
        Ok(receipts) => {
            let results = receipts.iter().flat_map(|receipt| &receipt.results.results);
            let settled =
                results.filter(|own| matches!(own.result, ResultStatus::Done | ResultStatus::Unchanged));
            for own in settled.map(|result| &result.object) {
                applied.learn_applied(saved.name(), &own.target, &own.kind, &own.name);
            }
            None
        }
        Err(why) => {
            let message = format!(
                "the receipts in {store} cannot be read, so whether this plan was applied elsewhere is not known: {why}"
            );
            let settings = &prepared.workspace.settings;
            let place = settings.source.locate_span(settings.receipts.span);
            Some(Diagnostic::warning("unknown-plan-history", message).with_location(place))
        }
    }
}

/// The newest receipts of runs that applied the plan, their seals checked.
fn read_receipts_of_plan(
    store: &Url,
    saved: &SavedPlan,
    prepared: &PreparedRun,
) -> Result<Vec<Receipt>, ReceiptStoreError> {
    run_on_archive(store, async |archive| {
        let mut found = Vec::new();
        for name in archive.list_newest(MAX_READ_RECEIPTS).await? {
            let text = match archive.get_receipt(&name).await {
                Ok(text) => text,
                Err(ReceiptStoreError::NotFound | ReceiptStoreError::TooLong) => continue,
                Err(why) => return Err(why),
            };
            // a receipt that is not believed must not keep a plan from being applied
            let receipt = receipt::read_verified(&text, |keyed| prepared.keys.select_key(keyed));
            found.extend(receipt.ok().filter(|receipt| receipt.plan.as_deref() == Some(saved.name())));
        }
        Ok(found)
    })
}
