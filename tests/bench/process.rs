//! What a server's processes have used, as `/proc` tells it: processor time and memory.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A process and its children.
#[derive(Clone, Debug)]
pub struct Processes(Vec<u32>);

/// Memory of a server, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident now.
    pub now: u64,
    /// Most that was resident since the start, or since [`Processes::forget_peak`].
    pub peak: u64,
}

impl Processes {
    /// The process and those that it has started so far.
    pub fn of(id: u32) -> Self {
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        Self([id].into_iter().chain(children).collect())
    }

    /// Processor time, the kernel's on their behalf included; in steps of 10 ms.
    pub fn cpu(&self) -> Duration {
        // proc(5): after the name in parentheses, utime and stime are the 12th and 13th fields, in ticks of 10 ms.
        let ticks = |id: &u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
            fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>()
        };
        Duration::from_millis(10 * self.0.iter().map(ticks).sum::<u64>())
    }

    /// Resident memory of all of them; pages that they share count for each.
    pub fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for id in &self.0 {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            memory.now += field(&status, "VmRSS:");
            memory.peak += field(&status, "VmHWM:");
        }
        memory
    }

    /// Starts the peak anew. proc(5): writing 5 to `clear_refs` resets it.
    pub fn forget_peak(&self) {
        for id in &self.0 {
            let _ = fs::write(format!("/proc/{id}/clear_refs"), "5");
        }
    }
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}

/// What a command took that ran to its end.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    pub seconds: f64,
    /// Processor time, in seconds.
    pub cpu: f64,
    /// Most memory that was resident, in bytes.
    pub peak: u64,
}

/// Runs a command, which must succeed. What it took is looked up every few milliseconds: the last of it may be missing.
pub fn ran(command: &mut Command) -> Ran {
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    let (processes, mut cpu, mut peak) = (Processes(vec![child.id()]), Duration::ZERO, 0);
    let status = loop {
        cpu = processes.cpu().max(cpu);
        peak = processes.memory().peak.max(peak);
        if let Some(status) = child.try_wait().expect("it is a child") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{command:?}: {status}");
    Ran { seconds: begun.elapsed().as_secs_f64(), cpu: cpu.as_secs_f64(), peak }
}
