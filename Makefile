# Everything installs itself into .venv first. `make help` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help demo test check bench docs clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(INSTALLED) ## a race on this machine: bikes, gateways, broker, IoT rule, Kinesis, an outage
	@$(BIN)/alleycat-gateway demo $(DEMO)

test: $(INSTALLED) mosquitto dbus ## all tests
	$(BIN)/pytest -n 4 --dist worksteal

check: $(INSTALLED) ## ruff, mypy --strict, the import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(INSTALLED) mosquitto ## benchmarks: ratios of two things measured side by side
	$(BIN)/python -m tests.bench.cpu_per_message
	$(BIN)/python -m tests.bench.ten_bikes

docs: $(INSTALLED) ## write SUPPORTED_BIKES.md out of protocols, profiles and captures
	$(BIN)/python -m docs.supported_bikes

clean: ## remove what was installed and made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, this is `$(PYTHON) --version`: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "No virtual environments here: sudo apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (a minute or two, once) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.PHONY: mosquitto dbus
mosquitto:
	@tests/install_package mosquitto mosquitto

dbus:
	@tests/install_package dbus-daemon dbus
