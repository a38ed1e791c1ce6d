//! What a run says, held against how things are.

use std::collections::BTreeSet;

use trueup::plan::{Change, RefusedObject, Step};
use trueup::run::outcome::OutcomeStatus;
use trueup::value::Sensitivity;

use super::storm_fixture::{StormFixture, StormRun, keys, reasons};

/// Why an object may be refused in a storm: no one knows what became of its create.
const OPEN: [&str; 1] = ["create-unknown"];

/// Every outcome is so.
pub async fn holds(fixture: &StormFixture, ran: &StormRun) {
    let truth = fixture.truth().await;
    // a secret of which no one knows whether it arrived is written once more
    let is_unknown = |step: &Step, change: &Change| {
        change.sensitivity == Sensitivity::Secret && fixture.has_unknown_outcome(&step.subject, &change.path)
    };
    let is_known = |step: &&Step| !step.changes.iter().all(|change| is_unknown(step, change));
    let wanting: BTreeSet<usize> =
        truth.steps.iter().filter(is_known).map(|step| step.subject.number).collect();
    let planned: BTreeSet<usize> = truth.steps.iter().map(|step| step.subject.number).collect();
    let refused: BTreeSet<usize> = truth.refused.iter().map(|refused| refused.subject.number).collect();
    for outcome in &ran.outcomes {
        let number = outcome.subject.number;
        let what = || {
            let codes: Vec<_> = reasons(&outcome.status).iter().map(|reason| &reason.message).collect();
            let step = truth.steps.iter().find(|step| step.subject.number == number);
            let wanted = step.map(|step| {
                let paths: Vec<_> = step.changes.iter().map(|change| change.path.to_pointer()).collect();
                format!(", but `{}` is to be done at {paths:?}", step.action.as_str())
            });
            let refused = truth.refused.iter().find(|refused| refused.subject.number == number);
            let why = |refused: &RefusedObject| {
                refused.reasons.iter().map(|reason| format!(", but {}", reason.message)).collect()
            };
            let wanted = wanted.or(refused.map(why)).unwrap_or_default();
            format!("{} {} {codes:?}{wanted}", outcome.subject.name, outcome.status.as_str())
        };
        match &outcome.status {
            OutcomeStatus::Done | OutcomeStatus::Unchanged => {
                assert!(!wanting.contains(&number) && !refused.contains(&number), "is not so: {}", what());
            }
            OutcomeStatus::Failed(reasons) => {
                assert!(!reasons.is_empty(), "no word about {}", what());
                assert!(planned.contains(&number) || refused.contains(&number), "is unchanged: {}", what());
            }
            OutcomeStatus::Partial(rest) => {
                assert!(!reasons(rest).is_empty() || !ran.hindrances.is_empty(), "no word about {}", what());
                assert!(planned.contains(&number) || refused.contains(&number), "is unchanged: {}", what());
            }
            OutcomeStatus::Unknown(reasons) => assert!(!reasons.is_empty(), "no word about {}", what()),
            OutcomeStatus::NotStarted => {
                assert!(!ran.hindrances.is_empty(), "no word about {}", what());
            }
            OutcomeStatus::Conflict(_) => panic!("nobody else was there: {}", what()),
            // what could not be read was not planned either
            OutcomeStatus::Unread(reasons) => {
                assert!(!reasons.is_empty() || !ran.hindrances.is_empty(), "no word about {}", what());
            }
            OutcomeStatus::Refused(reasons) => assert!(!reasons.is_empty(), "no word about {}", what()),
        }
    }
    nothing_is_there_twice(fixture);
}

fn nothing_is_there_twice(fixture: &StormFixture) {
    let dump = fixture.storm.still().dump_state();
    for kind in &fixture.kinds {
        let twice: Vec<_> = keys(kind, &dump).into_iter().filter(|(_, times)| *times > 1).collect();
        assert!(twice.is_empty(), "{} is there twice: {twice:?}", kind.name);
    }
}

/// A run that found nothing to do: everything agrees, but for creates of which no one knows.
pub fn everything_is_as_wanted(fixture: &StormFixture, ran: &StormRun) {
    for (number, reasons) in &ran.refused {
        let codes: Vec<_> = reasons.iter().map(|reason| reason.code).collect();
        let name = &fixture.documents()[*number].name;
        assert!(codes.iter().all(|code| OPEN.contains(code)), "{name} is refused: {codes:?}");
    }
    let dump = fixture.storm.still().dump_state();
    for kind in &fixture.kinds {
        let there = dump[&*kind.name].as_array().map_or(0, Vec::len);
        let wanted = fixture.documents().iter().filter(|document| document.kind.name == kind.name).count();
        let refused =
            ran.refused.iter().filter(|(number, _)| fixture.documents()[*number].kind.name == kind.name);
        // a service that answers a create with an id of an object that shows later is believed until then
        let later = ran.outcomes.iter().filter(|outcome| {
            outcome.subject.kind.name == kind.name
                && outcome.findings.iter().any(|finding| finding.code == "not-yet-visible")
        });
        let open = refused.count() + later.count();
        assert!(there <= wanted && there + open >= wanted, "{}: {there} of {wanted}", kind.name);
    }
}
