//! Load: what pods use.

use crate::coverage::Coverage;

/// Memory of pods that nobody has measured.
pub fn note_memory(coverage: &mut Coverage) {
    coverage.assume(
        "memory of pods not measured",
        "as much as they request, whatever the load",
        "choice: no pressure arises by itself; `kubectl top pods` states it",
        'C',
    );
}

/// What an application pod uses at base load without measurement or autoscaler, in thousandths of a core.
pub fn application_cpu(request: i64, coverage: &mut Coverage) -> i64 {
    coverage.assume(
        "CPU use of application pods not measured",
        "50 % of the request, or 50m without one",
        "judgement; `kubectl top pods` states it",
        'C',
    );
    if request > 0 { request / 2 } else { 50 }
}

/// What a system pod uses at base load without measurement, in thousandths of a core.
pub fn system_cpu(request: i64, coverage: &mut Coverage) -> i64 {
    coverage.assume(
        "CPU use of system pods not measured",
        "20 % of the request, or 5m without one",
        "judgement; `kubectl top pods` states it",
        'C',
    );
    if request > 0 { request / 5 } else { 5 }
}
