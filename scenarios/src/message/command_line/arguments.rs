//! Words and options of one `az` command. Every option takes the words after it up to the next option, which is how the
//! CLI's own parser reads lists (`--labels a=b c=d`); flags take none.

use std::collections::BTreeMap;

use super::super::fields::is_quantity;
use super::super::json::join;
use crate::complaint::Complaint;

/// Short options and synonyms, with the long option they stand for (azure-cli 2.8x, `az aks nodepool -h`).
const SYNONYMS: [(&str, &str); 16] = [
    ("-g", "--resource-group"),
    ("-n", "--name"),
    ("--nodepool-name", "--nodepool-name"),
    ("-c", "--node-count"),
    ("-s", "--node-vm-size"),
    ("-k", "--kubernetes-version"),
    ("-z", "--zones"),
    ("-m", "--max-pods"),
    ("-e", "--enable-cluster-autoscaler"),
    ("-d", "--disable-cluster-autoscaler"),
    ("-u", "--update-cluster-autoscaler"),
    ("-i", "--ignore-pdb"),
    ("-y", "--yes"),
    ("-o", "--output"),
    ("--ignore-pod-disruption-budget", "--ignore-pdb"),
    ("--nodepool-labels", "--labels"),
];

/// A command taken apart.
pub struct Arguments<'a> {
    /// Words before the first option, such as `aks nodepool scale`.
    pub words: Vec<String>,
    options: BTreeMap<String, Vec<String>>,
    path: String,
    complaints: &'a mut Vec<Complaint>,
}

impl<'a> Arguments<'a> {
    /// Takes the words after `az` apart.
    pub fn parse(words: &[String], path: &str, complaints: &'a mut Vec<Complaint>) -> Self {
        let mut arguments =
            Arguments { words: Vec::new(), options: BTreeMap::new(), path: path.to_owned(), complaints };
        let mut current: Option<String> = None;
        for word in words {
            if is_option(word) {
                let (name, value) =
                    word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
                let name = SYNONYMS.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long).to_owned();
                let values = arguments.options.entry(name.clone()).or_default();
                values.clear();
                values.extend(value.map(str::to_owned));
                current = Some(name);
            } else if let Some(values) = current.as_ref().and_then(|name| arguments.options.get_mut(name)) {
                values.push(word.clone());
            } else {
                arguments.words.push(word.to_lowercase());
            }
        }
        arguments
    }

    /// True where an option is given, with or without a value; `--flag false` is off.
    pub fn flag(&self, name: &str) -> bool {
        self.options.get(name).is_some_and(|values| values.first().is_none_or(|v| !v.eq_ignore_ascii_case("false")))
    }

    /// True where an option is given.
    pub fn given(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    /// The value of an option; a complaint where it is given without one.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.options.get(name)?.first().cloned() {
            Some(value) if !value.is_empty() => Some(value),
            _ => {
                self.complain(name, "no value", "a value");
                None
            }
        }
    }

    /// All values of an option.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        self.options.get(name).cloned()
    }

    /// The value of an option as a number of things.
    pub fn count(&mut self, name: &str) -> Option<u32> {
        let text = self.text(name)?;
        let count = text.parse().ok();
        if count.is_none() {
            self.complain(name, &text, "a whole number from 0 to 4294967295");
        }
        count
    }

    /// The value of an option as a count or a percentage.
    pub fn quantity(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if !is_quantity(&text) {
            self.complain(name, &text, "a whole number or a percentage such as 33%");
            return None;
        }
        Some(text)
    }

    /// Notes what is wrong with an option.
    pub fn complain(&mut self, name: &str, found: &str, expected: &str) {
        let path = join(&self.path, name);
        self.complaints.push(Complaint::at(path, found, expected));
    }
}

/// `-1` is a value (a spot price), `-n` and `--name` are options.
fn is_option(word: &str) -> bool {
    word.strip_prefix('-').and_then(|rest| rest.chars().next()).is_some_and(|c| c == '-' || c.is_ascii_alphabetic())
}
