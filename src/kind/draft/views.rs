//! One field as the document shows it: in what is read, in what is created, in what is updated.
//!
//! From the three together follows who may write it. Where an operation is not there at all, nothing follows
//! from its silence; that is told apart from a body that lacks the field.
//! Deliberately absent: what the field is; `field` says that.

use super::plain::{Form, Plain};

/// What one side shows of a field.
#[derive(Clone, Copy)]
pub enum Side<'p> {
    /// There is no such operation, or the field's container is not in it.
    Nowhere,
    /// The field is not in it.
    Lacks,
    Has {
        plain: &'p Plain,
        required: bool,
    },
}

/// A field, or an object with fields, from every side.
#[derive(Clone, Copy)]
pub struct Views<'p> {
    pub read: Side<'p>,
    pub create: Side<'p>,
    pub update: Side<'p>,
}

/// Who may write a field and when.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Access {
    pub computed: bool,
    pub required: bool,
    pub create_only: bool,
    pub update_only: bool,
    pub write_only: bool,
}

impl<'p> Side<'p> {
    /// An object that an operation takes or gives, if it does.
    pub fn of(plain: Option<&'p Plain>) -> Self {
        plain.map_or(Self::Nowhere, |plain| Self::Has { plain, required: false })
    }

    /// What it shows.
    pub fn plain(self) -> Option<&'p Plain> {
        match self {
            Self::Has { plain, .. } => Some(plain),
            _ => None,
        }
    }

    fn member(self, name: &str) -> Self {
        let Some(plain) = self.plain().filter(|plain| !plain.members().is_empty()) else {
            return Self::Nowhere;
        };
        match plain.member(name) {
            Some(member) => Self::Has { plain: member, required: plain.requires(name) },
            None => Self::Lacks,
        }
    }

    fn item(self) -> Self {
        match self.plain().map(|plain| &plain.form) {
            Some(Form::List { item, .. }) => Self::Has { plain: item, required: false },
            _ => Self::Nowhere,
        }
    }

    fn is_required(self) -> bool {
        matches!(self, Self::Has { required: true, .. })
    }
}

impl<'p> Views<'p> {
    /// The sides on which something is shown, reads first.
    pub fn shown(&self) -> impl Iterator<Item = &'p Plain> {
        [self.read, self.update, self.create].into_iter().filter_map(Side::plain)
    }

    /// The sides on which something is written.
    pub fn written(&self) -> impl Iterator<Item = &'p Plain> {
        [self.update, self.create].into_iter().filter_map(Side::plain)
    }

    /// The names of the members, in the order in which they are read.
    pub fn names(&self) -> Vec<&'p str> {
        let mut names: Vec<&str> = Vec::new();
        for plain in self.shown() {
            for member in plain.members() {
                if !names.contains(&member.name.as_str()) {
                    names.push(&member.name);
                }
            }
        }
        names
    }

    /// One member.
    pub fn member(&self, name: &str) -> Self {
        let [read, create, update] = [self.read, self.create, self.update].map(|side| side.member(name));
        Self { read, create, update }
    }

    /// The items of a list.
    pub fn items(&self) -> Self {
        let [read, create, update] = [self.read, self.create, self.update].map(Side::item);
        Self { read, create, update }
    }

    /// Who may write it.
    pub fn access(&self) -> Access {
        let says = |is: fn(&Plain) -> bool| self.shown().any(is);
        if says(|plain| plain.read_only) || self.written().next().is_none() {
            return Access { computed: true, ..Access::default() };
        }
        let (created, updated) = (self.create.plain().is_some(), self.update.plain().is_some());
        // without a create the update's own demands are all that is known
        let required = match self.create {
            Side::Nowhere => self.update.is_required(),
            create => create.is_required(),
        };
        let update_only = updated && matches!(self.create, Side::Lacks);
        Access {
            computed: false,
            required: required && !update_only,
            create_only: created && !updated,
            update_only,
            write_only: says(|plain| plain.write_only) || matches!(self.read, Side::Lacks),
        }
    }
}

impl Access {
    /// Whether nothing clears such a field.
    pub fn is_fixed(self) -> bool {
        self.computed || self.required || self.create_only
    }

    /// The words of the format.
    pub fn words(self) -> Vec<String> {
        let words = [
            (self.computed, "computed"),
            (self.required, "required"),
            (self.create_only, "create_only"),
            (self.update_only, "update_only"),
            (self.write_only, "write_only"),
        ];
        words.into_iter().filter(|(there, _)| *there).map(|(_, word)| word.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(read: Side, create: Side, update: Side) -> String {
        Views { read, create, update }.access().words().join(" ")
    }

    #[test]
    fn who_writes_follows_from_where_a_field_stands() {
        let plain = Plain::of(Form::Flag);
        let sealed = Plain { read_only: true, ..Plain::of(Form::Flag) };
        let has = Side::Has { plain: &plain, required: false };
        let must = Side::Has { plain: &plain, required: true };
        let locked = Side::Has { plain: &sealed, required: true };
        assert_eq!(words(has, has, has), "");
        assert_eq!(words(has, must, has), "required");
        assert_eq!(words(has, Side::Lacks, Side::Lacks), "computed");
        assert_eq!(words(locked, must, must), "computed");
        assert_eq!(words(has, must, Side::Lacks), "required create_only");
        assert_eq!(words(has, must, Side::Nowhere), "required create_only");
        assert_eq!(words(has, Side::Lacks, must), "update_only");
        assert_eq!(words(has, Side::Nowhere, must), "required");
        assert_eq!(words(Side::Lacks, has, has), "write_only");
        assert_eq!(words(Side::Nowhere, has, has), "");
    }
}
