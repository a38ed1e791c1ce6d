//! Objects that are not ready at once: the first reads after a write show that they are still being made.

use crate::kind::scalar::ScalarToken;
use crate::kind::{FieldType, Kind, ReadyCondition, ScalarType};
use crate::sandbox::store::SandboxRecord;
use crate::value::{Object, Value};

/// So many reads after a write show an object that is not ready.
const UNREADY_READS: u8 = 2;

/// A written object is ready after some reads.
pub fn mark_unready(kind: &Kind, record: &mut SandboxRecord) {
    let Some(condition) = &kind.pending_until else { return };
    let ready = condition.ready.first().and_then(|text| read_value(kind, condition, text));
    record.object.set_field(condition.field, ready.unwrap_or(Value::Null));
    record.unready_reads.set(UNREADY_READS);
}

/// The object as a read shows it.
pub fn show_object(kind: &Kind, record: &SandboxRecord) -> Option<Object> {
    let condition = kind.pending_until.as_ref().filter(|_| record.unready_reads.get() > 0)?;
    record.unready_reads.set(record.unready_reads.get() - 1);
    let mut shown = record.object.clone();
    shown.set_field(condition.field, build_unready_value(kind, condition));
    Some(shown)
}

fn read_value(kind: &Kind, condition: &ReadyCondition, text: &str) -> Option<Value> {
    let FieldType::Scalar(scalar_type) = &kind.shape.get_field(condition.field).ty else { return None };
    scalar_type.read_token(ScalarToken::Plain(text)).ok()
}

/// A value that says neither that the object is ready nor that it never will be.
fn build_unready_value(kind: &Kind, condition: &ReadyCondition) -> Value {
    match &kind.shape.get_field(condition.field).ty {
        FieldType::Scalar(ScalarType::Boolean) => {
            Value::Boolean(!condition.ready.iter().any(|text| **text == *"true"))
        }
        FieldType::Scalar(ScalarType::Enum { values, .. }) => {
            let is_open =
                |text: &str| !condition.ready.iter().chain(&condition.failed).any(|own| **own == *text);
            let open = values.iter().find(|(value, _)| is_open(value));
            open.map_or(Value::Null, |(value, _)| Value::from_text(&**value))
        }
        _ => Value::from_text("pending"),
    }
}
