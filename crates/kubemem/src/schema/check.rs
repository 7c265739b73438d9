//! What can be said of a CEL rule without a value: fields that there cannot be, and a result that is no truth value.
//!
//! Types are followed along `self`; what comes of functions and macros may be anything.

use cel::IdedExpr;
use cel::Program;
use cel::common::ast::{Expr, LiteralValue};
use serde_json::Value;

/// What an expression is.
#[derive(Clone, Copy)]
enum Type<'a> {
    Any,
    Bool,
    /// Something else than a truth value.
    Other,
    /// What a schema describes.
    Of(&'a Value),
}

/// Why a rule for values of a schema is refused.
pub(super) fn problem(program: &Program, text: &str, schema: &Value, root: bool) -> Option<String> {
    let mut check = Check { schema, root, found: None };
    let result = check.of(program.expression());
    if let Some((id, what)) = check.found {
        let at = program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
        let (line, column) = position(text, at);
        let shown = text.lines().nth(line).unwrap_or_default();
        let dots = ".".repeat(column);
        return Some(format!("compilation failed: ERROR: <input>:{}:{}: {what}\n | {shown}\n | {dots}^", line + 1, column + 1));
    }
    let boolean = match result {
        Type::Any | Type::Bool => true,
        Type::Other => false,
        Type::Of(schema) => scalar(schema).is_none_or(|name| name == "bool"),
    };
    (!boolean).then(|| "cel expression must evaluate to a bool".to_owned())
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    (before.matches('\n').count(), before.rsplit('\n').next().unwrap_or_default().chars().count())
}

/// What CEL calls the values of a schema that has no fields; `None` where that is not sure.
fn scalar(schema: &Value) -> Option<&'static str> {
    let plain = schema["format"].is_null() && schema["x-kubernetes-int-or-string"] != true && schema["nullable"] != true;
    match schema["type"].as_str().filter(|_| plain)? {
        "string" => Some("string"),
        "integer" => Some("int"),
        "number" => Some("double"),
        "boolean" => Some("bool"),
        _ => None,
    }
}

struct Check<'a> {
    schema: &'a Value,
    /// Whether `self` is the whole object.
    root: bool,
    /// The first problem, and the expression that has it.
    found: Option<(u64, String)>,
}

impl<'a> Check<'a> {
    fn of(&mut self, expression: &IdedExpr) -> Type<'a> {
        match &expression.expr {
            Expr::Ident(name) if name == "self" => Type::Of(self.schema),
            Expr::Literal(LiteralValue::Boolean(_)) => Type::Bool,
            Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => Type::Other,
            Expr::Select(select) => {
                let operand = self.of(&select.operand);
                let inner = self.field(operand, &select.field, expression.id);
                if select.test { Type::Bool } else { inner }
            }
            Expr::Call(call) => {
                if let Some(target) = &call.target {
                    self.of(target);
                }
                for argument in &call.args {
                    self.of(argument);
                }
                match call.func_name.as_str() {
                    "_&&_" | "_||_" | "!_" | "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_" | "@in" => Type::Bool,
                    "size" | "_-_" | "_*_" | "_/_" | "_%_" | "-_" | "string" | "int" | "double" => Type::Other,
                    _ => Type::Any,
                }
            }
            Expr::Comprehension(comprehension) => {
                self.of(&comprehension.iter_range);
                Type::Any
            }
            _ => Type::Any,
        }
    }

    fn field(&mut self, operand: Type<'a>, field: &str, id: u64) -> Type<'a> {
        let Type::Of(schema) = operand else { return Type::Any };
        if let Some(name) = scalar(schema) {
            self.found.get_or_insert_with(|| (id, format!("type '{name}' does not support field selection")));
            return Type::Any;
        }
        let Some(fields) = schema["properties"].as_object() else { return Type::Any };
        // names that CEL cannot spell are written in another way
        let open =
            field.contains("__") || schema["x-kubernetes-embedded-resource"] == true || self.root && std::ptr::eq(schema, self.schema);
        match fields.get(field) {
            Some(inner) => Type::Of(inner),
            None if open => Type::Any,
            None => {
                self.found.get_or_insert_with(|| (id, format!("undefined field '{field}'")));
                Type::Any
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_what_cannot_be() {
        let schema = json!({"type": "object", "properties": {"s": {"type": "string"}, "b": {"type": "boolean"},
            "l": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}}}});
        let said = |text: &str| {
            let program = Program::compile(text).expect("a rule");
            problem(&program, text, &schema, false)
        };
        for good in ["self.b", "self.s == 'a'", "has(self.s) && self.l.all(i, i.x > 1)", "self.l[0].x == 1", "!has(oldSelf.q) || self.b"] {
            assert_eq!(said(good), None, "{good}");
        }
        let undefined = "compilation failed: ERROR: <input>:1:5: undefined field 'q'\n | self.q == 1\n | ....^";
        assert_eq!(said("self.q == 1").as_deref(), Some(undefined));
        assert!(said("self.s.t == 1").is_some_and(|why| why.contains("type 'string' does not support field selection")));
        assert_eq!(said("self.s").as_deref(), Some("cel expression must evaluate to a bool"));
    }
}
