//! Servers of files that are not ours, each on a port of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// nginx with `deploy/static/nginx.conf`.
    Nginx,
    /// Caddy with `deploy/static/Caddyfile`.
    Caddy,
    /// `python3 -m http.server`, which knows nothing.
    Python,
}

/// One of them. It ends when this is dropped.
pub struct FileServer {
    pub address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for FileServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl FileServer {
    /// Serves a folder; `None`, which is said, where the program is absent. Where `CI` is set only Caddy may be.
    pub fn start(program: Program, public: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        Some(match program {
            Program::Nginx => nginx(&find("nginx", true)?, folder, public),
            Program::Caddy => caddy(&find("caddy", false)?, folder, public),
            Program::Python => python(&find("python3", true)?, folder, public),
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Once it takes connections.
    fn ready(mut command: Command, port: u16, folder: tempfile::TempDir) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut server = Self { address: (Ipv4Addr::LOCALHOST, port).into(), child, _folder: folder };
        let begun = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            assert!(server.child.try_wait().unwrap().is_none(), "{command:?} ended");
            assert!(begun.elapsed() < Duration::from_secs(30), "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

/// A program, also where only the administrator's path has it.
pub fn find(name: &str, is_needed: bool) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).map(|folder| folder.join(name));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        assert!(!is_needed || std::env::var_os("CI").is_none(), "{name} is not installed; tests/run installs it");
        eprintln!("SKIPPED: {name} is not installed; tests/run installs it");
    }
    found
}

/// A file of `deploy/static/`.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/static").join(name)
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn nginx(program: &Path, folder: tempfile::TempDir, public: &Path) -> FileServer {
    let port = free_port();
    let own = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {own}/{name};\n"))
        .concat();
    let text = format!(
        "daemon off;\nmaster_process off;\npid {own}/pid;\nerror_log {own}/errors;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
         server {{\nlisten 127.0.0.1:{port};\nroot {};\ninclude {};\n}}\n}}\n",
        public.display(),
        shipped("nginx.conf").display()
    );
    let configuration = folder.path().join("nginx.conf");
    fs::write(&configuration, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(&configuration).arg("-e").arg(folder.path().join("errors"));
    FileServer::ready(command, port, folder)
}

fn caddy(program: &Path, folder: tempfile::TempDir, public: &Path) -> FileServer {
    let port = free_port();
    // It has a port to be told more at, which two of them cannot share.
    let configuration = folder.path().join("Caddyfile");
    let text = format!("{{\n\tadmin off\n}}\n\nimport {}\n", shipped("Caddyfile").display());
    fs::write(&configuration, text).unwrap();
    let mut command = Command::new(program);
    command.arg("run").arg("--adapter").arg("caddyfile").arg("--config").arg(&configuration);
    command.env("PCL_SITE", format!("http://127.0.0.1:{port}")).env("PCL_PUBLIC", public);
    command.env("HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    FileServer::ready(command, port, folder)
}

fn python(program: &Path, folder: tempfile::TempDir, public: &Path) -> FileServer {
    let mut command = Command::new(program);
    command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"]).arg(public).arg("0");
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("python3 starts");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let port = line.split(" port ").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse::<u16>().ok());
    let port = port.unwrap_or_else(|| panic!("python3 -m http.server said {line:?}"));
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    FileServer { address: (Ipv4Addr::LOCALHOST, port).into(), child, _folder: folder }
}
