//! Where the demo keeps its things: a folder of its own that is removed at the end.

use std::fs::DirBuilder;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What cannot stand as it is in the path of a database address.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

/// The folder of one demo.
#[derive(Debug)]
pub struct Place {
    root: PathBuf,
}

impl Place {
    /// Makes a new folder that only this account can read.
    ///
    /// # Errors
    /// A sentence when it cannot be made.
    pub fn make() -> Result<Self, String> {
        let root = std::env::temp_dir().join(format!("watchbook-demo-{:016x}", rand::random::<u64>()));
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&root).map_err(|e| format!("the folder {} cannot be made: {e}", root.display()))?;
        Ok(Self { root })
    }

    /// The folder of the book.
    pub fn book(&self) -> PathBuf {
        self.root.join("book")
    }

    /// The address of the database.
    ///
    /// # Errors
    /// A sentence when the folder's name is not text.
    pub fn database_url(&self) -> Result<String, String> {
        let file = self.root.join("watchbook.db");
        let file = file.to_str().ok_or_else(|| format!("the name of {} is not text; set TMPDIR", file.display()))?;
        Ok(format!("sqlite://{}", utf8_percent_encode(file, NOT_IN_PATHS)))
    }

    /// Writes a file of the book in one move, so that nobody reads half of it.
    ///
    /// # Errors
    /// A sentence when it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let (file, draft) = (self.book().join(name), self.root.join("draft"));
        let folder = file.parent().unwrap_or(&file);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&draft, text))
            .and_then(|()| std::fs::rename(&draft, &file))
            .map_err(|e| format!("{} cannot be written: {e}", file.display()))
    }

    /// Reads a file of the book.
    ///
    /// # Errors
    /// A sentence when it cannot be read.
    pub fn read(&self, name: &str) -> Result<String, String> {
        let file = self.book().join(name);
        std::fs::read_to_string(&file).map_err(|e| format!("{} cannot be read: {e}", file.display()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed is left to the system, which clears its temporary folder.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}
