//! One field of a draft: its words, and what a person must decide about it.
//!
//! Where the document leaves a question open the cautious word is taken: lists lose nothing that nobody asked
//! to lose, what looks like a credential or a person's is marked, and nothing is cleared in a way that the
//! document does not allow. Deliberately absent: identity and operations; `kind` drafts those.

use serde_json::Value as Json;

use super::plain::{Form, Plain, Text};
use super::sheet::{Line, Said};
use super::views::{Access, Views};
use super::words::{self, Telling};
use crate::kind::leaf::Token;
use crate::kind::{Leaf, NumberForm};

/// How deep fields may nest in a draft.
const MAX_NESTED: usize = 10;
/// How many fields one object may have in the format.
const MAX_FIELDS: usize = 1000;
/// The most characters of an example.
const MAX_EXAMPLE: usize = 200;

/// A field of the draft, as far as others ask about it.
pub struct Drafted {
    pub name: String,
    /// The type's word.
    pub ty: &'static str,
    pub access: Access,
    pub mark: Option<&'static str>,
    pub line: Line,
}

/// What the fields of one kind are drafted for.
pub struct Scene<'s> {
    /// The name of the API.
    pub api: &'s str,
    /// The names of all kinds of the draft, without the API.
    pub kinds: &'s [String],
    /// The field with the service's id, and whether the caller makes it.
    pub id: (&'s str, bool),
    /// Whether a write sends the whole object.
    pub whole: bool,
}

/// Where a field stands.
#[derive(Clone, Copy, Default)]
struct Above {
    depth: usize,
    computed: bool,
}

/// A type of the format with the words that belong to it.
struct Typed {
    word: &'static str,
    lines: Vec<Line>,
    decide: Option<String>,
    leaf: Option<Leaf>,
}

impl Typed {
    fn leaf(word: &'static str, leaf: Leaf) -> Self {
        Self { word, lines: Vec::new(), decide: None, leaf: Some(leaf) }
    }

    fn nested(word: &'static str, lines: Vec<Line>) -> Self {
        Self { word, lines, decide: None, leaf: None }
    }

    fn any(why: &str) -> Self {
        let decide = Some(format!("{why}; `any` is compared as a whole, so say more if more is known"));
        Self { decide, ..Self::leaf("any", Leaf::Any) }
    }
}

impl Scene<'_> {
    /// The fields of an object, and the names that the format cannot say.
    pub fn fields(&self, views: &Views) -> (Vec<Drafted>, Vec<String>) {
        self.fields_below(views, Above::default())
    }

    fn fields_below(&self, views: &Views, above: Above) -> (Vec<Drafted>, Vec<String>) {
        let (sayable, unsayable): (Vec<&str>, Vec<&str>) =
            views.names().into_iter().partition(|name| !name.is_empty() && !name.contains(['.', '/']));
        let mut left_out: Vec<String> = unsayable.into_iter().map(words::tidy).collect();
        left_out.extend(sayable.iter().skip(MAX_FIELDS).map(|name| words::tidy(name)));
        let made = sayable.iter().take(MAX_FIELDS).map(|name| self.field(name, &views.member(name), above));
        (made.collect(), left_out)
    }

    fn field(&self, name: &str, views: &Views, above: Above) -> Drafted {
        let is_id = above.depth == 0 && name == self.id.0;
        let (access, guessed) = self.access(name, views, above, is_id);
        let below = Above { depth: above.depth + 1, computed: access.computed };
        let typed = match is_id {
            true => id_type(views),
            false => self.typed(name, views, below),
        };
        let mark = if is_id { None } else { mark(name, views, typed.word) };
        // only a text can be a secret, whatever else it looks like
        let typed = match mark {
            Some("secret") => Typed::leaf("text", Leaf::Text { max: None }),
            _ => typed,
        };
        let other_kind = self.other_kind(name, typed.word).filter(|_| !is_id);
        let mut lines =
            vec![Line::word("type", typed.word).decide_some(typed.decide).decide_some(other_kind)];
        lines.push(Line::text("is", meaning(name, views)));
        if !above.computed {
            lines.extend(access_line(access, guessed));
        }
        lines.extend(mark.map(|mark| mark_line(name, mark)));
        lines.extend(clear_line(views, access, typed.word));
        if access.computed && !above.computed && self.whole && self.is_unsent(views) {
            lines.push(Line::word("sent", "never"));
        }
        lines.extend(read_whole(views, typed.word));
        let example = typed.leaf.as_ref().filter(|_| mark != Some("secret") && !access.write_only);
        let example = example.and_then(|leaf| example_of(views, leaf));
        lines.extend(typed.lines);
        lines.extend(example.map(|example| Line::new("example", Said::Json(example))));
        Drafted {
            name: name.to_owned(),
            ty: typed.word,
            access,
            mark,
            line: Line::new(name, Said::Lines(lines)),
        }
    }

    /// Who may write the field, and what of that is a guess.
    fn access(&self, name: &str, views: &Views, above: Above, is_id: bool) -> (Access, Option<&'static str>) {
        let computed = Access { computed: true, ..Access::default() };
        let found = views.access();
        match is_id {
            true if self.id.1 => {
                (Access { create_only: true, required: found.required, ..Access::default() }, None)
            }
            true => (computed, None),
            false if above.computed => (computed, None),
            false if !found.computed && is_moment(name, views) => {
                (computed, Some("named like a moment that the service notes itself"))
            }
            false if found.create_only => {
                (found, Some("no update of the document takes it, so it is taken for fixed once it is made"))
            }
            false if found.write_only && !views.shown().any(|plain| plain.write_only) => (
                found,
                Some("no answer of the document has it, so it is taken for one that never reads back"),
            ),
            false => (found, None),
        }
    }

    /// Whether a write of everything leaves it out.
    fn is_unsent(&self, views: &Views) -> bool {
        views.update.plain().is_none_or(|plain| plain.read_only) || views.shown().any(|plain| plain.read_only)
    }

    fn typed(&self, name: &str, views: &Views, below: Above) -> Typed {
        if below.depth > MAX_NESTED {
            return Typed::any("it is nested too deep for a draft");
        }
        let clear = |plain: &&Plain| !matches!(plain.form, Form::Unclear(_));
        let Some(plain) = written_leaf(views).or_else(|| views.shown().find(clear)) else {
            let why = views.shown().find_map(|plain| match plain.form {
                Form::Unclear(why) => Some(why),
                _ => None,
            });
            return Typed::any(why.unwrap_or(super::plain::SILENT));
        };
        match &plain.form {
            Form::Object { members, others, .. } if members.is_empty() => map(others.as_deref()),
            Form::Object { .. } => self.object(views, below),
            Form::List { item, distinct } => self.list(name, item, *distinct, (views, below)),
            _ => leaf(plain),
        }
    }

    fn object(&self, views: &Views, below: Above) -> Typed {
        let (fields, left_out) = self.fields_below(views, below);
        match fields.is_empty() {
            true => Typed::any("the format cannot name its members"),
            false => Typed::nested("object", vec![fields_line(fields, &left_out)]),
        }
    }

    fn list(&self, name: &str, item: &Plain, distinct: bool, (views, below): (&Views, Above)) -> Typed {
        let items = views.items();
        let objects = items.shown().any(|plain| !plain.members().is_empty());
        let (items, told_apart) = match objects {
            true => {
                let (fields, left_out) = self.fields_below(&items, below);
                let key = item_key(&fields, name);
                (Line::new("items", Said::Lines(vec![fields_line(fields, &left_out)])), key)
            }
            false => (items_line(item), if distinct { ToldApart::Set } else { ToldApart::Order }),
        };
        let mut lines = told_apart.lines();
        lines.push(items);
        Typed::nested("list", lines)
    }

    /// That a value may be the id of an object of another kind.
    fn other_kind(&self, name: &str, ty: &str) -> Option<String> {
        let mut stem = words::parts(name);
        let last = stem.pop().filter(|last| last == "id" || last == "ids")?;
        let stem = words::kind_name(&stem.join("-"));
        let fits = ["text", "whole", "guid"].contains(&ty) || (ty == "list" && last == "ids");
        let other = self.kinds.iter().find(|kind| **kind == stem && fits)?;
        let among = format!("among: {{ kind: {}/{other} }}", self.api);
        Some(format!("if this is the id of a {}/{other}, add refers_to: {{ id: id, {among} }}", self.api))
    }
}

/// A value that is read as a whole thing and written as its id.
fn read_whole(views: &Views, ty: &str) -> Option<Line> {
    let fits = ["text", "whole", "guid"].contains(&ty);
    let read = views.read.plain().filter(|read| fits && !read.members().is_empty())?;
    let id = read.members().iter().find(|member| words::folded(&member.name).ends_with("id"))?;
    let line = Line::new("refers_to", Said::Lines(vec![Line::text("id", &*id.name)]));
    Some(line.decide("it is read whole and written as an id; `among` says where such things stand"))
}

/// How the items of a list are told apart.
enum ToldApart {
    Order,
    Set,
    Key(String, Option<String>),
}

impl ToldApart {
    fn lines(self) -> Vec<Line> {
        let upsert = || {
            let remark = "`upsert` removes nothing; `complete` if a written list is all there is to be";
            Line::word("listed", "upsert").decide(remark)
        };
        match self {
            Self::Order => {
                let remark =
                    "`order` compares item by item; `set` or `key: [field]` if the place means nothing";
                vec![Line::word("told_apart", "order").decide(remark), Line::word("listed", "complete")]
            }
            Self::Set => vec![Line::word("told_apart", "set"), upsert()],
            Self::Key(key, row) => {
                let mut lines = vec![Line::new("key", Said::Words(vec![key.clone()]))];
                lines.extend(row.map(|row| Line::new("else", Said::Rows(vec![vec![row]]))));
                let remark = format!(
                    "whether `{}` tells the items apart; else name other fields, or `order`",
                    words::tidy(&key)
                );
                vec![Line::new("told_apart", Said::Lines(lines)).decide(remark), upsert()]
            }
        }
    }
}

/// The field that most likely tells the items of a list apart.
fn item_key(fields: &[Drafted], list: &str) -> ToldApart {
    const LEAVES: [&str; 4] = ["text", "whole", "guid", "choice"];
    let owner = words::singular(list);
    let fits = |field: &&Drafted| {
        let free = !field.access.computed && !field.access.write_only && field.access.required;
        free && field.mark.is_none() && LEAVES.contains(&field.ty)
    };
    let rank = |field: &Drafted| match words::folded(&field.name).as_str() {
        "id" => Some(0),
        _ => words::key_rank(&field.name, &owner).map(|rank| rank + 1),
    };
    let best = fields.iter().filter(fits).filter_map(|field| Some((rank(field)?, field)));
    let ids = fields
        .iter()
        .filter(fits)
        .filter(|field| words::parts(&field.name).last().is_some_and(|w| w == "id"));
    let ids: Vec<&Drafted> = ids.collect();
    let best = best.min_by_key(|(rank, _)| *rank).map(|(_, field)| field).or(match ids.as_slice() {
        [one] => Some(*one),
        _ => None,
    });
    let row = fields.iter().find(|field| {
        field.access.computed && words::folded(&field.name) == "id" && LEAVES.contains(&field.ty)
    });
    match best {
        Some(field) => ToldApart::Key(field.name.clone(), row.map(|row| row.name.clone())),
        None => ToldApart::Order,
    }
}

/// The `fields` of an object, with what had to be left out.
pub fn fields_line(fields: Vec<Drafted>, left_out: &[String]) -> Line {
    let line = Line::new("fields", Said::Lines(fields.into_iter().map(|field| field.line).collect()));
    match left_out {
        [] => line,
        names => {
            let names: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
            line.remark(format!("left out, because the format cannot name them: {}", names.join(", ")))
        }
    }
}

/// A leaf that is written where a whole thing is read.
fn written_leaf<'p>(views: &Views<'p>) -> Option<&'p Plain> {
    let whole = views.read.plain().is_some_and(|read| !read.members().is_empty());
    views.written().find(|plain| whole && plain.is_leaf())
}

fn id_type(views: &Views) -> Typed {
    let leaf = views.shown().find(|plain| plain.is_leaf()).map(leaf);
    match leaf {
        Some(typed) if ["text", "whole", "guid"].contains(&typed.word) => typed,
        _ => Typed::leaf("text", Leaf::Text { max: None }),
    }
}

fn leaf(plain: &Plain) -> Typed {
    match &plain.form {
        Form::Whole { values, .. } => {
            let decide = match values.as_slice() {
                [] => None,
                values => Some(format!(
                    "the document allows only {}",
                    values.iter().take(20).cloned().collect::<Vec<_>>().join(", ")
                )),
            };
            Typed { decide, ..Typed::leaf("whole", Leaf::Whole(NumberForm::Number)) }
        }
        Form::Decimal => Typed::leaf("decimal", Leaf::Decimal(NumberForm::Number)),
        Form::Flag => Typed::leaf("flag", Leaf::Flag),
        Form::Text(text) => text_leaf(text),
        Form::Unclear(why) => Typed::any(why),
        Form::Object { .. } | Form::List { .. } => Typed::any("its values have parts"),
    }
}

fn text_leaf(text: &Text) -> Typed {
    let in_quotes = || vec![Line::word("wire", "text")];
    let choices: Vec<&String> = text.choices.iter().filter(|choice| !choice.trim().is_empty()).collect();
    if !choices.is_empty() {
        return choice(&choices);
    }
    match text.format.as_deref() {
        Some("uuid" | "guid") => Typed::leaf("guid", Leaf::Guid),
        Some("date") => Typed::leaf("date", Leaf::Date),
        Some("date-time" | "datetime") => Typed::leaf("time", Leaf::Time),
        Some("decimal" | "number" | "double" | "float" | "money") => {
            Typed { lines: in_quotes(), ..Typed::leaf("decimal", Leaf::Decimal(NumberForm::Text)) }
        }
        Some("int32" | "int64" | "integer") => {
            Typed { lines: in_quotes(), ..Typed::leaf("whole", Leaf::Whole(NumberForm::Text)) }
        }
        _ => {
            let lines = text.most.map(|most| Line::word("max_length", most));
            Typed { lines: lines.into_iter().collect(), ..Typed::leaf("text", Leaf::Text { max: text.most }) }
        }
    }
}

fn choice(choices: &[&String]) -> Typed {
    let mut known: Vec<(std::sync::Arc<str>, String)> = Vec::new();
    for choice in choices {
        if !known.iter().any(|(own, _)| **own == ***choice) {
            let is = Some(words::spoken(choice)).filter(|is| !is.is_empty());
            known.push((choice.as_str().into(), is.unwrap_or_else(|| "One of the values".into())));
        }
    }
    let lines = known.iter().map(|(choice, is)| Line::text(&**choice, &**is)).collect();
    let line = Line::new("choices", Said::Lines(lines)).decide("what each of these means");
    Typed { lines: vec![line], ..Typed::leaf("choice", Leaf::Choice { choices: known, open: false }) }
}

fn map(others: Option<&Plain>) -> Typed {
    let silent = Plain::of(Form::Unclear(super::plain::SILENT));
    let listed = Line::word("listed", "upsert")
        .decide("`upsert` removes nothing; `complete` if a written map is all there is to be");
    Typed::nested("map", vec![listed, items_line(others.unwrap_or(&silent))])
}

/// The `items` of a list or map of leaves.
fn items_line(item: &Plain) -> Line {
    let typed = leaf(item);
    let mut lines = vec![Line::word("type", typed.word)];
    // of the words of a leaf an item has only its choices
    lines.extend(typed.lines.into_iter().filter(|_| typed.word == "choice"));
    Line::new("items", Said::Lines(lines)).decide_some(typed.decide)
}

fn meaning(name: &str, views: &Views) -> String {
    let said = |text: fn(&Plain) -> &Option<String>| views.shown().find_map(|plain| text(plain).clone());
    let said = said(|plain| &plain.description).or_else(|| said(|plain| &plain.title));
    let own = || Some(words::spoken(name)).filter(|own| !own.is_empty());
    let meaning = said.or_else(own).unwrap_or_else(|| format!("The member `{}`", words::tidy(name)));
    match views.shown().any(|plain| plain.deprecated) {
        true => format!("{} (deprecated)", meaning.trim_end_matches('.')),
        false => meaning,
    }
}

fn access_line(access: Access, guessed: Option<&str>) -> Option<Line> {
    let line = match access.words().as_slice() {
        [] => return None,
        [one] => Line::word("access", one),
        several => Line::new("access", Said::Words(several.to_vec())),
    };
    Some(line.decide_some(guessed))
}

fn mark(name: &str, views: &Views, ty: &str) -> Option<&'static str> {
    let format = |wanted: &str| {
        views
            .shown()
            .any(|plain| matches!(&plain.form, Form::Text(text) if text.format.as_deref() == Some(wanted)))
    };
    let telling = match words::telling(name) {
        _ if format("password") => Some(Telling::Secret),
        None if format("email") || format("idn-email") => Some(Telling::Personal),
        told => told,
    }?;
    let text = views.shown().any(|plain| matches!(plain.form, Form::Text(_)));
    match telling {
        _ if ["flag", "time"].contains(&ty) => None,
        Telling::Personal => Some("personal"),
        Telling::Secret if ["date", "choice"].contains(&ty) => None,
        Telling::Secret if text => Some("secret"),
        Telling::Secret | Telling::Sensitive => Some("sensitive"),
    }
}

fn mark_line(name: &str, mark: &str) -> Line {
    let remark = match mark {
        "secret" => "it looks like a credential; documents then say only where it comes from",
        "personal" => "it looks like something about a person; its values are then not shown",
        _ => "it may carry a credential; its values are then not shown",
    };
    Line::word("mark", mark).decide(format!("named `{}`, {remark}", words::tidy(name)))
}

/// How the field is cleared, where not as `api.yaml` says: texts with the empty one, nothing else at all.
fn clear_line(views: &Views, access: Access, ty: &str) -> Option<Line> {
    if access.is_fixed() || ["list", "map"].contains(&ty) {
        return None;
    }
    let nullable = views.written().any(|plain| plain.nullable);
    let empty = views.written().any(|plain| matches!(&plain.form, Form::Text(text) if text.may_be_empty));
    match ty {
        _ if nullable => Some(Line::text("clear", "null")),
        "text" if !empty => Some(Line::word("clear", "never")),
        "choice" => Some(Line::word("clear", "never")),
        _ => None,
    }
}

/// Whether a field looks like the moment of creation or of the last edit.
fn is_moment(name: &str, views: &Views) -> bool {
    const VERBS: [&str; 7] =
        ["created", "updated", "modified", "changed", "edited", "creation", "modification"];
    let format = |plain: &Plain| match &plain.form {
        Form::Text(text) => text.format.clone(),
        _ => None,
    };
    let time = |plain: &Plain| format(plain).as_deref() == Some("date-time");
    let optional = !matches!(views.create, super::views::Side::Has { required: true, .. });
    optional
        && views.shown().any(time)
        && words::parts(name).iter().any(|word| VERBS.contains(&word.as_str()))
}

/// Whether a name is that of the last edit.
pub fn is_last_edit(name: &str) -> bool {
    const VERBS: [&str; 5] = ["updated", "modified", "changed", "edited", "modification"];
    words::parts(name).iter().any(|word| VERBS.contains(&word.as_str()))
}

/// An example of the document that fits the type.
fn example_of(views: &Views, leaf: &Leaf) -> Option<Json> {
    let mut examples = views.shown().filter_map(|plain| plain.example.as_ref());
    examples.find(|example| fits(leaf, example)).cloned()
}

fn fits(leaf: &Leaf, example: &Json) -> bool {
    let harmless = |text: &str| text.chars().count() <= MAX_EXAMPLE && !text.contains(words::is_unseen);
    match example {
        Json::String(text) => harmless(text) && leaf.read(Token::Text(text)).is_ok(),
        Json::Number(number) => leaf.read(Token::Number(&number.to_string())).is_ok(),
        Json::Bool(flag) => leaf.read(Token::Flag(*flag)).is_ok(),
        _ => false,
    }
}
