//! `unset`: fields that a lower level sets and that this level leaves unmanaged.
//!
//! A path is a field, or fields with dots between them; what follows on the name of a map is its key, dots and all.
//! Deliberately absent: items of lists, which `remove` takes out.

use super::merge::LevelMerger;
use super::paths::{remove_at_path, split_path};
use crate::diagnostic::{Diagnostic, suggest_word};
use crate::kind::Shape;
use crate::yaml::{YamlData, YamlNode};

impl LevelMerger<'_> {
    /// Takes the paths of `unset` out of a spec; what is not there is a fault.
    pub fn unset_paths(&mut self, spec: &mut YamlNode, unset: &YamlNode, shape: &Shape) {
        if !matches!(unset.data, YamlData::Sequence(_)) {
            let fault = Diagnostic::error("wrong-type", "`unset` takes a list of paths");
            self.add_fault(unset.span, fault.with_hint("write `unset: [field, object.field]`"));
        }
        for item in unset.items() {
            let Some(path) = item.as_scalar().filter(|path| !path.is_empty() && !item.is_null()) else {
                let fault = Diagnostic::error("wrong-type", "an item of `unset` is a path");
                self.add_fault(item.span, fault.with_hint("write `unset: [field, object.field]`"));
                continue;
            };
            let keys = split_path(path, shape);
            if let Err(known) = remove_at_path(spec, &keys) {
                let message = format!("no level below sets `{}`", path.escape_debug());
                let mut fault = Diagnostic::error("nothing-to-unset", message);
                let last = keys.last().copied().unwrap_or_default();
                fault.hint = suggest_word(last, known.iter().map(String::as_str))
                    .or_else(|| Some("remove it from `unset`".to_owned()));
                self.add_fault(item.span, fault);
            }
        }
    }
}
