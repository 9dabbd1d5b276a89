//! The export: every runbook and its state as plain files, for when the portal is down.
//!
//! A folder is written beside the one that was asked for and takes its place when it is whole, so that whoever opens
//! the export finds one that is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use app::markdown::{Chip, Context, FactNow};
use app::model::mention::{Fact, Panel};
use app::model::reference::Reference;
use app::pages::export::{ExportPicture, Made, index, index_markdown, runbook, workflow};

use crate::App;
use crate::web::error::Error;
use crate::web::runbooks::newest_picture;
use crate::web::shown::Shown;
use crate::web::{render, workflows};
use crate::world::World;

/// By this file a folder is known to be an export.
const MARK: &str = "watchbook-export.txt";

/// A document in an export: what is a link in the portal is told in words, but for other runbooks.
struct Exported<'a> {
    shown: &'a Shown<'a>,
    world: &'a World,
    made: &'a Made,
    base_url: Option<&'a str>,
}

impl Context for Exported<'_> {
    fn chip(&self, reference: &Reference) -> Chip {
        let href = match reference {
            Reference::Runbook(slug, None) => format!("{slug}.html"),
            Reference::Runbook(slug, Some(anchor)) => format!("{slug}.html#{anchor}"),
            other => other.path(),
        };
        Chip { href, ..self.shown.chip(reference) }
    }

    fn absent(&self, reference: &Reference) -> String {
        self.shown.absent(reference)
    }

    fn fact(&self, fact: &Fact) -> FactNow {
        self.shown.fact(fact)
    }

    fn panel(&self, panel: &Panel) -> Option<String> {
        let at = self.made.at.full(&self.made.zone);
        self.shown.panel(panel).map(|html| html.replace("</span>", &format!(" <small>(at {at})</small></span>")))
    }

    fn spelled(&self, reference: &Reference) -> Option<String> {
        if matches!(reference, Reference::Runbook(..)) {
            return None;
        }
        let state = self.shown.chip(reference).state.map(|state| format!("{}, ", state.words())).unwrap_or_default();
        Some(format!("{}, {state}{reference}", self.world.name_of(reference)))
    }

    fn here(&self, address: &str) -> Option<String> {
        let base = self.base_url?.trim_end_matches('/');
        address.starts_with('/').then(|| format!("{base}{address}"))
    }

    fn now(&self) -> &str {
        "at that time"
    }

    fn sprite(&self) -> &str {
        ""
    }
}

/// Writes everything into a folder and says what was written.
///
/// # Errors
/// A sentence; what was in the folder before is still there then.
pub async fn export(app: &App, dir: &Path) -> Result<String, String> {
    let target = Target::of(dir)?;
    let picture = picture(app).await.map_err(|error| error.detail())?;
    target.write(app, &picture).map_err(|error| format!("{} cannot be written: {error}", dir.display()))?;
    let made = picture.made.at.full(&picture.made.zone);
    Ok(format!("{} runbooks as of {made} are in {}", picture.runbooks.len(), dir.display()))
}

/// Everything as it is now.
async fn picture(app: &App) -> Result<ExportPicture, Error> {
    let world = app.worlds.now();
    let made = Made { at: app.now(), zone: app.config.zone() };
    let shown = Shown::load(app, &world).await?;
    let base_url = app.config.base_url.as_deref();
    let context = Exported { shown: &shown, world: &world, made: &made, base_url };
    let mut runbooks = Vec::new();
    for document in world.documents.values() {
        runbooks.push(newest_picture(app, &world, document, &context).await?);
    }
    runbooks.sort_by(|a, b| a.row.title.cmp(&b.row.title).then_with(|| a.row.slug.cmp(&b.row.slug)));
    let mut pictures = Vec::new();
    for id in world.book.workflows.keys() {
        // One that was never heard of has no state to tell of, and is told from the book alone.
        pictures.push(workflows::picture(app, id).await?);
    }
    pictures.sort_by(|a, b| a.row.name.cmp(&b.row.name).then_with(|| a.row.id.cmp(&b.row.id)));
    Ok(ExportPicture { made, runbooks, workflows: pictures })
}

/// The folder that was asked for, and the ones beside it that are used on the way.
struct Target {
    dir: PathBuf,
    new: PathBuf,
    old: PathBuf,
}

impl Target {
    /// # Errors
    /// When the folder holds something that is not an export.
    fn of(dir: &Path) -> Result<Self, String> {
        let wrong = |error: io::Error| format!("{} cannot be written: {error}", dir.display());
        let dir = match dir.canonicalize() {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(dir).map_err(wrong)?,
            Err(error) => return Err(wrong(error)),
        };
        let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
            return Err(format!("{} has no folder around it to write beside", dir.display()));
        };
        let holds = if dir.exists() { fs::read_dir(&dir).map_err(wrong)?.count() } else { 0 };
        if holds > 0 && !dir.join(MARK).is_file() {
            return Err(format!(
                "{} is not empty and is no export; nothing was written. Name another folder.",
                dir.display()
            ));
        }
        let beside = |what: &str| parent.join(format!(".{}.{what}-{}", name.to_string_lossy(), std::process::id()));
        Ok(Self { new: beside("new"), old: beside("old"), dir: dir.clone() })
    }

    fn write(&self, app: &App, picture: &ExportPicture) -> io::Result<()> {
        if let Some(parent) = self.dir.parent() {
            fs::create_dir_all(parent)?;
        }
        let written = self.fill(app, picture).and_then(|()| self.take_place());
        // Nothing half done stays, whatever went wrong; what went wrong is said and not what tidying up did.
        let _ = fs::remove_dir_all(&self.new);
        written
    }

    fn fill(&self, app: &App, picture: &ExportPicture) -> io::Result<()> {
        let ExportPicture { made, .. } = picture;
        let draw = |draw: &dyn Fn() -> String| render::drawn(&render::ink(app, made.at), draw);
        fs::create_dir(&self.new)?;
        for folder in ["runbooks", "workflows"] {
            fs::create_dir(self.new.join(folder))?;
        }
        for page in &picture.runbooks {
            let at = self.new.join("runbooks").join(&page.row.slug);
            fs::write(at.with_extension("html"), draw(&|| runbook(page, made)))?;
        }
        for document in app.worlds.now().documents.values() {
            let at = self.new.join("runbooks").join(&document.record.slug);
            fs::write(at.with_extension("md"), &document.record.body)?;
        }
        for page in &picture.workflows {
            let at = self.new.join("workflows").join(&page.row.id);
            fs::write(at.with_extension("html"), draw(&|| workflow(page, made)))?;
        }
        fs::write(self.new.join("index.html"), draw(&|| index(picture)))?;
        fs::write(self.new.join("index.md"), index_markdown(picture))?;
        fs::write(self.new.join(MARK), format!("{}\nWritten by \"watchbook export\".\n", made.words()))
    }

    /// Puts the whole export in the place of the one before; if that fails, that one comes back.
    fn take_place(&self) -> io::Result<()> {
        if !self.dir.exists() {
            return fs::rename(&self.new, &self.dir);
        }
        fs::rename(&self.dir, &self.old)?;
        if let Err(error) = fs::rename(&self.new, &self.dir) {
            fs::rename(&self.old, &self.dir)?;
            return Err(error);
        }
        fs::remove_dir_all(&self.old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_else_in_it_is_refused_and_an_empty_one_or_an_export_is_not() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        assert!(Target::of(&at("not-there")).is_ok());
        fs::create_dir(at("empty")).unwrap();
        assert!(Target::of(&at("empty")).is_ok());
        fs::create_dir(at("export")).unwrap();
        fs::write(at("export").join(MARK), "").unwrap();
        assert!(Target::of(&at("export")).is_ok());
        fs::create_dir(at("photos")).unwrap();
        fs::write(at("photos").join("cat.jpg"), "").unwrap();
        let why = Target::of(&at("photos")).err().unwrap();
        assert!(why.ends_with("is not empty and is no export; nothing was written. Name another folder."), "{why}");
    }

    #[test]
    fn a_new_export_takes_the_place_of_the_whole_old_one() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("export");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(MARK), "").unwrap();
        fs::write(dir.join("gone.html"), "").unwrap();
        let target = Target::of(&dir).unwrap();
        fs::create_dir(&target.new).unwrap();
        fs::write(target.new.join("index.html"), "new").unwrap();
        target.take_place().unwrap();
        let names = |dir: &Path| fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
        assert_eq!(names(&dir), ["index.html"]);
        assert_eq!(names(place.path()), ["export"], "nothing is left beside it");
    }
}
