//! PDF, page by page.

use pdf_extract::OutputError;

use super::Unreadable;

/// A PDF's text.
///
/// # Errors
/// When it is encrypted, damaged, or holds pictures only.
pub(super) fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    let pages = pdf_extract::extract_text_from_mem_by_pages(bytes).map_err(|error| explain(&error, bytes))?;
    let text = pages.iter().map(|page| page.trim()).filter(|page| !page.is_empty()).collect::<Vec<_>>().join("\n\n");
    if text.is_empty() && !pages.is_empty() {
        return Err(Unreadable::new("it holds no text, only pictures: run it through OCR first"));
    }
    Ok(text)
}

fn explain(error: &OutputError, bytes: &[u8]) -> Unreadable {
    let encrypted = bytes.windows(8).any(|window| window == b"/Encrypt");
    match error {
        OutputError::PdfError(pdf_extract::Error::Decryption(_) | pdf_extract::Error::InvalidPassword) => locked(),
        _ if encrypted => locked(),
        _ => Unreadable::new("it is no PDF that can be read: the file may be damaged"),
    }
}

fn locked() -> Unreadable {
    Unreadable::new("it is encrypted: save a copy without a password")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// The smallest PDF that says something.
    pub fn example(words: &str) -> Vec<u8> {
        let stream = format!("BT /F1 12 Tf 72 720 Td ({words}) Tj ET");
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
                .to_owned(),
            format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
        ];
        let mut pdf = "%PDF-1.4\n".to_owned();
        let mut offsets = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            offsets.push(pdf.len());
            let _ = write!(pdf, "{} 0 obj\n{object}\nendobj\n", index + 1);
        }
        let start = pdf.len();
        let _ = write!(pdf, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
        for offset in offsets {
            let _ = writeln!(pdf, "{offset:010} 00000 n ");
        }
        let _ = write!(pdf, "trailer << /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
        pdf.into_bytes()
    }

    #[test]
    fn a_page_is_read() {
        assert!(text(&example("The red kite nests in May.")).unwrap().contains("The red kite nests in May."));
    }

    #[test]
    fn damage_is_a_reason() {
        assert!(text(b"%PDF-1.4\ngarbage").unwrap_err().0.contains("damaged"));
        let cut = &example("x")[..200];
        assert!(text(cut).is_err());
        let locked = [b"%PDF-1.4\ntrailer << /Encrypt 5 0 R >>".as_slice(), b"garbage"].concat();
        assert!(text(&locked).unwrap_err().0.contains("encrypted"));
    }

    #[test]
    fn a_page_without_words_wants_ocr() {
        assert!(text(&example("")).unwrap_err().0.contains("OCR"));
    }
}
