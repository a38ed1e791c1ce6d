//! Members of an answer that are looked for by their paths, wherever they are in it.

use super::lexer::{KeySyntax, TokenKind, WireLexer, WireReadResult};
use crate::kind::MemberNameCase;

/// What follows the name of a list whose items are searched.
const EACH_ITEM: &str = "[]";

/// A member that is looked for, and what for; dots reach inwards, and `[]` into the items of a list.
#[derive(Clone, Copy)]
pub(super) struct MemberSearch<'p, G> {
    pub(super) goal: G,
    pub(super) path: &'p str,
}

/// Hands each member that is sought to `found`, which takes its value; the others are passed over.
pub(super) fn search_members<'b, L: WireLexer<'b>, G: Copy>(
    lexer: &mut L,
    sought: &[MemberSearch<G>],
    names: MemberNameCase,
    found: &mut dyn FnMut(G, &mut L) -> WireReadResult<()>,
) -> WireReadResult<()> {
    search_all_members(lexer, sought, names, &mut |goal, _, lexer| match goal {
        Some(goal) => found(goal, lexer),
        None => lexer.skip_value().map(drop),
    })
}

/// What to do with a member: what it was sought as, its name, and its value.
pub(super) type MemberHandler<'h, G, L> = dyn FnMut(Option<G>, &str, &mut L) -> WireReadResult<()> + 'h;

/// The same; `found` takes the other members too, with their names.
pub(super) fn search_all_members<'b, L: WireLexer<'b>, G: Copy>(
    lexer: &mut L,
    sought: &[MemberSearch<G>],
    names: MemberNameCase,
    found: &mut MemberHandler<'_, G, L>,
) -> WireReadResult<()> {
    lexer.read_members(KeySyntax::Identifier, |name, lexer| {
        let start = *lexer;
        let mut taken = false;
        let (mut below, mut in_items) = (Vec::new(), Vec::new());
        for MemberSearch { goal, path } in sought {
            match path.split_once('.') {
                Some((head, rest)) if names.is_same_name(head, name) => {
                    below.push(MemberSearch { goal: *goal, path: rest })
                }
                Some((head, rest)) => {
                    let list = head.strip_suffix(EACH_ITEM);
                    if list.is_some_and(|list| names.is_same_name(list, name)) {
                        in_items.push(MemberSearch { goal: *goal, path: rest });
                    }
                }
                None if names.is_same_name(path, name) => {
                    *lexer = start;
                    found(Some(*goal), name, lexer)?;
                    taken = true;
                }
                _ => {}
            }
        }
        let mut inner = start;
        if !below.is_empty() && inner.peek_token()? == TokenKind::Object {
            search_all_members(&mut inner, &below, names, found)?;
            *lexer = inner;
            taken = true;
        }
        let mut inner = start;
        if !in_items.is_empty() && inner.peek_token()? == TokenKind::Array {
            search_items(&mut inner, &in_items, names, found)?;
            *lexer = inner;
            taken = true;
        }
        if taken { Ok(()) } else { found(None, name, lexer) }
    })
}

/// The same in each item of a list that is an object.
fn search_items<'b, L: WireLexer<'b>, G: Copy>(
    lexer: &mut L,
    sought: &[MemberSearch<G>],
    names: MemberNameCase,
    found: &mut MemberHandler<'_, G, L>,
) -> WireReadResult<()> {
    lexer.read_array(|lexer| match lexer.peek_token()? {
        TokenKind::Object => search_all_members(lexer, sought, names, found),
        TokenKind::Array | TokenKind::Null | TokenKind::Scalar => lexer.skip_value().map(drop),
    })
}
