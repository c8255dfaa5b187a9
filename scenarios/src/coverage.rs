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
    /// What 90 % of clusters are thought to have instead, where trials draw their own value.
    pub range: Option<String>,
}

impl Coverage {
    /// Notes a value that is assumed, once.
    pub fn assume(&mut self, name: &str, value: impl Into<String>, source: &str, grade: char) {
        let assumption =
            Assumption { name: name.into(), value: value.into(), source: source.into(), grade, range: None };
        if !self.assumptions.contains(&assumption) {
            self.assumptions.push(assumption);
        }
    }

    /// Notes something that was not seen or is not modelled, once.
    pub fn missing(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.not_seen.contains(&sentence) {
            self.not_seen.push(sentence);
        }
    }
}
