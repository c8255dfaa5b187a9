//! Points at which tests let a worker fail. Without the cargo feature `faults` they are nothing at all.
//!
//! `POOLPROOF_FAULT=half-published=kill@3,published=error` ends the process the third time it has published half a report,
//! as a power cut would, and lets every acknowledgement be preceded by an error; `pause` lets three seconds go by.

use std::io;

/// Fails here, where a test has asked for it.
///
/// # Errors
/// A test has asked for one.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_: &'static str) -> io::Result<()> {
    Ok(())
}

/// Fails here, where a test has asked for it.
///
/// # Errors
/// A test has asked for one.
#[cfg(feature = "faults")]
pub fn point(name: &'static str) -> io::Result<()> {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    static SEEN: Mutex<BTreeMap<&'static str, u32>> = Mutex::new(BTreeMap::new());
    let Ok(plan) = std::env::var("POOLPROOF_FAULT") else { return Ok(()) };
    let Some(action) = plan.split(',').find_map(|fault| fault.strip_prefix(name)?.strip_prefix('=')) else {
        return Ok(());
    };
    let (action, wanted) = action.split_once('@').map_or((action, None), |(a, n)| (a, n.parse().ok()));
    let times = {
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        let times = seen.entry(name).or_default();
        *times += 1;
        *times
    };
    match (wanted.is_none_or(|n: u32| n == times), action) {
        (false, _) => Ok(()),
        (true, "kill") => std::process::abort(),
        (true, "pause") => {
            std::thread::sleep(std::time::Duration::from_secs(3));
            Ok(())
        }
        (true, _) => Err(io::Error::other(format!("a test wants {name} to fail"))),
    }
}
