//! Any sequence of pushes, deletes, restores and expiries, compared with a model that is a list of intervals.

use proptest::prelude::*;
use quay_db::tables::manifests::{self, NewManifest};
use quay_db::tables::tag_entries::{self, Entry};
use quay_db::tables::tags::{self, Lifetime, SetTag};
use quay_db::{Durability, Error, ManifestId, Options, RepoId, Tx};
use quay_oci::Digest;

use crate::fixture::{NOW, Store, add_repo, add_user, digest};

#[derive(Clone, Debug)]
enum Step {
    Set { tag: usize, manifest: usize, lasts: Option<i64>, reversion: bool },
    Delete { tag: usize },
    DeleteManifest { manifest: usize },
    Expire { tag: usize, lasts: Option<i64> },
    Sweep,
    Wait { ms: i64 },
}

const TAGS: [&str; 3] = ["v1", "v2", "latest"];
const MANIFESTS: [&str; 3] = ["a", "b", "c"];

fn step() -> impl Strategy<Value = Step> {
    let lasts = prop::option::weighted(0.3, 1..20_i64);
    prop_oneof![
        5 => (0..3_usize, 0..3_usize, lasts.clone(), any::<bool>())
            .prop_map(|(tag, manifest, lasts, reversion)| Step::Set { tag, manifest, lasts, reversion }),
        2 => (0..3_usize).prop_map(|tag| Step::Delete { tag }),
        1 => (0..3_usize).prop_map(|manifest| Step::DeleteManifest { manifest }),
        1 => (0..3_usize, lasts).prop_map(|(tag, lasts)| Step::Expire { tag, lasts }),
        1 => Just(Step::Sweep),
        3 => (0..15_i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// One interval of the model.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    tag: usize,
    manifest: usize,
    start: i64,
    end: Option<i64>,
    reversion: bool,
}

#[derive(Default)]
struct Model {
    now: i64,
    spans: Vec<Span>,
}

impl Model {
    fn current(&mut self, of: impl Fn(&Span) -> bool) -> Vec<&mut Span> {
        let now = self.now;
        self.spans.iter_mut().filter(|s| s.end.is_none_or(|end| end > now) && of(s)).collect()
    }

    fn apply(&mut self, step: &Step) {
        let now = self.now;
        match *step {
            Step::Set { tag, manifest, lasts, reversion } => {
                let end = lasts.map(|ms| now + ms);
                for span in self.current(|s| s.tag == tag) {
                    if span.manifest == manifest && span.end == end && !reversion {
                        return;
                    }
                    span.end = Some(now);
                }
                self.spans.push(Span { tag, manifest, start: now, end, reversion });
            }
            Step::Delete { tag } => {
                self.current(|s| s.tag == tag).into_iter().for_each(|s| s.end = Some(now));
            }
            Step::DeleteManifest { manifest } => {
                self.current(|s| s.manifest == manifest).into_iter().for_each(|s| s.end = Some(now));
            }
            Step::Expire { tag, lasts } => {
                self.current(|s| s.tag == tag).into_iter().for_each(|s| s.end = lasts.map(|ms| now + ms));
            }
            Step::Sweep => {}
            Step::Wait { ms } => self.now += ms,
        }
    }
}

struct Real {
    repo: RepoId,
    manifests: [ManifestId; 3],
}

async fn seed(tx: &mut Tx) -> Result<Real, Error> {
    let owner = add_user(tx, "acme", quay_db::tables::users::Kind::Organization).await?;
    let repo = add_repo(tx, &owner, "app", quay_db::tables::repos::Visibility::Private).await?.id;
    let mut ids = [ManifestId(0); 3];
    for (id, text) in ids.iter_mut().zip(MANIFESTS) {
        let new = NewManifest {
            repo,
            digest: &digest(text),
            media_type: "application/vnd.oci.image.manifest.v1+json",
            artifact_type: None,
            config_media_type: None,
            subject: None,
            kind: quay_oci::ArtifactKind::Image,
            annotations: None,
            layers_size: 0,
            bytes: text.as_bytes(),
            blobs: &[],
            children: &[],
            expires_ms: None,
            now_ms: NOW,
        };
        *id = manifests::put(tx, &new).await?.id;
    }
    Ok(Real { repo, manifests: ids })
}

async fn apply(tx: &mut Tx, real: &Real, step: &Step, now_ms: i64) -> Result<(), Error> {
    let repo = real.repo;
    match *step {
        Step::Set { tag, manifest, lasts, reversion } => {
            let manifest = real.manifests[manifest];
            let end_ms = lasts.map(|ms| now_ms + ms);
            tags::set(tx, &SetTag { repo, name: TAGS[tag], manifest, end_ms, reversion, now_ms })
                .await
                .map(drop)
        }
        Step::Delete { tag } => tags::delete(tx, repo, TAGS[tag], now_ms).await.map(drop),
        Step::DeleteManifest { manifest } => {
            tags::delete_of_manifest(tx, real.manifests[manifest], now_ms).await.map(drop)
        }
        Step::Expire { tag, lasts } => {
            tags::set_expiry(tx, repo, TAGS[tag], lasts.map(|ms| now_ms + ms), now_ms).await.map(drop)
        }
        Step::Sweep => {
            for tag in tags::expired(tx, now_ms, 10).await? {
                assert!(tags::drop_expired(tx, repo, &tag.name, now_ms).await?.is_some());
            }
            Ok(())
        }
        Step::Wait { .. } => Ok(()),
    }
}

fn span(name: &str, of: &Digest, start: i64, end: Option<i64>, reversion: bool) -> Span {
    let at = |list: &[&str], is: &dyn Fn(&str) -> bool| list.iter().position(|t| is(t)).expect("one of ours");
    let (tag, manifest) = (at(&TAGS, &|t| t == name), at(&MANIFESTS, &|t| digest(t) == *of));
    Span { tag, manifest, start, end, reversion }
}

fn past(lifetimes: &[Lifetime]) -> Vec<Span> {
    lifetimes.iter().rev().map(|l| span(&l.name, &l.digest, l.start_ms, l.end_ms, l.reversion)).collect()
}

fn present(entries: &[Entry]) -> Vec<Span> {
    entries.iter().map(|e| span(&e.name, &e.facts.digest, e.start_ms, e.end_ms, e.reversion)).collect()
}

async fn run(steps: &[Step]) {
    let store = Store::with(Options { durability: Durability::Off, ..Options::default() });
    let real = store.db.write(async |tx| seed(tx).await).await.expect("seeds");
    let (repo, steps) = (real.repo, steps.to_vec());
    let seen = store.db.write(async move |tx| -> Result<_, Error> {
        let mut model = Model { now: NOW, ..Model::default() };
        for step in &steps {
            apply(tx, &real, step, model.now).await?;
            model.apply(step);
        }
        Ok(model)
    });
    let mut model = seen.await.expect("every step is an outcome");
    let now = model.now;
    let both = store.db.read(async |c| -> Result<_, Error> {
        let filter = tag_entries::Filter { repo, name: None, contains: "", only_current: true, now_ms: now };
        let current = tag_entries::page(c, &filter, 1000, 0).await?;
        Ok((tags::history(c, repo, None, None, 1000).await?, current))
    });
    let (history, current) = both.await.expect("reads");
    assert_eq!(past(&history), model.spans);
    let mut expected: Vec<Span> = model.current(|_| true).into_iter().map(|s| s.clone()).collect();
    let mut current = present(&current);
    let by_tag = |s: &Span| s.tag;
    expected.sort_by_key(by_tag);
    current.sort_by_key(by_tag);
    assert_eq!(current, expected, "the current tags are the lifetimes that have not ended");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn current_tags_and_their_history_agree_after_any_steps(steps in prop::collection::vec(step(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run(&steps));
    }
}
