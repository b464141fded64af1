//! A cluster in memory: it answers writes as an API server would, and controllers act when told to.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::core::DynamicObject;
use quay_operator::child::Prepared;
use quay_operator::crd::{QuayRegistry, QuayRegistryStatus};
use quay_operator::entropy::{Entropy, Exhausted};
use quay_operator::names::Slot;
use quay_operator::plan::{Notice, Plan, Refusal, Verdict};
use quay_operator::snapshot::{Children, Lookup, NodeAddresses, Platform, Reported, Snapshot};
use quay_operator::status::{self, Outcome, Report};
use quay_operator::{apply, build, pki, resolve};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const NODE_PORT: i64 = 30443;
pub(crate) const START: &str = "2026-05-01T12:00:00Z";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    registry: QuayRegistry,
    #[serde(default)]
    secrets: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    nodes: Vec<NodeAddresses>,
    #[serde(default)]
    strangers: Vec<String>,
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    balancer: Option<String>,
}

/// Randomness that is the same in every run.
#[derive(Default)]
pub(crate) struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Exhausted> {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(5).wrapping_add(41);
            *byte = self.0;
        }
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) secrets: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) secret_type: String,
    pub(crate) has_default_class: bool,
    pub(crate) volume_phase: &'static str,
    balancer: Option<String>,
    entropy: Counting,
    pub(crate) writes: Vec<Slot>,
    pub(crate) removed: Vec<Slot>,
    pub(crate) notices: Vec<Notice>,
}

/// What a settled world came to.
pub(crate) enum End {
    Plan(Box<Plan>),
    Waiting(String),
    Refused(Refusal),
}

impl World {
    pub(crate) fn new(fixture: &str) -> Self {
        let path = format!("{}/tests/fixtures/{fixture}.yaml", env!("CARGO_MANIFEST_DIR"));
        let fixture: Fixture = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut children = Children::default();
        for object in fixture.objects {
            let object: DynamicObject = serde_json::from_value(object).unwrap();
            let slot = Slot::ALL
                .into_iter()
                .find(|slot| {
                    Some(slot.name("example")) == object.metadata.name
                        && object.types.as_ref().is_some_and(|types| types.kind == slot.resource().kind)
                })
                .unwrap();
            children.insert(slot, object);
        }
        Self {
            snapshot: Snapshot {
                registry: fixture.registry,
                platform: Platform {
                    api_groups: fixture.groups.into_iter().collect(),
                    image: "localhost/quay-registry:0.1.0".to_owned(),
                },
                bundle: Lookup::NotNamed,
                tls_secret: Lookup::NotNamed,
                children,
                strangers: fixture.strangers,
                nodes: fixture.nodes,
                pods: Vec::new(),
                reported: None,
                now: START.parse().unwrap(),
            },
            secrets: fixture.secrets,
            secret_type: "kubernetes.io/tls".to_owned(),
            has_default_class: true,
            volume_phase: "Bound",
            balancer: fixture.balancer,
            entropy: Counting::default(),
            writes: Vec::new(),
            removed: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Replaces the registry's spec.
    pub(crate) fn spec(mut self, spec: Value) -> Self {
        self.snapshot.registry.spec = serde_json::from_value(spec).unwrap();
        self
    }

    /// Names a bundle with this config.yaml.
    pub(crate) fn config(mut self, yaml: &str) -> Self {
        self.snapshot.registry.spec.config_bundle_secret = Some("my-config".to_owned());
        self.secrets
            .entry("my-config".to_owned())
            .or_default()
            .insert("config.yaml".to_owned(), yaml.to_owned());
        self
    }

    /// Puts a certificate for this host into the bundle, which then names the host as well.
    pub(crate) fn certificate(self, host: &str) -> Self {
        let mut world = self.config(&format!("SERVER_HOSTNAME: {host}\n"));
        let now = START.parse().unwrap();
        let authority = pki::authority("any", "any", now).unwrap();
        let pair = pki::issue(&authority, &[host.to_owned()].into(), now).unwrap();
        let files = world.secrets.get_mut("my-config").unwrap();
        files.insert("ssl.cert".to_owned(), pair.certificate);
        files.insert("ssl.key".to_owned(), pair.key);
        world
    }

    fn look_up(&self, name: Option<&String>) -> Lookup {
        let Some(name) = name else { return Lookup::NotNamed };
        match self.secrets.get(name) {
            None => Lookup::Missing(name.clone()),
            Some(files) => {
                let data =
                    files.iter().map(|(k, v)| (k.clone(), ByteString(v.clone().into_bytes()))).collect();
                let mut secret =
                    Secret { data: Some(data), type_: Some(self.secret_type.clone()), ..Secret::default() };
                secret.metadata.name = Some(name.clone());
                Lookup::Found(Box::new(secret))
            }
        }
    }

    /// Runs rounds until nothing more is written.
    pub(crate) fn settle(&mut self) -> End {
        let spec = self.snapshot.registry.spec.clone();
        self.snapshot.bundle = self.look_up(spec.config_bundle_secret.as_ref());
        let tls = spec.components.iter().find_map(|c| c.secret_ref.as_ref()?.name.as_ref());
        self.snapshot.tls_secret = self.look_up(tls);
        self.writes.clear();
        self.removed.clear();
        self.notices.clear();
        for _ in 0..10 {
            let plan = match resolve::plan(&self.snapshot, &mut self.entropy).unwrap() {
                Verdict::Go(plan) => plan,
                Verdict::Wait(on) => return End::Waiting(on),
                Verdict::Refuse(refusal) => return End::Refused(refusal),
            };
            let prepared = build::children(&plan).unwrap();
            let unwanted: Vec<Slot> = apply::unwanted(&prepared, &self.snapshot.children)
                .into_iter()
                .map(|(slot, ..)| slot)
                .collect();
            let due: Vec<Prepared> = prepared
                .into_iter()
                .filter(|child| !child.is_settled(self.snapshot.children.get(child.slot)))
                .collect();
            if due.is_empty() && unwanted.is_empty() {
                return End::Plan(plan);
            }
            let is_due =
                |notice: &&Notice| notice.with.is_none_or(|slot| due.iter().any(|child| child.slot == slot));
            self.notices.extend(plan.notices.iter().filter(is_due).cloned());
            for child in due {
                self.writes.push(child.slot);
                self.store(&child);
            }
            for slot in unwanted {
                self.removed.push(slot);
                self.snapshot.children.remove(slot);
            }
        }
        panic!("the registry does not settle: {:?}", self.writes);
    }

    /// Settles where nothing stands in the way.
    pub(crate) fn settled(&mut self) -> Box<Plan> {
        match self.settle() {
            End::Plan(plan) => plan,
            End::Waiting(on) => panic!("waiting: {on}"),
            End::Refused(refusal) => panic!("refused: {refusal}"),
        }
    }

    /// Settles where something must stand in the way, and nothing may be written.
    pub(crate) fn refused(&mut self) -> Refusal {
        match self.settle() {
            End::Refused(refusal) => {
                assert_eq!(self.writes, [], "a refused registry was written to");
                refusal
            }
            End::Waiting(on) => panic!("waiting: {on}"),
            End::Plan(plan) => panic!("not refused: {plan:?}"),
        }
    }

    /// What an API server makes of a write: its own fields and defaults beside ours.
    fn store(&mut self, child: &Prepared) {
        let mut live = child.body.clone();
        live["metadata"]["uid"] = format!("uid-of-{:?}", child.slot).into();
        live["metadata"]["managedFields"] = json!([{"manager": "quay-operator"}]);
        match child.slot {
            Slot::Service => {
                let port = &mut live["spec"]["ports"][0];
                if port["nodePort"].is_null() && child.body["spec"]["type"] != "ClusterIP" {
                    port["nodePort"] = NODE_PORT.into();
                }
                live["spec"]["clusterIP"] = "10.96.0.10".into();
                live["spec"]["sessionAffinity"] = "None".into();
                if let Some(host) = &self.balancer {
                    live["status"] = json!({"loadBalancer": {"ingress": [{"hostname": host}]}});
                }
            }
            Slot::Data => {
                live["spec"]["volumeMode"] = "Filesystem".into();
                if live["spec"]["storageClassName"].is_null() && self.has_default_class {
                    live["spec"]["storageClassName"] = "standard".into();
                }
                live["status"] = json!({"phase": self.volume_phase});
            }
            Slot::App => {
                live["metadata"]["generation"] = 1.into();
                live["spec"]["strategy"] = json!({"type": "Recreate"});
                live["spec"]["progressDeadlineSeconds"] = 600.into();
                let pod = &mut live["spec"]["template"]["spec"];
                pod["restartPolicy"] = "Always".into();
                pod["containers"][0]["terminationMessagePath"] = "/dev/termination-log".into();
                if pod["containers"][0]["resources"]["requests"]["cpu"] == "0.5" {
                    pod["containers"][0]["resources"]["requests"]["cpu"] = "500m".into();
                }
            }
            Slot::Route => {
                let made =
                    |live: &World| live.snapshot.children.meta(Slot::Route)?.creation_timestamp.clone();
                live["metadata"]["creationTimestamp"] = match made(self) {
                    Some(made) => serde_json::to_value(made).unwrap(),
                    None => self.snapshot.now.to_string().into(),
                };
                if let Some(before) = self.snapshot.children.get(Slot::Route) {
                    live["status"] = before.data["status"].clone();
                }
            }
            Slot::Keys
            | Slot::Admin
            | Slot::Authority
            | Slot::TrustAnchor
            | Slot::ServiceAccount
            | Slot::Config => {}
        }
        self.snapshot.children.insert(child.slot, serde_json::from_value(live).unwrap());
    }

    /// Changes a live child behind the operator's back.
    pub(crate) fn meddle(&mut self, slot: Slot, change: impl FnOnce(&mut Value)) {
        let mut live = serde_json::to_value(self.snapshot.children.get(slot).unwrap()).unwrap();
        change(&mut live);
        self.snapshot.children.insert(slot, serde_json::from_value(live).unwrap());
    }

    /// Removes children.
    pub(crate) fn remove(&mut self, gone: &[Slot]) {
        let mut kept = Children::default();
        for (slot, object) in self.snapshot.children.iter() {
            if !gone.contains(&slot) {
                kept.insert(slot, object.clone());
            }
        }
        self.snapshot.children = kept;
    }

    /// The pod becomes ready and tells its version.
    pub(crate) fn start_pod(&mut self) {
        self.meddle(Slot::App, |live| {
            live["status"] = json!({
                "observedGeneration": live["metadata"]["generation"], "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
                "conditions": [{"type": "Available", "status": "True"}]
            });
        });
        self.snapshot.reported = Some(Reported {
            version: "0.1.0".to_owned(),
            artifact_policy: Some("every artifact type is accepted".to_owned()),
            settings: None,
        });
    }

    /// A registry that is rolled out and answers.
    pub(crate) fn available(fixture: &str) -> Self {
        let mut world = Self::new(fixture);
        world.pass();
        world.start_pod();
        world.pass();
        world
    }

    /// A router says something about the Route.
    pub(crate) fn route(&mut self, ingress: Value) {
        self.meddle(Slot::Route, |live| live["status"] = json!({ "ingress": ingress }));
    }

    /// Time goes by.
    pub(crate) fn wait(&mut self, seconds: i64) {
        self.snapshot.now += jiff::SignedDuration::from_secs(seconds);
    }

    /// The pods as they are.
    pub(crate) fn pods(&mut self, pods: Value) {
        self.snapshot.pods = serde_json::from_value::<Vec<Pod>>(pods).unwrap();
    }

    /// Settles, reports, and takes the status up as an API server would.
    pub(crate) fn pass(&mut self) -> Report {
        let end = self.settle();
        let report = status::of(
            &self.snapshot,
            match &end {
                End::Plan(plan) => Outcome::Applied(plan),
                End::Waiting(on) => Outcome::Waiting(on),
                End::Refused(refusal) => Outcome::Refused(refusal),
            },
        );
        self.snapshot.registry.status = Some(report.status.clone());
        report
    }

    /// The CR is deleted with all that belongs to it, and one of the same name is created.
    pub(crate) fn recreate(&mut self) {
        let owned: Vec<Slot> = self
            .snapshot
            .children
            .iter()
            .filter(|(_, object)| {
                object.metadata.owner_references.as_ref().is_some_and(|owners| !owners.is_empty())
            })
            .map(|(slot, _)| slot)
            .collect();
        self.remove(&owned);
        self.snapshot.registry.metadata.uid = Some("22222222-2222-2222-2222-222222222222".to_owned());
        self.snapshot.registry.status = None;
        self.snapshot.reported = None;
    }

    /// A value of a Secret.
    pub(crate) fn value(&self, slot: Slot, key: &str) -> Option<String> {
        let data = self.snapshot.children.secret(slot)?;
        Some(String::from_utf8(data.get(key)?.clone()).unwrap())
    }

    /// All children as YAML, with nothing that differs between runs.
    pub(crate) fn children_yaml(&self) -> String {
        let plan = match resolve::plan(&self.snapshot, &mut Counting::default()).unwrap() {
            Verdict::Go(plan) => plan,
            Verdict::Wait(on) => panic!("waiting: {on}"),
            Verdict::Refuse(refusal) => panic!("refused: {refusal}"),
        };
        let mut text = String::new();
        for mut child in build::children(&plan).unwrap() {
            child.body["metadata"]["annotations"]["quay-operator/applied-hash"] = "[hash]".into();
            if child.slot == Slot::App {
                child.body["spec"]["template"]["metadata"]["annotations"]["quay-operator/restart-hash"] =
                    "[hash]".into();
            }
            if child.slot == Slot::Route {
                child.body["spec"]["tls"]["destinationCACertificate"] = "[redacted]".into();
            }
            let is_secret = child.slot.resource().kind == "Secret";
            for (key, value) in
                child.body.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten()
            {
                if key.starts_with("record.") {
                    *value = self.value(child.slot, key).unwrap().into();
                } else if is_secret || key == "ca.crt" {
                    *value = "[redacted]".into();
                }
            }
            text.push_str("---\n");
            text.push_str(&serde_yaml::to_string(&child.body).unwrap());
        }
        text
    }
}

/// Status as YAML.
pub(crate) fn status_yaml(status: &QuayRegistryStatus) -> String {
    serde_yaml::to_string(status).unwrap()
}

/// Status, reason and message of one condition.
pub(crate) fn condition(status: &QuayRegistryStatus, type_: &str) -> (String, String, String) {
    let found = status.conditions.iter().find(|c| c.type_.as_deref() == Some(type_)).unwrap().clone();
    (found.status.unwrap(), found.reason.unwrap(), found.message.unwrap())
}
