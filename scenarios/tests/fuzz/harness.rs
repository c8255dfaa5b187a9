//! Runs a target on many inputs: none may panic, hang, or take more memory than its size warrants.
//!
//! `POOLPROOF_FUZZ_CASES` says how many inputs each target sees (500 unless set; the long run has 1,000,000), and
//! `POOLPROOF_FUZZ_FIRST` from which case on. A case is a function of its target's name and its number. What fails is written to
//! a file, and told with the place of the panic, each place once.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;

use super::mutator::{Dice, Garden};

/// Inputs of each target where nobody says otherwise.
const CASES: u64 = 500;
/// Longest time of one input. They take microseconds; machines may be busy.
const LONGEST: Duration = Duration::from_secs(30);
/// Memory that an input may usually take at once, in bytes.
const MEMORY: usize = 32 << 20;
/// The same for each of its own bytes.
const MEMORY_FOR_BYTE: usize = 400;
/// How often an input that takes more is looked at again.
const AGAIN: usize = 5;
/// Failures at different places after which a target is given up.
const FAILURES: usize = 20;

/// One target at a time, so that memory is that of one input.
static ALONE: Mutex<()> = Mutex::new(());
/// Where the last panic was and what it said.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// The input that is being looked at.
type Now = Arc<Mutex<Option<(Instant, u64, Vec<u8>)>>>;

/// Feeds a target; `look` gets each input and says whether it was understood.
pub fn fuzz(memory: &PeakAlloc, target: &str, garden: &Garden, look: &dyn Fn(&[u8]) -> bool) {
    fuzz_in(memory, MEMORY, target, garden, look);
}

/// The same where any input may take so much memory at once, in bytes, beside what goes with its length.
pub fn fuzz_in(memory: &PeakAlloc, room: usize, target: &str, garden: &Garden, look: &dyn Fn(&[u8]) -> bool) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (first, cases) = (number("POOLPROOF_FUZZ_FIRST", 0), number("POOLPROOF_FUZZ_CASES", CASES));
    let now: Now = Arc::default();
    let done = watch(target, &now);
    let (before, own) = (Arc::new(std::panic::take_hook()), std::thread::current().id());
    let others = before.clone();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == own {
            *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.to_string());
        } else {
            others(info);
        }
    }));
    let started = Instant::now();
    let mut failures: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let (mut understood, mut most, mut slowest) = (0u64, 0, Duration::ZERO);
    for case in first..first + cases {
        let input = garden.input(&mut Dice::of(target, case));
        let length = input.len();
        *now.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), case, input.clone()));
        let most_for_it = room + MEMORY_FOR_BYTE * length;
        let (mut outcome, mut taken, took) = measured(memory, &|| look(&input));
        // Other tests of the process take memory too: what is the input's own comes again.
        for _ in 0..AGAIN {
            if taken > most_for_it {
                let (next, less, _) = measured(memory, &|| look(&input));
                (outcome, taken) = (next, taken.min(less));
            }
        }
        (most, slowest) = (most.max(taken), slowest.max(took));
        let wrong = match outcome {
            Ok(known) => {
                understood += u64::from(known);
                (taken > most_for_it).then(|| "takes too much memory".to_owned())
            }
            Err(_) => Some(PANIC.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()),
        };
        if let Some(wrong) = wrong {
            let known = failures.entry(wrong).or_insert_with(|| {
                keep(target, case, &input);
                (case, 0)
            });
            known.1 += 1;
            if failures.len() >= FAILURES {
                break;
            }
        }
    }
    done.store(true, Ordering::Relaxed);
    std::panic::set_hook(Box::new(move |info| before(info)));
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "fuzz {target}: {cases} inputs, {:.0} a second, {:.1} % understood, at most {:.1} MiB and {:.0} ms for one, {} kinds of failure",
        cases as f64 / seconds,
        100.0 * understood as f64 / cases as f64,
        most as f64 / f64::from(1 << 20),
        slowest.as_secs_f64() * 1e3,
        failures.len()
    );
    let told: Vec<String> =
        failures.iter().map(|(what, (case, times))| format!("case {case} ({times} in all): {what}")).collect();
    assert!(told.is_empty(), "{target}:\n{}", told.join("\n"));
    assert!(understood > 0, "{target}: nothing was understood, so the seeds are none");
}

/// Looks at an input: what came of it, the memory it took at once, and the time.
fn measured(memory: &PeakAlloc, look: &dyn Fn() -> bool) -> (std::thread::Result<bool>, usize, Duration) {
    memory.reset_peak_usage();
    let (held, began) = (memory.current_usage(), Instant::now());
    let outcome = catch_unwind(AssertUnwindSafe(look));
    (outcome, memory.peak_usage().saturating_sub(held), began.elapsed())
}

/// Ends the process where one input takes too long: nothing else ends a thread that hangs.
fn watch(target: &str, now: &Now) -> Arc<AtomicBool> {
    let done = Arc::new(AtomicBool::new(false));
    let (over, now, target) = (done.clone(), now.clone(), target.to_owned());
    std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(200));
            let now = now.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((since, case, input)) = now.as_ref().filter(|(since, ..)| since.elapsed() > LONGEST)
                && !over.load(Ordering::Relaxed)
            {
                println!(
                    "fuzz {target}: case {case} hangs for {:.0} s: {}",
                    since.elapsed().as_secs_f64(),
                    keep(&target, *case, input).display()
                );
                std::process::exit(101);
            }
        }
    });
    done
}

fn keep(target: &str, case: u64, input: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("fuzz-{}-{case}", target.replace(' ', "-")));
    // Told all the same where it cannot be kept: the case can be made again.
    let _ = std::fs::write(&path, input);
    path
}
