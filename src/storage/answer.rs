//! What a cloud answered, in words that anybody may read. Pure: errors in, text out.
//!
//! The body of a refusal repeats more than it should: Amazon's holds the id of the key and the text that was signed, Azure's the
//! text that was signed. Of a body only its code and its message are kept, of an address no parameters.

/// Longest text of an answer that is shown, in bytes.
const SHOWN_MAX: usize = 400;

/// What an error means for whoever opens or uses a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is no such object.
    Absent,
    /// There is no such bucket.
    NoBucket,
    /// Whoever asks may not, or is not known.
    Refused,
    /// Anything else.
    Failed,
}

/// Codes of refusals that come with another status than 401 and 403.
const REFUSALS: [&str; 7] = [
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// Codes of a bucket that is not there.
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"];

pub(super) fn verdict(error: &object_store::Error) -> Verdict {
    use object_store::Error;
    let text = error.to_string();
    let code = element(&text, "Code");
    let is_one_of = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
    match error {
        _ if is_one_of(&NO_BUCKET) => Verdict::NoBucket,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Verdict::Refused,
        _ if is_one_of(&REFUSALS) => Verdict::Refused,
        Error::NotFound { .. } => Verdict::Absent,
        _ => Verdict::Failed,
    }
}

/// What the cloud said, without what nobody should read.
pub(super) fn said(error: &object_store::Error) -> String {
    let text = error.to_string();
    let line = |text: &str| text.lines().next().unwrap_or_default().trim().to_owned();
    let said = match (element(&text, "Code"), element(&text, "Message")) {
        (Some(code), Some(message)) if !message.is_empty() => format!("{code}: {}", line(message)),
        (Some(code), _) => code.to_owned(),
        // Whatever else a body is, it begins with a bracket; with a status of its own an empty one ends in a colon.
        _ => without_parameters(text.split(['<', '{']).next().unwrap_or_default().trim().trim_end_matches(':')),
    };
    match said.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    }
}

/// What to do about a refusal.
pub(super) fn advice(said: &str) -> &'static str {
    let says = |word: &str| said.contains(word);
    match () {
        () if says("RequestTimeTooSkewed") || says("RequestTimeSkewed") => {
            "the clock of this machine is off: set it, and keep it right with a time service"
        }
        () if says("AuthorizationHeaderMalformed") => "name the region of the bucket: ?region=…",
        () if says("Expired") => "the credentials have expired: get new ones, and start again",
        () if says("AccessDenied") || says("PermissionMismatch") => {
            "the credentials must be allowed to list, read, write and delete below this address"
        }
        () => {
            "check the credentials, which come from AWS_*, GOOGLE_* or AZURE_STORAGE_* variables or from the machine, and that they may list, read, write and delete there"
        }
    }
}

/// The text of an element of the body. The bodies are flat, and nothing in them is nested in what is wanted here.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split('<').next().map(str::trim)
}

fn without_parameters(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once('?') {
        Some((front, _)) if front.contains("://") => front,
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::Error;

    fn denied(body: &str) -> Error {
        let source = format!("Error performing PUT http://h/b/k in 1ms - Server returned non-2xx status code: {body}");
        Error::PermissionDenied { path: "k".into(), source: source.into() }
    }

    fn failed(text: &str) -> Error {
        Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn of_a_body_only_code_and_message_are_shown() {
        let amazon = "403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we \
            calculated does not match</Message><AWSAccessKeyId>AKIASESAME</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256 sesame</StringToSign></Error>";
        let azure = "403 Forbidden: <?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to \
            authenticate the request.\nRequestId:sesame\nTime:2026</Message><AuthenticationErrorDetail>sesame</AuthenticationErrorDetail></Error>";
        for (error, expected) in [
            (denied(amazon), "SignatureDoesNotMatch: The request signature we calculated does not match"),
            (denied(azure), "AuthenticationFailed: Server failed to authenticate the request."),
            (denied("403: <Error><Code>AccessDenied</Code></Error>"), "AccessDenied"),
            (
                denied("403 Forbidden: <html>sesame</html>"),
                "The operation lacked the necessary privileges to complete for path k: Error performing PUT http://h/b/k in 1ms - \
                 Server returned non-2xx status code: 403 Forbidden",
            ),
            (
                failed("GET https://h/x?sig=sesame&b=c failed: {\"error\":\"sesame\"}"),
                "Generic S3 error: GET https://h/x failed",
            ),
        ] {
            assert_eq!(said(&error), expected);
            assert!(!said(&error).to_lowercase().contains("sesame"));
        }
        assert!(said(&failed(&"ä".repeat(10_000))).len() < 2 * SHOWN_MAX + 20);
    }

    #[test]
    fn errors_are_told_apart() {
        let absent = |body: &str| Error::NotFound { path: "k".into(), source: body.to_owned().into() };
        for (error, expected) in [
            (denied(""), Verdict::Refused),
            (absent(""), Verdict::Absent),
            (absent("<Error><Code>NoSuchKey</Code></Error>"), Verdict::Absent),
            (absent("<Error><Code>NoSuchBucket</Code></Error>"), Verdict::NoBucket),
            (absent("<Error><Code>ContainerNotFound</Code></Error>"), Verdict::NoBucket),
            (failed("400: <Error><Code>AuthorizationHeaderMalformed</Code></Error>"), Verdict::Refused),
            (failed("503: <Error><Code>SlowDown</Code></Error>"), Verdict::Failed),
        ] {
            assert_eq!(verdict(&error), expected, "{error}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let skewed = denied(
            "403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current \
             time is too large.</Message><RequestTime>20260101T000000Z</RequestTime></Error>",
        );
        assert_eq!(verdict(&skewed), Verdict::Refused);
        for (text, hint) in [
            (said(&skewed).as_str(), "clock of this machine is off"),
            ("AuthorizationHeaderMalformed: the region 'us-east-1' is wrong", "?region="),
            ("ExpiredToken: The provided token has expired.", "have expired"),
            ("AccessDenied: Access Denied", "list, read, write and delete"),
            ("InvalidAccessKeyId: no such key", "AWS_*"),
        ] {
            assert!(advice(text).contains(hint), "{text}: {}", advice(text));
        }
    }
}
