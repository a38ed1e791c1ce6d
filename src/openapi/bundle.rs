//! Several files as one document: references into other files become references within.
//!
//! Each file that a reference names is read once and put below `x-files`. Only files in the folder of the document,
//! or below it, are read; a reference that leads elsewhere stays as it is, and what it names is unknown.
//! Deliberately absent: disks. The caller reads files.

use serde_json::{Map, Value as Json};

use crate::openapi::pointer::build_reference;

/// The member with the other files.
const FILES_MEMBER: &str = "x-files";
/// The most files of a document.
const MAX_FILES: usize = 500;

/// Reads a file by its path relative to the folder of the document.
pub type FileReader<'f> = &'f dyn Fn(&str) -> Option<Json>;

/// The files that a document consists of.
struct FileBundle<'f> {
    read: FileReader<'f>,
    /// The paths of files, in the order in which they were found; none for one that cannot be read.
    files: Vec<BundledFile>,
    missing: Vec<String>,
}

struct BundledFile {
    path: String,
    tree: Json,
}

/// Puts the files of a document into it; returns those that cannot be read.
pub fn bundle_files(tree: &mut Json, read: FileReader) -> Vec<String> {
    let mut bundle = FileBundle { read, files: Vec::new(), missing: Vec::new() };
    bundle.rewrite_references(tree, "", None);
    let mut done = 0;
    while done < bundle.files.len() {
        let mut own = std::mem::take(&mut bundle.files[done].tree);
        let folder = bundle.files[done].path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        bundle.rewrite_references(&mut own, &folder, Some(done));
        bundle.files[done].tree = own;
        done += 1;
    }
    if !bundle.files.is_empty() && tree.is_object() {
        let files = bundle.files.into_iter().enumerate().map(|(at, file)| (at.to_string(), file.tree));
        tree[FILES_MEMBER] = Json::Object(files.collect::<Map<_, _>>());
    }
    bundle.missing
}

impl FileBundle<'_> {
    /// `own`: the number of the file in which the references are; none for the document itself.
    fn rewrite_references(&mut self, tree: &mut Json, folder: &str, own: Option<usize>) {
        match tree {
            Json::Array(items) => items.iter_mut().for_each(|one| self.rewrite_references(one, folder, own)),
            Json::Object(members) => {
                let target = members.get("$ref").and_then(Json::as_str);
                if let Some(target) = target.and_then(|target| self.resolve_reference(target, folder, own)) {
                    members.extend(build_reference(&target).as_object().cloned().unwrap_or_default());
                }
                members.values_mut().for_each(|one| self.rewrite_references(one, folder, own));
            }
            _ => {}
        }
    }

    /// The pointer within the document of what a reference names; none to leave it as it is.
    fn resolve_reference(&mut self, target: &str, folder: &str, own: Option<usize>) -> Option<String> {
        let (file, pointer) = target.split_once('#').unwrap_or((target, ""));
        if file.is_empty() {
            return own.map(|own| format!("/{FILES_MEMBER}/{own}{pointer}"));
        }
        let path = join_path(folder, file)?;
        let number = self.find_file(path)?;
        Some(format!("/{FILES_MEMBER}/{number}{pointer}"))
    }

    fn find_file(&mut self, path: String) -> Option<usize> {
        if let Some(number) = self.files.iter().position(|file| file.path == path) {
            return Some(number);
        }
        if self.missing.contains(&path) {
            return None;
        }
        match (self.read)(&path).filter(|_| self.files.len() < MAX_FILES) {
            Some(tree) => {
                self.files.push(BundledFile { path, tree });
                Some(self.files.len() - 1)
            }
            None => {
                self.missing.push(path);
                None
            }
        }
    }
}

/// A path relative to the folder of the document; none when it leads out of it.
fn join_path(folder: &str, file: &str) -> Option<String> {
    if file.contains("://") || file.starts_with('/') || file.contains(['\\', ':']) {
        return None;
    }
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in file.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop()?;
            }
            step => steps.push(step),
        }
    }
    (!steps.is_empty()).then(|| steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn files_are_read_once_and_only_below_the_folder() {
        let read = |path: &str| match path {
            "schemas/pet.yaml" => {
                Some(json!({ "owner": { "$ref": "../people.yaml#/Owner" }, "self": { "$ref": "#/x" } }))
            }
            "people.yaml" => Some(json!({ "Owner": { "pet": { "$ref": "schemas/pet.yaml" } } })),
            _ => None,
        };
        let mut tree = json!({
            "a": { "$ref": "schemas/pet.yaml" }, "b": { "$ref": "./schemas/pet.yaml#/owner" }, "c": { "$ref": "#/a" },
            "d": [{ "$ref": "../secret.yaml" }, { "$ref": "https://a.example/x.yaml" }, { "$ref": "gone.yaml" }],
        });
        let missing = bundle_files(&mut tree, &read);
        assert_eq!(missing, ["gone.yaml"]);
        assert_eq!(tree["a"]["$ref"], "#/x-files/0");
        assert_eq!(tree["b"]["$ref"], "#/x-files/0/owner");
        assert_eq!(tree["c"]["$ref"], "#/a");
        assert_eq!(tree["d"][0]["$ref"], "../secret.yaml");
        assert_eq!(tree["d"][2]["$ref"], "gone.yaml");
        assert_eq!(tree["x-files"]["0"]["owner"]["$ref"], "#/x-files/1/Owner");
        assert_eq!(tree["x-files"]["0"]["self"]["$ref"], "#/x-files/0/x");
        assert_eq!(tree["x-files"]["1"]["Owner"]["pet"]["$ref"], "#/x-files/0");
    }
}
