# `make help` explains every target.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/quay-operator
export CARGO_TARGET_DIR ?= $(CACHE)/target

.PHONY: help test
help: ## Explain every target
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

test: ## Run every test
	cargo test --workspace --locked
