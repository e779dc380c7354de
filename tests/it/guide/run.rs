//! All commands of a document in one shell.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::document::Call;
use super::{json, mask};

/// Before what each command prints, on a line of its own.
const MARK: &str = "\u{1e}";

/// The address that documents name.
const ADDRESS: &str = "127.0.0.1:7117";

/// Runs the commands in a folder, each when searches see all that was published before it; gives what each printed, masked.
pub fn run(calls: &[Call], folder: &Path, registry: SocketAddr) -> Vec<String> {
    let commands: Vec<String> = calls.iter().map(|call| call.command.clone()).collect();
    run_with(&commands, folder, registry, ":")
}

/// The same of commands alone; `settling` is a further one to wait with before each, which calls the registry `REGISTRY`.
pub fn run_with(commands: &[String], folder: &Path, registry: SocketAddr, settling: &str) -> Vec<String> {
    let settling = settling.replace("REGISTRY", &registry.to_string());
    let mut script = format!(
        "exec 2>&1\nsettled() {{ until [[ $(curl -s http://{registry}/ready) =~ \\\"head\\\":([0-9]+),\\\"indexed\\\":([0-9]+) && \
         ${{BASH_REMATCH[1]}} == ${{BASH_REMATCH[2]}} ]]; do sleep 0.02; done; {settling}; }}\n"
    );
    for command in commands {
        let command = command.replace(ADDRESS, &registry.to_string());
        writeln!(script, "settled; printf '\\n{MARK}\\n'\n{command}").unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_pclr"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PCLR_")) {
        bash.env_remove(name);
    }
    let output = bash
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", path)
        .env("PCLR_REGISTRY", format!("http://{registry}"))
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let printed = String::from_utf8(output.stdout).expect("the answers are text").replace('\r', "");
    let printed = printed.replace(&registry.to_string(), ADDRESS);
    let answers: Vec<String> = printed.split(&format!("\n{MARK}\n")).skip(1).map(readable).collect();
    assert_eq!(answers.len(), commands.len(), "the shell ended early:\n{printed}");
    answers
}

fn readable(printed: &str) -> String {
    let lines =
        printed.trim_end_matches('\n').lines().map(|line| json::indented(line).unwrap_or_else(|| line.to_owned()));
    mask::masked(&lines.collect::<Vec<_>>().join("\n"))
}
