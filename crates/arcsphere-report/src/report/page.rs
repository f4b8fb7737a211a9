//! The page around a report's sections.

use super::html::escape;
use crate::figure::css_variables;

/// A whole page: title, the finding below it, a line a paragraph, and what `body` appends.
pub(crate) fn page(title: &str, finding: &str, body: impl FnOnce(&mut String)) -> String {
    let mut out = String::with_capacity(1 << 20);
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str(
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n",
    );
    out.push_str(&format!("<title>{}</title>\n", escape(title)));
    out.push_str(&format!("<meta name=\"description\" content=\"{}\">\n", escape(&finding.replace('\n', " "))));
    out.push_str("<style>\n");
    out.push_str(&css_variables());
    out.push_str(include_str!("../../assets/report.css"));
    out.push_str("</style>\n</head>\n<body>\n<main>\n");
    out.push_str("<button id=\"theme\" type=\"button\" hidden>Light / dark</button>\n");
    out.push_str(&format!("<h1>{}</h1>\n", escape(title)));
    for line in finding.lines() {
        out.push_str(&format!("<p class=\"finding\">{}</p>\n", escape(line)));
    }
    body(&mut out);
    out.push_str("</main>\n<script>\n");
    out.push_str(include_str!("../../assets/report.js"));
    out.push_str("</script>\n</body>\n</html>\n");
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Whether nothing is loaded from elsewhere and every tag that opens closes.
    pub(crate) fn assert_whole(html: &str) {
        for outside in [" src=", "<link", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
        for tag in [
            "table", "thead", "tbody", "section", "article", "figure", "details", "tr", "th", "td", "ul", "li", "main",
            "dl", "p",
        ] {
            let open = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            assert_eq!(open, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn title_and_finding_are_escaped() {
        let html = page("A & B", "x < y\nz", |out| out.push_str("<p>body</p>\n"));
        assert!(html.contains("<title>A &amp; B</title>") && html.contains("content=\"x &lt; y z\""));
        assert!(html.contains("<p class=\"finding\">x &lt; y</p>\n<p class=\"finding\">z</p>"));
        assert!(html.contains("<p>body</p>"));
        assert_whole(&html);
    }
}
