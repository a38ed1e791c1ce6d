//! Which targets are one service, as the index of objects knows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::remote::target_client::TargetClient;
use crate::workspace::settings::WorkspaceSettings;

/// For each target, the first one that is the same service: by its settings, and by its credentials where it is
/// connected.
pub fn list_services(
    services: &BTreeMap<Arc<str>, TargetClient>,
    settings: &WorkspaceSettings,
) -> BTreeMap<String, String> {
    let named = settings.list_services();
    let find_first = |name: &Arc<str>| {
        let own = services.get(name)?;
        services.iter().find(|(_, other)| own.target.is_same_service(&other.target)).map(|(name, _)| name)
    };
    let service = |name: &Arc<str>| {
        let first = find_first(name).unwrap_or(name);
        (name.to_string(), named.get(first).unwrap_or(first).to_string())
    };
    named.keys().map(service).collect()
}
