//! Word documents: a zip that holds XML. Read as a stream, so that a small file that unpacks to gigabytes is noticed.

use std::io::{BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;
use zip::result::ZipError;

use super::{TEXT_MAX_BYTES, Unreadable, child};

/// What one part may unpack to; the largest real ones are far below.
const PART_MAX_BYTES: u64 = 256 << 20;
/// Where the words of a document stand; the first must be there.
const PARTS: [&str; 3] = ["word/document.xml", "word/footnotes.xml", "word/endnotes.xml"];

/// A document's text, paragraphs apart.
///
/// # Errors
/// When it is encrypted, damaged, or unpacks to far more than a document does.
pub(super) fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    // An encrypted document is no zip but an OLE file.
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(Unreadable::new("it is encrypted, or in Word's old format: save it as .docx without a password"));
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    let mut text = String::new();
    for (index, part) in PARTS.iter().enumerate() {
        match archive.by_name(part) {
            Ok(file) => read_part(file, &mut text)?,
            Err(ZipError::FileNotFound) if index > 0 => {}
            Err(_) => return Err(damaged()),
        }
    }
    Ok(text)
}

fn read_part(file: impl Read, text: &mut String) -> Result<(), Unreadable> {
    let mut reader = Reader::from_reader(BufReader::new(Limited { inner: file, left: PART_MAX_BYTES }));
    let mut buffer = Vec::new();
    let mut inside = false;
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) if tag.local_name().as_ref() == "t" => inside = true,
            Ok(Event::End(tag)) if tag.local_name().as_ref() == "t" => inside = false,
            Ok(Event::Text(words)) if inside => text.push_str(&words.xml10_content()),
            Ok(Event::GeneralRef(entity)) if inside => {
                if let Ok(Some(letter)) = entity.resolve_char_ref() {
                    text.push(letter);
                } else if let Some(letters) = resolve_predefined_entity(&entity) {
                    text.push_str(letters);
                }
            }
            Ok(Event::Empty(tag) | Event::Start(tag)) => open(&tag, text),
            Ok(Event::End(tag)) => close(tag.local_name().as_ref(), text),
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(quick_xml::Error::Io(error)) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                return Err(Unreadable::new("it unpacks to far more than a document does: it is not read"));
            }
            Err(_) => return Err(damaged()),
        }
        if text.len() > TEXT_MAX_BYTES {
            return Err(child::too_much());
        }
        buffer.clear();
    }
}

fn open(tag: &BytesStart<'_>, text: &mut String) {
    match tag.local_name().as_ref() {
        "tab" => text.push('\t'),
        "br" | "cr" => text.push('\n'),
        // A heading is marked as in Markdown: pieces like to begin there.
        "pStyle" => {
            let is_heading = |value: &str| value.starts_with("Heading") || value.starts_with("Title");
            let style = tag.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == "val");
            if style.is_some_and(|style| is_heading(&style.value)) {
                text.push_str("# ");
            }
        }
        _ => {}
    }
}

fn close(name: &str, text: &mut String) {
    match name {
        "p" => text.push_str("\n\n"),
        "tc" => {
            text.truncate(text.trim_end().len());
            text.push_str(" | ");
        }
        "tr" => text.push('\n'),
        _ => {}
    }
}

fn damaged() -> Unreadable {
    Unreadable::new("it is no Word document that can be read: the file may be damaged")
}

/// A reader that refuses to give more than it was told to.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(std::io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in parts {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn paragraphs_headings_and_tables_are_read() {
        let xml = br#"<w:document xmlns:w="x"><w:body><w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Top</w:t></w:r></w:p>
            <w:p><w:r><w:t>a &amp; b&#33;</w:t><w:tab/><w:t>c</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>1</w:t></w:r></w:p></w:tc>
            <w:tc><w:p><w:r><w:t>2</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"#;
        assert_eq!(text(&packed(&[(PARTS[0], xml)])).unwrap(), "# Top\n\na & b!\tc\n\n1 | 2 | \n");
    }

    #[test]
    fn a_bomb_is_noticed() {
        let mut bomb = b"<w:document><w:t>".to_vec();
        bomb.resize(usize::try_from(PART_MAX_BYTES).unwrap() + 1024, b' ');
        let file = packed(&[(PARTS[0], &bomb)]);
        assert!(file.len() < 1 << 20);
        let why = text(&file).unwrap_err().0;
        assert!(why.contains("unpacks") || why.contains("MiB of text"), "{why}");
    }

    #[test]
    fn what_is_no_document_is_a_reason() {
        assert!(text(b"PK\x03\x04garbage").unwrap_err().0.contains("damaged"));
        assert!(text(&packed(&[("other.xml", b"<a/>")])).unwrap_err().0.contains("damaged"));
        assert!(text(b"\xD0\xCF\x11\xE0rest").unwrap_err().0.contains("encrypted"));
    }
}
