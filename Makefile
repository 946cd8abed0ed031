# The README's two commands are `make quickstart` and `make test`; each sets up all it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN ?= quickstart
COUNT ?= 20000
MINIATURE ?= miniature

.PHONY: quickstart test check compat docs findings fuzz release

quickstart: $(VENV)/.quickstart
	$(BIN)/visionflan quickstart --out $(RUN)
	@echo 'Type `source $(BIN)/activate` to use `visionflan` in this shell.'

# Three processes keep two cores busy: a quarter of their time is waiting for other processes.
test: $(VENV)/.dev
	$(BIN)/pytest -n 3 --dist worksteal --durations=10

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/typos
	$(BIN)/python scripts/check_words.py
	$(BIN)/visionflan check
	$(BIN)/python scripts/generate_docs.py --check
	$(BIN)/zensical build --strict

fuzz: $(VENV)/.dev
	$(BIN)/python benchmarks/fuzz_readers.py --count $(COUNT)
	$(BIN)/python benchmarks/fuzz_trees.py --count $(COUNT)
	$(BIN)/python benchmarks/fuzz_formats.py

# Other programs, and other versions of transformers and datasets, each in an environment of its own.
COMPAT := $(CURDIR)/.compat
ENVIRONMENTS ?= version4 oldest newest swift energon
OWN_TESTS := tests/model/test_standard_messages.py tests/train/test_language_models.py \
    tests/train/test_run.py

compat: $(ENVIRONMENTS:%=$(COMPAT)/%/.ready) $(VENV)/.dev
	rm -rf $(COMPAT)/files
	$(BIN)/python -m tests.helpers.compat_files $(COMPAT)/files
	@set -e; for name in $(ENVIRONMENTS); do echo "compat: $$name"; \
	    case $$name in energon|llama_factory|swift) tests=tests/compat/test_$$name.py;; \
	        *) tests=tests/compat;; esac; \
	    VISIONFLAN_COMPAT=$(COMPAT)/files $(COMPAT)/$$name/bin/python -m pytest -q -W default \
	        -m compat $$tests; \
	done
	@set -e; for name in $(filter oldest newest,$(ENVIRONMENTS)); do echo "compat: visionflan in $$name"; \
	    $(COMPAT)/$$name/bin/python -m pytest -q -W default $(OWN_TESTS); \
	done

$(COMPAT)/%/.ready: tests/compat/environments/%.txt pyproject.toml
	@echo 'Installing the environment $* into $(COMPAT) (about two minutes) ...'
	$(PYTHON) -m venv --clear $(COMPAT)/$*
	$(COMPAT)/$*/bin/pip install --quiet -r $<
	@touch $@

# Hours of training: the studies that docs/findings.md tells of. It goes on where it was stopped.
findings: $(VENV)/.dev
	$(BIN)/python scripts/run_studies.py $(MINIATURE)

docs: $(VENV)/.dev
	$(BIN)/python scripts/generate_docs.py
	$(BIN)/zensical build --strict

release: $(VENV)/.dev
	$(BIN)/python scripts/generate_docs.py --release

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo 'visionflan needs Python 3.11 or newer: make PYTHON=/path/to/python3.11'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.quickstart: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'Installing visionflan with PyTorch and transformers into $(VENV) (about two minutes) ...'
	$(BIN)/pip install --quiet -c constraints.txt -e '.[train,evaluate,analyze,readers,web]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'Installing visionflan and its tools into $(VENV) (about three minutes) ...'
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.quickstart
