//! The registry with an allocator that counts: for the allocations of a request.
//!
//! This program, called with `serve`, is the registry itself; it answers each line on its input with the number of allocations
//! so far.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::server::Server;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting.
pub struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs the registry; `main` calls it when the first argument is `serve`.
pub fn serve() -> std::process::ExitCode {
    std::thread::spawn(|| {
        for _ in std::io::stdin().lines().map_while(Result::ok) {
            println!("allocations {}", ALLOCATIONS.load(Ordering::Relaxed));
        }
    });
    pcl_registry::cli::main()
}

/// A running registry that counts.
pub struct Counted {
    pub server: Server,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Counted {
    pub fn start(folder: &Path) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let (server, ask, answers) = Server::start_as(&program, folder);
        Self { server, ask, answers: BufReader::new(answers) }
    }

    /// Allocations since the start.
    pub fn allocations(&mut self) -> u64 {
        self.ask.write_all(b"\n").expect("the registry reads its input");
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.answers.read_line(&mut line).expect("it answers"), 0, "the registry ended");
            if let Some(number) = line.trim_end().strip_prefix("allocations ") {
                return number.parse().expect("a number");
            }
        }
    }
}
