//! Databases of tests, all on one PostgreSQL server that the test process starts.

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use dax_provisioner::store::{Connection, Store};
use local_postgres::LocalPostgres;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

/// The roles of an installation, as compose creates them.
pub const ROLES: &str = include_str!("../../../docker/roles.sql");

static SERVER: OnceLock<LocalPostgres> = OnceLock::new();
static MIGRATED: OnceCell<TestDatabase> = OnceCell::const_new();

/// Receives the names of databases to drop. A thread of its own drops them, because the runtime of
/// a test ends together with the test.
static TO_DROP: LazyLock<UnboundedSender<String>> = LazyLock::new(|| {
    let (sender, mut names) = tokio::sync::mpsc::unbounded_channel::<String>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let admin = admin().await;
            while let Some(name) = names.recv().await {
                let drop = AssertSqlSafe(format!("drop database {name} with (force)"));
                if let Err(error) = sqlx::query(drop).execute(&admin).await {
                    println!("{name} was not dropped: {error}");
                }
            }
        });
    });
    sender
});

/// A database that is dropped together with this value.
pub struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// A new database with every migration applied.
    pub async fn new() -> Self {
        let migrated = MIGRATED.get_or_init(|| async {
            let database = Self {
                name: "template_it".to_owned(),
            };
            let admin = admin().await;
            sqlx::query("create database template_it")
                .execute(&admin)
                .await
                .unwrap();
            admin.close().await;
            let superuser = database.open_pool(1).await;
            sqlx::raw_sql(ROLES).execute(&superuser).await.unwrap();
            superuser.close().await;
            let store = open_store(database.url_as("dax_owner"), 1);
            store.migrate().await.unwrap();
            store.close().await;
            database
        });
        migrated.await.copy().await
    }

    /// A copy of this database. No session may be connected to the original.
    pub async fn copy(&self) -> Self {
        let admin = admin().await;
        let name = format!("it_{}", Uuid::now_v7().simple());
        let copy = format!(
            "create database {name} template {} strategy file_copy",
            self.name
        );
        // PostgreSQL rejects a copy while another copy of the same template is being created.
        for _ in 0..1_000 {
            match sqlx::query(AssertSqlSafe(copy.clone()))
                .execute(&admin)
                .await
            {
                Ok(_) => {
                    admin.close().await;
                    return Self { name };
                }
                Err(error) if error.to_string().contains("being accessed by other users") => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{} stayed busy", self.name);
    }

    /// The URL of the service. Its role has exactly the rights that `docker/roles.sql` gives it.
    pub fn url(&self) -> String {
        self.url_as("dax_app")
    }

    pub fn url_as(&self, role: &str) -> String {
        url_as(server(), &self.name, role)
    }

    pub fn open_store(&self, max_connections: u32) -> Store {
        open_store(self.url(), max_connections)
    }

    /// A store that can migrate a schema that the superuser owns.
    pub fn open_store_of_superuser(&self, max_connections: u32) -> Store {
        open_store(server().url(&self.name), max_connections)
    }

    /// Connections of a superuser, for what a test changes behind the service.
    pub async fn open_pool(&self, max_connections: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(max_connections)
            .connect(&server().url(&self.name))
            .await
            .unwrap()
    }
}

/// The URL of a database for another role than the superuser.
pub fn url_as(server: &LocalPostgres, database: &str, role: &str) -> String {
    let url = server.url(database);
    let (_, rest) = url.split_once('@').unwrap();
    format!("postgresql://{role}@{rest}")
}

/// A store with long limits, also for the URL of a proxy.
pub fn open_store(url: String, max_connections: u32) -> Store {
    Store::open(&Connection {
        url,
        max_connections,
        acquire_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
    })
    .unwrap()
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let _ = TO_DROP.send(std::mem::take(&mut self.name));
    }
}

fn server() -> &'static LocalPostgres {
    SERVER.get_or_init(|| {
        let settings = local_postgres::Settings {
            max_connections: 400,
            ..local_postgres::Settings::for_tests("dax-provisioner-tests")
        };
        LocalPostgres::start(&settings).unwrap_or_else(|error| panic!("{error}"))
    })
}

async fn admin() -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .connect(&server().url("postgres"))
        .await
        .unwrap()
}
