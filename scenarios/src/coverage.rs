//! What a scenario rests on besides the input: values assumed, things not seen.

/// What was assumed and what was not seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Kinds of objects and mechanisms that were not seen or are not modelled, one sentence each.
    pub not_seen: Vec<String>,
    /// Values assumed.
    pub assumptions: Vec<Assumption>,
}

/// A value that was assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// What it is.
    pub name: String,
    /// Its value with unit.
    pub value: String,
    /// Where the value comes from.
    pub source: String,
    /// How sure: `A` measured or documented on AKS or Azure, `B` elsewhere, `C` judgement.
    pub grade: char,
}
