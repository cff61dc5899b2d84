# Commands people run. `make help` says what each may change.
SHELL := /bin/bash
.DEFAULT_GOAL := help
NODE = PATH="$$(rig/node.sh):$$PATH"

.PHONY: help local local-down local-shell check test bench soak

help: ## List the commands and what each may change
	@echo 'make TARGET:'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{ printf "  %-13s %s\n", $$1, $$2 }'
	@echo
	@echo 'npm run NAME (needs Node 22.18 or newer; rig/node.sh prints the directory of one):'
	@$(NODE) && export PATH && node scripts/help.ts

local: ## Bring up stack `local` on a throw-away host of this machine and print the URLs (changes: .local, .rig, build cache, Debian packages of the rig)
	@$(NODE) && export PATH && node rig/local.ts up

local-down: ## Remove the throw-away host, its data and the secrets of stack `local` (keeps the build cache)
	@$(NODE) && export PATH && node rig/local.ts down

local-shell: ## A root shell on the throw-away host (changes: what you do there)
	@rig/host/host.sh shell local

check: ## Static checks, unit, component and program tests; needs npm alone (changes: node_modules)
	@$(NODE) && export PATH && node tests/run.ts check

test: ## Every test, with throw-away hosts of their own (changes: .rig, build cache, Debian packages of the rig)
	@$(NODE) && export PATH && node tests/run.ts

soak: ## Long runs of faults, which `make test` has no time for (changes: as test)
	@$(NODE) && export PATH && node tests/run.ts soak

bench: ## The figures of docs/benchmarks.md, as ratios within one run; ARGS="--only data" for a part, ARGS=--write updates that file (changes: as test)
	@$(NODE) && export PATH && node rig/bench.ts $(ARGS)
