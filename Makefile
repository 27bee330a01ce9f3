# Everything installs itself into .venv first. `make help` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO_INSTALLED := $(VENV)/.demo
PEERS := .venv-bench
DEB := .venv-deb
CONSTRAINTS := .ci/constraints.txt
VM := .venv-vm
BROWSER := .venv-browser
# Much quicker than pip. `make UV=` does without it.
UV := $(shell command -v uv 2>/dev/null)
ifeq ($(UV),)
MAKE_VENV := $(PYTHON) -m venv $(VENV)
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check
else
MAKE_VENV := $(UV) venv --seed --python "`command -v $(PYTHON)`" $(VENV)
INSTALL := $(UV) pip install --python $(BIN)/python
endif
INSTALL += --quiet --constraint $(CONSTRAINTS)

# Hundreds of tests start a Python of their own, which must not compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-all test-the-tests durability soak deb wheels package-test vm-image vm-test browser-test screenshots first-paint smoothness check bench fleet-bench scaling docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(DEMO_INSTALLED) ## race on this computer: bikes, gateways, broker, IoT rule, Kinesis, an outage
	@$(BIN)/alleycat-gateway demo $(DEMO)

# Its tests compute, and want a core each.
test: $(INSTALLED) mosquitto dbus ## run the fast tests, and one race over a real broker (five minutes)
	$(BIN)/pytest -m "not slow" -n auto --dist loadgroup

# The slow tests mostly wait, so several of them share a core; more examples for a property do not.
test-all: test iptables avahi ## run all tests: also races in real time, terminals, bad disks, kill -9 (twenty minutes)
	$(BIN)/pytest -m slow -n 6 --dist loadgroup
	$(BIN)/pytest -m hypothesis -n auto --hypothesis-profile=thorough

test-the-tests: $(INSTALLED) mosquitto dbus ## put faults into the code, which the tests must find; RANDOM=10: ten random ones in each module of the core
	$(BIN)/python -m $(if $(RANDOM),tests.random_mutants --each $(RANDOM),tests.mutants)

durability: $(INSTALLED) mosquitto dbus ## test power cuts, torn writes and bad disks, and kill -9 two hundred times
	$(BIN)/pytest tests/durability --kills 200 --timeout 1800

soak: $(INSTALLED) mosquitto ## run the daemon among random faults for MINUTES=10: nothing lost, nothing grows
	$(BIN)/python -m tests.durability.soak --minutes $(or $(MINUTES),10)

deb: $(DEB)/.installed elfutils ## build the package for amd64 and arm64, into dist/
	@echo "Building the packages in dist/: this takes some minutes …"
	@.ci/with_dots $(DEB)/bin/python -m systemd.package.build
	@ls dist/*.deb

# The tests run with the constraints, so the package contains no other versions.
wheels: $(DEB)/.installed ## pin what the package contains, as in the constraints, and the tools of `make deb`
	@$(DEB)/bin/uv pip compile pyproject.toml --output-file systemd/package/wheels.txt --quiet \
		--extra ant --python-version 3.11 --python-platform aarch64-manylinux_2_28 --only-binary :all: \
		--constraint $(CONSTRAINTS) --generate-hashes --no-annotate --custom-compile-command "make wheels"
	@$(DEB)/bin/uv pip compile systemd/package/tools.in --output-file systemd/package/tools.txt --quiet $(RENEW) \
		--universal --python-version 3.11 --only-binary :all: \
		--constraint $(CONSTRAINTS) --generate-hashes --no-annotate --custom-compile-command "make wheels"

constraints: $(DEB)/.installed ## pin the development tools, after a change to pyproject.toml; RENEW=--upgrade renews all
	@$(DEB)/bin/uv pip compile pyproject.toml --all-extras --output-file $(CONSTRAINTS) --quiet $(RENEW) \
		--universal --python-version 3.11 --no-annotate --custom-compile-command "make constraints"

package-test: $(INSTALLED) deb mmdebstrap lintian ## install, upgrade, remove and purge the package in clean Debians (as root); DEBIAN=trixie: in this one
	$(BIN)/pytest tests/package --in-debian --timeout 900 $(if $(DEBIAN),-k "$(DEBIAN) or not (bookworm or trixie)")

vm-image: $(INSTALLED) qemu mmdebstrap ## make a Debian for QEMU, in ~/.cache/alleycat-gateway-vm (as root, once)
	@$(BIN)/python -m tests.vm.image

vm-test: vm-image deb mosquitto $(VM)/.installed ## test the package in QEMU: boot, pulled plugs, Bluetooth, USB (twenty minutes)
	$(BIN)/pytest tests/vm --in-vm --capture=no --durations=0

# Many of its tests wait for a race.
browser-test: $(INSTALLED) $(BROWSER)/.installed chromium firefox webkit mosquitto iptables ## test the pages in a real browser; ONLY=tests/browser/test_rider_page.py
	PYTHONPATH=$(BROWSER) $(BIN)/pytest $(or $(ONLY),tests/browser) -n 3 --dist loadgroup

screenshots: $(INSTALLED) $(BROWSER)/.installed chromium ## draw the pictures of the pages, docs/page/*.png
	@PYTHONPATH=$(BROWSER):. $(BIN)/python -m tests.browser.pictures

first-paint: $(INSTALLED) $(BROWSER)/.installed chromium mosquitto ## measure what a browser loads before it shows a page
	@PYTHONPATH=$(BROWSER):. $(BIN)/python -m tests.bench.first_paint

smoothness: $(INSTALLED) $(BROWSER)/.installed chromium mosquitto ## measure how smoothly a page shows a race of a thousand racers
	@PYTHONPATH=$(BROWSER):. $(BIN)/python -m tests.bench.smoothness

check: $(INSTALLED) ## run ruff, mypy --strict, the import rules, and the checks of spelling and plain English
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell gateway drivers docs config systemd *.md
	$(BIN)/python -m tests.prose

bench: $(INSTALLED) $(PEERS)/.installed mosquitto dbus ## measure: the targets, and other queues for comparison; BENCH=--quick
	@$(BIN)/python -m tests.bench $(BENCH)

fleet-bench: $(INSTALLED) mosquitto ## measure ten to a thousand racers in one process (quarter of an hour)
	@$(BIN)/python -m tests.bench.fleet $(BENCH)

scaling: $(INSTALLED) ## compute which AWS limit is reached first, up to a million racers: docs/scaling.md
	@$(BIN)/python -m tests.bench.scaling

.PHONY: bikes picture scores
bikes: $(INSTALLED) ## write SUPPORTED_BIKES.md from the protocols, profiles and captures
	@$(BIN)/python -m docs.supported_bikes

picture: $(INSTALLED) ## draw the README's picture, docs/demo.svg, from a run of the demo (one minute)
	@$(BIN)/python -m docs.picture

scores: $(INSTALLED) ## compute the original backend's results for a seeded fleet: docs/scores.md, build/scores.jsonl
	@$(BIN)/python -m tests.bench.scores

docs: $(VENV)/.docs ## build the documentation site into build/site; a dead link fails
	@$(BIN)/python -m docs.build_site
	@echo "Open build/site/index.html in a browser."

clean: ## remove everything that was installed or built
	rm -rf $(VENV) $(PEERS) $(DEB) $(VM) $(BROWSER) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# A clone that was moved or copied has a .venv that belongs to the old place, and one whose Python
# was upgraded or removed has none that runs: its Python does not find the gateway here.
HERE := import gateway, os.path; print(os.path.samefile(gateway.__path__[0], "gateway"))
ifneq ($(shell $(BIN)/python -P -c '$(HERE)' 2>/dev/null),True)
.PHONY: $(VENV)
$(DEMO_INSTALLED) $(INSTALLED) $(VENV)/.docs: $(VENV)
endif

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, this is `$(PYTHON) --version`: make PYTHON=python3.12 …"; exit 1; }
	@[ ! -d $@ ] || echo "$@ is incomplete, was made in another folder, or has lost its Python: making it again"
	@rm -rf $@
	@echo "Making a virtual environment in $@ …"
	@.ci/with_dots $(MAKE_VENV) || \
		{ echo "Python cannot make a virtual environment: run sudo apt install python3-venv"; exit 1; }
	@echo "Upgrading its pip: Debian 12's pip takes twice as long for the next step …"
	@.ci/with_dots $(INSTALL) --upgrade pip

# Not compiled in advance: the demo imports little of it.
$(DEMO_INSTALLED): pyproject.toml $(CONSTRAINTS)
	@echo "Installing what the demo needs into $(VENV), once: with pip, this takes half a minute …"
	@.ci/with_dots $(INSTALL) $(if $(UV),,--no-compile) --editable '.[demo]'
	@touch $@

$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	@echo "Installing the development tools into $(VENV), once: with pip, this takes a minute or two …"
	@.ci/with_dots $(INSTALL) --editable '.[dev]'
	@touch $(DEMO_INSTALLED) $@

$(VENV)/.docs: $(INSTALLED)
	@.ci/with_dots $(INSTALL) --editable '.[docs]'
	@touch $@

# Those of the other virtual environments whose Python was upgraded or removed are made again.
$(foreach venv,$(PEERS) $(DEB) $(VM),\
	$(if $(shell { $(venv)/bin/python -c 'import pip' || echo lost; } 2>/dev/null),$(eval .PHONY: $(venv)/.installed)))

$(PEERS)/.installed: tests/bench/peers.txt
	@$(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

$(DEB)/.installed: systemd/package/tools.txt
	@echo "Installing the tools that build packages into $(DEB), once …"
	@$(PYTHON) -m venv --clear $(DEB)
	@.ci/with_dots $(DEB)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(VM)/.installed: tests/vm/requirements.txt
	@$(PYTHON) -m venv --clear $(VM)
	@$(VM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

# Playwright runs in the same process as the tests, and so with their Python.
$(BROWSER)/.installed: tests/browser/requirements.txt $(INSTALLED)
	@rm -rf $(BROWSER)
	@$(INSTALL) --no-deps --target $(BROWSER) --requirement $<
	@touch $@

.PHONY: chromium firefox webkit mosquitto dbus iptables avahi elfutils lintian mmdebstrap qemu
# Chromium without windows, each of which takes a second of computing. Ubuntu has none as a package;
# the computers of GitHub have Chrome.
chromium:
	@command -v google-chrome >/dev/null || \
		tests/install_package chromium-headless-shell chromium-headless-shell

# Ubuntu has none as a package; without it, its tests are left out.
firefox:
	-@tests/install_package firefox-esr firefox-esr

# Safari's engine, and the screen in memory that it needs; without them, its tests are left out.
webkit:
	-@tests/install_package WebKitWebDriver webkit2gtk-driver
	-@tests/install_package Xvfb xvfb

mosquitto:
	@tests/install_package mosquitto mosquitto

dbus:
	@tests/install_package dbus-daemon dbus

# For networks that swallow packets; only root can make one.
iptables:
	@tests/install_package iptables iptables

# For the name of the pages in a network of two namespaces; only root can make one.
avahi:
	@tests/install_package avahi-daemon avahi-daemon

elfutils:
	@tests/install_package eu-strip elfutils

lintian:
	@tests/install_package lintian lintian

mmdebstrap:
	@tests/install_package mmdebstrap mmdebstrap
	@tests/install_package systemd-nspawn systemd-container
	@tests/install_package qemu-aarch64-static qemu-user-static

qemu:
	@tests/install_package qemu-system-x86_64 qemu-system-x86
	@tests/install_package qemu-img qemu-utils
	@tests/install_package debugfs e2fsprogs
