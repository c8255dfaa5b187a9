//! Quantities as Kubernetes writes them, exact, rounded up as the scheduler does (`Quantity.Value`, `MilliValue`).

use serde_json::Value;

/// The whole number of units, or of thousandths where `milli`.
pub fn parse(quantity: &Value, milli: bool) -> i64 {
    let text = quantity
        .as_str()
        .map_or_else(|| quantity.to_string(), str::to_owned);
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
    let (up, down) = scale(suffix);
    let up = if milli { up * 1000 } else { up };
    let down = down * 10i128.pow(fraction.len() as u32);
    ((digits * up + down - 1) / down) as i64
}

fn scale(suffix: &str) -> (i128, i128) {
    match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1000),
        "k" => (1000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        _ => panic!("unknown suffix {suffix}"),
    }
}
