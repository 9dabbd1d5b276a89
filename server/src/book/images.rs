//! Images beside the texts: those that runbooks show are read, judged by their bytes, and kept with the versions.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use app::markdown;
use app::model::image::{LARGEST, folder_of, judge, path_in_book};
use sha2::{Digest, Sha256};

use crate::actions::import_book::FoundImage;

/// What was last read at each path: as long as length and time are the same it is not read again.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<String, (u64, SystemTime)>);

/// The hash under which an image is kept.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The paths of the images that a text in this file shows.
pub(super) fn shown(file: &str, body: &str) -> BTreeSet<String> {
    paths(file, &markdown::images(body)).collect()
}

fn paths<'i>(file: &str, images: &'i [String]) -> impl Iterator<Item = String> + 'i {
    let folder = folder_of(file).to_owned();
    images.iter().filter_map(move |address| path_in_book(&folder, address))
}

/// Reads the images that these files show, by the addresses in their texts, and that were not seen as they are. What is
/// no image, is too large, or leads out of the folder is left out: the page says that it is not there.
pub(super) fn find(
    root: &Path,
    texts: &[(String, Vec<String>)],
    seen: &mut Seen,
    is_kept: impl Fn(&str) -> bool,
) -> Vec<FoundImage> {
    let Ok(root) = root.canonicalize() else { return Vec::new() };
    let paths: BTreeSet<String> = texts.iter().flat_map(|(file, images)| paths(file, images)).collect();
    paths.into_iter().filter_map(|path| read(&root, path, seen, &is_kept)).collect()
}

fn read(root: &Path, path: String, seen: &mut Seen, is_kept: &impl Fn(&str) -> bool) -> Option<FoundImage> {
    let real = root.join(&path).canonicalize().ok().filter(|real| real.starts_with(root))?;
    let metadata = fs::metadata(&real).ok().filter(|m| m.is_file() && m.len() <= LARGEST as u64)?;
    let as_it_is = (metadata.len(), metadata.modified().ok()?);
    if seen.0.get(&path) == Some(&as_it_is) && is_kept(&path) {
        return None;
    }
    let bytes = fs::read(&real).ok()?;
    let judged = judge(&bytes).ok()?;
    seen.0.insert(path.clone(), as_it_is);
    Some(FoundImage { path, hash: hash(&bytes), judged, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";

    fn found(root: &Path, body: &str) -> Vec<String> {
        let text = ("guides/x.md".to_owned(), markdown::images(body));
        find(root, &[text], &mut Seen::default(), |_| true).into_iter().map(|image| image.path).collect()
    }

    #[cfg(unix)]
    #[test]
    fn an_image_is_read_only_inside_the_folder() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let guides = dir.path().join("guides");
        fs::create_dir_all(guides.join("x")).unwrap();
        fs::write(guides.join("x/a.svg"), SVG).unwrap();
        fs::write(guides.join("not.png"), "text").unwrap();
        fs::write(other.path().join("out.svg"), SVG).unwrap();
        std::os::unix::fs::symlink(other.path().join("out.svg"), guides.join("link.svg")).unwrap();
        std::os::unix::fs::symlink(other.path(), guides.join("away")).unwrap();
        std::os::unix::fs::symlink("x/a.svg", guides.join("near.svg")).unwrap();
        let body = "![a](x/a.svg) ![b](not.png) ![c](link.svg) ![d](away/out.svg) ![e](near.svg) ![f](gone.svg) \
            ![g](../../out.svg) ![h](https://x/y.svg)";
        assert_eq!(found(dir.path(), body), ["guides/near.svg", "guides/x/a.svg"]);
    }

    #[test]
    fn an_image_is_read_again_only_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.svg");
        fs::write(&path, SVG).unwrap();
        let text = ("x.md".to_owned(), vec!["a.svg".to_owned()]);
        let (mut seen, texts) = (Seen::default(), [text]);
        assert_eq!(find(dir.path(), &texts, &mut seen, |_| true).len(), 1);
        assert_eq!(find(dir.path(), &texts, &mut seen, |_| true).len(), 0);
        // What the database did not take is told of again.
        assert_eq!(find(dir.path(), &texts, &mut seen, |_| false).len(), 1);
        fs::write(&path, format!("{SVG}\n")).unwrap();
        assert_eq!(find(dir.path(), &texts, &mut seen, |_| true).len(), 1);
    }
}
