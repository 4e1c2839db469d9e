# GNU make. `make` without a target lists the targets. Programs run as modules of .venv's Python, so that the path of the
# clone may contain spaces and may change.

PYTHON ?= python3
PY := .venv/bin/python
RUNTIME := .venv/runtime.stamp
TEST := .venv/test.stamp
# Other products, which the benchmark compares with. Each has an environment, so that no package of theirs gets into .venv.
PEERS := .venv-peers/stamp .venv-horizon/stamp
HORIZON := DJANGO_SETTINGS_MODULE=bench.horizon.settings .venv-horizon/bin/python -W ignore -m django

# Empty settings, for commands that must not depend on a developer's .env: empty values are treated as unset.
BARE := ALLOWED_HOSTS= CACHE_URL= CLOUDCA_API_URL= CLOUDCA_CA_BUNDLE= CLOUDCA_PROXY= DATABASE_URL=sqlite:// DEBUG= \
	DEFAULT_FROM_EMAIL= EMAIL_URL= \
	AUDIT_DAYS= CHANGES_DAYS= HISTORY_DAYS= HSTS_PRELOAD= METRICS_TOKEN= SITE_URL= SYNC_TTL_SECONDS= TRUSTED_PROXIES=
THROW_AWAY = SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	API_KEY_ENCRYPTION_KEYS="$$($(PY) -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')"
PRODUCTION := SITE_URL=https://snapshots.invalid EMAIL_URL=smtp+tls://user:password@mail.invalid:587

# If a machine is set up to store no byte code, each of the hundreds of processes would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
export SERVICES

# What parts print while they run side by side is shown part by part, where make knows how.
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo run test main coverage browser services lint bench bench-quick weather proof judge fuzz guards clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

install: $(RUNTIME) ## Create .venv with the pinned packages (PYTHON=python3.12 chooses another Python)

demo: $(RUNTIME) ## Run everything with a simulated provider; Ctrl-C stops it
	@exec $(PY) -m snapshots.demo

run: $(RUNTIME) ## Run web server and sync against the real provider, with the settings of .env
	@test -f .env || { echo "There is no .env yet. Run: cp .env.example .env, and fill it in." >&2; exit 1; }
	@exec $(PY) manage.py serve

# Three processes, also on fewer cores, for many tests wait: for programs, sockets and deadlines. A file stays on one
# process, so that what its tests share starts once, and the files keep the order of tests/conftest.py.
BY_FILE := --dist loadfile --no-loadscope-reorder
CORES := $(shell $(PYTHON) -c 'import os; print(os.cpu_count() or 1)')
HERE := $(PY) -m pytest -q -n $(shell echo $$(( $(CORES) > 3 ? $(CORES) : 3 ))) $(BY_FILE) \
	--ignore=tests/browser --ignore=tests/postgres_redis -m "not browser and not services"
PROOF := $(PY) -m pytest -q --proof --timeout 3600 -o faulthandler_timeout=3700
# What runs on PostgreSQL and Redis: the tests of tests/postgres_redis, and a second time those marked both_databases.
# Only their files are loaded, which takes half the time.
SECOND := (services or both_databases) and not defaults
MARKED := grep -rlE 'mark\.(services|both_databases)' tests --include='test_*.py'
ON_SERVICES = $(PY) -m pytest -q -n $(HALF) $(BY_FILE) $$($(MARKED))
# They run beside the main part, one after the other.
HALF := $(shell echo $$(( $(CORES) > 4 ? $(CORES) / 2 : 2 )))

test: $(TEST) ## Run the tests for every commit and print the seconds of each part (SERVICES=no skips PostgreSQL and Redis)
	@.ci/chromium
	@.ci/services
	@rm -f test-results/seconds
	@$(MAKE) --no-print-directory -j 2 $(GROUPED) main browser services
	@paste -s -d, test-results/seconds

main: $(TEST) ## Run the tests that need neither Chromium nor PostgreSQL
	.ci/timed main $(HERE)

# Apart from `test`, for to be traced takes a test half its time again.
coverage: $(TEST) ## Say which branches no test comes by in its own process; below 90 % fails
	@mkdir -p test-results
	$(HERE) --cov --cov-report=
	$(PY) -m coverage report --skip-covered --fail-under=90 --include='dashboard/*'
	$(PY) -m coverage report --skip-covered --fail-under=90 --include='snapshots/*'

browser: $(TEST) ## Run the tests in a real Chromium
	@.ci/chromium
	.ci/timed browser $(PY) -m pytest -q -n $(HALF) $(BY_FILE) tests/browser

services: $(TEST) ## Run the tests on PostgreSQL and Redis
	.ci/timed services .ci/services $(ON_SERVICES) -m "$(SECOND)"

lint: $(TEST) ## Check format, templates, spelling, types, imports, migrations and the production settings
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m djlint --quiet --lint templates
	.venv/bin/typos
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-cache --no-logo
	$(BARE) $(THROW_AWAY) $(PY) manage.py makemigrations --check --dry-run
	@echo "$(PY) manage.py check --deploy --fail-level WARNING  # as production"
	@$(BARE) $(PRODUCTION) $(THROW_AWAY) $(PY) manage.py check --deploy --fail-level WARNING

bench: $(TEST) $(PEERS) ## Measure pages, other products, PostgreSQL, Chromium and syncs for hours; the tables: test-results/bench.md
	@command -v wrk >/dev/null || { echo "The benchmark needs wrk (Debian: apt-get install wrk)." >&2; exit 1; }
	@.ci/chromium
	@.ci/services
	@mkdir -p test-results
	@for part in load peers horizon services browser due sync waits; do $(PY) -m bench $$part || exit 1; done >test-results/bench.md
	@cat test-results/bench.md

bench-quick: $(TEST) ## Measure the list at 10,000 snapshots and the volumes page at 1,000 volumes, in about a minute
	$(PY) -m bench --sizes 10000 --rounds 15
	$(PY) -m bench home --sizes 1000 --rounds 15

weather: $(TEST) ## Try every fault of the provider, 100 kills and 200 threads, and print the figures
	$(PROOF) -n 0 tests/faults

proof: $(TEST) ## Run the long tests, for a release: all combinations, faults, seeds and kills, then judge, fuzz and guards
	@.ci/chromium
	@.ci/tools
	$(PROOF) -n $(HALF) $(BY_FILE) -m "proof and not browser and not services"
	$(PROOF) -n $(HALF) $(BY_FILE) -m "proof and browser"
	@.ci/services $(PROOF) -n $(HALF) $(BY_FILE) --ignore=tests/browser -m "proof and $(SECOND)"
	$(MAKE) judge fuzz guards

judge: $(TEST) ## Replay a year whose truth is known and 2,000 random histories, and break each rule once
	$(PY) -m tests.verdicts.year
	HISTORIES=2000 $(PY) -m pytest -q -n 0 --timeout 7200 -o faulthandler_timeout=7300 tests/verdicts/test_histories.py

fuzz: $(TEST) ## Send 10,000 generated provider answers through the sync, and print the figures
	FUZZ_ROUNDS=1800 $(PY) -m pytest -q -n 0 tests/fuzz

guards: $(TEST) ## Remove each line that protects the product once, and see that a test fails
	$(PY) -m tests.guards

clean: ## Remove .venv and the files of demo and tests; var/db.sqlite3 stays
	rm -rf .venv .venv-peers .venv-horizon var/demo var/static var/static.stamp test-results .mypy_cache .ruff_cache

$(PY):
	@PYTHON="$(PYTHON)" .ci/python
	$(PYTHON) -m venv --clear .venv

$(RUNTIME): requirements/runtime.txt | $(PY)
	$(PY) -m pip install --require-hashes --no-deps --quiet -r requirements/runtime.txt
	$(PY) -m pip check
	@touch $@

$(TEST): requirements/test.txt $(RUNTIME)
	$(PY) -m pip install --require-hashes --no-deps --quiet -r requirements/test.txt
	$(PY) -m pip check
	@$(PY) -m pytest --collect-only -q >/dev/null # compiles the tests once: else each of four processes does, for 10 s
	@touch $@

define peers
$(PYTHON) -m venv --clear $(@D)
$(@D)/bin/python -m pip install --require-hashes --no-deps --quiet -r $<
$(@D)/bin/python -m pip check
endef

.venv-peers/stamp: bench/requirements.txt | $(PY)
	$(peers)
	@touch $@

.venv-horizon/stamp: bench/horizon.txt bench/horizon/settings.py | $(PY)
	$(peers)
	$(HORIZON) collectstatic --noinput -v0
	$(HORIZON) compress --force -v0
	@touch $@
