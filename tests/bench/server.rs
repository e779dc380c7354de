//! The registry and its peers, each started on a free port of the loopback with its data in a temporary folder, and ended by
//! its own process id.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::Processes;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// nginx with the files of a registry.
    Nginx,
    /// CNCF distribution.
    Distribution,
    /// ferro-oci-server.
    Ferro,
    /// This registry.
    Pclr,
}

impl Which {
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Distribution => "docker-registry",
            Self::Ferro => "ferro",
            Self::Pclr => "pclr",
        }
    }
}

/// A running server.
pub struct Server {
    pub which: Which,
    pub address: SocketAddr,
    pub processes: Processes,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx ends its workers only if it is asked to.
        let _ = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a server on a folder of its own.
    pub fn start(which: Which, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for its data");
        let address = free_address();
        let command = match which {
            Which::Nginx => {
                let files = folder.join("files");
                let caching = "open_file_cache max=1000; open_file_cache_valid 60s;";
                let kind = "default_type application/vnd.oci.image.manifest.v1+json;";
                nginx(folder, address, &format!("root {}; {caching} {kind}", files.display()))
            }
            Which::Distribution => distribution(folder, address),
            Which::Ferro => ferro(folder, address),
            Which::Pclr => pclr(Path::new(env!("CARGO_BIN_EXE_pclr")), folder, address),
        };
        Self::run(which, command, folder, address)
    }

    /// Starts this registry on a folder of its own with more arguments and variables.
    pub fn start_with(folder: &Path, arguments: &[&str], variables: &[(String, String)]) -> Self {
        let address = free_address();
        let mut command = pclr(Path::new(env!("CARGO_BIN_EXE_pclr")), folder, address);
        command.args(arguments).envs(variables.iter().cloned());
        Self::run(Which::Pclr, command, folder, address)
    }

    /// Starts nginx on a copied `public/`, with the file that is shipped for it.
    pub fn start_copy(public: &Path, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for its files");
        let address = free_address();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/static/nginx.conf");
        let server = format!("root {}; include {};", public.display(), shipped.display());
        Self::run(Which::Nginx, nginx(folder, address, &server), folder, address)
    }

    /// Starts this registry on a data folder that is there, with another database than its own. It keeps no static tree, which it would
    /// render whole at first while it is measured.
    pub fn start_on(data: &Path, metadata: &str) -> Self {
        let address = free_address();
        let folder = data.parent().expect("a data folder lies in a folder");
        let mut command = pclr(Path::new(env!("CARGO_BIN_EXE_pclr")), folder, address);
        command.arg("--metadata").arg(metadata).args(["--static", "false"]);
        Self::run(Which::Pclr, command, folder, address)
    }

    /// Starts another program that takes the same arguments as this registry.
    pub fn start_as(program: &Path, folder: &Path) -> (Self, std::process::ChildStdin, std::process::ChildStdout) {
        fs::create_dir_all(folder).expect("a folder for its data");
        let address = free_address();
        let mut command = pclr(program, folder, address);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Self::run(Which::Pclr, command, folder, address);
        let (stdin, stdout) = (server.child.stdin.take(), server.child.stdout.take());
        (server, stdin.expect("it is piped"), stdout.expect("it is piped"))
    }

    fn run(which: Which, mut command: Command, folder: &Path, address: SocketAddr) -> Self {
        let log = fs::File::create(folder.join("server.log")).expect("a log file");
        let begun = Instant::now();
        let mut child =
            command.stderr(log).spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", which.name()));
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                let log = fs::read_to_string(folder.join("server.log")).unwrap_or_default();
                panic!("{} ended with {status}:\n{log}", which.name());
            }
            if TcpStream::connect(address).is_ok() {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{} does not listen", which.name());
            std::thread::sleep(Duration::from_millis(1));
        }
        // Workers are started just after the master listens.
        std::thread::sleep(Duration::from_millis(100));
        let processes = Processes::of(child.id());
        Self { which, address, processes, child }
    }

    /// Process id of the (first) process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address")
}

fn pclr(program: &Path, folder: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command.arg("serve").arg("--data").arg(folder.join("data")).arg("--listen").arg(address.to_string());
    command.args(["--max-connections", "20000", "--max-requests", "2000"]);
    command.env("PCLR_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// nginx with two workers and a server of which `server` says what is in its block.
fn nginx(folder: &Path, address: SocketAddr, server: &str) -> Command {
    let config = folder.join("nginx.conf");
    let folder = folder.display();
    let text = format!(
        "daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 4096; }}
        http {{
            access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; etag on;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            server {{ listen {address}; {server} }}
        }}"
    );
    fs::write(&config, text).expect("its configuration can be written");
    // Its workers give up root and must still read the files.
    let mut command = Command::new("nginx");
    command.arg("-c").arg(config).arg("-g").arg(format!("user {};", user())).stdout(Stdio::null());
    command
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn distribution(folder: &Path, address: SocketAddr) -> Command {
    let config = folder.join("config.yml");
    let text = format!(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\n    maxthreads: 100\n  cache:\n    blobdescriptor: inmemory\nhttp:\n  addr: {address}\n",
        folder.join("data").display()
    );
    fs::write(&config, text).expect("its configuration can be written");
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(config).env("OTEL_TRACES_EXPORTER", "none").stdout(Stdio::null());
    command
}

fn ferro(folder: &Path, address: SocketAddr) -> Command {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/peers/bin/ferro-oci-server");
    let program = if built.is_file() { built } else { PathBuf::from("ferro-oci-server") };
    let mut command = Command::new(program);
    command.env("FERRO_OCI_LISTEN", address.to_string()).env("FERRO_OCI_STORAGE_DIR", folder.join("data"));
    command.env("RUST_LOG", "error").stdout(Stdio::null());
    command
}
