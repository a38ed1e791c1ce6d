//! One object found without a path of its own: by its id in the list, or by its natural key.
//!
//! A filter is never sent half filled, since services take an empty one for none and answer with everybody.
//! One that lets others through is not believed: what it did not show may still be there.

use super::list::{ListRequest, is_listed};
use super::{CollectionRef, RequestError, TargetClient};
use crate::kind::ScalarType;
use crate::kind::file::FindFile;
use crate::remote::pager::ListCompleteness;
use crate::remote::wire::Snapshot;
use crate::value::Value;

impl TargetClient {
    /// A service that does not know the filter answers with everybody, so the id of each item is looked at.
    pub(super) async fn find_in_list(
        &self,
        of: CollectionRef<'_>,
        query: &[(String, String)],
        id: &Value,
    ) -> Result<Option<Snapshot>, RequestError> {
        let key = build_parameters(of, &[(of.kind.id_field().name.to_string(), id.clone())]);
        let Some(filled) =
            query.iter().map(|(name, text)| Some((name.clone(), fill_template(text, &key)?))).collect()
        else {
            return Ok(None);
        };
        let (mut found, mut others) = (None, false);
        let mut take = |live: Snapshot| match live.object.get_field(of.kind.identity.id) {
            Some(own) if own == id => found = Some(live),
            _ => others = true,
        };
        let is_whole = self.read_filtered(of, filled, &mut take).await?;
        if found.is_some() || (is_whole && !others) {
            return Ok(found);
        }
        let mut is_it = |live: &Snapshot| {
            let is_it = live.object.get_field(of.kind.identity.id) == Some(id);
            if is_it {
                found = Some(live.clone());
            }
            is_it
        };
        match self.search_objects(of, &mut is_it).await? {
            ListCompleteness::Incomplete(reason) => {
                Err(RequestError::build_incomplete_error(of.kind, &reason))
            }
            ListCompleteness::Complete => Ok(found),
        }
    }

    /// Hands every object to `take` that the service finds for a natural key; it may find too many. False when
    /// the key cannot be said in a filter, or the answer is not all there is: then the list has to be read.
    ///
    /// # Errors
    /// When the answer cannot be read, or the API has no such filter.
    pub async fn find_by_key(
        &self,
        of: CollectionRef<'_>,
        key: &[(String, Value)],
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<bool, RequestError> {
        let Some(find) = &of.kind.operations.find else {
            return Err(RequestError::build_operation_error(of.kind, "find"));
        };
        let Some(query) = build_filter(find, &build_parameters(of, key)) else { return Ok(false) };
        match self.read_filtered(of, query, take).await {
            // the service does not understand the filter, or not this value in it
            Err(error) if error.status() == Some(400) => Ok(false),
            is_whole => is_whole,
        }
    }

    /// Reads the first page of a filtered list; gives whether it is all that the filter finds.
    async fn read_filtered(
        &self,
        of: CollectionRef<'_>,
        filter: Vec<(String, String)>,
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<bool, RequestError> {
        let mut request = ListRequest::from_collection(of);
        request.query.extend(filter);
        let mut pager = self.create_pager(request.list);
        let response = self.fetch_page(&request, &pager.first_position()).await?;
        let mut count = 0;
        let mut counted = |live: Snapshot| {
            count += 1;
            pager.take_item(None);
            if is_listed(of, &live) {
                take(live);
            }
        };
        let signs = self.read_response(of, &response, &mut counted)?;
        pager.finish_page(signs);
        Ok(pager.is_whole_page(count))
    }
}

/// The texts of a key and of the scope, by the names that templates use.
fn build_parameters(of: CollectionRef, key: &[(String, Value)]) -> Vec<(String, String)> {
    let text = |value: &Value| ScalarType::render_url_text(value, &of.kind.api);
    let scope =
        of.kind.scope.iter().zip(of.scope).map(|(scope, value)| (scope.name.to_string(), text(value)));
    key.iter().map(|(name, value)| (name.clone(), text(value))).chain(scope).collect()
}

/// The filter for a key; `None` where it would be empty, or the key has what can't be said in it.
fn build_filter(find: &FindFile, key: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let except = find.except.as_deref().unwrap_or_default();
    if key.iter().any(|(_, text)| text.contains(|c| except.contains(c))) {
        return None;
    }
    let escape = |text: &str| -> String {
        text.chars().map(|c| find.escape.get(&c).cloned().unwrap_or_else(|| c.to_string())).collect()
    };
    let key: Vec<_> = key.iter().map(|(name, text)| (name.clone(), escape(text))).collect();
    find.query.iter().map(|(name, template)| Some((name.clone(), fill_template(template, &key)?))).collect()
}

/// A template with the values in the places of their names; `None` when one of them is empty or missing.
fn fill_template(template: &str, key: &[(String, String)]) -> Option<String> {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}')?;
        let (_, value) = key.iter().find(|(own, _)| own == name)?;
        if value.trim().is_empty() {
            return None;
        }
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_template_is_filled_in_one_pass_and_never_in_part() {
        let both = key(&[("a", "{b}"), ("b", "1")]);
        assert_eq!(fill_template("x {a} y {b}", &both).as_deref(), Some("x {b} y 1"));
        assert_eq!(fill_template("no parameter", &both).as_deref(), Some("no parameter"));
        for empty in [key(&[("a", "")]), key(&[("a", "  ")]), key(&[("c", "1")]), key(&[])] {
            assert_eq!(fill_template("{a}", &empty), None);
        }
    }

    #[test]
    fn what_cannot_be_said_is_not_sent() {
        let find = FindFile {
            query: [("filter".to_owned(), "login eq \"{login}\"".to_owned())].into(),
            escape: [('\'', "''".to_owned())].into(),
            except: Some("\"\\".to_owned()),
        };
        let plain = build_filter(&find, &key(&[("login", "a b")])).expect("a filter");
        assert_eq!(plain, key(&[("filter", "login eq \"a b\"")]));
        let escaped = build_filter(&find, &key(&[("login", "o'b")])).expect("a filter");
        assert_eq!(escaped, key(&[("filter", "login eq \"o''b\"")]));
        for odd in ["a\"b", "a\\", ""] {
            assert!(build_filter(&find, &key(&[("login", odd)])).is_none(), "{odd}");
        }
    }
}
