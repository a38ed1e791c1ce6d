//! Fields that an empty list clears, of items that the service keeps.
//!
//! Deliberately absent: how items are distinguished (`types`).

use super::{KindChecker, YamlPath, keywords};
use crate::kind::file::{ClearValue, FieldFile, ItemFile, ListTypeName, UnlistedItems};

impl KindChecker<'_> {
    /// The fields of `clear_item_fields`, by their numbers in the item's shape.
    pub(super) fn resolve_cleared_item_fields(
        &mut self,
        file: &FieldFile,
        item: &ItemFile,
        yaml_path: YamlPath,
    ) -> Option<Vec<u16>> {
        if file.clear_item_fields.is_empty() {
            return Some(Vec::new());
        }
        let here = yaml_path.select_key("clear_item_fields");
        let keeps = file.unlisted_items == Some(UnlistedItems::Keep);
        if !keeps || file.list_type != Some(ListTypeName::Map) {
            let message = "only the items of a `list_type: map` that keeps unlisted items are cleared";
            self.report_error(here, "contradiction", message);
            return None;
        }
        let fields = item.properties.as_ref()?;
        let mut numbers = Vec::new();
        for (at, name) in file.clear_item_fields.iter().enumerate() {
            let here = here.select_item(at);
            let Some((number, field)) = self.find_field(here, fields, name) else { continue };
            if is_clearable(field) && !file.list_keys.iter().flatten().any(|key| key == name) {
                numbers.push(number);
                continue;
            }
            let message = format!("`{name}` can't be cleared");
            let hint = "name scalar fields that an update may clear and that are in no key of the list";
            self.report_error_with_hint(here, "contradiction", message, hint);
        }
        (numbers.len() == file.clear_item_fields.len()).then_some(numbers)
    }
}

fn is_clearable(field: &FieldFile) -> bool {
    let is_fixed = field.required || field.read_only || field.immutable || field.copy_of.is_some();
    keywords::is_scalar(field.ty) && !is_fixed && field.clear_with != Some(ClearValue::Nothing)
}
