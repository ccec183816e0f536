# muster.fleet: `make` alone lists what there is to make. A target is set up first, if it was not yet.
#
#   PYTHON=python3.13             another interpreter, which gets its own virtual environment
#   INVENTORY=inventories/mine    another inventory than the simulated rack
#   ARGS="-v --limit gpu-a01-01"  more options for the command behind a target

INVENTORY ?= inventories/lab
ARGS ?=
export PYTHON

RUNTIME := tools/setup.sh runtime
TEST := tools/setup.sh test
PYTEST := $(TEST) pytest --numprocesses auto --maxprocesses 8

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup bringup test lint unit lab detection integration browser release coverage docs
.PHONY: bench bench-release rack build requirements clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
	@sed -nE 's/^#   ([A-Z]+=)/      \1/p' $(MAKEFILE_LIST)

setup: ## make the virtual environment and install the collection into .build/collections
	@$(TEST)

bringup: $(if $(filter inventories/lab%,$(INVENTORY)),rack) ## bring up and verify INVENTORY (without one: the simulated rack)
	@$(RUNTIME) tools/bringup.sh -i $(INVENTORY) $(ARGS)

test: ## everything below up to coverage, each also after a failure of another
	@rm -f .build/not-run*; $(MAKE) --no-print-directory --keep-going lint unit lab integration browser release coverage; \
		status=$$?; cat .build/not-run* 2>/dev/null; exit $$status

lint: ## style, types, documentation, layout
	@$(TEST) tools/lint.sh

unit: ## the logic, without Ansible and without machines
	@$(PYTEST) tests/unit $(ARGS)

lab: ## the simulated rack: each planted fault is found, and nothing else
	@$(PYTEST) tests/lab $(ARGS)

detection: ## plant every fault of the simulated rack and count which are found, missed or made up
	@$(TEST) python tests/lab/detection.py $(ARGS)

integration: rack ## the installed collection, end to end, and the Molecule scenarios
	@$(PYTEST) --dist loadfile tests/integration $(ARGS)
	@$(TEST) tools/molecule.sh simulated

release: ## deploy and roll back on real machines: the rack in a box (root on Debian 12)
	@$(TEST) tools/release.sh $(ARGS)
	@$(TEST) tools/molecule.sh real

browser: ## the report's page in Chromium; pictures of it are left in .build/page
	@$(PYTEST) --dist loadfile tests/browser $(ARGS)

coverage: ## how many items of each checklist have an answer, and which have none
	@$(RUNTIME) python tools/coverage.py

docs: ## write docs/catalogue.md: what is checked, by which facts, against what
	@$(RUNTIME) ansible-playbook muster.fleet.catalogue -i localhost, -e catalogue_dest=$(CURDIR)/docs/catalogue.md $(ARGS)

bench: ## what a verification costs beside a ping, over ssh
	@$(RUNTIME) python tests/bench/bench.py $(ARGS)

bench-release: ## what a deploy costs beside a chain of tasks, and how long a client waits
	@$(TEST) python tests/bench/release.py $(ARGS)

rack: ## write the recordings that the simulated rack consists of
	@$(RUNTIME) tools/rack.sh

build: ## build the collection into .build/artifact
	@$(RUNTIME) ls .build/artifact

requirements: ## write the locked requirements of this Python anew
	@tools/setup.sh lock

clean: ## remove what was built
	rm -rf .build inventories/lab/.build
