# 联动: two words on a fresh machine, `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-long lint fmt bench bench-faults lock clean

help: ## these words
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## make .venv and install (nothing outside this folder is touched)

$(READY): pyproject.toml requirements.txt requirements-dev.txt
	@$(PYTHON) .ci/preflight.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "安装依赖(第一次约一分钟)… installing (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## everything on sample data: a real episode on a fast clock, until Ctrl-C
	@$(BIN)/liandong demo

up: setup ## everything on embedded stores, empty, with your own configuration
	@$(BIN)/liandong up

test: setup ## all tests; what a missing server makes impossible is skipped by name
	@$(BIN)/pytest -n 3 --dist worksteal -rs

test-long: setup ## the randomised tests at full length
	@LIANDONG_LONG=1 $(BIN)/pytest -n 3 --dist worksteal -rs

lint: setup ## style, types, direction of imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

fmt: setup ## put the code in order
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: setup ## the figures of docs/benchmarks.md, beside their peers
	@$(BIN)/python -m benchmarks

bench-faults: setup ## kill everything while notices are in flight; the table of docs/reliability.md
	@$(BIN)/python -m benchmarks.faults

lock: ## write the hashed requirements anew (needs uv)
	@uv pip compile -q --universal --no-emit-index-url --generate-hashes --no-annotate --no-header pyproject.toml -o requirements.txt
	@uv pip compile -q --universal --no-emit-index-url --generate-hashes --no-annotate --no-header --group dev -c requirements.txt -o requirements-dev.txt

clean: ## remove what can be made again
	@rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache
