//! Templates: an environment is prepared once, and every run starts with a fork of it.

use std::path::PathBuf;
use std::time::Duration;

use aws_sandbox::{Sandbox, Settings};
use uuid::Uuid;

use crate::properties::aws_snapshot::snapshot;
use crate::properties::scenarios::Setup;
use crate::support::database::TestDatabase;
use crate::support::test_env::TestEnv;

/// Duration of a slow deletion.
pub const SLOW: Duration = Duration::from_secs(3_600);

/// The database and the sandbox's journal of a prepared environment.
pub struct Template {
    /// Everything in AWS.
    pub snapshot: Vec<String>,
    database: TestDatabase,
    settings: Settings,
    boundary: Option<String>,
}

impl Template {
    /// A template of a new account.
    pub async fn new(settings: Settings, setup: Setup) -> Self {
        let settings = Settings {
            journal: Some(new_journal()),
            ..settings
        };
        let env = TestEnv::with(settings.clone()).await;
        setup(&env).await;
        Self::of(env, settings).await
    }

    /// A template of a fork that is prepared further.
    pub async fn extend(&self, setup: Setup) -> Self {
        let settings = self.copy_journal();
        let env = self.open(settings.clone()).await;
        setup(&env).await;
        Self::of(env, settings).await
    }

    async fn of(env: TestEnv, settings: Settings) -> Self {
        let snapshot = snapshot(&env, &[]).await;
        env.store.close().await;
        env.pool.close().await;
        Self {
            snapshot,
            database: env.database,
            settings,
            boundary: env.settings.permissions_boundary,
        }
    }

    /// An environment that starts where the template ended.
    pub async fn fork(&self) -> TestEnv {
        self.fork_with(self.copy_journal()).await
    }

    /// A fork in which a deletion lasts until the test advances the clock.
    pub async fn fork_with_slow_deletions(&self) -> TestEnv {
        let settings = Settings {
            deleting_seconds: SLOW.as_secs_f64(),
            ..self.copy_journal()
        };
        self.fork_with(settings).await
    }

    /// A fork in which every change of a cluster lasts this long.
    pub async fn fork_with_changes_of(&self, duration: Duration) -> TestEnv {
        let seconds = duration.as_secs_f64();
        let settings = Settings {
            creating_seconds: seconds,
            modifying_seconds: seconds,
            deleting_seconds: seconds,
            ..self.copy_journal()
        };
        self.fork_with(settings).await
    }

    async fn fork_with(&self, settings: Settings) -> TestEnv {
        let journal = settings.journal.clone().unwrap();
        let mut env = self.open(settings).await;
        // The sandbox has opened its files and needs no names for them.
        std::fs::remove_file(&journal).unwrap();
        std::fs::remove_file(journal.with_extension("lock")).unwrap();
        env.settings.timing.cluster_poll = Duration::from_millis(40);
        env.settings.timing.release_poll = Duration::from_millis(40);
        env
    }

    async fn open(&self, settings: Settings) -> TestEnv {
        let sandbox = Sandbox::open(settings).unwrap();
        TestEnv::open(sandbox, self.database.copy().await, self.boundary.clone()).await
    }

    /// The same sandbox settings, with a copy of the journal.
    fn copy_journal(&self) -> Settings {
        let journal = new_journal();
        std::fs::copy(self.settings.journal.as_ref().unwrap(), &journal).unwrap();
        Settings {
            journal: Some(journal),
            ..self.settings.clone()
        }
    }
}

fn new_journal() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.journal", Uuid::now_v7().simple()))
}
