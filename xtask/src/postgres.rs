//! A PostgreSQL that is there only for one run of the tests, and leaves nothing behind.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{cargo, machine};

/// A running cluster; stopped and removed when dropped.
pub struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    owner: Option<(u32, u32)>,
    port: u16,
    keeper: Option<Child>,
}

impl Cluster {
    /// Makes a cluster in a temporary folder and starts it on a free port of this machine.
    pub fn start() -> Result<Self> {
        let [bin] = machine::need([&machine::POSTGRES])?;
        // PostgreSQL refuses to be root.
        let owner = if machine::is_root() { Some(user("postgres")?) } else { None };
        let folder = std::env::temp_dir().join(format!("watchbook-postgres-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // From here on it is cleaned up, whatever goes wrong.
        let mut cluster = Self { bin, folder, owner, port, keeper: None };
        std::fs::set_permissions(&cluster.folder, std::fs::Permissions::from_mode(0o700))?;
        if let Some((user, group)) = owner {
            chown(&cluster.folder, Some(user), Some(group))?;
        }
        cargo::output(
            cluster
                .program(cluster.bin.join("initdb"))
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
                .arg(cluster.data()),
        )?;
        // It need not survive a power cut, and there are many small databases.
        const SETTINGS: [&str; 4] =
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"];
        // The shell stops it and cleans up when its input ends, which it does however we end.
        const KEEPER: &str = r#"folder=$1; shift; "$@" & read -r _; kill -QUIT $!; wait; rm -rf "$folder""#;
        let mut keeper = cluster.program("sh");
        keeper.arg("-c").arg(KEEPER).arg("sh").arg(&cluster.folder);
        keeper.arg(cluster.bin.join("postgres")).arg("-D").arg(cluster.data());
        keeper.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"]).arg(&cluster.folder);
        keeper.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let log = std::fs::File::create(cluster.log())?;
        // Its own group: Ctrl-C is for us, and the rest follows.
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        cluster.keeper = Some(keeper.spawn().context("PostgreSQL did not start")?);
        cluster.wait()?;
        Ok(cluster)
    }

    /// The address of a database in it whose user may make others.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn program(&self, name: impl AsRef<OsStr>) -> Command {
        let mut command = cargo::program(name);
        command.current_dir(&self.folder);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            let mut ask = self.program(self.bin.join("pg_isready"));
            let ask = ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ask.status().context("PostgreSQL's `pg_isready` could not be started")?.success() {
                return Ok(());
            }
            // Asking too early is fatal too, to the one who asks.
            if self.said().lines().any(|line| line.contains("FATAL") && !line.contains("starting up")) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("PostgreSQL did not start. It said:\n{}", self.said())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            _ = keeper.wait();
        }
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The numbers of a user and of its group, from the system's list.
fn user(name: &str) -> Result<(u32, u32)> {
    let list = std::fs::read_to_string(Path::new("/etc/passwd"))?;
    list.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
        .and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))
        .with_context(|| format!("PostgreSQL does not run as root, and there is no user `{name}` to run it as. Make one, or run the tests as somebody else."))
}
