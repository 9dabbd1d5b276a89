//! The commands besides `serve`: each prints its result alone, and says in one line what is wrong.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::TimeZone;
use rand::Rng;
use watchbook::actions::create_token::create_token;
use watchbook::actions::create_user::create_user;
use watchbook::book;
use watchbook::clock::Clock;
use watchbook::config::{Database, Serve, TokenCommand, UserCommand};
use watchbook::db::Db;
use watchbook::{App, export};

/// Reads a book and prints what is wrong with it.
pub fn check(dir: &Path) -> Result<(), String> {
    let reading = book::read(dir).map_err(|e| e.to_string())?;
    for finding in &reading.findings {
        println!("{finding}");
    }
    match reading.findings.len() {
        0 => Ok(()),
        1 => Err("1 thing is wrong with the book".to_owned()),
        n => Err(format!("{n} things are wrong with the book")),
    }
}

/// Prints the JSON Schema of the book.
pub fn schema() -> Result<(), String> {
    // A reader that has seen enough (`| head`) is no error.
    let _ = writeln!(std::io::stdout(), "{:#}", book::schema::schema());
    Ok(())
}

/// Makes a token.
pub async fn token(what: TokenCommand) -> Result<(), String> {
    let TokenCommand::Create { name, scope, database } = what;
    let db = open(&database).await?;
    let token = create_token(&db, &name, scope, Clock::System.now()).await.map_err(|e| e.to_string())?;
    println!("{token}");
    db.close().await;
    Ok(())
}

/// Makes an account.
pub async fn user(what: UserCommand) -> Result<(), String> {
    let UserCommand::Add { name, role, database } = what;
    let mut password = String::new();
    if !std::io::stdin().is_terminal() {
        std::io::stdin().read_to_string(&mut password).map_err(|e| format!("the password cannot be read: {e}"))?;
    }
    let given = password.trim_end_matches(['\r', '\n']);
    let made = given.is_empty().then(|| {
        let mut bytes = [0u8; 15];
        rand::rng().fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    });
    let db = open(&database).await?;
    create_user(&db, &name, role, made.as_deref().unwrap_or(given), Clock::System.now())
        .await
        .map_err(|e| e.to_string())?;
    if let Some(made) = made {
        println!("{made}");
    }
    db.close().await;
    Ok(())
}

/// Writes a copy of the database.
pub async fn backup(file: &Path, database: &Database) -> Result<(), String> {
    let db = open(database).await?;
    let file = file.to_str().ok_or("the name of the file is not text")?;
    db.backup(file).await.map_err(|e| e.to_string())?;
    db.close().await;
    Ok(())
}

/// Writes every runbook and its state as plain files.
pub async fn export(
    dir: &Path,
    database: Database,
    base_url: Option<String>,
    timezone: Option<TimeZone>,
) -> Result<(), String> {
    // Opening would make one, and an export of nothing would take the place of a good one.
    if let Some(file) = database.database_url.strip_prefix("sqlite://").and_then(|t| t.split('?').next())
        && !Path::new(file).exists()
    {
        return Err(format!("there is no database {file}; name it with --database-url"));
    }
    let settings = Serve { database, base_url, timezone, ..Serve::quiet() };
    let app = App::to_read(settings, Clock::System).await?;
    let written = export::export(&app, dir).await?;
    app.db.close().await;
    println!("{written}");
    Ok(())
}

/// Puts a copy in the place of the database.
pub fn restore(file: &Path, database: &Database) -> Result<(), String> {
    let Some(target) = database.database_url.strip_prefix("sqlite://").and_then(|t| t.split('?').next()) else {
        return Err("restore is for SQLite; for PostgreSQL use pg_restore".to_owned());
    };
    let mut source = std::fs::File::open(file).map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
    let mut copy = std::fs::File::options().write(true).create_new(true).open(target).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => format!("{target} exists and is not overwritten; move it away first"),
        _ => format!("{target} cannot be written: {e}"),
    })?;
    std::io::copy(&mut source, &mut copy).map_err(|e| format!("{target} cannot be written: {e}"))?;
    copy.sync_all().map_err(|e| format!("{target} cannot be written: {e}"))
}

async fn open(database: &Database) -> Result<Db, String> {
    Db::open(&database.database_url).await.map_err(|e| e.to_string())
}
