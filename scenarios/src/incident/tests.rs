//! Incidents as text, and what comes of them.

use super::*;
