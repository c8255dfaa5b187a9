//! Arithmetic over the parameters of an incident: `nodes - 1`, `min(replicas, 3) * rate`, `spare > 0`. Comparisons and logic
//! come to 1 or 0. Bounded in length and depth, since incidents come from anybody.

use std::collections::BTreeMap;

/// Values of parameters by name.
pub type Scope = BTreeMap<String, f64>;

/// Longest expression, in bytes.
const LONGEST: usize = 500;

/// Deepest nesting.
const DEEPEST: u32 = 32;

/// The value of an expression.
///
/// # Errors
/// What is wrong with it, in words.
pub fn evaluate(text: &str, scope: &Scope) -> Result<f64, String> {
    if text.len() > LONGEST {
        return Err(format!("an expression of at most {LONGEST} bytes"));
    }
    let mut parser = Parser { rest: text, scope, depth: 0 };
    let value = parser.level(0)?;
    parser.skip();
    if !parser.rest.is_empty() {
        return Err(format!("an operator or the end before {:?}", first(parser.rest)));
    }
    if value.is_finite() { Ok(value) } else { Err("an expression whose value is a number".to_owned()) }
}

/// True for a name that expressions can use.
pub fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic()) && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Operators from those that bind least to those that bind most. Longer ones come first within a level.
const LEVELS: [&[&str]; 5] = [&["||"], &["&&"], &["<=", ">=", "==", "!=", "<", ">"], &["+", "-"], &["*", "/"]];

struct Parser<'t> {
    rest: &'t str,
    scope: &'t Scope,
    depth: u32,
}

impl<'t> Parser<'t> {
    fn level(&mut self, level: usize) -> Result<f64, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.operand();
        };
        let mut value = self.level(level + 1)?;
        while let Some(operator) = operators.iter().find(|o| self.take(o)) {
            let right = self.level(level + 1)?;
            value = apply(operator, value, right);
        }
        Ok(value)
    }

    fn operand(&mut self) -> Result<f64, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("at most {DEEPEST} levels of nesting"));
        }
        let value = self.innermost();
        self.depth -= 1;
        value
    }

    fn innermost(&mut self) -> Result<f64, String> {
        if self.take("-") {
            return Ok(-self.operand()?);
        }
        if self.take("!") {
            return Ok(truth(self.operand()? == 0.0));
        }
        if self.take("(") {
            let value = self.level(0)?;
            return self.close(value);
        }
        let word = self.word();
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return word.parse().map_err(|_| format!("a number in place of {word:?}"));
        }
        if is_name(word) && self.take("(") {
            return self.call(word);
        }
        self.scope.get(word).copied().ok_or_else(|| {
            let known: Vec<&str> = self.scope.keys().map(String::as_str).collect();
            let found = if word.is_empty() { first(self.rest) } else { word };
            format!("a number or one of {} in place of {found:?}", known.join(", "))
        })
    }

    fn call(&mut self, name: &str) -> Result<f64, String> {
        let mut values = vec![self.level(0)?];
        while self.take(",") {
            values.push(self.level(0)?);
        }
        let value = match (name, values.as_slice()) {
            ("min", all) => all.iter().copied().fold(f64::INFINITY, f64::min),
            ("max", all) => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ("floor", [x]) => x.floor(),
            ("ceil", [x]) => x.ceil(),
            ("round", [x]) => x.round(),
            ("if", [test, yes, no]) => {
                if *test == 0.0 {
                    *no
                } else {
                    *yes
                }
            }
            _ => return Err(format!("min, max, floor, ceil, round or if(test, yes, no) in place of {name:?}")),
        };
        self.close(value)
    }

    fn close(&mut self, value: f64) -> Result<f64, String> {
        if self.take(")") { Ok(value) } else { Err("a closing parenthesis".to_owned()) }
    }

    /// Digits, or a name.
    fn word(&mut self) -> &'t str {
        self.skip();
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

fn apply(operator: &str, a: f64, b: f64) -> f64 {
    match operator {
        "||" => truth(a != 0.0 || b != 0.0),
        "&&" => truth(a != 0.0 && b != 0.0),
        "<=" => truth(a <= b),
        ">=" => truth(a >= b),
        "==" => truth(a == b),
        "!=" => truth(a != b),
        "<" => truth(a < b),
        ">" => truth(a > b),
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        _ => a / b,
    }
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn first(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or("the end")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<f64, String> {
        evaluate(text, &[("nodes".to_owned(), 6.0), ("spare".to_owned(), 0.0)].into())
    }

    #[test]
    fn arithmetic_binds_as_usual() {
        for (text, expected) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("10 - 4 - 3", 3.0),
            ("-nodes / 4", -1.5),
            ("nodes > 5 && spare == 0", 1.0),
            ("!spare || nodes < 1", 1.0),
            ("nodes <= 5", 0.0),
            ("min(nodes, 4, 9) + max(1, 2)", 6.0),
            ("if(spare, 1, ceil(nodes / 4))", 2.0),
            ("floor(2.5) + round(2.5)", 5.0),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", "a number or one of nodes, spare"),
            ("1 +", "in place of \"the end\""),
            ("nodse", "in place of \"nodse\""),
            ("1 2", "an operator or the end before \"2\""),
            ("(1", "a closing parenthesis"),
            ("1 / 0", "whose value is a number"),
            ("exp(1)", "in place of \"exp\""),
            ("1.2.3", "a number in place of \"1.2.3\""),
            ("é", "in place of"),
        ] {
            let found = value(text).unwrap_err();
            assert!(found.contains(said), "{text}: {found}");
        }
        assert!(value(&"(".repeat(400)).unwrap_err().contains("nesting"));
        assert!(value(&"-".repeat(400)).unwrap_err().contains("nesting"));
        assert!(value(&"1+".repeat(400)).unwrap_err().contains("bytes"));
    }
}
