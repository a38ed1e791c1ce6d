//! Parents of objects: nothing is below a parent that is not there, and with a parent goes what is below it.

use crate::sandbox::error::SandboxError;
use crate::sandbox::handler::{SandboxHandler, build_not_found};
use crate::sandbox::route::SandboxPathParameters;
use crate::sandbox::store::SandboxTable;
use crate::value::Value;

impl SandboxHandler<'_> {
    /// Whether the parents are there that the path or the query names.
    pub fn check_parents(
        &self,
        number: usize,
        parameters: &SandboxPathParameters,
    ) -> Result<(), SandboxError> {
        let state = self.service.lock_state();
        let kind = &state.tables.get(number).ok_or_else(build_not_found)?.kind;
        let scope = parameters.read_scope(kind, &self.request.query)?;
        for (parameter, value) in kind.scope.iter().zip(&scope) {
            let parents = state.tables.iter().find(|table| Some(&table.kind.name) == parameter.parent_kind());
            let (Some(parents), Some(id)) = (parents, value) else { continue };
            let anywhere = vec![None; parents.kind.scope.len()];
            parents.find_record(&anywhere, id).ok_or_else(build_not_found)?;
        }
        Ok(())
    }
}

/// Takes out what is below an object that is gone.
pub fn remove_children(tables: &mut [SandboxTable], kind: &str, id: &Value) {
    let mut gone = vec![(Box::<str>::from(kind), id.clone())];
    while let Some((kind, id)) = gone.pop() {
        for table in tables.iter_mut() {
            let is_parent = |parent: &std::sync::Arc<str>| **parent == *kind;
            let places =
                table.kind.scope.iter().map(|parameter| parameter.parent_kind().is_some_and(is_parent));
            let places: Vec<usize> = places.enumerate().filter(|(_, is)| *is).map(|(at, _)| at).collect();
            let name = Box::<str>::from(&*table.kind.name);
            for at in places {
                gone.extend(table.take_scope(at, &id).into_iter().map(|id| (name.clone(), id)));
            }
        }
    }
}
