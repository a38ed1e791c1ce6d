//! Limits of a field on its own value and beside its siblings: `minimum`, `maximum`, `pattern`, `conflicts_with`.
//!
//! Deliberately absent: limits that are part of live data; `references` resolves these.

use regex::Regex;
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::fields::FieldPosition;
use super::{KindChecker, YamlPath};
use crate::kind::file::FieldFile;
use crate::kind::limits::ValueLimits;
use crate::kind::{NumberEncoding, ScalarType};
use crate::value::Value;

impl KindChecker<'_> {
    pub(super) fn resolve_value_limits(&mut self, file: &FieldFile, yaml_path: YamlPath) -> ValueLimits {
        let limits = ValueLimits {
            minimum: self.read_limit(yaml_path.select_key("minimum"), file.minimum.as_ref()),
            maximum: self.read_limit(yaml_path.select_key("maximum"), file.maximum.as_ref()),
            pattern: self.read_pattern(yaml_path.select_key("pattern"), file.pattern.as_deref()),
        };
        if limits.minimum.zip(limits.maximum).is_some_and(|(least, most)| least > most) {
            let message = "no number is between `minimum` and `maximum`";
            self.report_error(yaml_path.select_key("maximum"), "contradiction", message);
        }
        if file.pattern.is_some() && file.values.is_some() {
            self.report_error(
                yaml_path.select_key("pattern"),
                "contradiction",
                "`enum` already limits the value",
            );
        }
        limits
    }

    fn read_limit(&mut self, yaml_path: YamlPath, limit: Option<&Json>) -> Option<Decimal> {
        match self.read_scalar(yaml_path, &ScalarType::Decimal(NumberEncoding::Number), limit?) {
            Some(Value::Decimal(number)) => Some(number),
            _ => None,
        }
    }

    fn read_pattern(&mut self, yaml_path: YamlPath, pattern: Option<&str>) -> Option<Regex> {
        let made = Regex::new(pattern?);
        if made.is_err() {
            let hint = "write it without look-around and back-references";
            self.report_error_with_hint(yaml_path, "wrong-value", "this is not a regular expression", hint);
        }
        made.ok()
    }

    /// The numbers of the siblings that can't have a value together with a field.
    pub(super) fn resolve_conflicts(
        &mut self,
        beside: &FieldPosition,
        file: &FieldFile,
        yaml_path: YamlPath,
    ) -> Option<Vec<u16>> {
        let yaml_path = yaml_path.select_key("conflicts_with");
        let mut numbers = Vec::new();
        for (at, name) in file.conflicts_with.iter().enumerate() {
            let yaml_path = yaml_path.select_item(at);
            let Some((number, other)) = self.find_field(yaml_path, beside.siblings, name) else { continue };
            if number == beside.number || other.required || file.required {
                let message = format!("`{}` and `{name}` can't exclude each other", beside.name);
                let hint = "name another field; neither of them can be `required`";
                self.report_error_with_hint(yaml_path, "contradiction", message, hint);
            }
            numbers.push(number);
        }
        (numbers.len() == file.conflicts_with.len()).then_some(numbers)
    }
}
