//! The points of a sweep: every combination of the values of what is not known.

use schemars::JsonSchema;
use serde::Deserialize;

use super::expression::Scope;
use super::{Incident, RECORDED, template};
use crate::complaint::Complaint;

/// Most points of one incident.
pub(super) const MOST_POINTS: usize = 256;

/// Most values of one parameter.
const MOST_VALUES: u32 = 64;

/// A parameter: `value`, `values`, or `from`, `to` and `steps`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterFields {
    /// Its one value.
    pub value: Option<f64>,
    /// Its values.
    #[serde(default)]
    pub values: Vec<f64>,
    /// The least of equally spaced values.
    pub from: Option<f64>,
    /// The largest of them.
    pub to: Option<f64>,
    /// How many there are; 2 when absent.
    pub steps: Option<u32>,
    /// What it is, with its unit, and why it is not known.
    pub why: String,
}

/// The meaning of a parameter, and its values.
pub(super) fn values(fields: &ParameterFields, path: &str) -> Result<(String, Vec<f64>), Complaint> {
    let values = match (fields.value, fields.values.as_slice(), fields.from, fields.to) {
        (Some(value), [], None, None) => vec![value],
        (None, values @ [_, ..], None, None) if values.len() <= MOST_VALUES as usize => values.to_vec(),
        (None, [], Some(from), Some(to)) => {
            let steps = fields.steps.unwrap_or(2);
            if !(2..=MOST_VALUES).contains(&steps) {
                return Err(Complaint::at(format!("{path}.steps"), steps, format!("2 to {MOST_VALUES}")));
            }
            let step = (to - from) / f64::from(steps - 1);
            (0..steps).map(|i| from + step * f64::from(i)).collect()
        }
        _ => return Err(Complaint::at(path, "something else", "value, or values, or from and to")),
    };
    match values.iter().find(|v| !v.is_finite()) {
        Some(bad) => Err(Complaint::at(path, bad, "numbers")),
        None => Ok((fields.why.clone(), values)),
    }
}

/// A point of the sweep: a value for each parameter, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    values: Vec<(String, f64, bool)>,
}

impl Point {
    /// What is swept and its value here, such as `replicas=3 factor=6`; `-` where nothing is.
    pub fn label(&self) -> String {
        let swept = self.values.iter().filter(|(.., swept)| *swept);
        let all: Vec<String> =
            swept.map(|(name, value, _)| format!("{name}={}", template::as_number(*value))).collect();
        if all.is_empty() { "-".to_owned() } else { all.join(" ") }
    }
}

impl Incident {
    /// Every combination of the values of its parameters, the last one varying fastest; never empty.
    pub fn points(&self) -> Vec<Point> {
        let mut points = vec![Point { values: Vec::new() }];
        for parameter in &self.parameters {
            let swept = parameter.values.len() > 1;
            let longer = |point: &Point| -> Vec<Point> {
                let with = |value: &f64| {
                    let mut values = point.values.clone();
                    values.push((parameter.name.clone(), *value, swept));
                    Point { values }
                };
                parameter.values.iter().map(with).collect()
            };
            points = points.iter().flat_map(longer).collect();
        }
        points
    }

    /// The point in the middle of the sweep, for those who look at one only.
    pub fn middle(&self) -> Point {
        let middle = |values: &[f64]| values.get(values.len() / 2).copied().unwrap_or_default();
        let of = |p: &super::Parameter| (p.name.clone(), middle(&p.values), p.values.len() > 1);
        Point { values: self.parameters.iter().map(of).collect() }
    }

    /// The values of all parameters at a point in a variant.
    pub fn scope(&self, point: &Point, variant: &str) -> Scope {
        let recorded: Scope = point.values.iter().map(|(name, value, _)| (name.clone(), *value)).collect();
        let mut scope = recorded.clone();
        let other = self.variants.iter().find(|v| v.name == variant && variant != RECORDED);
        for (name, value) in other.iter().flat_map(|v| &v.set) {
            if let Ok(value) = template::number(value, &recorded, "") {
                scope.insert(name.clone(), value);
            }
        }
        scope
    }
}
