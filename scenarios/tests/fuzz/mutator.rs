//! Inputs that are nearly right: seeds with members deleted, doubled, renamed, swapped and grafted from each other, values of
//! another type or size, deep nesting, odd text, and bytes that are flipped, cut and repeated. What is nearly right gets
//! further into a decoder than chance alone.

use serde_json::{Map, Value, json};

/// Deepest nesting made of values; deeper ones are made of bytes, which no recursion here has to write.
const DEEP: u64 = 200;
/// Longest input that is made on purpose.
const LONG: usize = 1 << 20;
/// Bytes of a text that a seed keeps: what is longer only takes time.
const KEPT: usize = 4000;
/// Items of a list that most inputs have, any of the seed's. Of plain values more: there the length may count.
const FEW: usize = 2;
const FEW_PLAIN: usize = 8;
/// One in so many inputs has all items.
const WHOLE: usize = 6;

/// Random numbers by SplitMix64 (Steele, Lea and Flood 2014): one state, the same everywhere.
pub struct Dice(u64);

impl Dice {
    /// Numbers that belong to a case of a target.
    pub fn of(target: &str, case: u64) -> Dice {
        let name = target.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut dice = Dice(name ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % (end as u64).max(1)) as usize
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One, or more and more rarely up to eight.
    fn few(&mut self) -> usize {
        1 + (0..7).take_while(|_| self.once_in(2)).count()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

enum Seed {
    Json(Value),
    Text(Vec<u8>),
}

/// Seeds, and the words they are made of.
pub struct Garden {
    seeds: Vec<Seed>,
    keys: Vec<String>,
}

impl Garden {
    /// Of these seeds; long texts in them are shortened.
    pub fn new(seeds: impl IntoIterator<Item = Vec<u8>>) -> Garden {
        let mut keys = Vec::new();
        let seeds = seeds.into_iter().map(|bytes| match serde_json::from_slice::<Value>(&bytes) {
            Ok(mut value @ (Value::Object(_) | Value::Array(_))) => {
                shorten(&mut value, &mut keys);
                Seed::Json(value)
            }
            _ => Seed::Text(bytes),
        });
        let seeds: Vec<Seed> = seeds.collect();
        keys.sort();
        keys.dedup();
        assert!(!seeds.is_empty(), "no seeds");
        Garden { seeds, keys }
    }

    /// An input; most come from a seed by a few changes.
    pub fn input(&self, dice: &mut Dice) -> Vec<u8> {
        if dice.once_in(100) {
            return (0..dice.below(200)).map(|_| dice.below(256) as u8).collect();
        }
        let mut bytes = match &self.seeds[dice.below(self.seeds.len())] {
            Seed::Text(text) => {
                let mut bytes = text.clone();
                for _ in 0..dice.few() {
                    self.change_text(&mut bytes, dice);
                }
                bytes
            }
            Seed::Json(seed) => {
                let mut value = if dice.once_in(WHOLE) { seed.clone() } else { thinned(seed, dice) };
                for _ in 0..dice.few() {
                    self.change(&mut value, dice);
                }
                let written =
                    if dice.once_in(3) { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
                written.unwrap_or_default()
            }
        };
        if dice.once_in(5) {
            for _ in 0..1 + dice.below(3) {
                self.change_bytes(&mut bytes, dice);
            }
        }
        bytes.truncate(LONG);
        bytes
    }

    /// Changes one place of a document.
    fn change(&self, root: &mut Value, dice: &mut Dice) {
        let graft = dice.once_in(8).then(|| self.cutting(dice));
        let count = count(root);
        let (mut at, mut other) = (dice.below(count), dice.below(count));
        if dice.once_in(6)
            && let Some(first) = nth(root, &mut at)
        {
            // Two places change their values.
            let taken = first.take();
            let back = match nth(root, &mut other) {
                Some(second) => std::mem::replace(second, taken),
                None => return,
            };
            at = dice.below(count);
            if let Some(first) = nth(root, &mut at) {
                *first = back;
            }
            return;
        }
        let Some(value) = nth(root, &mut at) else { return };
        if let Some(graft) = graft {
            *value = graft;
            return;
        }
        match value {
            Value::Object(map) => self.change_object(map, dice),
            Value::Array(list) => change_list(list, dice),
            Value::String(text) if dice.once_in(2) => *text = odd_text(text, dice),
            Value::Number(_) if dice.once_in(2) => *value = odd_number(dice),
            _ => *value = replaced(value.take(), dice),
        }
    }

    fn change_object(&self, map: &mut Map<String, Value>, dice: &mut Dice) {
        let chosen = map.keys().nth(dice.below(map.len())).cloned();
        match (dice.below(6), chosen) {
            (0 | 1, Some(key)) => _ = map.remove(&key),
            (2, Some(key)) => {
                let value = map.remove(&key).unwrap_or_default();
                map.insert(self.key(dice), value);
            }
            (3, Some(key)) => {
                let value = map.get(&key).cloned().unwrap_or_default();
                map.insert(self.key(dice), value);
            }
            (4, Some(key)) => {
                let value = map.get_mut(&key).map(Value::take).unwrap_or_default();
                map.insert(key, replaced(value, dice));
            }
            _ => {
                let value = if dice.once_in(3) { self.cutting(dice) } else { odd_value(dice) };
                map.insert(self.key(dice), value);
            }
        }
    }

    fn key(&self, dice: &mut Dice) -> String {
        match dice.pick(&self.keys) {
            Some(key) if !dice.once_in(8) => key.clone(),
            _ => odd_text("key", dice),
        }
    }

    /// A part of some seed.
    fn cutting(&self, dice: &mut Dice) -> Value {
        match &self.seeds[dice.below(self.seeds.len())] {
            Seed::Json(seed) => {
                let mut at = dice.below(count(seed));
                found(seed, &mut at).cloned().unwrap_or_default()
            }
            Seed::Text(text) => json!(String::from_utf8_lossy(text)),
        }
    }

    /// Changes one word or line of a text.
    fn change_text(&self, bytes: &mut Vec<u8>, dice: &mut Dice) {
        if dice.once_in(3) {
            return self.change_bytes(bytes, dice);
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        let separator = if dice.once_in(3) { '\n' } else { ' ' };
        let mut words: Vec<&str> = text.split(separator).collect();
        let (at, to) = (dice.below(words.len()), dice.below(words.len()));
        let odd = odd_text(words[at], dice);
        let other = match &self.seeds[dice.below(self.seeds.len())] {
            Seed::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Seed::Json(value) => value.to_string(),
        };
        let others: Vec<&str> = other.split(separator).collect();
        match dice.below(6) {
            0 => _ = words.remove(at),
            1 => words.insert(to, words[at]),
            2 => words.swap(at, to),
            3 => words[at] = dice.pick(&others).copied().unwrap_or_default(),
            4 => words.insert(at, dice.pick(&others).copied().unwrap_or_default()),
            _ => words[at] = &odd,
        }
        *bytes = words.join(&separator.to_string()).into_bytes();
    }

    /// Changes bytes, whatever they mean.
    fn change_bytes(&self, bytes: &mut Vec<u8>, dice: &mut Dice) {
        let (at, length) = (dice.below(bytes.len()), 1 + dice.below(20));
        let end = (at + length).min(bytes.len());
        match dice.below(11) {
            0 => bytes.truncate(at),
            1 => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << dice.below(8)),
            2 => bytes.get_mut(at).into_iter().for_each(|byte| *byte = dice.below(256) as u8),
            3 => _ = bytes.drain(at..end),
            4 => {
                let part = bytes[at..end].repeat(1 + dice.below(40));
                bytes.splice(at..at, part);
            }
            5 => {
                let tokens: [&[u8]; 22] = [
                    b"\"",
                    b"\\",
                    b"{",
                    b"}",
                    b"[",
                    b"]",
                    b":",
                    b",",
                    b"\n",
                    b"\0",
                    b"null",
                    b"1e999",
                    b"-0",
                    b"1E-400",
                    b"\\ud800",
                    b"\xff",
                    b"&a ",
                    b"*a",
                    b"<<: *a\n",
                    b"!!binary ",
                    b"---\n",
                    b"\xef\xbb\xbf",
                ];
                let token = dice.pick(&tokens).copied().unwrap_or_default();
                bytes.splice(at..at, token.iter().copied());
            }
            6 => self.number_in_place(bytes, at, dice),
            7 if dice.once_in(20) => {
                let open: &[u8] = [&b"["[..], b"{\"a\":", b"[[", b"- ", b"(", b"\"{\\\""][dice.below(6)];
                let many = open.repeat(dice.below(50_000));
                bytes.splice(at..at, many);
            }
            8 if dice.once_in(4) => {
                let wide: Vec<u16> = String::from_utf8_lossy(bytes).encode_utf16().collect();
                *bytes = [0xff, 0xfe].into_iter().chain(wide.iter().flat_map(|unit| unit.to_le_bytes())).collect();
            }
            9 if dice.once_in(4) => *bytes = json!(String::from_utf8_lossy(bytes)).to_string().into_bytes(),
            _ => {
                let other = match &self.seeds[dice.below(self.seeds.len())] {
                    Seed::Text(text) => text.clone(),
                    Seed::Json(value) => value.to_string().into_bytes(),
                };
                let from = dice.below(other.len());
                let to = (from + 1 + dice.below(200)).min(other.len());
                bytes.splice(at..end, other[from.min(to)..to].iter().copied());
            }
        }
    }

    /// Puts another number in the place of the first one after `at`.
    fn number_in_place(&self, bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
        let Some(from) = bytes[at.min(bytes.len())..].iter().position(u8::is_ascii_digit).map(|n| n + at) else {
            return;
        };
        let to = bytes[from..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |n| n + from);
        let numbers = [
            "1e999",
            "-1",
            "99999999999999999999999999",
            "1e-320",
            "00",
            "0x10",
            "NaN",
            ".5",
            "1.7976931348623157e308",
            "9223372036854775808",
        ];
        bytes.splice(from..to, numbers[dice.below(numbers.len())].bytes());
    }
}

/// Leaves the beginning of texts, and notes the names of members.
fn shorten(value: &mut Value, keys: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| shorten(item, keys)),
        Value::Object(map) => {
            keys.extend(map.keys().cloned());
            map.values_mut().for_each(|item| shorten(item, keys));
        }
        Value::String(text) => text.truncate(text.floor_char_boundary(KEPT)),
        _ => {}
    }
}

/// A copy with a few items of each list, whichever.
fn thinned(value: &Value, dice: &mut Dice) -> Value {
    match value {
        Value::Array(list) => {
            let plain = !list.iter().any(|item| item.is_object() || item.is_array());
            let few = if plain { FEW_PLAIN } else { FEW };
            // Each item with the chance that leaves as many as are wanted of those to come.
            let (mut wanted, mut left) = (few.min(list.len()), list.len());
            let mut kept = |item: &Value| {
                let keep = dice.below(left) < wanted;
                left -= 1;
                keep.then(|| {
                    wanted -= 1;
                    thinned(item, dice)
                })
            };
            Value::Array(list.iter().filter_map(&mut kept).collect())
        }
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), thinned(item, dice))).collect(),
        other => other.clone(),
    }
}

/// How many values a document has.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// The value that comes `at`-th, in the order they are written.
fn nth<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|item| nth(item, at)),
        Value::Object(map) => map.values_mut().find_map(|item| nth(item, at)),
        _ => None,
    }
}

/// The same, to be looked at.
fn found<'a>(value: &'a Value, at: &mut usize) -> Option<&'a Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(list) => list.iter().find_map(|item| found(item, at)),
        Value::Object(map) => map.values().find_map(|item| found(item, at)),
        _ => None,
    }
}

fn change_list(list: &mut Vec<Value>, dice: &mut Dice) {
    let (at, to) = (dice.below(list.len()), dice.below(list.len()));
    let chosen = list.get(at).cloned().unwrap_or_else(|| odd_value(dice));
    match dice.below(6) {
        0 if !list.is_empty() => _ = list.remove(at),
        1 => list.clear(),
        2 => {
            let times = if dice.once_in(50) { 2000 } else { 1 + dice.below(5) };
            list.extend(std::iter::repeat_n(chosen, times));
        }
        3 if !list.is_empty() => list.swap(at, to),
        4 if !list.is_empty() => list[at] = replaced(chosen, dice),
        _ => list.push(odd_value(dice)),
    }
}

/// The value as another type, wrapped, or another altogether.
fn replaced(value: Value, dice: &mut Dice) -> Value {
    match dice.below(9) {
        0 => json!([value]),
        1 => json!({ "value": value }),
        2 => json!(value.to_string()),
        3 => match &value {
            Value::String(text) => text.parse::<f64>().map_or(Value::Null, |n| json!(n)),
            Value::Number(number) => json!(number.to_string()),
            Value::Array(list) => list.first().cloned().unwrap_or_default(),
            Value::Object(map) => map.values().next().cloned().unwrap_or_default(),
            other => json!(other.is_null()),
        },
        4 if dice.once_in(10) => (0..dice.below(DEEP as usize))
            .fold(value, |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) }),
        5 => Value::Null,
        _ => odd_value(dice),
    }
}

fn odd_value(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => Value::Null,
        1 => json!(dice.once_in(2)),
        2 => json!([]),
        3 => json!({}),
        4 | 5 => odd_number(dice),
        _ => json!(odd_text("value", dice)),
    }
}

fn odd_number(dice: &mut Dice) -> Value {
    let odd = [
        json!(0),
        json!(-1),
        json!(1),
        json!(0.5),
        json!(-0.0),
        json!(1e-300),
        json!(1e300),
        json!(f64::MAX),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u32::MAX),
        json!(i32::MIN),
        json!(65_536),
        json!(4_294_967_296_u64),
        json!(86_400_000),
        json!(101),
        json!(1000),
    ];
    odd[dice.below(odd.len())].clone()
}

/// Text that is nearly what was there, or text that others have stumbled over.
fn odd_text(text: &str, dice: &mut Dice) -> String {
    const ODD: [&str; 44] = [
        "",
        " ",
        "0",
        "-1",
        "1.5",
        "33%",
        "-5%",
        "101%",
        "1e9",
        "1e30Ki",
        "9223372036854775808",
        "0.0000000001n",
        "100m",
        "1Gi",
        "NaN",
        "inf",
        "true",
        "null",
        "٣",
        "\u{202e}gnp",
        "\u{0}",
        "\u{feff}a",
        "e\u{301}",
        "😀",
        "ß",
        "İ",
        "../..",
        "a/b/c",
        "/",
        "//",
        "{\"a\":1}",
        "[",
        "%25",
        "&amp;",
        "9999-12-31T23:59:59.999999999Z",
        "-009999-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2016-12-31T23:59:60Z",
        "P10000Y",
        "PT-1S",
        "-1h",
        "1000000h",
        "/subscriptions//resourceGroups//providers/Microsoft.ContainerService/managedClusters//agentPools/",
        "a=b=c:NoSchedule",
    ];
    let middle = text.floor_char_boundary(dice.below(text.len() + 1));
    match dice.below(9) {
        0 => text[..middle].to_owned(),
        1 => text[middle..].to_owned(),
        2 => format!("{}{}{}", &text[..middle], ODD[dice.below(ODD.len())], &text[middle..]),
        3 => text.to_uppercase(),
        4 => text.chars().rev().collect(),
        5 => text.repeat(1 + dice.below(4)),
        6 if dice.once_in(20) => "x".repeat(dice.below(70_000)),
        _ => ODD[dice.below(ODD.len())].to_owned(),
    }
}
