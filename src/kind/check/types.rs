//! Types: leaves, choices, maps, and lists with the ways in which their items are told apart.
//!
//! Deliberately absent: who may write a field and what its values refer to; see `fields` and `references`.

use std::sync::Arc;

use super::super::file::{
    FieldFile, Fields, ItemFile, ItemsSent, ListedWord, RemovalsFile, ToldApartFile, ToldApartWord, TypeWord,
};
use super::super::{Item, Leaf, ListType, MapType, NumberForm, Removals, Shape, ToldApart, Type};
use super::fields::Above;
use super::words::{is_leaf, type_word};
use super::{Desk, Scene, Spot};

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

impl Desk<'_> {
    pub(super) fn field_type(
        &mut self,
        scene: &Scene,
        file: &FieldFile,
        spot: Spot,
        above: &Above,
    ) -> Option<Type> {
        match file.ty {
            TypeWord::Object => {
                let fields = self.shape_below(scene, file.fields.as_ref()?, spot.key("fields"), above)?;
                Some(Type::Object(Arc::new(Shape::new(fields))))
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
                made.map(|fields| Item::Object(Arc::new(Shape::new(fields))))
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
}

/// A document may name the fields by which an item is found, even where the service sets them.
fn name_keys(shape: &mut Arc<Shape>, keys: &[Vec<u16>]) {
    let Some(shape) = Arc::get_mut(shape) else { return };
    for number in keys.iter().flatten() {
        shape.fields[*number as usize].access.names_it = true;
    }
}
