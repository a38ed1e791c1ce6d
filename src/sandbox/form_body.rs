//! Forms: `address[city]=Oslo&tags[]=a&rows[0][name]=x` as a tree.
//!
//! Words have no types; the kind says what they are. An empty value is nothing at all.
//! Deliberately absent: fields (`deserialize`).

use std::borrow::Cow;

use crate::sandbox::raw_body::RawBodyValue;

/// A form as an object.
pub fn parse_form(text: &str) -> RawBodyValue<'static> {
    let mut root = FormNode::default();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let (first, rest) = name.split_once('[').unwrap_or((&name, ""));
        let steps = rest.split('[').map(|step| step.trim_end_matches(']'));
        let steps: Vec<&str> = std::iter::once(first).chain(steps.filter(|_| !rest.is_empty())).collect();
        root.insert_value(&steps, &value);
    }
    root.into_value()
}

#[derive(Default)]
struct FormNode {
    value: String,
    members: Vec<(String, FormNode)>,
}

impl FormNode {
    fn insert_value(&mut self, steps: &[&str], value: &str) {
        let Some((first, rest)) = steps.split_first() else {
            value.clone_into(&mut self.value);
            return;
        };
        let known = self.members.iter().position(|(name, _)| !first.is_empty() && name == first);
        let at = known.unwrap_or_else(|| {
            self.members.push(((*first).to_owned(), Self::default()));
            self.members.len() - 1
        });
        if let Some((_, member)) = self.members.get_mut(at) {
            member.insert_value(rest, value);
        }
    }

    fn into_value(self) -> RawBodyValue<'static> {
        let is_index = |name: &str| name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit());
        match self.members.as_slice() {
            [] if self.value.is_empty() => RawBodyValue::Null,
            [] => RawBodyValue::Plain(Cow::Owned(self.value)),
            all if all.iter().all(|(name, _)| is_index(name)) => {
                RawBodyValue::Array(self.members.into_iter().map(|(_, member)| member.into_value()).collect())
            }
            _ => {
                let members = self.members.into_iter();
                RawBodyValue::Object(
                    members.map(|(name, member)| (Cow::Owned(name), member.into_value())).collect(),
                )
            }
        }
    }
}
