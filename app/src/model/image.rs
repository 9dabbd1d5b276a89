//! An image of a runbook: judged by its bytes, and where a path in the text leads.

use percent_encoding::percent_decode_str;
use serde::Serialize;

/// The largest image, in bytes.
pub const LARGEST: usize = 2 * 1024 * 1024;

/// The most points that are shown: a few bytes can claim more than a browser has memory for.
const MOST_POINTS: i64 = 40_000_000;

/// The kinds that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ImageKind {
    Png,
    Jpeg,
    Webp,
    Svg,
}

impl ImageKind {
    const ALL: [Self; 4] = [Self::Png, Self::Jpeg, Self::Webp, Self::Svg];

    /// The kind as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Svg => "svg",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Svg => "image/svg+xml",
        }
    }

    /// How the name of its file ends.
    pub fn ending(self) -> &'static str {
        if self == Self::Jpeg { "jpg" } else { self.name() }
    }
}

/// What the bytes of an image say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// What it is.
    pub kind: ImageKind,
    /// How wide and how high it is, in points; an SVG has no size of its own.
    pub size: Option<(i64, i64)>,
}

/// Judges an image by its bytes; what its name or its sender says of it does not count.
///
/// # Errors
/// A sentence for the person who adds it.
pub fn judge(bytes: &[u8]) -> Result<Judged, String> {
    if bytes.is_empty() {
        return Err("The file is empty. Choose a PNG, JPEG, WebP or SVG image.".to_owned());
    }
    if bytes.len() > LARGEST {
        let tenths = (bytes.len() as f64 / 104_857.6).ceil() as i64;
        return Err(format!(
            "The image has {}.{} MB; at most 2 MB can be kept. Make it smaller.",
            tenths / 10,
            tenths % 10
        ));
    }
    let (kind, size) = match kind(bytes) {
        Some(ImageKind::Svg) => (ImageKind::Svg, None),
        Some(kind) => {
            let size = match kind {
                ImageKind::Png => png_size(bytes),
                ImageKind::Jpeg => jpeg_size(bytes),
                _ => webp_size(bytes),
            };
            let name = kind.name().to_uppercase();
            let size = size.filter(|(w, h)| *w > 0 && *h > 0);
            (kind, Some(size.ok_or_else(|| format!("The file begins like a {name} image and is not whole."))?))
        }
        None => return Err("This is not a PNG, JPEG, WebP or SVG image. Only these can be shown.".to_owned()),
    };
    match size {
        Some((w, h)) if w.saturating_mul(h) > MOST_POINTS => {
            Err(format!("The image has {w} by {h} points; at most 40 million can be shown. Make it smaller."))
        }
        size => Ok(Judged { kind, size }),
    }
}

fn kind(bytes: &[u8]) -> Option<ImageKind> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageKind::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageKind::Jpeg),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(ImageKind::Webp),
        _ => is_svg(bytes).then_some(ImageKind::Svg),
    }
}

/// Whether the first element of a text is `svg`. A document type could declare entities that grow without end.
fn is_svg(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("<!--") => rest.find("-->").map(|at| at + 3),
            _ if rest.starts_with("<?") => rest.find("?>").map(|at| at + 2),
            _ if rest.starts_with("<!DOCTYPE") => {
                rest.find('>').filter(|end| !rest[..*end].contains('[')).map(|at| at + 1)
            }
            _ => break,
        };
        let Some(end) = end else { return false };
        rest = rest[end..].trim_start();
    }
    let after = rest.strip_prefix("<svg");
    after.is_some_and(|after| after.starts_with([' ', '\t', '\r', '\n', '>', '/'])) && !text.contains("<!ENTITY")
}

fn number(bytes: Option<&[u8]>) -> Option<i64> {
    Some(bytes?.iter().fold(0, |sum, byte| sum * 256 + i64::from(*byte)))
}

/// PNG (W3C, 11.2.1): the first chunk is IHDR and begins with width and height.
fn png_size(bytes: &[u8]) -> Option<(i64, i64)> {
    let header = bytes.get(12..16)? == b"IHDR";
    header.then_some((number(bytes.get(16..20))?, number(bytes.get(20..24))?))
}

/// JPEG (ITU T.81, B.2.2): the frame header, which all but tables come after, has height and width.
fn jpeg_size(bytes: &[u8]) -> Option<(i64, i64)> {
    let mut at = 2;
    loop {
        // Any number of 0xff may stand before a marker.
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xff => at += 1,
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => {
                return Some((number(bytes.get(at + 7..at + 9))?, number(bytes.get(at + 5..at + 7))?));
            }
            0xda | 0xd9 => return None,
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => at += 2 + usize::try_from(number(bytes.get(at + 2..at + 4))?.max(2)).ok()?,
        }
    }
}

/// WebP (RFC 9649): one of three first chunks.
fn webp_size(bytes: &[u8]) -> Option<(i64, i64)> {
    let little = |at: usize, length: usize| {
        let bytes = bytes.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0_i64, |sum, byte| sum * 256 + i64::from(*byte)))
    };
    match bytes.get(12..16)? {
        b"VP8X" => Some((little(24, 3)? + 1, little(27, 3)? + 1)),
        b"VP8L" if *bytes.get(20)? == 0x2f => {
            let bits = little(21, 4)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8 " if bytes.get(23..26)? == [0x9d, 0x01, 0x2a] => Some((little(26, 2)? & 0x3fff, little(28, 2)? & 0x3fff)),
        _ => None,
    }
}

/// The path from the folder of the book that an address of an image in a file of `folder` (`guides`, or empty) means.
/// None when it is not a relative path to an image inside the book: an address elsewhere, a way out, a hidden file.
pub fn path_in_book(folder: &str, address: &str) -> Option<String> {
    let address = percent_decode_str(address).decode_utf8().ok()?;
    let odd = |c: char| c.is_control() || [':', '\\', '?', '#'].contains(&c);
    if address.starts_with('/') || address.contains(odd) || address.trim() != address || !has_image_ending(&address) {
        return None;
    }
    let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in address.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            part if part.starts_with('.') => return None,
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

/// Whether the name of a file ends like an image's.
pub fn has_image_ending(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ["png", "jpg", "jpeg", "webp", "svg"].contains(&ending.as_str()))
}

/// The folder of a file, without a slash at its end; empty at the top.
pub fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A name for the file of an image, from what it was called: of `a-z`, `0-9` and `-`, without an ending.
pub fn plain_name(called: &str) -> String {
    let stem = called.rsplit(['/', '\\']).next().unwrap_or(called);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem).to_lowercase();
    let dashed: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").chars().take(40).collect();
    if name.is_empty() { "image".to_owned() } else { name.trim_matches('-').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0";

    #[test]
    fn an_image_is_what_its_bytes_say() {
        let size = |bytes| judge(bytes).map(|j| (j.kind.name(), j.size));
        assert_eq!(size(PNG), Ok(("png", Some((2, 3)))));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xff\xc2\0\x0b\x08\0\x03\0\x02\x01\x01\x11\0";
        assert_eq!(size(jpeg), Ok(("jpeg", Some((2, 3)))));
        assert_eq!(size(b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x01\0\0\x02\0\0"), Ok(("webp", Some((2, 3)))));
        assert_eq!(size(b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x01\x80\0\0"), Ok(("webp", Some((2, 3)))));
        assert_eq!(size(b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x02\0\x03\0"), Ok(("webp", Some((2, 3)))));
        let svg = "\u{feff}<?xml version=\"1.0\"?>\n<!-- x -->\n<!DOCTYPE svg PUBLIC \"a\" \"b\">\n<svg xmlns=\"x\"/>";
        assert_eq!(size(svg.as_bytes()), Ok(("svg", None)));
    }

    #[test]
    fn what_is_no_image_is_refused_with_a_sentence() {
        let refused = |bytes: &[u8]| judge(bytes).unwrap_err();
        assert!(refused(b"").contains("is empty"));
        for other in [
            "<html><svg></svg></html>",
            "<svgx/>",
            "GIF89a",
            "MZ\u{90}",
            "<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>",
            "text",
            "<!-- <svg/>",
        ] {
            assert!(refused(other.as_bytes()).contains("not a PNG, JPEG, WebP or SVG"), "{other}");
        }
        assert!(refused(&PNG[..20]).contains("begins like a PNG image and is not whole"));
        assert!(refused(&vec![0; LARGEST + 1]).contains("has 2.1 MB; at most 2 MB"));
        let mut vast = PNG.to_vec();
        vast[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(refused(&vast).contains("65536 by 65536 points"));
    }

    #[test]
    fn a_path_stays_inside_the_book() {
        let path = |address| path_in_book("guides/erp", address);
        assert_eq!(path("x/queue.png").as_deref(), Some("guides/erp/x/queue.png"));
        assert_eq!(path("./../a%20b.SVG").as_deref(), Some("guides/a b.SVG"));
        assert_eq!(path("../../top.jpg").as_deref(), Some("top.jpg"));
        for out in [
            "../../../x.png",
            "/x.png",
            "//host/x.png",
            "https://x/y.png",
            "data:image/png",
            "..%2f..%2f..%2fx.png",
            "%2e%2e/%2e%2e/%2e%2e/x.png",
            "a\\..\\x.png",
            "x.png?y",
            "x.gif",
            ".git/x.png",
            "a/.hidden.png",
            "x.png ",
            "x%00.png",
            "",
        ] {
            assert_eq!(path(out), None, "{out}");
        }
    }

    #[test]
    fn a_name_is_made_of_what_an_image_was_called() {
        assert_eq!(plain_name("C:\\Bilder\\Queue Übersicht 2.final.PNG"), "queue-bersicht-2-final");
        assert_eq!(plain_name("../../etc/passwd"), "passwd");
        assert_eq!(plain_name(".png"), "image");
    }

    proptest! {
        #[test]
        fn whatever_bytes_come_they_are_judged(start in 0..5usize, rest in proptest::collection::vec(any::<u8>(), 0..80)) {
            let starts: [&[u8]; 5] = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 ", b"<svg"];
            let _ = judge(&[starts[start], &rest].concat());
        }

        #[test]
        fn no_path_leaves_the_book(address in "(\\.\\.|\\.|/|%2e|%2F|a|\\\\|:){0,12}x\\.png") {
            if let Some(path) = path_in_book("a/b", &address) {
                prop_assert!(!path.starts_with('/') && path.split('/').all(|p| p != ".." && !p.is_empty()), "{}", path);
            }
        }
    }
}
