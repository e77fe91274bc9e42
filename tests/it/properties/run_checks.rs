//! Checks of a scenario run that has ended.

use dax_provisioner::domain::drift::drift;
use dax_provisioner::domain::ingress::Ingress;
use dax_provisioner::domain::inventory::{Item, Owner, Presence, ResourceKind};
use dax_provisioner::domain::names::operation_suffix;
use dax_provisioner::domain::observed::{Details, GroupValues};

use crate::properties::aws_snapshot::{snapshot, without_ids};
use crate::properties::prepared::Baseline;
use crate::properties::scenario_run::ScenarioRun;

impl ScenarioRun {
    /// The rows of the cluster and of its inventory.
    pub async fn rows(&self) -> Vec<String> {
        let cluster = self.env.store.cluster(self.scenario.cluster).await;
        let Some(cluster) = cluster.unwrap() else {
            return Vec::new();
        };
        let fault = cluster.fault.map(|fault| fault.class);
        let mut lines = vec![format!(
            "{:?} {:?} {fault:?}",
            cluster.status, cluster.desired
        )];
        lines.extend(cluster.inventory.iter().map(|item| {
            let Item {
                kind,
                name,
                owner,
                presence,
                reason,
                ..
            } = item;
            format!("{kind:?} {name} {owner:?} {presence:?} {reason:?}")
        }));
        without_ids(lines, &[self.id])
    }

    /// Checks that the run ended like an undisturbed one, and that no call took effect more often.
    pub async fn check_ended_like(&self, baseline: &Baseline, what: &str) {
        self.env.sandbox.clear_faults();
        assert_eq!(
            snapshot(&self.env, &[self.id]).await,
            baseline.snapshot,
            "{what}: AWS"
        );
        assert_eq!(self.rows().await, baseline.rows, "{what}: rows");
        let (mut effects, mut expected) = (self.effects(), baseline.effects.clone());
        // AWS shows no trace of a finished reboot, so a reboot with a lost response is sent again.
        let reboots = effects.remove("dax:RebootNode");
        assert!(
            reboots >= expected.remove("dax:RebootNode"),
            "{what}: fewer reboots"
        );
        assert_eq!(effects, expected, "{what}: effects");
        self.check_invariants(what).await;
    }

    /// Checks what holds whenever an operation has ended: no intent is open, the receipt is true,
    /// rows and AWS agree, and no unmanaged resource has changed.
    pub async fn check_invariants(&self, what: &str) {
        self.check_no_open_intent(what).await;
        let initial = self.scenario.origin.account().await;
        let now = snapshot(&self.env, &[]).await;
        let missing: Vec<&String> = initial
            .snapshot
            .iter()
            .filter(|line| !now.contains(line))
            .collect();
        assert_eq!(
            missing,
            Vec::<&String>::new(),
            "{what}: an unmanaged resource has changed: {now:#?}"
        );
        let ended = self.env.operation(self.id).await;
        for item in ended
            .receipt
            .iter()
            .filter(|item| item.owner == Owner::Managed)
        {
            let wrong = match item.presence {
                Presence::Present => !self.exists(item),
                Presence::Gone => self.exists(item),
                Presence::Left => false,
            };
            assert!(!wrong, "{what}: the receipt is wrong about {item:?}");
        }
        self.check_created_is_recorded(what).await;
    }

    pub async fn check_no_open_intent(&self, what: &str) {
        let open: i64 = sqlx::query_scalar("select count(*) from intents where closed_at is null")
            .fetch_one(&self.env.pool)
            .await
            .unwrap();
        assert_eq!(open, 0, "{what}: an intent stayed open");
    }

    async fn check_created_is_recorded(&self, what: &str) {
        let suffix = operation_suffix(self.id);
        let cluster = self.env.store.cluster(self.scenario.cluster).await.unwrap();
        let items = cluster.map(|cluster| cluster.inventory).unwrap_or_default();
        let mut created = self.env.created_in_aws();
        created.retain(|name| name.ends_with(&suffix));
        for name in created {
            let item = items.iter().find(|item| {
                name.ends_with(&format!(" {}", item.name))
                    || name.ends_with(&format!("/{}", item.name))
            });
            assert!(
                item.is_some_and(|item| item.presence == Presence::Present),
                "{what}: {name} is not recorded: {item:?}"
            );
        }
    }

    fn exists(&self, item: &Item) -> bool {
        let inventory = self.env.sandbox.inventory();
        let name = &item.name;
        match item.kind {
            ResourceKind::Role => inventory.roles.iter().any(|one| one.name == *name),
            ResourceKind::Policy => inventory.policies.iter().any(|one| one.name == *name),
            ResourceKind::SubnetGroup => {
                inventory.subnet_groups.iter().any(|one| one.name == *name)
            }
            ResourceKind::ParameterGroup => inventory
                .parameter_groups
                .iter()
                .any(|one| one.name == *name),
            ResourceKind::Cluster => inventory.clusters.iter().any(|one| one.name == *name),
            ResourceKind::SecurityGroupRule => {
                let Ingress {
                    security_group_id,
                    port,
                    ..
                } = Ingress::parse(name).unwrap();
                let peer = name.splitn(3, ':').last().unwrap();
                let rule = format!("tcp {port}-{port} from {peer}");
                let is_group = |id: &str| id == security_group_id.as_str();
                inventory
                    .security_groups
                    .iter()
                    .any(|group| is_group(&group.id) && group.ingress.contains(&rule))
            }
            ResourceKind::ServiceLinkedRole => true,
        }
    }

    /// The fields in which AWS differs from the desired settings, read from AWS now.
    pub async fn drift(&self) -> Vec<String> {
        let name = self.scenario.cluster;
        let Some(mut cluster) = self.env.store.cluster(name).await.unwrap() else {
            return Vec::new();
        };
        let admin = &self.env.admin;
        cluster.observed = admin.cluster(name).await.unwrap();
        if let Some(observed) = &cluster.observed {
            let arn = observed.arn.as_ref().unwrap();
            let group = observed.parameter_group.clone().unwrap();
            let values = admin.parameters(&group).await.unwrap().unwrap();
            cluster.details = Some(Details {
                tags: admin.cluster_tags(arn).await.unwrap(),
                parameters: Some(GroupValues { group, values }),
            });
        }
        drift(&cluster)
            .into_iter()
            .map(|field| format!("{field:?}"))
            .collect()
    }
}
