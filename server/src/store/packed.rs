//! Large texts in a column of text: packed with zstd, as what differs from another one where there is one, in base64.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How hard it is tried to make a text small: more costs time and brings little.
const LEVEL: i32 = 3;

/// Packs a text, as what differs from `base` where there is one.
///
/// # Errors
/// When there is no memory for it.
pub fn pack(text: &str, base: Option<&str>) -> io::Result<String> {
    let dictionary = base.unwrap_or_default().as_bytes();
    let packed = zstd::bulk::Compressor::with_dictionary(LEVEL, dictionary)?.compress(text.as_bytes())?;
    Ok(STANDARD.encode(packed))
}

/// Unpacks what was packed with the same `base`.
///
/// # Errors
/// When it was packed otherwise.
pub fn unpack(body: &str, base: Option<&str>) -> io::Result<String> {
    let packed = STANDARD.decode(body).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    let dictionary = base.unwrap_or_default().as_bytes();
    let mut text = String::new();
    zstd::stream::read::Decoder::with_dictionary(packed.as_slice(), dictionary)?.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_differs_little_from_its_base_is_small() {
        let steps: Vec<String> = (0..400).map(|n| format!("{{\"step\":\"{}\",\"visits\":{n}}}", n * 7919)).collect();
        let base = steps.join(",");
        let text = base.replacen("\"visits\":7}", "\"visits\":8}", 1);
        let (alone, against) = (pack(&text, None).unwrap(), pack(&text, Some(&base)).unwrap());
        assert!(against.len() * 10 < alone.len(), "{} and {}", against.len(), alone.len());
        assert_eq!(unpack(&against, Some(&base)).unwrap(), text);
    }

    #[test]
    fn what_was_packed_otherwise_is_an_error_and_not_another_text() {
        let packed = pack("{\"a\":1}", None).unwrap();
        assert!(unpack("no base64!", None).is_err());
        assert!(unpack(&packed[4..], None).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(texts in proptest::collection::vec(".{0,300}", 1..20)) {
            let base = &texts[0];
            prop_assert_eq!(&unpack(&pack(base, None).unwrap(), None).unwrap(), base);
            for text in &texts {
                prop_assert_eq!(&unpack(&pack(text, Some(base)).unwrap(), Some(base)).unwrap(), text);
            }
        }
    }
}
