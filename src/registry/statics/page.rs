//! The page of a package, made of its document and of nothing else, and what pages have in common.
//!
//! Every word that somebody wrote is escaped; there are no scripts, and links are relative, so that a page works from a file and below any
//! prefix.

use std::fmt::Write as _;

use crate::domain::public::{PackageDocument, PublicPath, StaticVersion, content_path};
use crate::domain::{Name, Timestamp};
use crate::resolve;

/// Versions that a page shows.
const VERSIONS_MAX: usize = 200;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
a{color:#0b57a4}h1{margin-bottom:0}h2{margin-top:2rem;font-size:1.1rem}p,td,li{overflow-wrap:anywhere;unicode-bidi:plaintext}\
.dim{color:#666}.label{background:#eef2f6;border-radius:.3rem;padding:.1rem .5rem;margin-right:.3rem;white-space:nowrap}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd;vertical-align:top}\
code,pre{font:14px/1.5 ui-monospace,monospace;background:#f5f6f7;border-radius:.3rem}code{padding:.1rem .3rem}pre{padding:.7rem;overflow-x:auto}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#16181b}a{color:#7db7f0}.dim{color:#999}.label,code,pre{background:#262a2f}th,td{border-color:#333}}";

/// A whole page. `title` is text, `body` is HTML.
pub(super) fn whole_page(title: &str, body: &str) -> String {
    // The policy is for servers that send none: nothing is loaded, and nothing runs.
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escaped(title)
    )
}

/// Text as HTML. Characters that move cursors or turn the direction of others are left out.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            character if character.is_control() && !matches!(character, '\n' | '\t') => {}
            character => html.push(character),
        }
    }
    html
}

/// The day of a time, such as `2026-11-30`.
pub(super) fn day(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}

/// The page of a package.
pub(super) fn package_page(document: &PackageDocument) -> String {
    let package = &document.package;
    let mut body = format!("<p><a href=\"../../{}\">All packages</a></p>\n", PublicPath::Home.path());
    let title = package.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(document.name.slug());
    let mut line = |html: String| {
        body.push_str(&html);
        body.push('\n');
    };
    line(format!("<h1>{}</h1>", escaped(title)));
    line(format!("<p class=\"dim\">{} · {}</p>", document.kind, document.name));
    if let Some(description) = &package.description {
        line(format!("<p>{}</p>", escaped(description)));
    }
    let latest = match &package.latest {
        Some(latest) => latest.to_string(),
        None => format!("none (shown is {})", package.shown),
    };
    line(format!("<pre>pclr add {}</pre>", document.name));
    line("<table>".to_owned());
    let mut row = |what: &str, html: String| {
        if !html.is_empty() {
            line(format!("<tr><th>{what}</th><td>{html}</td></tr>"));
        }
    };
    row("Latest", escaped(&latest));
    row("Licence", escaped(package.license.as_deref().unwrap_or_default()));
    row("Authors", escaped(&package.authors.join(", ")));
    row("Tags", labels(package.tags.iter().map(String::as_str)));
    row("Skills", labels(package.skills.iter().map(|skill| skill.name.as_str())));
    row("Updated", day(package.updated));
    line("</table>".to_owned());
    if let Some(shown) = document.versions.iter().find(|version| version.release.version == package.shown)
        && !shown.dependencies.is_empty()
    {
        line("<h2>Needs</h2>\n<ul>".to_owned());
        for dependency in &shown.dependencies {
            let range = dependency.range.as_ref().map(|range| format!(" {range}")).unwrap_or_default();
            let (name, range) = (escaped(&dependency.name), escaped(&range));
            line(match resolve::package(&document.name, &dependency.name) {
                Some((needed, _)) => format!("<li><a href=\"../../{}\">{name}</a>{range}</li>", page_of(&needed)),
                None => format!("<li>{name}{range}</li>"),
            });
        }
        line("</ul>".to_owned());
    }
    line(
        "<h2>Versions</h2>\n<table>\n<tr><th>Version</th><th>Published</th><th>State</th><th>Manifest</th></tr>"
            .to_owned(),
    );
    for version in document.versions.iter().take(VERSIONS_MAX) {
        let release = &version.release;
        let digest = release.digest.to_string();
        let short: String = digest.chars().take(19).collect();
        line(format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><a href=\"../../{}\"><code>{short}</code></a></td></tr>",
            escaped(&release.version.to_string()),
            day(release.published),
            standing(version),
            content_path(&release.digest),
        ));
    }
    line("</table>".to_owned());
    if let Some(more) = document.versions.len().checked_sub(VERSIONS_MAX).filter(|more| *more > 0) {
        line(format!("<p class=\"dim\">and {more} more</p>"));
    }
    line(format!(
        "<p class=\"dim\"><a href=\"../../{}\">as JSON</a></p>",
        PublicPath::Package(document.name.clone()).path()
    ));
    whole_page(document.name.as_str(), &body)
}

/// Where the page of a package lies.
pub(super) fn page_of(name: &Name) -> String {
    PublicPath::Page(name.clone()).path()
}

/// Labels in a row.
pub(super) fn labels<'a>(labels: impl Iterator<Item = &'a str>) -> String {
    labels.fold(String::new(), |mut html, label| {
        let _ = write!(html, "<span class=\"label\">{}</span> ", escaped(label));
        html
    })
}

/// What is said against a version.
fn standing(version: &StaticVersion) -> String {
    let because = |word: &str, reason: &Option<String>| match reason {
        Some(reason) => format!("{word}: {}", escaped(reason)),
        None => word.to_owned(),
    };
    let mut words = Vec::new();
    if version.release.yanked {
        words.push(because("yanked", &version.reasons.yanked));
    }
    if version.release.deprecated {
        words.push(because("deprecated", &version.reasons.deprecated));
        if let Some(instead) = version.deprecation.as_ref().and_then(|deprecation| deprecation.replacement.as_ref()) {
            words.push(format!("use <a href=\"../../{}\">{instead}</a>", page_of(instead)));
        }
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_strangers_wrote_becomes_html() {
        assert_eq!(escaped(r#"<b a="x" c='y'>&"#), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;");
        assert_eq!(escaped("a\u{202e}b\u{1b}[31mc\nd"), "ab[31mc\nd");
        assert!(whole_page("</title><script>", "").contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
    }
}
