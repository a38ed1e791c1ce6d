//! Which values an operator wants written again, whether or not they are what was last written.
//!
//! A selector is the name of a document, or `api/kind/name`; behind a colon it may name a field, inner fields
//! after a dot, items of lists without a number: `harbor-cards:merchantKey`. `*` stands for any letters.
//! Deliberately absent: what a new value is. That comes from the document's source, as always.

use crate::diagnostic::Diagnostic;
use crate::document::{Document, Wanted, Wish};
use crate::kind::{Absent, Field, Item, Shape, Type};
use crate::plan::step::named;
use crate::value::{Mark, Path, Segment};

/// What is to be written again.
#[derive(Default)]
pub struct Rotation(Vec<Selector>);

/// Nothing.
pub static NOTHING: Rotation = Rotation(Vec::new());

/// One selector as it was typed, in its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Selector {
    typed: String,
    object: String,
    field: Option<String>,
}

impl Rotation {
    /// What these selectors name; an empty one, as a variable may hold, names nothing.
    pub fn new(typed: &[String]) -> Self {
        let one = |typed: &String| {
            let (object, field) = match typed.split_once(':') {
                Some((object, field)) => (object, Some(field.to_owned())),
                None => (typed.as_str(), None),
            };
            Selector { typed: typed.clone(), object: object.to_owned(), field }
        };
        Self(typed.iter().filter(|typed| !typed.is_empty()).map(one).collect())
    }

    /// Whether it names nothing at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a value of this document is to be written again.
    pub fn takes(&self, document: &Document, path: &Path) -> bool {
        self.0.iter().any(|selector| selector.takes(document, path))
    }

    /// Selectors that name no value which these documents supply and which may be hidden.
    pub fn unmatched(&self, documents: &[Document]) -> Vec<Diagnostic> {
        let takes = |selector: &&Selector| !documents.iter().any(|document| selector.is_in(document));
        let fault = |selector: &Selector| {
            let message =
                format!("`--rotate {}` names no secret of any document", selector.typed.escape_debug());
            Diagnostic::error("unmatched-rotate", message)
                .hint("write a document's name, or `api/kind/name`, and behind a colon a field; `*` stands for any letters")
        };
        self.0.iter().filter(takes).map(fault).collect()
    }
}

impl Selector {
    fn takes(&self, document: &Document, path: &Path) -> bool {
        self.names(document)
            && self.field.as_ref().is_none_or(|field| matches(field, &named(path).replace("[]", "")))
    }

    fn names(&self, document: &Document) -> bool {
        match self.object.contains('/') {
            true => matches(&self.object, &format!("{}/{}", document.kind.name, document.name)),
            false => matches(&self.object, &document.name),
        }
    }

    fn is_in(&self, document: &Document) -> bool {
        self.names(document) && self.finds(document, &document.kind.shape, &document.spec, &Path::default())
    }

    fn finds(&self, document: &Document, shape: &Shape, wanted: &Wanted, path: &Path) -> bool {
        let Wish::Object(fields) = &wanted.wish else { return false };
        fields.iter().any(|(number, wanted)| {
            let field = shape.field(*number);
            let path = path.then(Segment::Field(field.name.clone()));
            match (&field.ty, &wanted.wish) {
                (Type::Object(shape), _) => self.finds(document, shape, wanted, &path),
                (Type::List(list), Wish::List(items)) => match &list.item {
                    Item::Object(shape) => items.iter().any(|item| self.finds(document, shape, item, &path)),
                    Item::Leaf(_) => false,
                },
                (Type::Leaf(_), _) => rotates(field) && self.takes(document, &path),
                _ => false,
            }
        })
    }
}

/// Whether the values of a field are such as may be written again: secrets, and what may not read back.
pub fn rotates(field: &Field) -> bool {
    let hidden = matches!(field.absent, Absent::Unknown | Absent::Pending) && field.mark != Mark::Open;
    field.mark == Mark::Secret || field.access.write_only || hidden
}

/// Whether a text is of this form, in which `*` stands for any letters.
fn matches(form: &str, text: &str) -> bool {
    let mut parts = form.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (form, text) in [
            ("a", "a"),
            ("*", ""),
            ("*", "a/b"),
            ("a*", "a"),
            ("*-cards", "harbor-cards"),
            ("h*-c*s", "harbor-cards"),
            ("a*a", "aa"),
            ("é*", "éß"),
        ] {
            assert!(matches(form, text), "{form} takes {text}");
        }
        for (form, text) in
            [("a", "ab"), ("", "a"), ("a*a", "a"), ("*b", "abc"), ("a*b*c", "acb"), ("b*", "ab")]
        {
            assert!(!matches(form, text), "{form} does not take {text}");
        }
    }
}
