//! Proves the runner against servers that say exactly what a test tells them to.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::run_file;

/// A server that answers each connection with the next of `answers` and hands back what it was sent.
async fn server(answers: &[&str]) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers: Vec<String> = answers.iter().map(|answer| answer.replace('\n', "\r\n")).collect();
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(read_request(&mut stream).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (address, task)
}

/// Reads until the announced body is there, or the client is gone.
async fn read_request(stream: &mut tokio::net::TcpStream) -> String {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map(|n| n.parse().unwrap());
            let done = match head.contains("chunked") {
                true => body.ends_with("0\r\n\r\n"),
                false => body.len() >= length.unwrap_or(0),
            };
            if done {
                return text;
            }
        }
        match stream.read(&mut buffer).await.unwrap() {
            0 => return text,
            count => received.extend(&buffer[..count]),
        }
    }
}

fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.http");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// Runs `text` against `answers`; gives the failures' texts and the requests as they arrived.
async fn run(text: &str, answers: &[&str]) -> (Vec<String>, Vec<String>) {
    let (_folder, path) = script(text);
    let (address, task) = server(answers).await;
    let failures = run_file(&path, address).await.iter().map(ToString::to_string).collect();
    (failures, task.await.unwrap())
}

const OK: &str = "HTTP/1.1 200 OK\nContent-Length: 2\nX-Kind: a\nLocation: /up/1?state=7\n\n{}";

#[tokio::test]
async fn a_request_is_sent_as_written() {
    let (failures, requests) = run("GET /v2/a/../b/%2e%2e//c\nX-Odd:  two\n=> 200", &[OK]).await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(
        requests[0].starts_with("GET /v2/a/../b/%2e%2e//c HTTP/1.1\r\nX-Odd: two\r\nHost: 127.0.0.1:"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn contents_fill_bodies_and_placeholders() {
    let text = "content config = {}\n\
                content manifest = <<\n{\"config\":{\"digest\":\"{config.digest}\",\"size\":{config.size}}}\n>>\n\
                PUT /m/{config.digest}\n< manifest\n=> 200\n> json {}\n\
                PATCH /p\n< manifest[1..8]\n=> 200\n\
                PATCH /c\n< chunked manifest[1..8]\n=> 200";
    let (failures, requests) = run(text, &[OK, OK, OK]).await;
    let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(failures, Vec::<String>::new());
    assert!(requests[0].starts_with(&format!("PUT /m/{empty} ")), "{}", requests[0]);
    assert!(requests[0].ends_with(&format!("\r\n\r\n{{\"config\":{{\"digest\":\"{empty}\",\"size\":2}}}}")));
    assert!(requests[1].ends_with("Content-Length: 8\r\n\r\n\"config\""), "{}", requests[1]);
    assert!(requests[2].ends_with("\r\n\r\n4\r\n\"con\r\n4\r\nfig\"\r\n0\r\n\r\n"), "{}", requests[2]);
}

#[tokio::test]
async fn a_captured_location_takes_more_parameters() {
    let text = "POST /up\n=> 200\ncapture Location as upload\nPUT {upload.query}digest=x\n=> 200\nGET {upload}\n=> 200";
    let (failures, requests) = run(text, &[OK, OK, OK]).await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(requests[1].starts_with("PUT /up/1?state=7&digest=x HTTP"), "{}", requests[1]);
    assert!(requests[2].starts_with("GET /up/1?state=7 HTTP"), "{}", requests[2]);
}

#[tokio::test]
async fn a_string_of_a_json_body_is_kept_and_a_late_answer_waited_for() {
    let early = "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}";
    let late = "HTTP/1.1 200 OK\nContent-Length: 19\n\n{\"a\":{\"next\":\"x7\"}}";
    let text = "GET /a\n=> 200 within 5s\n> contains next\ncapture /a/next as cursor\nGET /b?{cursor}\n=> 200";
    let (failures, requests) = run(text, &[early, late, OK]).await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(requests[2].starts_with("GET /b?x7 HTTP"), "{}", requests[2]);
    let (failures, _) = run("GET /a\n=> 200 within 0s\n> contains next", &[early]).await;
    assert_eq!(failures.len(), 1, "an answer that stays wrong is a failure: {failures:?}");
}

#[tokio::test]
async fn set_up_in_one_line_stands_for_the_plain_requests() {
    let text = "content config = {}\ncontent image = @image(config, config)\n\
                push blob config to a/b\npush image image as 1.0 to a/b";
    let opened = "HTTP/1.1 202 Accepted\nLocation: /up/1\nContent-Length: 0\n\n";
    let created = "HTTP/1.1 201 Created\nContent-Length: 0\n\n";
    let (failures, requests) = run(text, &[opened, created, created]).await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(requests[0].starts_with("POST /v2/a/b/blobs/uploads/ HTTP"), "{}", requests[0]);
    assert!(requests[1].starts_with("PUT /up/1?digest=sha256:44136fa355b3"), "{}", requests[1]);
    assert!(requests[2].starts_with("PUT /v2/a/b/manifests/1.0 HTTP"), "{}", requests[2]);
    let (_, body) = requests[2].split_once("\r\n\r\n").unwrap();
    let manifest: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(manifest["layers"][0]["size"], 2);
    let (failures, _) = run(text, &[opened, created, OK]).await;
    assert!(failures[0].contains("sample.http:4: expected status [201], found 200"), "{failures:?}");
}

#[tokio::test]
async fn a_partial_body_announces_all_and_hangs_up() {
    let text = "content blob = 0123456789\nPUT /b\n< partial 4 blob\n=> hang up";
    let (failures, requests) = run(text, &[""]).await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(requests[0].ends_with("Content-Length: 10\r\n\r\n0123"), "{}", requests[0]);
}

#[tokio::test]
async fn each_value_is_a_request_of_its_own() {
    let (failures, requests) = run("each what = a | b\nGET /{what}\n=> 200", &[OK, OK]).await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(requests[0].starts_with("GET /a ") && requests[1].starts_with("GET /b "));
}

/// Every rule fails when it is broken, and says where, what was expected and what was found.
#[tokio::test]
async fn every_broken_rule_is_told_with_its_line() {
    for (rules, wanted) in [
        ("=> 404", "sample.http:2: expected status [404], found 200"),
        ("=> 200\nX-Kind: b", "sample.http:3: header X-Kind: expected `b`, found [\"a\"]"),
        ("=> 200\nX-Kind ~ b*", "sample.http:3: header X-Kind: expected a value like `b*`, found [\"a\"]"),
        ("=> 200\n\nX-Other: *", "sample.http:4: header X-Other: expected any value, found []"),
        ("=> 200\n!X-Kind", "sample.http:3: header X-Kind: expected no such header, found [\"a\"]"),
        ("=> 200\n> empty", "sample.http:3: expected no body, found \"{}\" (2 bytes)"),
        ("=> 200\n> contains x", "sample.http:3: expected `x` in \"{}\" (2 bytes)"),
        ("=> 200\n> lacks {", "sample.http:3: expected no `{` in \"{}\" (2 bytes)"),
        ("=> 200\n> json {\"a\":1}", "sample.http:3: /a: expected 1, found no such member"),
        ("=> 200\n> json []", "sample.http:3: : expected [], found {}"),
        ("=> 200\n> error DENIED", "sample.http:3: expected an errors document with DENIED, found \"{}\" (2 bytes)"),
        ("=> 200\ncapture X-No as y", "sample.http:3: nothing to capture: the response has no X-No"),
        ("=> 200\n> nothing", "sample.http:3: no content is called `nothing`"),
    ] {
        let (failures, _) = run(&format!("GET /\n{rules}"), &[OK]).await;
        assert!(failures.len() == 1 && failures[0].contains(wanted), "{rules}: {failures:?}");
    }
}

#[tokio::test]
async fn json_may_have_more_members_but_not_more_elements() {
    let answer =
        "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 24\n\n{\"tags\":[\"a\",\"b\"],\"n\":1}";
    for (rule, fits) in [
        ("{\"tags\":[\"a\",\"b\"]}", true),
        ("{\"tags\":[\"*\",\"b\"],\"m\":\"!absent\"}", true),
        ("{\"tags\":[\"a\"]}", false),
        ("{\"tags\":[\"b\",\"a\"]}", false),
        ("{\"n\":\"!absent\"}", false),
    ] {
        let (failures, _) = run(&format!("GET /\n=> 200\n> json {rule}"), &[answer]).await;
        assert_eq!(failures.is_empty(), fits, "{rule}: {failures:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_a_failure() {
    let cut = "HTTP/1.1 200 OK\nContent-Length: 9\n\nabc";
    let (failures, _) = run("GET /\n=> 200", &[cut]).await;
    assert!(failures[0].contains("3 bytes of body came, 9 were announced"), "{failures:?}");
    let (failures, _) = run("GET /\n=> 200", &[""]).await;
    assert!(failures[0].contains("without a whole response head"), "{failures:?}");
}

#[tokio::test]
async fn a_script_that_cannot_be_read_names_its_line() {
    for (text, wanted) in [
        ("# only words", ":1: the script has no request"),
        ("GET /", ":1: the request has no `=>`"),
        ("GET /\n=> ok", ":2: `ok` is no status"),
        ("GET /\n=> hang up", ":2: only a request with `< partial N NAME` hangs up"),
        ("GET /\n<<\nabc", ":2: `<<` without `>>`"),
        ("X: y", ":1: `X: y` stands before any request"),
        ("content a = @random(many)\nGET /\n=> 200", ":1: `many` is no size"),
        ("content repo = a\nGET /\n=> 200", ":1: `repo` is taken"),
        ("GET /{nobody}\n=> 200", ":1: no content is called `nobody`"),
    ] {
        let (_folder, path) = script(text);
        let failures = run_file(&path, "127.0.0.1:1".parse().unwrap()).await;
        assert!(failures.len() == 1 && failures[0].to_string().contains(wanted), "{text}: {failures:?}");
    }
}
