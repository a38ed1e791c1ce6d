//! Fields: from flat words to types, rights and references.
//!
//! Which word fits which type stands in two tables; what contradicts what in a third. Names are resolved against
//! the file, not against what was made so far, so one broken field does not hide the faults of the next.
//! Deliberately absent: values; `fit` compares examples and samples with the types made here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::file::{
    AbsentWord, Access, AmongFile, BoundsFile, ClearWord, CompareWord, FieldFile, Fields, ItemFile,
    ItemsSent, ListedWord, MarkWord, RefersFile, RemovalsFile, ToldApartFile, ToldApartWord, TypeWord,
};
use super::super::{
    Absent, Among, Bounds, Clear, Compare, Copy, Field, Item, Leaf, ListType, MapType, NumberForm, Refers,
    Removals, Rights, Shape, ToldApart, Type,
};
use super::{Desk, Scene, Spot};
use crate::value::{Mark, Value};

/// How many fields one object may have.
const MAX_FIELDS: usize = 1000;

/// The leaf of a scope parameter or of anything else that needs no more words.
pub(super) fn plain_leaf(ty: TypeWord) -> Leaf {
    match ty {
        TypeWord::Whole => Leaf::Whole(NumberForm::Number),
        TypeWord::Decimal => Leaf::Decimal(NumberForm::Number),
        TypeWord::Flag => Leaf::Flag,
        TypeWord::Guid => Leaf::Guid,
        TypeWord::Date => Leaf::Date,
        TypeWord::Time => Leaf::Time,
        TypeWord::Any => Leaf::Any,
        _ => Leaf::Text { max: None },
    }
}

/// The fields of the object that a field holds, or of the items of its list.
pub(super) fn inner(field: &FieldFile) -> Option<&Fields<FieldFile>> {
    match field.ty {
        TypeWord::Object => field.fields.as_ref(),
        _ => None,
    }
}

/// The fields of the items of a list of objects.
fn item_fields(field: &FieldFile) -> Option<&Fields<FieldFile>> {
    field.items.as_ref().filter(|_| field.ty == TypeWord::List)?.fields.as_ref()
}

/// A list whose items are told apart by what they are.
pub(super) fn is_set(field: &FieldFile) -> bool {
    matches!(field.told_apart, Some(ToldApartFile::Word(ToldApartWord::Set)))
}

fn is_leaf(ty: TypeWord) -> bool {
    !matches!(ty, TypeWord::Object | TypeWord::Map | TypeWord::List)
}

const LEAVES: &[TypeWord] = &[
    TypeWord::Text,
    TypeWord::Whole,
    TypeWord::Decimal,
    TypeWord::Flag,
    TypeWord::Guid,
    TypeWord::Date,
    TypeWord::Time,
    TypeWord::Choice,
];
const TEXTS: &[TypeWord] = &[TypeWord::Text, TypeWord::Choice];
const NUMBERS: &[TypeWord] = &[TypeWord::Whole, TypeWord::Decimal];
const IDS: &[TypeWord] = &[TypeWord::Text, TypeWord::Whole, TypeWord::Guid, TypeWord::List];
const MANY: &[TypeWord] = &[TypeWord::List, TypeWord::Map];

/// The words that stand in a field, each with the types that it fits.
fn fitting(file: &FieldFile) -> [(&'static str, bool, &'static [TypeWord]); 17] {
    [
        ("choices", file.choices.is_some(), &[TypeWord::Choice]),
        ("open", file.open, &[TypeWord::Choice]),
        ("keys", file.keys.is_some(), &[TypeWord::Map]),
        ("fields", file.fields.is_some(), &[TypeWord::Object]),
        ("items", file.items.is_some(), MANY),
        ("told_apart", file.told_apart.is_some(), &[TypeWord::List]),
        ("listed", file.listed.is_some(), MANY),
        ("order_told", file.order_told, &[TypeWord::List]),
        ("items_sent", file.items_sent != ItemsSent::All, &[TypeWord::List]),
        ("removals", file.removals.is_some(), &[TypeWord::List]),
        ("max_length", file.max_length.is_some(), &[TypeWord::Text]),
        ("wire", file.wire.is_some(), NUMBERS),
        ("compare", file.compare.is_some(), TEXTS),
        ("refers_to", file.refers_to.is_some(), IDS),
        ("bounded_by", file.bounded_by.is_some(), &[TypeWord::Text]),
        ("protection", file.protection.is_some(), LEAVES),
        ("copy_of", file.copy_of.is_some(), LEAVES),
    ]
}

/// The words that a field of its type must have.
fn needed(file: &FieldFile) -> Vec<(&'static str, bool, &'static str)> {
    match file.ty {
        TypeWord::Choice => vec![("choices", file.choices.is_some(), "write each value with what it means")],
        TypeWord::Object => vec![("fields", file.fields.is_some(), "write the object's fields")],
        TypeWord::Map => vec![
            ("items", file.items.is_some(), "say the type of the values: `items: { type: text }`"),
            ("listed", file.listed.is_some(), "`complete`: keys not listed are removed; `upsert`: they stay"),
        ],
        TypeWord::List => vec![
            (
                "items",
                file.items.is_some(),
                "say what each item is: `type` for a leaf, `fields` for an object",
            ),
            ("told_apart", file.told_apart.is_some(), "`order`, `set`, or `key: [field, …]`"),
            (
                "listed",
                file.listed.is_some(),
                "`complete`: items not listed are removed; `upsert`: they stay",
            ),
        ],
        _ => Vec::new(),
    }
}

/// Words of `access` that cannot stand together.
const EXCLUSIVE: &[(Access, Access)] = &[
    (Access::Computed, Access::Required),
    (Access::Computed, Access::Optional),
    (Access::Computed, Access::CreateOnly),
    (Access::Computed, Access::UpdateOnly),
    (Access::Computed, Access::WriteOnly),
    (Access::CreateOnly, Access::UpdateOnly),
    (Access::Required, Access::Optional),
    (Access::Required, Access::UpdateOnly),
];

/// What the containers of a field hand down to it.
#[derive(Clone, Default)]
struct Above {
    mark: Mark,
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

    fn shape_below(
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
        let access = self.rights(file, spot);
        let ty = self.field_type(scene, file, spot, &Above { mark });
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

    fn rights(&mut self, file: &FieldFile, spot: Spot) -> Rights {
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
        let computed = has(Access::Computed) || file.copy_of.is_some();
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

    fn field_type(&mut self, scene: &Scene, file: &FieldFile, spot: Spot, above: &Above) -> Option<Type> {
        match file.ty {
            TypeWord::Object => {
                let fields = self.shape_below(scene, file.fields.as_ref()?, spot.key("fields"), above)?;
                Some(Type::Object(Arc::new(Shape { fields })))
            }
            TypeWord::Map => self.map_type(file, spot).map(Type::Map),
            TypeWord::List => self.list_type(scene, file, spot, above).map(Type::List),
            TypeWord::Choice => self.choices(file.choices.as_ref()?, file.open, spot).map(Type::Leaf),
            TypeWord::Text => Some(Type::Leaf(Leaf::Text { max: file.max_length })),
            TypeWord::Whole => Some(Type::Leaf(Leaf::Whole(file.wire.unwrap_or_default()))),
            TypeWord::Decimal => Some(Type::Leaf(Leaf::Decimal(file.wire.unwrap_or_default()))),
            other => Some(Type::Leaf(plain_leaf(other))),
        }
    }

    fn choices(&mut self, choices: &Fields<String>, open: bool, spot: Spot) -> Option<Leaf> {
        if choices.0.is_empty() {
            self.fault(spot.key("choices"), "missing-word", "a choice has at least one value");
            return None;
        }
        for (choice, is) in &choices.0 {
            self.said(spot.key("choices"), choice, is);
        }
        let choices = choices.0.iter().map(|(choice, is)| (choice.as_str().into(), is.clone())).collect();
        Some(Leaf::Choice { choices, open })
    }

    fn map_type(&mut self, file: &FieldFile, spot: Spot) -> Option<MapType> {
        let item = file.items.as_ref()?;
        if item.fields.is_some() {
            let message = "the values of a `map` are leaves";
            self.fault_hint(
                spot.key("items"),
                "word-does-not-fit",
                message,
                "use `type: any` for anything else",
            );
            return None;
        }
        let value = self.item_leaf(item, spot.key("items"))?;
        let keys = file.keys.iter().flat_map(|keys| &keys.0);
        let keys: Vec<(Arc<str>, String)> = keys.map(|(key, is)| (key.as_str().into(), is.clone())).collect();
        for (key, is) in &keys {
            self.said(spot.key("keys"), key, is);
        }
        Some(MapType { value, keys, complete: file.listed? == ListedWord::Complete })
    }

    fn item_leaf(&mut self, item: &ItemFile, spot: Spot) -> Option<Leaf> {
        let ty = item.ty?;
        if !is_leaf(ty) {
            let message = format!("an item can't be of type `{}`", type_word(ty));
            self.fault_hint(spot.key("type"), "word-does-not-fit", message, "write `fields` for objects");
            return None;
        }
        match (&item.choices, ty) {
            (Some(choices), TypeWord::Choice) => self.choices(choices, item.open, spot),
            (None, TypeWord::Choice) => {
                self.fault(spot, "missing-word", "a choice needs `choices`");
                None
            }
            (None, _) if !item.open => Some(plain_leaf(ty)),
            _ => {
                let message = format!("`choices` and `open` do not fit the type `{}`", type_word(ty));
                self.fault(spot, "word-does-not-fit", message);
                None
            }
        }
    }

    fn list_type(&mut self, scene: &Scene, file: &FieldFile, spot: Spot, above: &Above) -> Option<ListType> {
        let item = file.items.as_ref()?;
        let items = spot.key("items");
        let made = match (&item.ty, &item.fields) {
            (Some(_), None) => self.item_leaf(item, items).map(Item::Leaf),
            (None, Some(fields)) => {
                let made = self.shape_below(scene, fields, items.key("fields"), above);
                made.map(|fields| Item::Object(Arc::new(Shape { fields })))
            }
            _ => {
                self.fault(items, "missing-word", "an item has either a `type` or `fields`");
                None
            }
        };
        let told_apart = self.told_apart(file, item, spot);
        let removals = self.removals(file, item, spot.key("removals"));
        self.list_words(file, spot);
        let (mut item, told_apart) = (made?, told_apart?);
        if let (Item::Object(shape), ToldApart::Keys(keys)) = (&mut item, &told_apart) {
            name_keys(shape, keys);
        }
        Some(ListType {
            item,
            told_apart,
            complete: file.listed? == ListedWord::Complete,
            order_told: file.order_told,
            items_sent: file.items_sent,
            removals: removals?,
        })
    }

    fn list_words(&mut self, file: &FieldFile, spot: Spot) {
        let by_order = matches!(file.told_apart, Some(ToldApartFile::Word(ToldApartWord::Order)));
        let by_key = matches!(file.told_apart, Some(ToldApartFile::Keys(_)));
        let complete = file.listed == Some(ListedWord::Complete);
        let changed = file.items_sent == ItemsSent::Changed;
        let rules = [
            (by_order && !complete, "listed", "a list told apart by `order` can only be written `complete`"),
            (
                by_order && file.order_told,
                "order_told",
                "a list told apart by `order` changes with its order",
            ),
            (changed && !by_key, "items_sent", "only items with a `key` can be sent one by one"),
            (
                changed && complete && file.removals.is_none(),
                "items_sent",
                "when only changed items are sent, a `complete` list needs `removals`",
            ),
            (file.removals.is_some() && !complete, "removals", "an `upsert` list removes nothing"),
            (
                file.removals.is_some() && !changed,
                "removals",
                "a list with `removals` sends its changed items",
            ),
        ];
        for (broken, word, message) in rules {
            if broken {
                self.fault(spot.key(word), "contradiction", message);
            }
        }
    }

    fn told_apart(&mut self, file: &FieldFile, item: &ItemFile, spot: Spot) -> Option<ToldApart> {
        let spot = spot.key("told_apart");
        let keys = match file.told_apart.as_ref()? {
            ToldApartFile::Word(ToldApartWord::Order) => return Some(ToldApart::Order),
            ToldApartFile::Word(ToldApartWord::Set) => return Some(ToldApart::Set),
            ToldApartFile::Keys(keys) => keys,
        };
        let Some(fields) = &item.fields else {
            let message = "items without fields have no key";
            self.fault_hint(spot, "word-does-not-fit", message, "write `order` or `set`");
            return None;
        };
        let first = (spot.key("key"), &keys.key);
        let others = keys.otherwise.iter().enumerate().map(|(at, key)| (spot.key("else").item(at), key));
        let mut made = Vec::new();
        let mut sound = true;
        for (spot, names) in std::iter::once(first).chain(others) {
            match self.key(fields, names, spot) {
                Some(key) => made.push(key),
                None => sound = false,
            }
        }
        sound.then_some(ToldApart::Keys(made))
    }

    fn key(&mut self, fields: &Fields<FieldFile>, names: &[String], spot: Spot) -> Option<Vec<u16>> {
        if names.is_empty() {
            self.fault(spot, "missing-word", "a key has at least one field");
            return None;
        }
        let mut key = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let spot = spot.item(at);
            let Some((number, field)) = self.field_named(spot, fields, name) else { continue };
            if self.key_leaf(spot, name, field).is_none() {
                continue;
            }
            if key.contains(&number) {
                self.fault(spot, "duplicate-name", format!("`{name}` stands twice in this key"));
                continue;
            }
            key.push(number);
        }
        (key.len() == names.len()).then_some(key)
    }

    fn removals(&mut self, file: &FieldFile, item: &ItemFile, spot: Spot) -> Option<Option<Removals>> {
        let Some(RemovalsFile { through, with }) = &file.removals else { return Some(None) };
        self.said(spot, "through", through);
        let fields = item.fields.as_ref()?;
        let with = self.key(fields, with, spot.key("with"))?;
        Some(Some(Removals { through: through.as_str().into(), with }))
    }

    /// The source of a copy: a scope parameter, else a root field.
    fn copy(&mut self, scene: &Scene, beside: &Beside, file: &FieldFile, spot: Spot) -> Option<Option<Copy>> {
        let Some(name) = &file.copy_of else { return Some(None) };
        let spot = spot.key("copy_of");
        let (source, ty) = match scene.scope.iter().find(|scope| *scope.name == **name) {
            Some(scope) => (Copy::Scope(Arc::clone(&scope.name)), scope.ty.word()),
            None => {
                let at = scene.root.0.iter().position(|(own, _)| own == name);
                let Some(at) = at else {
                    let known = scene.root.0.iter().map(|(own, _)| own.as_str());
                    let known = known.chain(scene.scope.iter().map(|scope| &*scope.name));
                    self.unknown(spot, "scope parameter or field", name, known.collect::<Vec<_>>());
                    return None;
                };
                let (_, field) = &scene.root.0[at];
                if std::ptr::eq(scene.root, beside.fields) && at == usize::from(beside.number) {
                    self.fault(spot, "contradiction", "a field can't be a copy of itself");
                }
                (Copy::Field(u16::try_from(at).ok()?), type_word(field.ty))
            }
        };
        if ty != type_word(file.ty) {
            let message =
                format!("a field of type `{}` can't be a copy of one of type `{ty}`", type_word(file.ty));
            self.fault(spot, "word-does-not-fit", message);
        }
        Some(Some(source))
    }

    fn refers(&mut self, scene: &Scene, file: Option<&RefersFile>, spot: Spot) -> Option<Option<Refers>> {
        let Some(file) = file else { return Some(None) };
        self.said(spot, "id", &file.id);
        if file.among.is_none() && !file.by.is_empty() {
            let message = "a name says nothing without `among`, where the things stand that have it";
            self.fault(spot.key("by"), "missing-word", message);
        }
        let among = match &file.among {
            None => None,
            Some(among) => Some(self.among(scene, file, among, spot)?),
        };
        let by = file.by.iter().map(|name| name.as_str().into()).collect();
        Some(Some(Refers { id: file.id.as_str().into(), by, among }))
    }

    fn among(&mut self, scene: &Scene, file: &RefersFile, among: &AmongFile, spot: Spot) -> Option<Among> {
        let place = spot.key("among");
        match among {
            AmongFile::Field(name) => {
                let (number, field) = self.root_field(scene, place.key("field"), name)?;
                let Some(fields) = item_fields(field) else {
                    let message = format!("`{name}` is not a list of objects");
                    self.fault(place.key("field"), "word-does-not-fit", message);
                    return None;
                };
                self.field_named(spot.key("id"), fields, &file.id)?;
                for (at, name) in file.by.iter().enumerate() {
                    self.field_named(spot.key("by").item(at), fields, name)?;
                }
                Some(Among::Field(number))
            }
            AmongFile::UrlIn(member) => {
                self.said(place, "url_in", member);
                Some(Among::UrlIn(member.as_str().into()))
            }
            AmongFile::List(list) => {
                self.list(scene, place.key("list"), list);
                Some(Among::List(list.clone()))
            }
            AmongFile::Kind(kind) => {
                if !scene.kinds.contains(kind) {
                    self.unknown(place.key("kind"), "kind", kind, scene.kinds.iter().map(String::as_str));
                }
                Some(Among::Kind(kind.as_str().into()))
            }
        }
    }

    fn bounds(
        &mut self,
        scene: &Scene,
        beside: &Beside,
        file: Option<&BoundsFile>,
        spot: Spot,
    ) -> Option<Option<Bounds>> {
        let Some(file) = file else { return Some(None) };
        let (of, field) = self.field_named(spot.key("of"), beside.fields, &file.of)?;
        let among = field.refers_to.as_ref().and_then(|refers| refers.among.as_ref());
        let Some(AmongFile::Field(root)) = among else {
            let message = format!("`{}` does not refer among the items of a field", file.of);
            self.fault(spot.key("of"), "contradiction", message);
            return None;
        };
        let (_, root) = scene.root.0.iter().find(|(name, _)| name == root)?;
        let fields = item_fields(root)?;
        let max_length = match &file.max_length {
            Some(name) => Some(self.field_named(spot.key("max_length"), fields, name)?.0),
            None => None,
        };
        let choices = match &file.choices {
            Some(dotted) => self.through_lists(spot.key("choices"), fields, dotted)?,
            None => Vec::new(),
        };
        Some(Some(Bounds { of, max_length, choices }))
    }

    /// A path that may lead over lists of objects.
    fn through_lists(&mut self, spot: Spot, fields: &Fields<FieldFile>, dotted: &str) -> Option<Vec<u16>> {
        let (mut fields, mut path) = (Some(fields), Vec::new());
        for name in dotted.split('.') {
            let Some(here) = fields else {
                self.fault(spot, "unknown-name", format!("nothing stands below a leaf, so not `{name}`"));
                return None;
            };
            let (number, field) = self.field_named(spot, here, name)?;
            path.push(number);
            fields = inner(field).or_else(|| item_fields(field));
        }
        Some(path)
    }

    fn protection(&mut self, file: &FieldFile, ty: &Type, spot: Spot) -> Option<Vec<Value>> {
        let levels = &file.protection.as_ref()?.levels;
        let Type::Leaf(leaf) = ty else { return None };
        let spot = spot.key("protection").key("levels");
        let read = levels.iter().enumerate().map(|(at, level)| self.leaf_fits(spot.item(at), leaf, level));
        Some(read.flatten().collect())
    }

    fn example(&mut self, file: &FieldFile, ty: &Type, mark: Mark, spot: Spot) {
        let Some(example) = &file.example else { return };
        let spot = spot.key("example");
        if mark == Mark::Secret {
            let message = "a secret has no example, because no document holds one";
            self.fault(spot, "contradiction", message);
        }
        self.value_fits(spot, ty, example);
    }
}

/// Where a field stands: among which others, and as the how-manieth.
struct Beside<'k> {
    fields: &'k Fields<FieldFile>,
    number: u16,
    name: &'k str,
}

/// A document may name the fields by which an item is found, even where the service sets them.
fn name_keys(shape: &mut Arc<Shape>, keys: &[Vec<u16>]) {
    let Some(shape) = Arc::get_mut(shape) else { return };
    for number in keys.iter().flatten() {
        shape.fields[*number as usize].access.names_it = true;
    }
}

/// Whether a value of this type can be cleared in this way.
fn clearable(ty: TypeWord, word: ClearWord) -> bool {
    match word {
        ClearWord::Null | ClearWord::Never => true,
        ClearWord::Empty => matches!(ty, TypeWord::Text | TypeWord::Choice | TypeWord::List | TypeWord::Map),
        ClearWord::Zero => {
            matches!(
                ty,
                TypeWord::Whole | TypeWord::Decimal | TypeWord::Flag | TypeWord::Guid | TypeWord::Text
            )
        }
    }
}

fn compare(word: Option<CompareWord>) -> Compare {
    match word {
        None | Some(CompareWord::Exact) => Compare::Exact,
        Some(CompareWord::CaseInsensitive) => Compare::IgnoreCase,
        Some(CompareWord::Addresses) => Compare::Addresses,
    }
}

fn type_word(ty: TypeWord) -> &'static str {
    match ty {
        TypeWord::Text => "text",
        TypeWord::Whole => "whole",
        TypeWord::Decimal => "decimal",
        TypeWord::Flag => "flag",
        TypeWord::Guid => "guid",
        TypeWord::Date => "date",
        TypeWord::Time => "time",
        TypeWord::Choice => "choice",
        TypeWord::Object => "object",
        TypeWord::Map => "map",
        TypeWord::List => "list",
        TypeWord::Any => "any",
    }
}

fn access_word(access: Access) -> &'static str {
    match access {
        Access::Required => "required",
        Access::Optional => "optional",
        Access::Computed => "computed",
        Access::CreateOnly => "create_only",
        Access::UpdateOnly => "update_only",
        Access::WriteOnly => "write_only",
    }
}
