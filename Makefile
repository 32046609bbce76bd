# `make run` and `make test` need nothing but Python 3.11 or later: they set everything up themselves.

PYTHON ?= python3
DATA   ?= data
CONFIG ?= examples/demo.toml
# Three at a time: much of a test with foreign phones is listening, which leaves the processor to others.
PYTEST ?= -n 3 --dist loadfile
BENCH  ?=
FUZZ   ?= messages
DAY    ?=

BIN     := .venv/bin
STAMP   := .venv/.dzvin-installed
RESULTS := .test-results/requirements.json

# What a build is made of. When one of these is newer than the stamp, the next command installs again.
BUILT_FROM := pyproject.toml hatch_build.py $(wildcard pbx/media/*.py pbx/media/*.pxd web_panel/locale/*.json) web_panel/frontend_build.py \
	$(shell find web_panel/frontend -name node_modules -prune -o -type f -print 2>/dev/null)
CODE := $(shell git ls-files '*.py' '*.sql' '*.toml' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help install run demo test lint types interop bench bench-relay bench-media bench-volume bench-ledger bench-card fuzz bench-engine engine-soak kills \
	day day-short live give-ups database-faults requirements packages clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with the program, its tools and the foreign phones of the tests

$(STAMP): $(BUILT_FROM)
	@scripts/make_venv.sh "$(PYTHON)" .venv
	@touch $@

run: install ## start the product with a small demo company (DATA=…, CONFIG=…)
	@exec $(BIN)/dzvin run --data $(DATA) --config $(CONFIG) --hello

demo: install ## the same, with simulated phones that call each other
	@exec $(BIN)/dzvin demo --data $(DATA) --config $(CONFIG)

test: install packages lint types ## everything that is checked: style, types, import rules, all tests (PYTEST="-k …")
	$(BIN)/python -m pytest --requirements=$(RESULTS) $(PYTEST)

lint: install ## style and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install ## mypy, strict
	$(BIN)/mypy

interop: install packages ## foreign phones, the long tests too; writes docs/interop.md
	$(BIN)/python -m pytest -q tests/interop -m interop --interop-table=docs/interop.md $(PYTEST)

bench: install packages ## processor time for each call and registration, beside Kamailio (BENCH="--runs 5")
	$(BIN)/python -m tests.bench $(BENCH)

bench-relay: install packages ## processor time of carrying sound, beside Debian's rtpengine (BENCH="--calls 100 --runs 5")
	$(BIN)/python -m tests.bench.media.beside $(BENCH)

bench-volume: install ## look-ups and registers beside a million clients and five million events (BENCH="--keep /a/folder")
	$(BIN)/python -m tests.bench.volume $(BENCH)

bench-media: install ## packets lost at 300 recorded calls while the core computes (BENCH="--calls 100 --seconds 10")
	$(BIN)/python -m tests.bench.media.lossless $(BENCH)

bench-ledger: install ## facts that the spool accepts and PostgreSQL takes in a second (BENCH="--facts 200000")
	$(BIN)/python -m tests.bench.ledger $(BENCH)

bench-card: install ## milliseconds from the INVITE to the card on the screen, beside a million clients (BENCH="--calls 500")
	$(BIN)/python -m tests.bench.card $(BENCH)

fuzz: install ## spoiled messages, streams, states, packets (FUZZ="states --seeds 5"; see tests/fuzz/README.md)
	$(BIN)/python -m tests.fuzz $(FUZZ)

bench-engine: install ## offers a second of the queue engine with 10,000 waiting and 500 agents; a simulated day; what noting costs
	$(BIN)/python -m tests.bench.engine $(BENCH)
	$(BIN)/python -m tests.bench.noting
	$(BIN)/python -m tests.queue_engine.simulated_day

engine-soak: install ## 100,000 random steps of the queue engine beside a naive account of what it did
	$(BIN)/python -m pytest --hypothesis-profile=chance -q tests/queue_engine/test_engine_properties.py -m minutes -n 0 -o faulthandler_timeout=1200

kills: install ## kill the media worker and the core fifty times, and play what they recorded
	$(BIN)/python -m pytest -q tests/pbx/media/test_recording_kills.py -m minutes -n 0

day: install ## 2,000 random calls while core and database are killed, and the books afterwards (DAY="--seed 7")
	timeout 1200 $(BIN)/python -m tests.day --calls 2000 --kills 19 --both 1 --database-kills 5 --refusals 1 --refusal 60 $(DAY)

day-short: install ## the same with 200 calls and 4 kills, in half a minute
	timeout 300 $(BIN)/python -m tests.day $(DAY)

live: install ## 200 calls through menu and line to 30 agents with foreign phones, judged by what passed on the wire
	timeout 1200 $(BIN)/python -m tests.live $(LIVE)

give-ups: install ## 1,000 callers give up while phones ring: how soon those are told, and that nothing is left (LIVE="--seed 7")
	timeout 600 $(BIN)/python -m tests.live.give_ups $(LIVE)

database-faults: install ## how calls are set up while PostgreSQL hangs, refuses or is killed, and how soon all is written
	timeout 600 $(BIN)/python -m tests.day.database_faults $(DAY)

requirements: install $(RESULTS) ## one line for each requirement row that has a passing test
	@$(BIN)/python -m tests.requirements_plugin $(RESULTS)

# The last `make test` has left its results. Without them, or when the code is newer, the marked tests run now.
$(RESULTS): $(CODE) | $(STAMP)
	@$(BIN)/python -m pytest -q -m req --requirements=$@ $(PYTEST) 1>&2 || true

packages: ## Debian packages of the interop and browser tests (as root on Debian; elsewhere named)
	@scripts/system_packages.sh
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m tests.interop.phones.jssip_bundle

clean: ## remove what was built, not the data
	rm -rf .venv build dist .test-results .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
		web_panel/static web_panel/frontend/node_modules pbx/media/*.so pbx/media/*.c
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
