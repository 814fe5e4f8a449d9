//! The allocator of the program, and the one option of it that is not left as it is.

#![expect(unsafe_code, reason = "the allocator's options are set through C; what it asks for is said at the call")]

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3, whose bindings do not name it: milliseconds until a freed page goes back to the system.
const PURGE_DELAY: mi_option_t = 15;

/// What mimalloc 3 sets by itself. Another value means that the number of the option has moved.
const DEFAULT_DELAY: c_long = 1_000;

/// A tenth of the memory of a comparison of 45,000 objects is pages that were freed within the last second.
const SHORT_DELAY: c_long = 10;

/// Gives freed pages back to the system after 10 ms instead of a second. Called first in the program, before it has threads.
/// Does nothing where somebody chose a delay in the environment (`MIMALLOC_PURGE_DELAY`).
pub fn purge_soon() {
    // SAFETY: both are calls of plain numbers on a table of the allocator; they are not safe beside other threads that set
    // options, and there are none yet.
    unsafe {
        if mi_option_get(PURGE_DELAY) == DEFAULT_DELAY {
            mi_option_set(PURGE_DELAY, SHORT_DELAY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: nothing sets an option in this test program.
        let delay = unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(delay, DEFAULT_DELAY, "mimalloc's list of options has moved: see `mi_option_e` in its mimalloc.h");
    }
}
