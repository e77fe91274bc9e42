//! Scopes in SQL: conditions that limit a list to what its caller may read.

use sqlx::{Postgres, QueryBuilder};

use crate::domain::project::{ProjectName, Scope};

use super::{Store, StoreError, rows};

/// Adds conditions on the project and on the scopes. The names of the projects come first: they
/// have an index.
pub(super) fn push_scopes(
    query: &mut QueryBuilder<Postgres>,
    table: &str,
    project: Option<&ProjectName>,
    scopes: Option<&[Scope]>,
) {
    if let Some(project) = project {
        query
            .push(format!(" and {table}.project <> '' and {table}.project = "))
            .push_bind(project.to_string());
    }
    let Some(scopes) = scopes else {
        return;
    };
    let (projects, targets) = scope_columns(scopes);
    if projects.iter().all(|project| !project.is_empty()) {
        query.push(format!(" and {table}.project <> ''"));
    }
    query
        .push(format!(" and {table}.project = any("))
        .push_bind(projects.clone())
        .push(format!(
            ") and ({table}.project, {table}.target) in (select * from unnest("
        ))
        .push_bind(projects)
        .push(", ")
        .push_bind(targets)
        .push("))");
}

/// The columns of scopes: projects and targets.
pub(super) fn scope_columns(scopes: &[Scope]) -> (Vec<String>, Vec<String>) {
    let columns = scopes.iter().map(|scope| {
        let project = rows::project_column(scope.project.as_ref());
        (project.to_owned(), scope.target.to_string())
    });
    columns.unzip()
}

impl Store {
    /// The scopes of the managed clusters of this target with these names.
    pub async fn scopes_of_clusters(
        &self,
        names: &[String],
    ) -> Result<Vec<(String, Scope)>, StoreError> {
        let found = sqlx::query!(
            "select name, project from clusters where target = $1 and name = any($2) and deleted_at is null",
            self.target.as_str(),
            names
        )
        .fetch_all(&self.pool)
        .await?;
        let scope = |project: &str| -> Result<Scope, StoreError> {
            let project = rows::project(project)?;
            Ok(Scope::of(project.as_ref(), &self.target))
        };
        let rows = found
            .into_iter()
            .map(|row| Ok((row.name, scope(&row.project)?)));
        rows.collect()
    }
}
