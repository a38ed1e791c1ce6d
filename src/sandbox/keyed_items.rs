//! Items that are the members of an object: what a merge makes of them.
//!
//! Deliberately absent: writes of everything, which take them as any list (`rules`).

use crate::kind::{ArrayType, ItemType};
use crate::sandbox::deserialize::get_sent_name;
use crate::sandbox::rules::{SandboxNestedMerge, SandboxWriteRules};
use crate::value::Value;

impl SandboxWriteRules<'_> {
    /// Members that are items: null takes one out.
    pub(super) fn merge_keyed_items(
        &mut self,
        list: &ArrayType,
        given: &[Value],
        before: Option<&Value>,
        nested: SandboxNestedMerge,
    ) -> Value {
        let Some(keyed) = list.keyed_members else { return Value::Null };
        let mut all = before.map(Value::items).unwrap_or_default().to_vec();
        for item in given {
            let name = get_sent_name(keyed, item);
            let at = all.iter().position(|old| keyed.read_name(old) == name);
            let old = at.map(|at| all.remove(at));
            let made = match (&list.item, item, &old) {
                (_, Value::Map(_), _) => continue,
                (ItemType::Object(shape), Value::Object(body), Some(Value::Object(old)))
                    if nested == (SandboxNestedMerge::MergeMembers { is_deep: true }) =>
                {
                    let mut made = self.merge_members(shape, body, Some(old), nested);
                    self.merge_unknown_fields(&mut made, body);
                    Value::Object(Box::new(made))
                }
                (_, item, old) => self.replace_item(list, item, old.as_ref()),
            };
            all.insert(at.unwrap_or(all.len()), made);
        }
        Value::Array(all)
    }
}
