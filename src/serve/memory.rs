//! Memory goes back to the machine. A password's hash takes 19 MiB for a moment; glibc would learn from that to keep such
//! pieces in every thread's own heap, and a backend that had been signed in to would stay some hundred MiB large.

/// Pieces of a mebibyte and more are always mapped, and so unmapped when they are freed; few heaps, cut back early.
/// Call it before any thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc's one way to set this from within; the variables for it are not ours to set")]
pub fn give_back() {
    unsafe extern "C" {
        fn mallopt(parameter: std::ffi::c_int, value: std::ffi::c_int) -> std::ffi::c_int;
    }
    const TRIM_THRESHOLD: std::ffi::c_int = -1;
    const MMAP_THRESHOLD: std::ffi::c_int = -3;
    const ARENA_MAX: std::ffi::c_int = -8;
    for (parameter, value) in [(MMAP_THRESHOLD, 1 << 20), (TRIM_THRESHOLD, 1 << 20), (ARENA_MAX, 4)] {
        // SAFETY: it sets a number in glibc's allocator; no other thread runs yet.
        let _ = unsafe { mallopt(parameter, value) };
    }
}

/// Other allocators have their own ways.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
