//! Web pages: what a reader sees, with headings and paragraphs apart.

use html2text::render::TrivialDecorator;

use super::{Unreadable, plain};

/// Wide enough that no paragraph is broken: where pieces end is decided later.
const WIDTH: usize = 1 << 20;

/// A page as text.
///
/// # Errors
/// When it is no text or nests too deeply.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let page = plain::decode(bytes)?;
    html2text::config::with_decorator(TrivialDecorator::new())
        .link_footnotes(false)
        .no_table_borders()
        .allow_width_overflow()
        .raw_mode(true)
        .string_from_read(page.as_bytes(), WIDTH)
        .map_err(|_| Unreadable::new("it is no page that can be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_reader_sees_is_text() {
        let page = "<html><head><title>T</title><style>p{}</style><script>alert(1)</script></head>\
                    <body><h1>Head</h1><p>One &amp; <a href='http://x.invalid'>two</a>.</p><table><tr><td>a</td>\
                    <td>b</td></tr></table></body></html>";
        let read = text(page.into()).unwrap();
        assert!(read.contains("Head") && read.contains("One & two."), "{read}");
        assert!(!read.contains("alert") && !read.contains("x.invalid") && !read.contains("p{}"), "{read}");
    }
}
