//! One field as the document shows it: in what is read, in what is created, in what is updated.
//!
//! From the three together follows who may write it. Where an operation is not there at all, nothing follows
//! from its silence; that is not the same as a body that lacks the field.
//! Deliberately absent: what the field is; `field` says that.

use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};
use crate::openapi::wording;

/// What one side shows of a field.
#[derive(Clone, Copy)]
pub enum SchemaPresence<'p> {
    /// There is no such operation, or the field's container is not in it.
    NoOperation,
    /// The field is not in it.
    Absent,
    Present {
        schema: &'p FlatSchema,
        required: bool,
    },
}

/// A field, or an object with fields, from every side.
#[derive(Clone, Copy)]
pub struct OperationSchemas<'p> {
    pub read: SchemaPresence<'p>,
    pub create: SchemaPresence<'p>,
    pub update: SchemaPresence<'p>,
}

/// Who may write a field and when.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DraftBehavior {
    pub read_only: bool,
    pub required: bool,
    pub immutable: bool,
    pub update_only: bool,
    pub write_only: bool,
}

impl<'p> SchemaPresence<'p> {
    /// An object that an operation takes or gives, if it does.
    pub fn from_schema(plain: Option<&'p FlatSchema>) -> Self {
        plain.map_or(Self::NoOperation, |plain| Self::Present { schema: plain, required: false })
    }

    /// What it shows.
    pub fn schema(self) -> Option<&'p FlatSchema> {
        match self {
            Self::Present { schema: plain, .. } => Some(plain),
            _ => None,
        }
    }

    fn select_property(self, name: &str) -> Self {
        let Some(plain) = self.schema().filter(|plain| !plain.properties().is_empty()) else {
            return Self::NoOperation;
        };
        match plain.find_property(name) {
            Some(member) => Self::Present { schema: member, required: plain.requires_property(name) },
            None => Self::Absent,
        }
    }

    fn select_item(self) -> Self {
        match self.schema().map(|plain| &plain.form) {
            Some(SchemaForm::Array { item, .. }) => Self::Present { schema: item, required: false },
            _ => Self::NoOperation,
        }
    }

    fn select_entry(self) -> Self {
        match self.schema().map(|plain| &plain.form) {
            Some(SchemaForm::Object { additional_properties: Some(entry), .. }) => {
                Self::Present { schema: entry, required: false }
            }
            _ => Self::NoOperation,
        }
    }

    fn is_required(self) -> bool {
        matches!(self, Self::Present { required: true, .. })
    }
}

impl<'p> OperationSchemas<'p> {
    /// The sides on which something is shown, reads first.
    pub fn list_present(&self) -> impl Iterator<Item = &'p FlatSchema> {
        [self.read, self.update, self.create].into_iter().filter_map(SchemaPresence::schema)
    }

    /// The sides on which something is written.
    pub fn list_written(&self) -> impl Iterator<Item = &'p FlatSchema> {
        [self.update, self.create].into_iter().filter_map(SchemaPresence::schema)
    }

    /// The names of the members, in the order in which they are read.
    pub fn list_names(&self) -> Vec<&'p str> {
        let mut names: Vec<&str> = Vec::new();
        for plain in self.list_present() {
            for member in plain.properties() {
                if !names.contains(&member.name.as_str()) {
                    names.push(&member.name);
                }
            }
        }
        names
    }

    /// One member.
    pub fn select_property(&self, name: &str) -> Self {
        let [read, create, update] =
            [self.read, self.create, self.update].map(|side| side.select_property(name));
        Self { read, create, update }
    }

    /// The items of a list.
    pub fn select_items(&self) -> Self {
        let [read, create, update] = [self.read, self.create, self.update].map(SchemaPresence::select_item);
        Self { read, create, update }
    }

    /// The entries of a map.
    pub fn select_entries(&self) -> Self {
        let [read, create, update] = [self.read, self.create, self.update].map(SchemaPresence::select_entry);
        Self { read, create, update }
    }

    /// Who may write it, by the schemas and by what their texts say.
    pub fn infer_behavior(&self) -> DraftBehavior {
        let says = |is: fn(&FlatSchema) -> bool| self.list_present().any(is);
        let notes = |test: fn(&str) -> bool| {
            self.list_present().any(|schema| schema.notes.iter().any(|note| test(note)))
        };
        let demanded = self.create.is_required() || self.update.is_required();
        let read_only = says(|schema| schema.read_only) || (!demanded && notes(wording::says_read_only));
        if read_only || self.list_written().next().is_none() {
            return DraftBehavior { read_only: true, ..DraftBehavior::default() };
        }
        let (created, updated) = (self.create.schema().is_some(), self.update.schema().is_some());
        // without a create the update's own demands are all that is known
        let required = match self.create {
            SchemaPresence::NoOperation => self.update.is_required(),
            create => create.is_required(),
        };
        let update_only = updated && matches!(self.create, SchemaPresence::Absent);
        DraftBehavior {
            read_only: false,
            required: required && !update_only,
            immutable: created && (!updated || notes(wording::says_immutable)),
            update_only,
            write_only: says(|schema| schema.write_only)
                || notes(wording::says_write_only)
                || matches!(self.read, SchemaPresence::Absent),
        }
    }
}

impl DraftBehavior {
    /// Whether nothing clears such a field.
    pub fn is_never_cleared(self) -> bool {
        self.read_only || self.required || self.immutable
    }

    /// The words of the format.
    pub fn list_keywords(self) -> Vec<String> {
        let words = [
            (self.read_only, "read_only"),
            (self.required, "required"),
            (self.immutable, "immutable"),
            (self.update_only, "update_only"),
            (self.write_only, "write_only"),
        ];
        words.into_iter().filter(|(there, _)| *there).map(|(_, word)| word.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(read: SchemaPresence, create: SchemaPresence, update: SchemaPresence) -> String {
        OperationSchemas { read, create, update }.infer_behavior().list_keywords().join(" ")
    }

    #[test]
    fn who_writes_follows_from_where_a_field_stands() {
        let plain = FlatSchema::from_form(SchemaForm::Boolean);
        let sealed = FlatSchema { read_only: true, ..FlatSchema::from_form(SchemaForm::Boolean) };
        let has = SchemaPresence::Present { schema: &plain, required: false };
        let must = SchemaPresence::Present { schema: &plain, required: true };
        let locked = SchemaPresence::Present { schema: &sealed, required: true };
        assert_eq!(words(has, has, has), "");
        assert_eq!(words(has, must, has), "required");
        assert_eq!(words(has, SchemaPresence::Absent, SchemaPresence::Absent), "read_only");
        assert_eq!(words(locked, must, must), "read_only");
        assert_eq!(words(has, must, SchemaPresence::Absent), "required immutable");
        assert_eq!(words(has, must, SchemaPresence::NoOperation), "required immutable");
        assert_eq!(words(has, SchemaPresence::Absent, must), "update_only");
        assert_eq!(words(has, SchemaPresence::NoOperation, must), "required");
        assert_eq!(words(SchemaPresence::Absent, has, has), "write_only");
        assert_eq!(words(SchemaPresence::NoOperation, has, has), "");
    }
}
