//! Frozen worlds: one is prepared once, and every run of a law begins with a copy of it.

use std::path::PathBuf;
use std::time::Duration;

use aws_sandbox::{Sandbox, Settings};
use uuid::Uuid;

use crate::support::test_env::{TestEnv, copy_of, drop_database};

/// How long a slow deletion lasts.
pub const SLOW: Duration = Duration::from_secs(3_600);

/// A world as it was: its database, its sandbox's journal, and what is not in either.
pub struct Frozen {
    database: String,
    journal: PathBuf,
    boundary: Option<String>,
    settings: Settings,
}

/// Where journals of sandboxes are kept.
pub fn new_journal() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.journal", Uuid::now_v7().simple()))
}

impl TestEnv {
    /// Stops using a world whose sandbox keeps a journal; runs begin with what it is now.
    pub async fn freeze(self, settings: Settings) -> Frozen {
        let journal = settings.journal.clone().unwrap();
        let database = self.database();
        self.store.close().await;
        self.pool.close().await;
        self.server.abort();
        Frozen {
            database,
            journal,
            boundary: self.settings.permissions_boundary,
            settings,
        }
    }

    /// Ends a world and removes its database.
    pub async fn end(self) {
        let database = self.database();
        self.server.abort();
        self.pool.close().await;
        drop_database(&database).await;
    }

    fn database(&self) -> String {
        let before_query = self.url.split('?').next().unwrap();
        before_query.rsplit('/').next().unwrap().to_owned()
    }
}

impl Frozen {
    /// The same, where a deletion lasts until the test moves the clock.
    pub fn with_slow_deletions(&self) -> Self {
        let Self {
            database,
            journal,
            boundary,
            settings,
        } = self;
        let settings = Settings {
            deleting_seconds: SLOW.as_secs_f64(),
            ..settings.clone()
        };
        Self {
            database: database.clone(),
            journal: journal.clone(),
            boundary: boundary.clone(),
            settings,
        }
    }

    /// A world of its own that goes on from here.
    pub async fn thaw(&self) -> TestEnv {
        let journal = new_journal();
        std::fs::copy(&self.journal, &journal).unwrap();
        let settings = Settings {
            journal: Some(journal.clone()),
            ..self.settings.clone()
        };
        let sandbox = Sandbox::open(settings).unwrap();
        // It is open, and nobody else needs its name.
        std::fs::remove_file(&journal).unwrap();
        std::fs::remove_file(journal.with_extension("lock")).unwrap();
        let mut world = TestEnv::over(
            sandbox,
            copy_of(&self.database).await,
            self.boundary.clone(),
        )
        .await;
        world.settings.timing.cluster_poll = Duration::from_millis(40);
        world.settings.timing.release_poll = Duration::from_millis(40);
        world
    }

    /// The same, to be prepared further and frozen again: its journal is kept.
    pub async fn branch(&self) -> (TestEnv, Settings) {
        let settings = Settings {
            journal: Some(new_journal()),
            ..self.settings.clone()
        };
        std::fs::copy(&self.journal, settings.journal.as_ref().unwrap()).unwrap();
        let sandbox = Sandbox::open(settings.clone()).unwrap();
        (
            TestEnv::over(
                sandbox,
                copy_of(&self.database).await,
                self.boundary.clone(),
            )
            .await,
            settings,
        )
    }
}
