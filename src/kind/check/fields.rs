//! Fields: who may write them and when, how they are marked, named, cleared, and what their absence means.
//!
//! What a container says of itself goes down to what is inside: its mark, and that the service sets it.
//! Deliberately absent: the tables of `words`, the making of `types`, and `references` to other things.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::file::{AbsentWord, Access, ClearWord, FieldFile, Fields, MarkWord, TypeWord};
use super::super::{Absent, Clear, Field, Rights, Type};
use super::words::{EXCLUSIVE, access_word, clearable, compare, fitting, needed, type_word};
use super::{Desk, Scene, Spot};
use crate::value::Mark;

/// How many fields one object may have.
const MAX_FIELDS: usize = 1000;

/// What the containers of a field hand down to it.
#[derive(Clone, Default)]
pub(super) struct Above {
    pub mark: Mark,
    pub computed: bool,
}

impl Desk<'_> {
    /// The fields of an object; none when any of them is broken.
    pub(super) fn shape(
        &mut self,
        scene: &Scene,
        fields: &Fields<FieldFile>,
        spot: Spot,
    ) -> Option<Vec<Field>> {
        self.shape_below(scene, fields, spot, &Above::default())
    }

    pub(super) fn shape_below(
        &mut self,
        scene: &Scene,
        fields: &Fields<FieldFile>,
        spot: Spot,
        above: &Above,
    ) -> Option<Vec<Field>> {
        if fields.0.is_empty() || fields.0.len() > MAX_FIELDS {
            let message = format!("an object has 1 to {MAX_FIELDS} fields, this one has {}", fields.0.len());
            self.fault(spot, "wrong-number", message);
            return None;
        }
        self.clashes(scene, fields, spot);
        let mut made = Vec::with_capacity(fields.0.len());
        for (number, (name, file)) in (0..).zip(&fields.0) {
            let place = Beside { fields, number, name };
            made.extend(self.field(scene, &place, file, spot.key(name), above));
        }
        (made.len() == fields.0.len()).then_some(made)
    }

    /// Two fields that would be read from, or written to, one member.
    fn clashes(&mut self, scene: &Scene, fields: &Fields<FieldFile>, spot: Spot) {
        let (mut read, mut written) = (BTreeMap::new(), BTreeMap::new());
        for (name, file) in &fields.0 {
            let access = file.access.all();
            let as_read = file.read_as.as_deref().unwrap_or(name);
            let as_written = file.written_as.as_deref().unwrap_or(name);
            let reads = !access.contains(&Access::WriteOnly);
            let writes = file.sent.is_none();
            let other = reads.then(|| read.insert(scene.folded(as_read), name)).flatten();
            let other = other.or(writes.then(|| written.insert(scene.folded(as_written), name)).flatten());
            let through = file.removals.as_ref().map(|removals| scene.folded(&removals.through));
            let other = other.or(through.and_then(|through| written.insert(through, name)));
            if let Some(other) = other {
                let message = format!("`{name}` and `{other}` stand in the same member");
                self.fault(spot.key(name), "duplicate-name", message);
            }
        }
    }

    fn field(
        &mut self,
        scene: &Scene,
        beside: &Beside,
        file: &FieldFile,
        spot: Spot,
        above: &Above,
    ) -> Option<Field> {
        self.said(spot, "is", &file.is);
        let words = self.words_fit(file, spot);
        let mark = self.mark(file, spot).max(above.mark);
        let access = self.rights(file, spot, above);
        let ty = self.field_type(scene, file, spot, &Above { mark, computed: access.computed });
        let absent = self.absent(file, spot);
        let clear = self.clear(scene, file, access, spot);
        let copy_of = self.copy(scene, beside, file, spot);
        let refers_to = self.refers(scene, file.refers_to.as_ref(), spot.key("refers_to"));
        let bounded_by = self.bounds(scene, beside, file.bounded_by.as_ref(), spot.key("bounded_by"));
        let names = self.member_names(beside.name, file, spot);
        let ty = ty?;
        let protection = self.protection(file, &ty, spot);
        self.example(file, &ty, mark, spot);
        let (read_as, written_as) = names?;
        words.then_some(Field {
            number: beside.number,
            name: beside.name.into(),
            read_as,
            written_as,
            ty,
            is: file.is.clone(),
            access,
            mark,
            absent,
            clear,
            compare: compare(file.compare),
            copy_of: copy_of?,
            never_sent: file.sent.is_some(),
            never_imported: file.imported.is_some(),
            refers_to: refers_to?,
            bounded_by: bounded_by?,
            protection,
            example: file.example.clone(),
            source: file.source.clone(),
        })
    }

    fn words_fit(&mut self, file: &FieldFile, spot: Spot) -> bool {
        let before = self.faults.len();
        for (word, there, types) in fitting(file) {
            if there && !types.contains(&file.ty) {
                let fits: Vec<_> = types.iter().map(|ty| format!("`{}`", type_word(*ty))).collect();
                let message = format!("`{word}` does not fit the type `{}`", type_word(file.ty));
                let hint = format!("it fits {}", fits.join(", "));
                self.fault_hint(spot.key(word), "word-does-not-fit", message, &hint);
            }
        }
        for (word, there, hint) in needed(file) {
            if !there {
                let message = format!("a field of type `{}` needs `{word}`", type_word(file.ty));
                self.fault_hint(spot, "missing-word", message, hint);
            }
        }
        self.faults.len() == before
    }

    fn mark(&mut self, file: &FieldFile, spot: Spot) -> Mark {
        match file.mark {
            None => Mark::Open,
            Some(MarkWord::Sensitive) => Mark::Sensitive,
            Some(MarkWord::Personal) => Mark::Personal,
            Some(MarkWord::Secret) => {
                if file.ty != TypeWord::Text {
                    self.fault(spot.key("mark"), "word-does-not-fit", "only a `text` can be a secret");
                }
                Mark::Secret
            }
        }
    }

    fn rights(&mut self, file: &FieldFile, spot: Spot, above: &Above) -> Rights {
        let words = file.access.all();
        let has = |word| words.contains(&word);
        for (one, other) in EXCLUSIVE {
            if has(*one) && has(*other) {
                let message =
                    format!("`{}` and `{}` contradict each other", access_word(*one), access_word(*other));
                self.fault(spot.key("access"), "contradiction", message);
            }
        }
        if words.iter().enumerate().any(|(at, word)| words[..at].contains(word)) {
            self.fault(spot.key("access"), "duplicate-name", "a word stands twice");
        }
        if file.copy_of.is_some() && !words.is_empty() {
            let message = "nobody writes a copy, so it needs no `access`";
            self.fault(spot.key("access"), "contradiction", message);
        }
        if above.computed && words.iter().any(|word| *word != Access::Computed) {
            let message = "what stands in a computed field is computed too";
            self.fault(spot.key("access"), "contradiction", message);
        }
        let computed = has(Access::Computed) || file.copy_of.is_some() || above.computed;
        self.rights_and_names(file, spot, computed, has(Access::WriteOnly));
        Rights {
            required: has(Access::Required),
            computed,
            create_only: has(Access::CreateOnly),
            update_only: has(Access::UpdateOnly),
            write_only: has(Access::WriteOnly),
            names_it: false,
        }
    }

    fn rights_and_names(&mut self, file: &FieldFile, spot: Spot, computed: bool, write_only: bool) {
        if file.sent.is_some() && !computed {
            let message = "a field that is never sent is `computed`";
            self.fault(spot.key("sent"), "contradiction", message);
        }
        if file.sent.is_some() && (file.copy_of.is_some() || file.written_as.is_some()) {
            let message = "a field that is never sent is neither copied nor written";
            self.fault(spot.key("sent"), "contradiction", message);
        }
        if write_only && file.read_as.is_some() {
            self.fault(
                spot.key("read_as"),
                "contradiction",
                "a field that never reads back has no name to read",
            );
        }
        if write_only && file.absent.is_some() {
            self.fault(spot.key("absent"), "contradiction", "a field that never reads back is always absent");
        }
    }

    fn member_names(
        &mut self,
        name: &str,
        file: &FieldFile,
        spot: Spot,
    ) -> Option<(Vec<Arc<str>>, Arc<str>)> {
        let read_as: Vec<Arc<str>> = file
            .read_as
            .as_deref()
            .map_or_else(|| vec![name.into()], |dotted| dotted.split('.').map(Into::into).collect());
        let written_as: Arc<str> = file.written_as.as_deref().unwrap_or(name).into();
        let mut sound = true;
        let words =
            [("read_as", read_as.iter().any(|step| step.is_empty())), ("written_as", written_as.is_empty())];
        for (word, empty) in words {
            if empty {
                self.fault(spot.key(word), "empty-text", format!("`{word}` names no member"));
                sound = false;
            }
        }
        if name.is_empty() || name.contains(['.', '/']) {
            self.fault(spot, "wrong-name", "the name of a field is not empty and has neither dot nor slash");
            sound = false;
        }
        sound.then_some((read_as, written_as))
    }

    fn absent(&mut self, file: &FieldFile, spot: Spot) -> Absent {
        let zeroless = matches!(file.ty, TypeWord::Object | TypeWord::Date | TypeWord::Time | TypeWord::Any);
        match file.absent {
            None | Some(AbsentWord::Null) => Absent::Null,
            Some(AbsentWord::Unknown) => Absent::Unknown,
            Some(AbsentWord::Pending) => Absent::Pending,
            Some(AbsentWord::Zero) => {
                if zeroless {
                    let message = format!("the type `{}` has no zero", type_word(file.ty));
                    self.fault(spot.key("absent"), "word-does-not-fit", message);
                }
                Absent::Zero
            }
        }
    }

    fn clear(&mut self, scene: &Scene, file: &FieldFile, access: Rights, spot: Spot) -> Clear {
        let fixed = access.required || access.computed || access.create_only;
        match file.clear {
            Some(word) if fixed && word != ClearWord::Never => {
                let message = "nothing clears a field that is required, computed or set on create only";
                self.fault_hint(spot.key("clear"), "contradiction", message, "leave `clear` out");
            }
            Some(word) if !clearable(file.ty, word) => {
                let message = format!("a value of type `{}` is not cleared in this way", type_word(file.ty));
                self.fault(spot.key("clear"), "word-does-not-fit", message);
            }
            _ => {}
        }
        if fixed {
            return Clear::Never;
        }
        let usual = match file.ty {
            TypeWord::Text | TypeWord::Choice => scene.api.clears.text,
            TypeWord::List | TypeWord::Map => ClearWord::Empty,
            _ => scene.api.clears.other,
        };
        match file.clear.unwrap_or(usual) {
            ClearWord::Null => Clear::Null,
            ClearWord::Empty => Clear::Empty,
            ClearWord::Zero => Clear::Zero,
            ClearWord::Never => Clear::Never,
        }
    }

    fn example(&mut self, file: &FieldFile, ty: &Type, mark: Mark, spot: Spot) {
        let Some(example) = file.example.as_ref().filter(|_| !self.is_proven) else { return };
        let spot = spot.key("example");
        if mark == Mark::Secret {
            let message = "a secret has no example, because no document holds one";
            self.fault(spot, "contradiction", message);
        }
        self.value_fits(spot, ty, example);
    }
}

/// Where a field stands: among which others, and as the how-manieth.
pub(super) struct Beside<'k> {
    pub fields: &'k Fields<FieldFile>,
    pub number: u16,
    pub name: &'k str,
}
