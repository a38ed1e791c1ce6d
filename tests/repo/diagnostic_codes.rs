//! Every diagnostic code of the source has a text in the table of `trueup explain`, and no text is left over.
//!
//! Codes are found where a diagnostic is made: the first argument of its constructor, what flows into a parameter,
//! a field or a variable that is called `code`, and constants that are used as one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use syn::visit::{self, Visit};
use syn::{Expr, ExprLit, FnArg, Lit, Pat};
use trueup::report::code_table::CodeTable;

#[derive(Default)]
struct CodeReader {
    /// Codes, with the file in which each was found first.
    codes: BTreeMap<String, String>,
    /// Functions with a parameter `code`, and its place among the arguments without `self`.
    functions: BTreeMap<String, usize>,
    /// Constants and what they say.
    constants: BTreeMap<String, String>,
    /// Names of constants that a diagnostic is made with.
    used: BTreeSet<String>,
    /// Constructor calls whose code this reader cannot see.
    unseen: Vec<String>,
    file: String,
    /// Variables from which a `code` is taken later, by file: its place in a tuple, and the length of that.
    destructured: BTreeMap<(String, String), (usize, usize)>,
    /// The first pass looks for functions and constants only.
    is_first_pass: bool,
}

/// Every text in an expression.
#[derive(Default)]
struct TextReader(Vec<String>);

impl<'a> Visit<'a> for TextReader {
    fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
        self.0.push(text.value());
    }

    fn visit_macro(&mut self, _: &'a syn::Macro) {}
}

fn read_texts(expression: &Expr) -> Vec<String> {
    let mut reader = TextReader::default();
    reader.visit_expr(expression);
    reader.0
}

/// Small letters, digits and single hyphens.
fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.split('-').all(|word| !word.is_empty())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn names_code(name: &str) -> bool {
    name == "code" || name.ends_with("_code")
}

/// Whether a pattern binds a variable `code`.
fn binds_code(pattern: &Pat) -> bool {
    matches!(pattern, Pat::Ident(ident) if ident.ident == "code")
}

/// The elements at one place of all tuples of a length.
struct TupleReader {
    place: usize,
    length: usize,
    texts: Vec<String>,
}

impl<'a> Visit<'a> for TupleReader {
    fn visit_expr_tuple(&mut self, tuple: &'a syn::ExprTuple) {
        if let (true, Some(element)) = (tuple.elems.len() == self.length, tuple.elems.get(self.place)) {
            self.texts.extend(read_texts(element));
        }
        visit::visit_expr_tuple(self, tuple);
    }
}

impl CodeReader {
    fn add_texts(&mut self, expression: &Expr) {
        self.add_codes(read_texts(expression));
    }

    fn add_codes(&mut self, texts: Vec<String>) {
        for text in texts.into_iter().filter(|text| is_code(text)) {
            self.codes.entry(text).or_insert_with(|| self.file.clone());
        }
    }

    /// The elements at one place of the tuples of a length.
    fn add_tuple_codes(&mut self, (place, length): (usize, usize), expression: &Expr) {
        let mut reader = TupleReader { place, length, texts: Vec::new() };
        reader.visit_expr(expression);
        self.add_codes(reader.texts);
    }

    /// Visits an expression that was parsed on the way.
    fn visit_parsed(&mut self, expression: &Expr) {
        Visit::visit_expr(self, expression);
    }

    /// An argument of a function whose name others may have too, so that only words with a hyphen count.
    fn add_argument(&mut self, function: &str, expression: &Expr) {
        let is_certain = function.contains("error");
        let texts = read_texts(expression).into_iter().filter(|text| is_certain || text.contains('-'));
        self.add_codes(texts.collect());
    }

    fn add_function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let typed = signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        let place = typed.into_iter().position(|typed| binds_code(&typed.pat));
        let name = signature.ident.to_string();
        if let Some(place) = place {
            self.functions.insert(name.clone(), place);
        }
        if names_code(&name) && !self.is_first_pass {
            let mut reader = TextReader::default();
            reader.visit_block(block);
            self.add_codes(reader.0);
        }
    }

    /// The first argument of a constructor.
    fn add_constructed(&mut self, code: &Expr) {
        let named = match code {
            Expr::Path(path) => path.path.segments.last().map(|own| own.ident.to_string()),
            Expr::MethodCall(call) => Some(call.method.to_string()),
            Expr::Field(field) => match &field.member {
                syn::Member::Named(name) => Some(name.to_string()),
                syn::Member::Unnamed(_) => None,
            },
            _ => None,
        };
        match named {
            Some(name) if names_code(&name) => {}
            Some(name) if self.constants.contains_key(&name) => {
                self.used.insert(name);
            }
            _ if !read_texts(code).is_empty() => self.add_texts(code),
            _ => self.unseen.push(format!("{}: {:?}", self.file, named)),
        }
    }
}

impl<'a> Visit<'a> for CodeReader {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
        self.add_function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
        self.add_function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &*item.expr {
            self.constants.insert(item.ident.to_string(), text.value());
        }
        visit::visit_item_const(self, item);
    }

    fn visit_macro(&mut self, called: &'a syn::Macro) {
        let parser = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
        for argument in called.parse_body_with(parser).into_iter().flatten() {
            // what a macro holds is parsed here, so it lives as long as this visit
            self.visit_parsed(&argument);
        }
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        if let (false, Expr::Path(path)) = (self.is_first_pass, &*call.func) {
            let words: Vec<String> = path.path.segments.iter().map(|own| own.ident.to_string()).collect();
            let (last, owner) = (words.last().map_or("", String::as_str), words.iter().rev().nth(1));
            let is_constructor = owner.is_some_and(|owner| owner == "Diagnostic")
                && matches!(last, "error" | "warning" | "note");
            let place = self.functions.get(last).copied();
            match (is_constructor, call.args.first(), place.and_then(|place| call.args.iter().nth(place))) {
                (true, Some(code), _) => self.add_constructed(code),
                (false, _, Some(code)) => self.add_argument(last, code),
                _ => {}
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        let place = self.functions.get(&call.method.to_string()).copied();
        if let (false, Some(code)) = (self.is_first_pass, place.and_then(|at| call.args.iter().nth(at))) {
            self.add_argument(&call.method.to_string(), code);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_let(&mut self, own: &'a syn::ExprLet) {
        if let (Pat::TupleStruct(outer), Expr::Path(path)) = (&*own.pat, &*own.expr)
            && let (Some(Pat::Tuple(inner)), Some(name)) = (outer.elems.first(), path.path.get_ident())
            && let Some(place) = inner.elems.iter().position(binds_code)
        {
            self.destructured.insert((self.file.clone(), name.to_string()), (place, inner.elems.len()));
        }
        visit::visit_expr_let(self, own);
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        let later = match &local.pat {
            Pat::Ident(own) => self.destructured.get(&(self.file.clone(), own.ident.to_string())).copied(),
            _ => None,
        };
        match (&local.pat, &local.init) {
            (_, Some(init)) if !self.is_first_pass && later.is_some() => {
                self.add_tuple_codes(later.unwrap_or_default(), &init.expr);
            }
            (_, Some(init)) if !self.is_first_pass && binds_code(&local.pat) => self.add_texts(&init.expr),
            (Pat::Tuple(tuple), Some(init)) if !self.is_first_pass => {
                if let Some(place) = tuple.elems.iter().position(binds_code) {
                    self.add_tuple_codes((place, tuple.elems.len()), &init.expr);
                }
            }
            _ => {}
        }
        visit::visit_local(self, local);
    }

    fn visit_field_value(&mut self, field: &'a syn::FieldValue) {
        if let (false, syn::Member::Named(name)) = (self.is_first_pass, &field.member)
            && names_code(&name.to_string())
        {
            match &field.expr {
                Expr::Path(path) => {
                    let name = path.path.segments.last().map(|own| own.ident.to_string());
                    self.used.extend(name.filter(|name| self.constants.contains_key(name)));
                }
                other => self.add_texts(other),
            }
        }
        visit::visit_field_value(self, field);
    }
}

/// The codes of the source, with a file of each.
fn read_codes() -> BTreeMap<String, String> {
    let files = walkdir::WalkDir::new("src").sort_by_file_name().into_iter();
    let paths = files.map(|entry| entry.expect("a readable folder").into_path());
    let files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        // the sandbox speaks the codes of services
        .filter(|path| !path.starts_with("src/sandbox") || path.ends_with("seed.rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            (path.to_string_lossy().replace('\\', "/"), syn::parse_file(&text).expect("Rust"))
        })
        .collect();
    let mut reader = CodeReader::default();
    for is_first_pass in [true, false] {
        reader.is_first_pass = is_first_pass;
        for (path, file) in &files {
            reader.file.clone_from(path);
            reader.visit_file(file);
        }
    }
    assert!(reader.unseen.is_empty(), "codes that no reader sees: {:#?}", reader.unseen);
    for name in &reader.used {
        reader.codes.entry(reader.constants[name].clone()).or_insert_with(|| name.clone());
    }
    reader.codes
}

#[test]
fn every_code_has_a_text_and_every_text_a_code() {
    let codes = read_codes();
    assert!(codes.len() > 200, "only {} codes were found", codes.len());
    let table = CodeTable::load();
    let described: BTreeSet<&str> = table.iter_codes().map(|entry| entry.code.as_str()).collect();
    let missing: Vec<String> = codes
        .iter()
        .filter(|(code, _)| !described.contains(code.as_str()))
        .map(|(code, file)| format!("{code} ({file})"))
        .collect();
    assert!(missing.is_empty(), "write a text in src/report/codes.yaml for {missing:#?}");
    let left: Vec<&str> = described.into_iter().filter(|code| !codes.contains_key(*code)).collect();
    assert!(left.is_empty(), "no diagnostic has these codes: {left:#?}");
}
