# Everything runs in .venv; `make demo` shows it, `make test` proves it. Nothing outside this folder is touched, but that
# `make test-browser` installs Chromium where there is none and it may (root on Debian).
VENV   ?= .venv
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN    := $(VENV)/bin
ARGS   ?=
# One more than there are cores, as many tests wait for a server; more would only make each other late.
TESTERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); echo $$((cores < 4 ? cores + 1 : 4)))
# The newest that is newer than $(PYTHON), of the PATH or of pyenv, which is not asked: it answers for what is activated.
NEWEST ?= $(shell for minor in $$($(PYTHON) -c 'import sys; print(*range(14, sys.version_info[1], -1))'); do \
	for p in python3.$$minor "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.$$minor.*[0-9]/bin/python; do \
	"$$p" -c "import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, $$minor))" 2>/dev/null && echo "$$p" && break 2; done; done)

# Nothing is installed that is not pinned with its hash, and nothing is built but this project.
QUIETLY := --quiet --disable-pip-version-check --no-input
install  = .ci/locked $(1) >$(2)/locked.txt && \
	$(2)/bin/python -m pip install $(QUIETLY) --require-hashes --only-binary :all: --no-deps -r $(2)/locked.txt

.PHONY: help demo test test-faults test-asyncio test-newest test-browser test-frameworks test-examples chromium soak check format clean
help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Populer needs Python 3.11 or newer on the PATH (or: make PYTHON=/path/to/python3)" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo "cannot make $(VENV): on Debian, apt-get install python3-venv" >&2; exit 1; }
	@echo "installing pinned packages into $(VENV), about 400 MB: a minute, or several on a slow line ..."
	@$(call install,run build dev,$(VENV))
	@$(BIN)/python -m pip install $(QUIETLY) --no-deps --no-build-isolation -e .
	@echo "installed; checking ..."
	@$(BIN)/python -m pip check --disable-pip-version-check >$(VENV)/check.txt || { cat $(VENV)/check.txt >&2; echo "constraints.txt does not fit pyproject.toml: make lock" >&2; exit 1; }
	@touch $@

demo: $(VENV)/.installed ## the running service with a sample newsroom
	@$(BIN)/populer demo $(ARGS)

check: $(VENV)/.installed ## formatter, linter, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Kills, stalls, full disks, servers in front, fuzzing, releases, sixty sites and months of real reads take minutes by themselves, and have
# a target of their own.
FAULTS := tests/faults tests/deploy tests/upgrades tests/ranking/store/embedded \
	tests/contract/test_openapi.py tests/populer/test_client.py tests/test_release.py \
	$(addprefix tests/populer/commands/,test_store_accept.py test_consume.py test_ends_of_commands.py test_backup_command.py) \
	$(addprefix tests/populer/service/,test_supervisor.py test_heartbeat.py test_streams_at_work.py test_alarms_of_workers.py \
		test_alarms_sent.py test_reload.py test_signals_to_the_service.py \
		test_data_directory.py test_metrics_of_processes.py test_many_sites.py) \
	$(addprefix tests/populer/,demo/test_demo.py tuning/test_auto_real_reads.py commands/test_tune_real_reads.py \
		commands/test_real_catalogue.py) \
	$(addprefix tests/ranking/,reporting/test_top_real_reads.py recording/test_carriers.py)
test: check ## check, then all tests but those of faults and browsers, with warnings as errors
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal $(addprefix --ignore=,$(FAULTS)) $(ARGS)

test-faults: $(VENV)/.installed ## what is killed, stalled, cut off or filled, and nginx in front (about nine minutes)
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal $(FAULTS) $(ARGS)

# What runs on asyncio is marked so by pytest-asyncio; the others start the service as a child, and stop or kill it.
test-asyncio: $(VENV)/.installed ## the fast part of it: what runs on asyncio, and services from start to stop
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal -k 'asyncio or test_supervisor or test_signals' $(ARGS)

test-newest: ## test-asyncio on the newest Python that is here, in a venv of its own
	@newest="$(NEWEST)"; if test -z "$$newest"; then \
		echo "make test-newest is skipped: there is no Python newer than $$($(PYTHON) -V) here"; \
	else \
		version=$$("$$newest" -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
		echo "make test-newest: $$("$$newest" -V), $$newest" && \
		$(MAKE) --no-print-directory PYTHON="$$newest" VENV="$(VENV)-$$version" test-asyncio; \
	fi

soak: $(VENV)/.installed ## the tests of faults for hours: the same ones, far more of each (ARGS='-k signal' picks)
	POPULER_SOAK=1 $(BIN)/python -m pytest -m soak --timeout 10000 $(ARGS)

$(VENV)/.kafka: tests/populer/commands/kafka/pom.xml ## a Kafka broker for the tests of `populer consume`; takes Java 17 and Maven
	@mvn -q -B -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(VENV)/kafka
	@touch $@

$(VENV)/.browser: $(VENV)/.installed
	@$(call install,browser,$(VENV))
	@touch $@

NPM := --silent --no-audit --no-fund --fetch-retries 1 --fetch-timeout 20000
chromium:
	@if test -n "$$CHROMIUM" || command -v chromium || command -v chromium-browser; then exit 0; fi >/dev/null; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
		echo "installing chromium ..."; apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else false; fi || { echo "no Chromium here, and none could be installed: install one, or name it in CHROMIUM" >&2; exit 1; }

test-browser: chromium $(VENV)/.browser ## what pages embed, in Chromium (Debian's is installed; or CHROMIUM names one) and in Firefox, if here
	@! command -v npm >/dev/null || { mkdir -p $(VENV)/frameworks && cp tests/browser/frameworks/package.json $(VENV)/frameworks \
		&& npm install $(NPM) --prefix $(VENV)/frameworks; } \
		|| echo "React, Vue and others could not be installed: their tests are skipped"
	POPULER_FRAMEWORKS=$(CURDIR)/$(VENV)/frameworks/node_modules $(BIN)/python -m pytest tests/browser $(ARGS)

# 550 MB and about two minutes, most of it npm's: CI does not call it.
APPS := $(CURDIR)/$(VENV)/apps
test-frameworks: chromium $(VENV)/.browser ## Next and Astro, installed by npm and built, in Chromium (550 MB; not in CI)
	@mkdir -p $(APPS) && cp -R tests/browser/apps/. $(APPS)
	@for app in next astro; do (cd $(APPS)/$$app && rm -f built && npm install $(NPM) \
		&& if test $$app = next; then npm install $(NPM) --no-save --install-links $(CURDIR)/examples/react; fi \
		&& NEXT_TELEMETRY_DISABLED=1 ASTRO_TELEMETRY_DISABLED=1 npm run --silent build >build.txt && touch built) \
		|| echo "$$app could not be installed and built: its tests are skipped"; done
	POPULER_APPS=$(APPS) $(BIN)/python -m pytest tests/browser/test_apps.py $(ARGS)

test-examples: $(VENV)/.installed ## examples/ in what they are for: Django, Node, and as far as they are here PHP, WordPress, Laravel (.ci/run)
	@$(call install,examples parquet,$(VENV))
	@! command -v npm >/dev/null || npm install $(NPM) \
		--prefix $(VENV)/node typescript@5 react@19 react-dom@19 @types/react@19 @types/react-dom@19 \
		preact@10 solid-js@1 svelte@5 vue@3 \
		|| echo "React and TypeScript could not be installed: their tests are skipped"
	@$(PYTHON) -m venv $(VENV)/openapi && $(VENV)/openapi/bin/python -m pip install $(QUIETLY) --only-binary :all: \
		openapi-python-client==0.29.1 || echo "openapi-python-client could not be installed: its test is skipped"
	POPULER_OPENAPI_CLIENT=$(CURDIR)/$(VENV)/openapi/bin \
		POPULER_NODE_MODULES=$(CURDIR)/$(VENV)/node/node_modules $(BIN)/python -m pytest tests/examples \
		tests/deploy/test_kubernetes.py tests/deploy/test_containers.py tests/populer/commands/test_export.py $(ARGS)

.PHONY: bench bench-check
$(VENV)/.bench: $(VENV)/.installed
	@$(call install,parquet bench,$(VENV))
	@touch $@

bench: $(VENV)/.bench ## measure all beside what people use instead: bench/results, docs/benchmarks.md (25 minutes)
	$(BIN)/python bench/suite.py $(ARGS)

bench-check: $(VENV)/.bench ## measure again (ARGS='--only serve'), and compare with the committed run
	$(BIN)/python bench/suite.py --check $(ARGS)

.PHONY: docs reference
$(VENV)/.docs: $(VENV)/.installed
	@$(call install,docs,$(VENV))
	@touch $@

docs: $(VENV)/.docs ## the documentation as a site, in site/ (python3 -m http.server -d site: with search)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

reference: $(VENV)/.installed ## make docs/reference and docs/environment.md from the code
	$(BIN)/python .ci/reference.py
	$(BIN)/python .ci/environment.py

format: $(VENV)/.installed ## let the formatter and the linter mend what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock release sbom
lock: ## pin what is installed, with hashes (ARGS=--upgrade: the newest of everything)
	$(PYTHON) .ci/lock.py $(ARGS)

release: $(VENV)/.installed ## dist/: the wheel and the sdist of this commit, once version, changelog and tag agree
	@$(BIN)/python .ci/release.py

# What a server installs, and nothing of what tests and builds need; each component with its licence.
sbom: $(VENV)/.installed ## sbom.json (CycloneDX): what runs, with licences
	@$(call install,sbom,$(VENV))
	@$(PYTHON) -m venv --clear $(VENV)-run
	@$(call install,run build,$(VENV)-run)
	@$(VENV)-run/bin/python -m pip install $(QUIETLY) --no-deps --no-build-isolation .
	@.ci/locked build >$(VENV)-run/build.txt
	@$(VENV)-run/bin/python -m pip uninstall $(QUIETLY) --yes --requirement $(VENV)-run/build.txt setuptools pip
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json $(VENV)-run
	@rm -rf $(VENV)-run

clean: ## remove what make installed
	rm -rf $(VENV) $(VENV)-3.* .mypy_cache .ruff_cache .pytest_cache
