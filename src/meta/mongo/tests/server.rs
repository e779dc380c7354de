//! A server of the test's own, which may be killed.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mongodb::bson::doc;
use tempfile::TempDir;

use super::{command, given, is_primary};

/// Whether the server is a member of a replica set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Member,
    None,
}

pub(super) struct Server {
    binary: String,
    folder: TempDir,
    set: Set,
    port: u16,
    child: Child,
}

impl Server {
    /// `None` if there is no program to start.
    pub async fn start(set: Set) -> Option<Self> {
        let binary = given("PCLR_TEST_MONGOD")?;
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let child = spawn(&binary, &folder, set, port);
        let server = Self { binary, folder, set, port, child };
        if set == Set::Member {
            let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
            let config = doc! { "_id": "rs0", "writeConcernMajorityJournalDefault": false, "members": [member] };
            server
                .wait(|| async { command(&server.direct(), doc! { "replSetInitiate": config.clone() }).await.is_ok() })
                .await;
        }
        server.ready().await;
        Some(server)
    }

    /// The server itself, whatever set it is in.
    pub fn direct(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=2000", self.port)
    }

    pub fn address(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?appName=test", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as a loss of power does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it where it stands: it holds its connections and answers nothing.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        // A thread that runs on another processor goes on until it is told.
        let stat = format!("/proc/{}/stat", self.child.id());
        let deadline = Instant::now() + Duration::from_secs(10);
        while name == "-STOP" && !std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")) {
            assert!(Instant::now() < deadline, "MongoDB does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub async fn restart(&mut self) {
        self.child = spawn(&self.binary, &self.folder, self.set, self.port);
        self.ready().await;
    }

    async fn ready(&self) {
        self.wait(|| is_primary_of(self.direct())).await;
    }

    async fn wait<F: Future<Output = bool>>(&self, is_so: impl Fn() -> F) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so().await {
            assert!(Instant::now() < deadline, "MongoDB is not ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn is_primary_of(address: String) -> bool {
    is_primary(&address).await
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &str, folder: &TempDir, set: Set, port: u16) -> Child {
    let mut command = Command::new(binary);
    command.args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet", "--wiredTigerCacheSizeGB", "0.25"]);
    command.args(["--setParameter", "diagnosticDataCollectionEnabled=false", "--port", &port.to_string(), "--dbpath"]);
    command.arg(folder.path());
    if set == Set::Member {
        command.args(["--replSet", "rs0", "--oplogSize", "64"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
