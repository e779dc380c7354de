//! The first page: what is here, the latest first.

use crate::domain::Package;
use crate::domain::public::{PublicPath, RegistryDocument};

use super::page::{day, escaped, page_of, whole_page};

/// Packages that the page shows.
pub(super) const SHOWN: usize = 500;

/// The page. `latest`: those that changed last, at most [`SHOWN`] of them.
pub(super) fn home_page(registry: &RegistryDocument, latest: &[Package]) -> String {
    let mut body = "<h1>Registry</h1>\n".to_owned();
    let mut line = |html: String| {
        body.push_str(&html);
        body.push('\n');
    };
    let noun = if registry.packages == 1 { "package" } else { "packages" };
    line(format!("<p class=\"dim\">{} {noun} · as of event {}</p>", registry.packages, registry.as_of));
    line("<table>\n<tr><th>Package</th><th>Kind</th><th>Version</th><th>About</th><th>Updated</th></tr>".to_owned());
    for package in latest {
        line(format!(
            "<tr><td><a href=\"{}\">{}</a></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            page_of(&package.name),
            package.name,
            package.kind,
            escaped(&package.shown.to_string()),
            escaped(&first_line(package.description.as_deref().unwrap_or_default())),
            day(package.updated),
        ));
    }
    line("</table>".to_owned());
    if registry.packages > latest.len() as u64 {
        let search = "<code>pclr search --registry</code> with this address";
        line(format!("<p class=\"dim\">These are the latest {}; {search} finds the others.</p>", latest.len()));
    }
    let skills = PublicPath::Skills.path();
    line(format!(
        "<p class=\"dim\"><a href=\"{}\">as JSON</a> · <a href=\"{skills}\">skills for agents</a></p>",
        PublicPath::Registry.path()
    ));
    whole_page("Registry", &body)
}

/// The beginning of a text, as far as a row of a table takes it.
fn first_line(text: &str) -> String {
    const MAX: usize = 160;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
