//! Identities: short digests of what makes a change the change it is.

use sha2::{Digest, Sha256};

/// Characters of a digest that are kept: 128 bits, far beyond accidental collisions.
const LENGTH: usize = 32;

/// A digest of texts; no two different lists of texts run into each other.
pub fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hex: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..LENGTH].to_owned()
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn borders_between_parts_count() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(digest(&["ab", "c"]).len(), 32);
    }
}
