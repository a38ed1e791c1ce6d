//! Values that a reviewed plan writes because no record said that they were there already.
//!
//! What the service does not return is compared with records. In CI, a plan may be made without the records that its
//! apply has, and then it writes more of such values. To recognise the reviewed step, it is planned once more without
//! these records; the apply sends only what its own records do not rule out.
//! Deliberately absent: how a saved plan tells which values those are (`report::saved_plan`).

use std::collections::{HashMap, HashSet};

use crate::plan::{PlanSubject, Step, WriteComparison, WriteHistory, WriteTime};
use crate::value::{Value, ValuePath};

/// The values of a reviewed plan of which its maker had no record.
#[derive(Default)]
pub struct UnrecordedValues(HashMap<ObjectKey, HashSet<String>>);

/// An object by its target, its kind and its name.
#[derive(PartialEq, Eq, Hash)]
struct ObjectKey([String; 3]);

impl UnrecordedValues {
    /// Adds one: the JSON Pointer of a value of an object, which is its target, kind and name.
    pub fn add_value(&mut self, object: [&str; 3], pointer: &str) {
        self.0.entry(ObjectKey(object.map(str::to_owned))).or_default().insert(pointer.to_owned());
    }

    /// The records as the maker of the plan had them, where that changes what is known of a step.
    pub fn find_reviewed_history<'h>(
        &'h self,
        step: &Step,
        own: &'h dyn WriteHistory,
    ) -> Option<ReviewedHistory<'h>> {
        let subject = &step.subject;
        let names = [&subject.target, &subject.kind.name, &subject.name];
        let unrecorded = self.0.get(&ObjectKey(names.map(|name| name.to_string())))?;
        let history = ReviewedHistory { own, unrecorded };
        let mut recorded =
            step.last_written.iter().filter(|value| value.comparison != WriteComparison::NeverWritten);
        recorded.any(|value| history.is_unrecorded(&value.path)).then_some(history)
    }
}

/// Records without those that the maker of a reviewed plan did not have.
pub struct ReviewedHistory<'h> {
    own: &'h dyn WriteHistory,
    unrecorded: &'h HashSet<String>,
}

impl ReviewedHistory<'_> {
    fn is_unrecorded(&self, path: &ValuePath) -> bool {
        self.unrecorded.contains(&path.to_pointer())
    }
}

impl WriteHistory for ReviewedHistory<'_> {
    fn compare_last_written(
        &self,
        subject: &PlanSubject,
        path: &ValuePath,
        value: &Value,
    ) -> WriteComparison {
        match self.is_unrecorded(path) {
            true => WriteComparison::NeverWritten,
            false => self.own.compare_last_written(subject, path, value),
        }
    }

    fn find_last_write(&self, subject: &PlanSubject, path: &ValuePath) -> Option<WriteTime> {
        self.own.find_last_write(subject, path)
    }
}

/// Whether a step is a part of another one of the same object: it makes no other change, and sends no request that
/// the other does not send.
pub fn is_part_of(step: &Step, whole: &Step) -> bool {
    let is_changed = |path: &ValuePath| whole.changes.iter().any(|own| own.path == *path);
    let mut lines = step.requests.iter().map(|own| (own.request.method, &own.request.path));
    step.changes.iter().all(|change| is_changed(&change.path))
        && lines.all(|line| whole.requests.iter().any(|own| (own.request.method, &own.request.path) == line))
}
