# `make help` explains every target.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/quay-operator
export CARGO_TARGET_DIR ?= $(CACHE)/target
# Where images are said to live; nothing is ever pushed there by this Makefile.
export IMAGES ?= localhost

.PHONY: help setup fmt lint deny test test-long crds crds-check olm olm-check olm-images images images-test \
        cluster-up cluster-down cluster-status demo demo-down fresh-check bench clean

help: ## Explain every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing to build: Debian packages (root or sudo), the musl target of Rust
	@deploy/setup

fmt: ## Format all Rust code
	cargo fmt --all

lint: ## Format, clippy, import table, file rules, scripts, chart: everything that needs no running
	@tests/lint/run

deny: ## Check licences, advisories and banned crates (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is not installed; get it with: cargo install --locked cargo-deny"; exit 1; }
	cargo deny --workspace --locked check --config .cargo/deny.toml

test: ## Run every test, a one-node Kubernetes included; ends with a table of lanes and "N passed, N failed"
	@tests/run

test-long: ## Run every test in full: crash sweeps, all clients, release images (hours)
	@TESTS_LONG=1 tests/run

crds: ## Write crds/ and the chart's copy from the operator's types
	@tests/lint/crds write

crds-check: ## Fail when crds/ or the chart's copy is stale
	@tests/lint/crds check

olm: ## Write the kustomize base, the OLM bundle and its catalog from the chart and the definition
	@tests/lint/olm write

olm-check: ## Fail when one of those is stale or a validator of the operator framework finds something
	@tests/lint/olm check

olm-images: ## Build the images of bundle and catalog for the images of IMAGES into .build/olm
	@deploy/olm/build

images: ## Build both images as they are shipped (fat LTO, minutes) into .build/images
	@deploy/images/build --profile release

images-test: ## Build both images quickly, for tests, into .build/images-test
	@deploy/images/build --profile image-test

cluster-up: ## Start a one-node Kubernetes on this machine (root or sudo), or say that it runs
	@tests/cluster/up

cluster-down: ## Stop that Kubernetes and remove every trace of it
	@tests/cluster/down

cluster-status: ## Say what of that Kubernetes runs
	@tests/cluster/status

demo: ## From nothing to a chart installed out of a registry made by `spec: {}`
	@deploy/demo/run

demo-down: ## Undo everything that `make demo` did
	@deploy/demo/down

fresh-check: ## Run the README's commands in a bare Debian root with empty caches (root, an hour)
	@tests/fresh/run

bench: ## Print size, start-up time and idle memory of the shipped registry
	@deploy/images/figures

clean: ## Remove what was built here; caches under ~/.cache/quay-operator stay
	rm -rf .build
