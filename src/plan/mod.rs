//! From desired and live state to steps: propose, compare, request, gate.
//!
//! Pure: no clock, disk, environment, network, async or printing, and nothing from `remote`. The same inputs
//! give the same plan. A plan is data; values in it have no `Debug`, `Display` or `Serialize`: `report` alone
//! turns them into text, by their marks.

pub mod cause;
pub mod change_cause;
pub mod compare;
pub mod conflicting_fields;
pub mod count_limit;
pub mod desired_digest;
pub mod digest;
pub mod encode;
pub mod gate;
pub mod normalization;
pub mod path_label;
pub mod permission;
pub mod permission_check;
pub mod propose;
pub mod refer;
pub mod replacement;
pub mod request;
pub mod rotate;
pub mod step;
pub mod sync_check;
pub mod undo;
pub mod unrecorded;

use std::collections::BTreeSet;
use std::sync::Arc;

use permission::Permission;

use crate::diagnostic::{Diagnostic, SourceLocation};
use crate::exchange::PlannedRequest;
use crate::kind::{Kind, MapType, ReplacementRule, ScalarType, Shape, WriteBody, WriteOperation};
use crate::value::{Object, Sensitivity, Value, ValuePath};

/// What is to be done, what agrees, what was refused; in the order of the documents.
#[derive(Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub unchanged: Vec<UnchangedObject>,
    pub refused: Vec<RefusedObject>,
    /// What is not about one object.
    pub diagnostics: Vec<Diagnostic>,
    /// False when some live state could not be read, so that the plan may lack steps.
    pub complete: bool,
    /// The lists that were read.
    pub collections: Vec<PlanCollection>,
    /// The numbers of those among the refused that could not be read; a reason that several share stands in
    /// `diagnostics`.
    pub unread: BTreeSet<usize>,
}

impl Plan {
    /// What could not be read is a part of what was refused, of which some was taken out.
    pub fn prune_unread(&mut self) {
        let left: BTreeSet<usize> = self.refused.iter().map(|refused| refused.subject.number).collect();
        self.unread.retain(|number| left.contains(number));
    }
}

/// A list of objects that was read for a plan.
pub struct PlanCollection {
    pub kind: Arc<Kind>,
    pub target: Arc<str>,
    /// Why it is not complete, where it is not.
    pub incomplete: Option<String>,
}

/// Which object.
#[derive(Clone)]
pub struct PlanSubject {
    /// The number of the document in the run.
    pub number: usize,
    pub kind: Arc<Kind>,
    pub name: Arc<str>,
    pub target: Arc<str>,
    /// The environment of its document.
    pub environment: Option<Arc<str>>,
    /// Scope values by the number of the parameter, complete.
    pub scope: Vec<Value>,
    /// The service's id; none before a create.
    pub id: Option<Value>,
    /// Where the document starts.
    pub place: SourceLocation,
}

/// What is to be done to one object.
pub struct Step {
    pub subject: PlanSubject,
    pub action: StepAction,
    pub changes: Vec<Change>,
    /// In the order in which they are sent; usually one.
    pub requests: Vec<StepRequest>,
    /// Whether the body holds everything or only the changes; what the step relies on follows from it.
    pub body_mode: WriteBody,
    /// Changes that wait for someone, and other things worth knowing.
    pub notes: Vec<Diagnostic>,
    /// The live object that the step was made from; none for a create.
    pub live: Option<Object>,
    /// What the object is to be.
    pub desired: Object,
    /// Values that are sent and will not read back; to be remembered once they were written.
    pub hidden: Vec<(ValuePath, Value)>,
    /// Secrets that are sent and read back; recorded too, so that they are known to be real.
    pub shown_secrets: Vec<(ValuePath, Value)>,
    /// What is known of values that do not read back.
    pub last_written: Vec<LastWritten>,
    /// Live values that must not be written back.
    pub unsendable_paths: Vec<ValuePath>,
    /// What of it someone had to allow.
    pub required_permissions: Vec<Permission>,
    /// Where the object gives way to a new one: how, or the part of that which this is.
    pub replacement: Option<Box<StepReplacement>>,
    /// The same step as the maker of a reviewed plan had it, who lacked records of values that are not returned.
    pub without_records: Option<Box<Step>>,
}

/// How a step replaces its object, or which part of that it is.
#[derive(Clone)]
pub struct StepReplacement {
    pub rule: ReplacementRule,
    /// The fields that force it; none where only the former object is left to be deleted.
    pub forced_by: Vec<ValuePath>,
    /// The id of the other one of the two objects, while both may be there.
    pub other_id: Option<Value>,
}

impl Step {
    /// Whether what differs after its first request is what its other requests are for.
    pub fn is_followed_by(&self, again: &Self) -> bool {
        let [first, others @ ..] = self.requests.as_slice() else { return false };
        let planned = |pointer: &String| others.iter().any(|other| other.changed_pointers.contains(pointer));
        let is_left = |change: &Change| {
            let pointer = change.path.to_pointer();
            !first.changed_pointers.contains(&pointer) && planned(&pointer)
        };
        self.action == StepAction::Update && !others.is_empty() && again.changes.iter().all(is_left)
    }

    /// Whether a value is left for a later request: the first one neither changes it nor carries it.
    pub fn is_sent_later(&self, path: &ValuePath) -> bool {
        let [first, others @ ..] = self.requests.as_slice() else { return false };
        let pointer = path.to_pointer();
        let is_inside = |own: &String| {
            pointer.strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let changes = |request: &StepRequest| request.changed_pointers.iter().any(is_inside);
        !changes(first) && others.iter().any(changes)
    }

    /// Whether its first request is to make a change.
    pub fn sends_first(&self, change: &Change) -> bool {
        let first = self.requests.first().filter(|_| self.requests.len() > 1);
        first.is_none_or(|first| first.changed_pointers.contains(&change.path.to_pointer()))
    }
}

/// A request with what to say about it.
pub struct StepRequest {
    pub request: PlannedRequest,
    /// The operation of the kind that it is made of; none for a delete.
    pub operation: Option<Box<WriteOperation>>,
    /// JSON Pointers of the fields whose change is the reason.
    pub changed_pointers: Vec<String>,
    /// Names of fields, known and strange, that merely travel along.
    pub sent_unchanged: Vec<String>,
}

/// An object that is unchanged.
pub struct UnchangedObject {
    pub subject: PlanSubject,
    pub notes: Vec<Diagnostic>,
    /// What was read and is to be recorded as seen.
    pub baseline: Vec<(ValuePath, Value)>,
    /// What is known of values that do not read back.
    pub last_written: Vec<LastWritten>,
}

impl UnchangedObject {
    /// Nothing is to be said about it.
    pub fn from_subject(subject: &PlanSubject) -> Self {
        Self { subject: subject.clone(), notes: Vec::new(), baseline: Vec::new(), last_written: Vec::new() }
    }
}

/// An object for which there is no step, and why.
pub struct RefusedObject {
    pub subject: PlanSubject,
    pub reasons: Vec<Diagnostic>,
    /// What was wanted, as far as it is known.
    pub changes: Vec<Change>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepAction {
    Create,
    Update,
    Delete,
    /// A new object takes the place of the one that is there.
    Replace,
}

impl StepAction {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Replace => "replace",
        }
    }

    /// Whether the object that is there goes.
    pub fn takes_away(self) -> bool {
        matches!(self, Self::Delete | Self::Replace)
    }

    /// Whether the object that is meant gets its id by it.
    pub fn makes_new(self) -> bool {
        matches!(self, Self::Create | Self::Replace)
    }
}

/// One value that differs; or one list item or map entry that comes or goes as a whole.
#[derive(Clone)]
pub struct Change {
    pub path: ValuePath,
    pub before: Option<Value>,
    pub after: Option<Value>,
    /// How to show the values.
    pub value_type: ChangeValueType,
    pub sensitivity: Sensitivity,
    /// The line that asks for it; none for what goes because it is not listed.
    pub place: Option<SourceLocation>,
    /// No one can see the value before: it may differ.
    pub unreadable: bool,
    /// Why it is there, as far as that was asked and is known.
    pub causes: Vec<change_cause::ChangeCause>,
}

/// What the values of a change are.
#[derive(Clone)]
pub enum ChangeValueType {
    Scalar(ScalarType),
    /// A list item or object that comes or goes.
    Object(Arc<Shape>),
    /// An entry, or a whole map, that comes or goes.
    Map(ScalarType),
}

impl From<&MapType> for ChangeValueType {
    fn from(map: &MapType) -> Self {
        Self::Map(map.value.clone())
    }
}

impl Change {
    /// `add`, `replace` or `remove`.
    pub fn to_operation(&self) -> &'static str {
        let there = |side: &Option<Value>| side.as_ref().is_some_and(|value| !matches!(value, Value::Null));
        match (there(&self.before), there(&self.after)) {
            (false, true) => "add",
            (true, false) => "remove",
            _ => "replace",
        }
    }
}

/// What was last written where it can't be read back, so that a second run can tell. Keyed digests, no values.
pub trait WriteHistory {
    /// What is known of `value` at this place of this object.
    fn compare_last_written(&self, subject: &PlanSubject, path: &ValuePath, value: &Value)
    -> WriteComparison;

    /// When something was last written at this place.
    fn find_last_write(&self, _subject: &PlanSubject, _path: &ValuePath) -> Option<WriteTime> {
        None
    }
}

/// When a value was last written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteTime {
    /// RFC 3339, in UTC.
    pub written_at: String,
    /// How many whole days ago.
    pub age_days: u64,
}

/// A value of the document that does not read back, or that is to be written again: what is known of it.
#[derive(Clone)]
pub struct LastWritten {
    pub path: ValuePath,
    pub comparison: WriteComparison,
    pub write_time: Option<WriteTime>,
    /// It is written because someone asked for that.
    pub rotated: bool,
}

/// What is known of a value that can't be read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteComparison {
    /// It is what was last written.
    Same,
    /// Something else was last written.
    Differs,
    /// Nothing was ever written by us.
    NeverWritten,
}

/// A memory of nothing.
pub struct EmptyWriteHistory;

impl WriteHistory for EmptyWriteHistory {
    fn compare_last_written(&self, _: &PlanSubject, _: &ValuePath, _: &Value) -> WriteComparison {
        WriteComparison::NeverWritten
    }
}
