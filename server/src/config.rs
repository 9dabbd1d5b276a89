//! Every command and every setting: its default, its variable, its flag.

use std::net::SocketAddr;
use std::path::PathBuf;

use app::model::status::Role;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::tz::TimeZone;

use crate::actions::create_token::Scope;
use crate::ingest::writer::MOST_WAITING;

/// Shows live what your workflows are doing, beside the runbook that knows when it may have become wrong.
#[derive(Debug, Parser)]
#[command(name = "watchbook", version, about)]
pub struct Command {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
    /// How log lines are written to standard error.
    #[arg(long, global = true, env = "WATCHBOOK_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Runs the portal.
    Serve(Serve),
    /// Reads a book and says what is wrong with it, as file:line; exit code 1 if anything is.
    Check {
        /// The folder of the book.
        #[arg(default_value = "runbooks")]
        dir: PathBuf,
    },
    /// Prints the JSON Schema of the book, for editors.
    Schema,
    /// Tokens for programs.
    Token {
        /// What to do with them.
        #[command(subcommand)]
        what: TokenCommand,
    },
    /// Accounts for people.
    User {
        /// What to do with them.
        #[command(subcommand)]
        what: UserCommand,
    },
    /// Writes a consistent copy of the database while the portal runs (SQLite).
    Backup {
        /// The file to write; must not exist.
        file: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs)]
        database: Database,
    },
    /// Writes every runbook and its state as plain files, to be read when the portal is down.
    Export {
        /// The folder to write: one that is not there, is empty, or holds an earlier export.
        dir: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs)]
        database: Database,
        /// The address people use, for links to other pages of the portal; without it they are words.
        #[arg(long, env = "WATCHBOOK_BASE_URL")]
        base_url: Option<String>,
        /// The time zone that times are shown in, like Europe/Berlin; that of the machine when absent.
        #[arg(long, env = "WATCHBOOK_TIMEZONE", value_parser = zone)]
        timezone: Option<TimeZone>,
    },
    /// Puts a copy in the place of the database; refuses to overwrite one (SQLite).
    Restore {
        /// The file to read.
        file: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs)]
        database: Database,
    },
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Makes a token and prints it alone, once; only its hash is kept.
    Create {
        /// A name to know it by.
        #[arg(long)]
        name: String,
        /// What it may do.
        #[arg(long)]
        scope: Scope,
        #[command(flatten)]
        #[allow(missing_docs)]
        database: Database,
    },
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Makes an account. The password is read from standard input, or made and printed once when that is empty.
    Add {
        /// The name to sign in with.
        name: String,
        /// What the person may do.
        #[arg(long, value_parser = role)]
        role: Role,
        #[command(flatten)]
        #[allow(missing_docs)]
        database: Database,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "write viewer, operator, editor or admin".to_owned())
}

/// Which database.
#[derive(Debug, Clone, Args)]
pub struct Database {
    /// sqlite://FILE (made if missing) or postgres://…
    #[arg(long, env = "WATCHBOOK_DATABASE_URL", default_value = "sqlite://watchbook.db", hide_env_values = true)]
    pub database_url: String,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum LogFormat {
    Text,
    Json,
}

/// The settings of a running portal.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// The address to listen on.
    #[arg(long, env = "WATCHBOOK_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub database: Database,
    /// The folder of the book.
    #[arg(long, env = "WATCHBOOK_BOOK", default_value = "runbooks")]
    pub book: PathBuf,
    /// Lets everybody read without signing in.
    #[arg(long, env = "WATCHBOOK_PUBLIC_READ")]
    pub public_read: bool,
    /// The address people use, where a proxy stands before the portal: https://watch.example.com
    #[arg(long, env = "WATCHBOOK_BASE_URL")]
    pub base_url: Option<String>,
    /// The time zone that times are shown in, like Europe/Berlin; that of the machine when absent.
    #[arg(long, env = "WATCHBOOK_TIMEZONE", value_parser = zone)]
    pub timezone: Option<TimeZone>,
    /// The example book, a fresh database, a producer that plays a believable day, a sign-in button for each role.
    #[arg(long, env = "WATCHBOOK_DEMO")]
    pub demo: bool,
    /// The seed of the demo's chance, to see the same day again.
    #[arg(long, env = "WATCHBOOK_DEMO_SEED", default_value_t = 7)]
    pub demo_seed: u64,
    /// How the disk refuses what is written to the book. No setting: tests fill it, or make it read-only.
    #[arg(skip)]
    pub broken_disk: Option<std::io::ErrorKind>,
    /// How many events may wait for the writer. No setting: tests make it small, to fill it.
    #[arg(skip = MOST_WAITING)]
    pub room: usize,
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("\"{name}\" is not a time zone; write one like Europe/Berlin"))
}

impl Serve {
    /// The settings of a portal for tests: nothing but the defaults, on any free port.
    pub fn quiet() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: Database { database_url: "sqlite://watchbook.db".to_owned() },
            book: PathBuf::from("runbooks"),
            public_read: false,
            base_url: None,
            timezone: Some(TimeZone::UTC),
            demo: false,
            demo_seed: 7,
            broken_disk: None,
            room: MOST_WAITING,
        }
    }

    /// The zone that times are shown in.
    pub fn zone(&self) -> TimeZone {
        self.timezone.clone().unwrap_or_else(TimeZone::system)
    }

    /// Whether cookies travel over TLS: the address people use says so, or we are not on this machine alone.
    pub fn secure_cookies(&self) -> bool {
        match &self.base_url {
            Some(url) => url.starts_with("https://"),
            None => !self.listen.ip().is_loopback(),
        }
    }
}
