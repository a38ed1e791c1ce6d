//! The source files of the package, parsed: what each file defines, calls, names and imports, without its tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, FnArg, Pat, Type, UseTree, Visibility};

/// A path through modules, `crate` first where it is absolute.
pub type ModulePath = Vec<String>;

/// One file of `src`.
pub struct SourceFile {
    /// From the root of the repository, with slashes.
    pub path: String,
    /// The module that the file is, without `crate`.
    pub module: ModulePath,
    pub line_count: usize,
    pub facts: FileFacts,
}

/// What a file says outside its tests.
#[derive(Default)]
pub struct FileFacts {
    pub functions: Vec<FunctionFacts>,
    /// Structs, enums, unions, traits and type aliases.
    pub types: Vec<String>,
    /// Every item that a path can end in.
    pub items: BTreeSet<String>,
    pub child_modules: BTreeSet<String>,
    /// Paths in code and imports that are for this file alone.
    pub references: Vec<ModulePath>,
    /// Imports that other files see, by name; `*` stands for all.
    pub reexports: Vec<(String, ModulePath)>,
    pub macros: BTreeSet<String>,
    pub strings: Vec<String>,
    pub methods: BTreeSet<String>,
    pub is_async: bool,
    /// `derive`s of each type.
    pub derives: BTreeMap<String, BTreeSet<String>>,
}

pub struct FunctionFacts {
    pub name: String,
    pub line_count: usize,
    pub parameter_count: usize,
    pub has_tuple_parameter: bool,
}

impl SourceFile {
    /// The room: the first part of the module path, or the file's own name at the root.
    pub fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }
}

/// Every file below `src`, in order.
pub fn read_sources() -> Vec<SourceFile> {
    let files = walkdir::WalkDir::new("src").sort_by_file_name().into_iter();
    let files = files.map(|entry| entry.expect("a readable folder").into_path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| read_source(&path))
        .collect()
}

fn read_source(path: &Path) -> SourceFile {
    let text = fs::read_to_string(path).expect("a source file");
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = FactReader::default();
    reader.visit_file(&file);
    let path = path.to_string_lossy().replace('\\', "/");
    let module = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let module = if module == "lib" { Vec::new() } else { module.split('/').map(str::to_owned).collect() };
    SourceFile { module, line_count: text.lines().count(), facts: reader.facts, path }
}

/// Whether the item is compiled for tests only.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test"))
    })
}

#[derive(Default)]
struct FactReader {
    facts: FileFacts,
    /// Modules written within the file around the item.
    inner_modules: Vec<String>,
}

impl FactReader {
    fn add_function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.fn_token.span.start().line, block.brace_token.span.close().end().line);
        let typed = signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        let is_tuple = |typed: &syn::PatType| {
            matches!(&*typed.ty, Type::Tuple(tuple) if !tuple.elems.is_empty())
                || matches!(&*typed.pat, Pat::Tuple(_))
        };
        self.facts.is_async |= signature.asyncness.is_some();
        self.facts.functions.push(FunctionFacts {
            name: signature.ident.to_string(),
            line_count: last - first + 1,
            parameter_count: typed.clone().count(),
            has_tuple_parameter: typed.clone().any(is_tuple),
        });
    }

    fn add_type(&mut self, name: &syn::Ident, attributes: &[Attribute]) {
        self.facts.types.push(name.to_string());
        self.facts.items.insert(name.to_string());
        let mut derives = BTreeSet::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let _ = attribute.parse_nested_meta(|meta| {
                derives.extend(meta.path.segments.last().map(|segment| segment.ident.to_string()));
                Ok(())
            });
        }
        self.facts.derives.insert(name.to_string(), derives);
    }

    fn add_tokens(&mut self, tokens: &TokenStream) {
        let mut path: ModulePath = Vec::new();
        let mut separators = 0;
        for token in tokens.clone() {
            match token {
                TokenTree::Ident(name) if path.is_empty() || separators == 2 => {
                    path.push(name.to_string());
                    separators = 0;
                    continue;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() && separators < 2 => {
                    separators += 1;
                    continue;
                }
                TokenTree::Ident(name) => {
                    self.add_reference(std::mem::replace(&mut path, vec![name.to_string()]));
                    separators = 0;
                    continue;
                }
                TokenTree::Group(group) => self.add_tokens(&group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.facts.strings.push(text.value());
                    }
                }
                TokenTree::Punct(_) => {}
            }
            self.add_reference(std::mem::take(&mut path));
            separators = 0;
        }
        self.add_reference(path);
    }

    fn add_reference(&mut self, path: ModulePath) {
        if path.len() > 1 {
            self.facts.references.push(path);
        }
    }
}

impl<'a> Visit<'a> for FactReader {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let attributes: &[Attribute] = match item {
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Macro(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Trait(item) => &item.attrs,
            syn::Item::Type(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        let name = module.ident.to_string();
        if module.content.is_none() {
            self.facts.child_modules.insert(name);
            return;
        }
        self.inner_modules.push(name);
        visit::visit_item_mod(self, module);
        self.inner_modules.pop();
    }

    fn visit_item_use(&mut self, import: &'a syn::ItemUse) {
        let mut paths = Vec::new();
        flatten_use(&import.tree, Vec::new(), &mut paths);
        for (name, mut path) in paths {
            if !self.inner_modules.is_empty() && path.first().is_some_and(|first| first == "super") {
                path.remove(0);
            }
            match import.vis {
                Visibility::Inherited => self.facts.references.push(path),
                _ => self.facts.reexports.push((name, path)),
            }
        }
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.facts.items.insert(item.sig.ident.to_string());
        self.add_function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if is_for_tests(&item.attrs) {
            return;
        }
        self.add_function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add_function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'a syn::ItemStruct) {
        self.add_type(&item.ident, &item.attrs);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'a syn::ItemEnum) {
        self.add_type(&item.ident, &item.attrs);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'a syn::ItemTrait) {
        self.add_type(&item.ident, &item.attrs);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'a syn::ItemType) {
        self.add_type(&item.ident, &item.attrs);
        visit::visit_item_type(self, item);
    }

    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        self.facts.items.insert(item.ident.to_string());
        visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
        self.facts.items.insert(item.ident.to_string());
        visit::visit_item_static(self, item);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.add_reference(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        let name = call.path.segments.last().expect("a name").ident.to_string();
        self.facts.macros.insert(name);
        self.add_tokens(&call.tokens);
    }

    fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
        self.facts.strings.push(text.value());
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        self.facts.methods.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_async(&mut self, block: &'a syn::ExprAsync) {
        self.facts.is_async = true;
        visit::visit_expr_async(self, block);
    }

    fn visit_attribute(&mut self, _: &'a Attribute) {}
}

/// The names that an import brings, each with its path.
fn flatten_use(tree: &UseTree, mut path: ModulePath, found: &mut Vec<(String, ModulePath)>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten_use(&step.tree, path, found);
        }
        UseTree::Name(last) if last.ident == "self" => {
            found.push((path.last().cloned().unwrap_or_default(), path));
        }
        UseTree::Name(last) => {
            path.push(last.ident.to_string());
            found.push((last.ident.to_string(), path));
        }
        UseTree::Rename(last) => {
            path.push(last.ident.to_string());
            found.push((last.rename.to_string(), path));
        }
        UseTree::Glob(_) => found.push(("*".into(), path)),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten_use(tree, path.clone(), found);
            }
        }
    }
}
