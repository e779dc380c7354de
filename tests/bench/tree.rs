//! The static tree of a large registry, made from nothing by `pclr rebuild --static`, and a search in a copy of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::document;
use crate::process::{Ran, ran};
use crate::publish::push_to_store;
use crate::pulls;
use crate::push::write_out;
use crate::server::Server;
use crate::starts;
use crate::table::{Table, mib, millis, thousands};

/// How many packages; `PCLR_BENCH_PACKAGES` says fewer.
const PACKAGES: u64 = 100_000;
/// What is searched for: a word of many packages.
const QUESTION: &str = "translate";
/// How often a push with no server is measured.
const PUSHES: u64 = 5;

/// Measures pulls from a small copy and the tree of a large registry; writes them down if it had its size.
pub fn run() {
    let text = document::printed(&[pulls::pulls(), tree()]);
    if packages() == PACKAGES {
        document::write_part("static", &text);
    }
}

fn packages() -> u64 {
    let given = std::env::var("PCLR_BENCH_PACKAGES").ok().filter(|value| !value.is_empty());
    given.map_or(PACKAGES, |given| given.parse().expect("a number of packages"))
}

fn tree() -> Table {
    let packages = packages();
    let remark = "Packages of one version with 20 labels, in a store that owns itself, in a folder. The rendering is the whole process of `pclr \
                  rebuild --static`, its start from the registry's snapshot included. Files and bytes are without `blobs/`, which is \
                  content and no copy of it. The copy is behind nginx; a search is the whole process of `pclr search --registry`.";
    let title = format!("The static tree of {} packages", thousands(packages as f64));
    let mut table = Table::new(&title, remark, &["what", "value"]);
    let mut row = |what: &str, value: String| table.row(&[what.to_owned(), value]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(starts::publish(&data.join("store"), packages));
    starts::start(&data, true);
    write_out();

    let made = render(&data);
    row("rendered from nothing, s", format!("{:.0}", made.seconds));
    row("… packages/s", thousands(packages as f64 / made.seconds));
    row("… CPU, s", format!("{:.0}", made.cpu));
    row("… resident at most, MiB", mib(made.peak));
    let public = data.join("store/public");
    let whole = below(&public, &["blobs"]);
    row("files", thousands(whole.files as f64));
    row("MB in them", thousands(whole.bytes as f64 / 1e6));
    row("MB on the disk", thousands(on_disk(&public) as f64 / 1e6));
    let catalogue = below(&public.join("catalogue"), &[]);
    row("parts of the compressed catalogue", thousands(catalogue.files as f64));
    row("MB in them, which a search fetches", format!("{:.1}", catalogue.bytes as f64 / 1e6));
    let skills = fs::metadata(public.join(".well-known/agent-skills/index.json")).map_or(0, |file| file.len());
    row("MB of the index of skills", format!("{:.1}", skills as f64 / 1e6));

    let server = Server::start_copy(&public, &folder.path().join("nginx"));
    let cache = folder.path().join("cache");
    let [first, second] = [(); 2].map(|()| search(&server, &cache));
    row("first search in a copy, s", format!("{:.2}", first.seconds));
    row("… resident at most, MiB", mib(first.peak));
    row("next search, s", format!("{:.2}", second.seconds));
    drop(server);
    let (sources, store) = (folder.path().join("sources"), format!("file:{}", data.join("store").display()));
    let mut micros: Vec<f64> = (0..PUSHES).map(|number| push_to_store(&sources, number, &store, &[])).collect();
    micros.sort_by(f64::total_cmp);
    row(&format!("`pclr push --store` into it, ms, half of {PUSHES}"), millis(micros[micros.len() / 2]));
    table
}

fn render(data: &Path) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.args(["rebuild", "--static", "--quiet", "--metadata", "memory:", "--data"]).arg(data);
    ran(&mut command)
}

fn search(server: &Server, cache: &Path) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.args(["search", QUESTION, "--registry", &format!("http://{}", server.address)]).env("PCLR_CACHE", cache);
    ran(&mut command)
}

#[derive(Clone, Copy, Default)]
struct Size {
    files: u64,
    bytes: u64,
}

/// What lies below a folder, without some of those in it.
fn below(folder: &Path, without: &[&str]) -> Size {
    let mut size = Size::default();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("its type");
        if kind.is_dir() && !without.iter().any(|name| entry.file_name() == **name) {
            let inner = below(&entry.path(), &[]);
            size = Size { files: size.files + inner.files, bytes: size.bytes + inner.bytes };
        } else if kind.is_file() {
            size.files += 1;
            size.bytes += entry.metadata().expect("its length").len();
        }
    }
    size
}

fn on_disk(folder: &Path) -> u64 {
    let output = Command::new("du").args(["-sB1", "--exclude=blobs"]).arg(folder).output().expect("du runs");
    String::from_utf8_lossy(&output.stdout).split_whitespace().next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}
