# The two commands are `make up` and `make test`. Everything they need they install by themselves.
# Each target is a poe task of pyproject.toml in the pinned environment .venv.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
poe := .venv/bin/poe --quiet

.DEFAULT_GOAL := help
.PHONY: help up down reset preview destroy test lint bench lock

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.venv/.complete: bootstrap.sh requirements.txt pyproject.toml
	@./bootstrap.sh

up: .venv/.complete ## The local cloud, and on it the program in stacks/
	@$(poe) up

preview: .venv/.complete ## What `make up` would change
	@$(poe) preview

destroy: .venv/.complete ## Deletes what the program made; the local cloud stays
	@$(poe) destroy

down: .venv/.complete ## Stops the local cloud; its data stays
	@$(poe) down

reset: .venv/.complete ## Removes the local cloud from this machine
	@$(poe) reset

test: .venv/.complete ## Every check, on a real local cloud
	@$(poe) test

lint: .venv/.complete ## ruff and mypy
	@$(poe) lint

bench: .venv/.complete ## The figures of docs/benchmarks.md
	@$(poe) bench

lock: .venv/.complete ## requirements.txt from pyproject.toml
	@$(poe) lock
