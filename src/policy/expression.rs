//! CEL expressions: read with every fault at its place, and evaluated within a budget.
//!
//! CEL always ends, but loops over loops can take very long, and sums in them grow. So every loop is charged
//! for its range and every sum for its size, before it is begun or kept; what exceeds the budget is an error.
//! Names and functions that there are not are faults when a rule is read, not when it is first asked.
//! Deliberately absent: clocks, randomness and anything from outside; the same object gives the same answer.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use cel::common::ast::{CallExpr, EntryExpr, Expr, operators};
use cel::parser::Parser;
use cel::{Context, Env, ExecutionError, IdedExpr, Value};

use crate::diagnostic::suggest_word;

/// The most bytes of an expression.
pub const MAX_BYTES: usize = 4_000;
/// How deep an expression may nest.
const MAX_DEPTH: usize = 48;
/// What one evaluation may spend: one for each entry of a range, one for each few characters of a sum.
const EVALUATION_BUDGET: u64 = 100_000;
/// How many characters of a text cost one.
const CHARACTERS_PER_UNIT: usize = 16;
/// What a search by a pattern costs, which is built anew each time.
const PATTERN_COST: u64 = 200;
/// Room for the parser, which nests deeper than what it reads.
const PARSER_STACK_BYTES: usize = 32 << 20;
/// The functions that charge; no expression can spell them.
const CHARGE_FUNCTION: &str = "@charge";
const PATTERN_CHARGE_FUNCTION: &str = "@charge_pattern";
const GROWING_CHARGE_FUNCTION: &str = "@charge_growing";
/// A loop that builds a list copies it in each round: so many copied entries cost one.
const COPIES_PER_UNIT: u64 = 64;

/// What rules can ask about.
const VARIABLES: [&str; 9] = ["api", "kind", "name", "target", "state", "protect", "spec", "item", "key"];
/// What is there only once there is a plan.
const PLAN_VARIABLES: [&str; 2] = ["action", "changes"];
/// The names of types, for `type(x) == string`.
const TYPE_NAMES: [&str; 10] =
    ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "uint"];
/// The functions that may be called by name.
const FUNCTIONS: [&str; 13] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "int",
    "matches",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

/// The language itself, the same for all rules; made when the first of them is asked, because most workspaces
/// have none.
#[derive(Default)]
pub struct CelEnvironment(OnceLock<Arc<Env>>);

impl CelEnvironment {
    fn env(&self) -> Arc<Env> {
        Arc::clone(self.0.get_or_init(|| Arc::new(Env::stdlib())))
    }
}

/// A sound expression.
pub struct CelExpression {
    root: IdedExpr,
    /// Whether it speaks of what a plan would do.
    pub needs_plan: bool,
}

/// What is wrong with an expression, and at which character.
pub struct ExpressionError {
    pub offset: usize,
    pub message: String,
    pub hint: Option<String>,
}

/// A field that is asked for by name: of `spec` or `item`, by the names that lead there.
pub struct RuleFieldReference {
    pub root: String,
    pub path: Vec<String>,
    pub offset: usize,
}

/// What one object is asked with.
pub struct EvaluationScope {
    context: Context<'static, 'static>,
    spent: Arc<AtomicU64>,
}

impl CelExpression {
    /// Reads an expression, with the fields that it names.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn parse(text: &str, in_each: bool) -> Result<(Self, Vec<RuleFieldReference>), Vec<ExpressionError>> {
        if text.len() > MAX_BYTES {
            let message = format!("this expression is longer than {MAX_BYTES} bytes");
            return Err(vec![build_error(0, message, "split it into several rules")]);
        }
        let (mut root, offsets) = parse_text(text)?;
        let mut walk = ExpressionChecker {
            text,
            offsets: &offsets,
            has_each: in_each,
            loop_variables: Vec::new(),
            references: Vec::new(),
            errors: Vec::new(),
            needs_plan: false,
        };
        walk.check_node(&mut root, 0);
        match walk.errors.is_empty() {
            true => Ok((Self { root, needs_plan: walk.needs_plan }, walk.references)),
            false => Err(walk.errors),
        }
    }

    /// What it says; the words of an error tell no value.
    pub fn evaluate(&self, scope: &EvaluationScope) -> Result<bool, String> {
        scope.spent.store(0, Ordering::Relaxed);
        let said = catch_unwind(AssertUnwindSafe(|| Value::resolve(&self.root, &scope.context)));
        if scope.spent.load(Ordering::Relaxed) > EVALUATION_BUDGET {
            return Err("it takes too long".to_owned());
        }
        match said {
            Ok(Ok(Value::Bool(flag))) => Ok(flag),
            Ok(Ok(_)) => Err("its result is neither true nor false".to_owned()),
            Ok(Err(error)) => Err(describe_error(&error)),
            Err(_) => Err("it cannot be evaluated".to_owned()),
        }
    }
}

/// Why there is no answer, without the values: those of an error's own words are of no use to a reader.
fn describe_error(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{}`", sanitize_text(key)),
        ExecutionError::UndeclaredReference(name) => format!("there is no `{}` here", sanitize_text(name)),
        ExecutionError::NoSuchOverload(overload) => {
            let types = overload.argument_types().join(" and ");
            format!("`{}` does not support {types}", format_operator(overload.function()))
        }
        ExecutionError::UnexpectedType { got, want } => format!("it needs {want} where there is {got}"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".into(),
        ExecutionError::IndexOutOfBounds(_) => "the index is out of range".to_owned(),
        ExecutionError::Overflow(..) => "a number becomes too large".to_owned(),
        ExecutionError::ValuesNotComparable(..) => "it compares values of different types".to_owned(),
        ExecutionError::FunctionError { function, .. } => format!("`{}` fails", sanitize_text(function)),
        _ => "a value has an unexpected type".to_owned(),
    }
}

fn sanitize_text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// An operator as it is written.
fn format_operator(function: &str) -> String {
    sanitize_text(function.trim_matches(['_', '@']))
}

fn build_error(at: usize, message: impl Into<String>, hint: &str) -> ExpressionError {
    ExpressionError { offset: at, message: message.into(), hint: Some(hint.to_owned()) }
}

/// Where each node stands, in characters.
type NodeOffsets = HashMap<u64, usize>;

/// On a thread with room: the parser recurses.
fn parse_text(text: &str) -> Result<(IdedExpr, NodeOffsets), Vec<ExpressionError>> {
    let read = || {
        Parser::new().max_recursion_depth(MAX_DEPTH as u16).parse_with_source_info(text).map_err(|errors| {
            errors.errors.iter().map(|error| convert_syntax_error(text, error)).collect::<Vec<_>>()
        })
    };
    let parsed = thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(PARSER_STACK_BYTES).spawn_scoped(scope, || {
            let (root, places) = read()?;
            let mut offsets = NodeOffsets::new();
            visit_ids(&root, &mut |id| {
                offsets.extend(places.offset_for(id).map(|(start, _)| (id, start as usize)));
            });
            Ok((root, offsets))
        });
        worker.ok().and_then(|worker| worker.join().ok())
    });
    parsed.unwrap_or_else(|| {
        Err(vec![build_error(0, "this expression is not supported", "rewrite the expression")])
    })
}

fn convert_syntax_error(text: &str, error: &cel::ParseError) -> ExpressionError {
    let (line, column) = (error.pos.0.max(1) as usize, error.pos.1.max(1) as usize);
    let before: usize = text.split_inclusive('\n').take(line - 1).map(|line| line.chars().count()).sum();
    let first = error.msg.lines().next().unwrap_or_default();
    let said = first.strip_prefix("Syntax error: ").unwrap_or(first);
    let at = (before + column - 1).min(text.chars().count());
    ExpressionError {
        offset: at,
        message: format!("invalid CEL expression: {}", sanitize_text(said)),
        hint: None,
    }
}

/// Calls `visit` with the number of every node.
fn visit_ids(expression: &IdedExpr, visit: &mut dyn FnMut(u64)) {
    visit(expression.id);
    visit_children(&expression.expr, &mut |inside| visit_ids(inside, visit));
}

/// Every expression right below one.
fn visit_children<'e>(expression: &'e Expr, visit: &mut dyn FnMut(&'e IdedExpr)) {
    let entry = |entry: &'e EntryExpr, visit: &mut dyn FnMut(&'e IdedExpr)| match entry {
        EntryExpr::StructField(field) => visit(&field.value),
        EntryExpr::MapEntry(entry) => {
            visit(&entry.key);
            visit(&entry.value);
        }
    };
    match expression {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).for_each(visit),
        Expr::Comprehension(loops) => {
            [&loops.iter_range, &loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result]
                .into_iter()
                .for_each(visit);
        }
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => map.entries.iter().for_each(|one| entry(&one.expr, visit)),
        Expr::Struct(of) => of.entries.iter().for_each(|one| entry(&one.expr, visit)),
        Expr::Select(select) => visit(&select.operand),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

/// One walk through an expression: what it names is looked at, what costs is charged.
struct ExpressionChecker<'o> {
    text: &'o str,
    offsets: &'o NodeOffsets,
    has_each: bool,
    /// The variables of the loops around.
    loop_variables: Vec<String>,
    references: Vec<RuleFieldReference>,
    errors: Vec<ExpressionError>,
    needs_plan: bool,
}

impl ExpressionChecker<'_> {
    fn find_offset(&self, id: u64) -> usize {
        self.offsets.get(&id).copied().unwrap_or(0)
    }

    fn check_node(&mut self, node: &mut IdedExpr, depth: usize) {
        if depth > MAX_DEPTH {
            let message = format!("this expression is nested deeper than {MAX_DEPTH}");
            let fault = build_error(self.find_offset(node.id), message, "split it into several rules");
            // once is enough
            if !self.errors.iter().any(|other| other.message == fault.message) {
                self.errors.push(fault);
            }
            return;
        }
        self.record_reference(node);
        let id = node.id;
        match &mut node.expr {
            Expr::Ident(name) => self.check_name(&name.clone(), id),
            Expr::Call(call) => {
                self.check_function(call, id);
                let inside = call.target.as_deref_mut().into_iter().chain(&mut call.args);
                inside.for_each(|inside| self.check_node(inside, depth + 1));
            }
            Expr::Comprehension(loops) => {
                self.check_node(&mut loops.iter_range, depth + 1);
                self.check_node(&mut loops.accu_init, depth + 1);
                let own = self.loop_variables.len();
                self.loop_variables.extend([loops.accu_var.clone(), loops.iter_var.clone()]);
                self.loop_variables.extend(loops.iter_var2.clone());
                for inside in [&mut loops.loop_cond, &mut loops.loop_step, &mut loops.result] {
                    self.check_node(inside, depth + 1);
                }
                self.loop_variables.truncate(own);
                let grows = is_growing_step(&loops.loop_step);
                wrap_in_charge(
                    &mut loops.iter_range,
                    if grows { GROWING_CHARGE_FUNCTION } else { CHARGE_FUNCTION },
                );
            }
            Expr::Select(select) => self.check_node(&mut select.operand, depth + 1),
            Expr::List(list) => {
                list.elements.iter_mut().for_each(|inside| self.check_node(inside, depth + 1));
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.check_node(&mut entry.key, depth + 1);
                        self.check_node(&mut entry.value, depth + 1);
                    }
                }
            }
            Expr::Struct(_) => {
                self.errors.push(build_error(
                    self.find_offset(id),
                    "message types are not supported",
                    "write a map",
                ));
            }
            Expr::Unspecified => {
                self.errors.push(build_error(
                    self.find_offset(id),
                    "the expression is incomplete",
                    "complete the expression",
                ));
            }
            Expr::Literal(_) => {}
        }
        match &node.expr {
            // what a loop adds to its own result is paid for with its range
            Expr::Call(call) if call.func_name == operators::ADD && !is_accumulator_sum(call) => {
                wrap_in_charge(node, CHARGE_FUNCTION)
            }
            Expr::Call(call) if call.func_name == "matches" => wrap_in_charge(node, PATTERN_CHARGE_FUNCTION),
            _ => {}
        }
    }

    /// Notes a field that is named: `spec.a.b`.
    fn record_reference(&mut self, node: &IdedExpr) {
        let (mut path, mut next) = (Vec::new(), node);
        while let Expr::Select(select) = &next.expr {
            path.insert(0, select.field.clone());
            next = &select.operand;
        }
        let at = self.find_offset(next.id);
        // `spec.a.b` holds `spec.a`, of which all is said then
        let is_reported = self.references.iter().any(|requested| requested.offset == at);
        if let (Expr::Ident(root), false) = (&next.expr, path.is_empty() || is_reported)
            && !self.loop_variables.contains(root)
        {
            self.references.push(RuleFieldReference { root: root.clone(), path, offset: at });
        }
    }

    fn check_name(&mut self, name: &str, id: u64) {
        if self.loop_variables.iter().any(|own| own == name) || TYPE_NAMES.contains(&name) {
            return;
        }
        self.needs_plan |= PLAN_VARIABLES.contains(&name);
        let known: Vec<&str> = VARIABLES.into_iter().chain(PLAN_VARIABLES).collect();
        let of_each = ["item", "key"].contains(&name);
        if !known.contains(&name) {
            let message = format!("there is no `{}` here", sanitize_text(name));
            self.errors.push(ExpressionError {
                offset: self.find_offset(id),
                message,
                hint: suggest_word(name, known),
            });
        } else if of_each && !self.has_each {
            let message = format!("`{name}` exists only in rules with `each`");
            self.errors.push(build_error(self.find_offset(id), message, "name the list under `each`"));
        }
    }

    fn check_function(&mut self, call: &CallExpr, id: u64) {
        let name = &*call.func_name;
        let is_operator = !name.starts_with(|c: char| c.is_alphabetic());
        if is_operator || FUNCTIONS.contains(&name) {
            return;
        }
        // a call is noted by its parenthesis, before which the name stands
        let (at, length) = (self.find_offset(id), name.chars().count());
        let before = at.saturating_sub(length);
        let at = if self.text.chars().skip(before).take(length).eq(name.chars()) { before } else { at };
        let message = format!("there is no function `{}`", sanitize_text(name));
        self.errors.push(ExpressionError { offset: at, message, hint: suggest_word(name, FUNCTIONS) });
    }
}

fn is_accumulator_sum(call: &CallExpr) -> bool {
    call.args.first().is_some_and(|first| matches!(&first.expr, Expr::Ident(name) if name.starts_with('@')))
}

/// Whether each round of a loop adds to a list, as those of `map` and `filter` do.
fn is_growing_step(step: &IdedExpr) -> bool {
    match &step.expr {
        Expr::Call(call) if call.func_name == operators::ADD => is_accumulator_sum(call),
        Expr::Call(call) => call.args.iter().any(is_growing_step),
        _ => false,
    }
}

/// Puts a charge around an expression.
fn wrap_in_charge(node: &mut IdedExpr, function: &str) {
    let inside = std::mem::take(node);
    let id = inside.id;
    let call = CallExpr { func_name: function.to_owned(), target: None, args: vec![inside] };
    *node = IdedExpr { id, expr: Expr::Call(call) };
}

impl EvaluationScope {
    /// A scope without any names.
    pub fn new(words: &CelEnvironment) -> Self {
        let spent = Arc::new(AtomicU64::new(0));
        let mut context = Context::with_env(words.env());
        let charge = |cost_of: fn(u64) -> u64| {
            let spent = Arc::clone(&spent);
            move |value: Value| -> Result<Value, ExecutionError> {
                let cost = cost_of(measure_cost(&value));
                match spent.fetch_add(cost, Ordering::Relaxed) + cost > EVALUATION_BUDGET {
                    true => Err(ExecutionError::function_error("budget", "spent")),
                    false => Ok(value),
                }
            }
        };
        // a name that no library has is never refused
        let _ = context.add_function(CHARGE_FUNCTION, charge(|size| size.max(1)));
        let _ = context.add_function(PATTERN_CHARGE_FUNCTION, charge(|size| size.max(PATTERN_COST)));
        let growing = |size: u64| size.max(1).saturating_add(size.saturating_mul(size) / COPIES_PER_UNIT);
        let _ = context.add_function(GROWING_CHARGE_FUNCTION, charge(growing));
        Self { context, spent }
    }

    /// Gives a name its value.
    pub fn set_variable(&mut self, name: &str, value: Value) {
        self.context.add_variable_from_value(name, value);
    }
}

fn measure_cost(value: &Value) -> u64 {
    let size = match value {
        Value::List(items) => items.len(),
        Value::Map(map) => map.map.len(),
        Value::String(text) => text.len() / CHARACTERS_PER_UNIT,
        Value::Bytes(bytes) => bytes.len() / CHARACTERS_PER_UNIT,
        _ => 0,
    };
    size as u64
}
