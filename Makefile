# make repro and make test set up everything that they need.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
ifneq ($(words $(VENV)),1)
$(error VENV must be one path without spaces, such as VENV=.venv)
endif
READY := $(VENV)/.ready
BIN := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(VENV)/bin
RUN := PATH="$(BIN):$$PATH" python
PIP = $(RUN) -m pip --quiet --disable-pip-version-check
.DEFAULT_GOAL := help
.PHONY: help repro precompute ray test test-slow checkpoints studies disagreements bench lint typecheck check summary lock audit format

help:  ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

# pip checks the hashes of all packages or of none, and torch's hashes differ between its builds. So
# torch is installed by itself, after the packages that it shares with the others. With -c it may add
# what only it needs (CUDA), but may not change a pinned version.
$(READY): requirements.lock requirements-torch.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed, but '$(PYTHON)' is older or missing;" \
	       "install it, then: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' || { \
	  echo "'$(PYTHON)' has no module venv; on Debian: apt-get install python3-venv"; exit 1; }
	@[ ! -L "$(VENV)" ] || { echo "$(VENV) is a symbolic link, and what it points to would be" \
	  "emptied; remove the link, or name a folder: make VENV=/path/to/folder $(MAKECMDGOALS)"; exit 1; }
	@[ -z "$$(ls -A "$(VENV)" 2>/dev/null)" ] || [ -f "$(VENV)/pyvenv.cfg" ] || { \
	  echo "$(VENV) has files and is not a Python environment, and would be emptied; choose another" \
	       "folder: make VENV=/path/to/folder $(MAKECMDGOALS)"; exit 1; }
	@echo "creating the environment in $(VENV) from requirements.lock (once, a few minutes)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@sed -n 's/^\([^ #][^ ]*==[^ ]*\).*/\1/p' requirements.lock >$(VENV)/pins.txt
	@$(PIP) install -c $(VENV)/pins.txt -r requirements-torch.lock
	@$(RUN) -c 'import sys; from importlib.util import find_spec; sys.exit(not find_spec("triton"))' \
	  || $(PIP) install --require-hashes --no-deps -r requirements-triton.lock
	@$(PIP) check
	@touch $(READY)

repro: $(READY)  ## run the pipeline; PROFILE=full switches to that profile first
	@if [ -n "$(PROFILE)" ]; then $(RUN) -m tools.profile "$(PROFILE)"; fi
	@$(RUN) -m tools.check
	@echo "running the pipeline: dvc repro"
	@$(RUN) -m dvc repro
	@$(RUN) -m tools.summary

precompute: $(READY)  ## train all pending runs ahead of repro; ESTIMATE=1 only says how long; ON=ray on a cluster
	@$(RUN) -m tools.check
	@$(RUN) -m dvc --wait-for-lock status --quiet --with-deps tokenize || \
	  $(RUN) -m dvc --wait-for-lock repro --quiet tokenize
	@$(RUN) -m tools.precompute $(if $(ESTIMATE),--estimate) $(if $(ON),--on "$(ON)")

ray: $(READY)  ## install Ray, for make precompute ON=ray
	@$(PIP) install --require-hashes --no-deps -r requirements-ray.lock

summary: $(READY)  ## print the table of the last run
	@$(RUN) -m tools.summary

check: $(READY)  ## check params.yaml, and that all it names exists
	@$(RUN) -m tools.check && echo "params.yaml is fine"

test: $(READY)  ## run the tests
	@echo "running the tests on two processes"
	@$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(READY)  ## run the tests that take minutes (fifty kills, thousands of cases); ONLY=tests/pipeline
	@echo "running the slow tests on two processes"
	@$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m slow $(ONLY)

checkpoints: $(READY)  ## list the checkpoints of all runs; REMOVE=old deletes the old ones
	@$(RUN) -m tools.checkpoints $(if $(REMOVE),--remove "$(REMOVE)")

studies: $(READY)  ## render the pages of all studies again; FROM=study.tar.gz NAME=imdb-lstm: add one first
	@$(RUN) -m tools.studies $(if $(FROM),add "$(FROM)" "$(or $(NAME),$(patsubst %.tar.gz,%,$(notdir $(FROM))))")

disagreements: $(READY)  ## print the test documents whose class the tickets change
	@$(RUN) -m tools.disagreements

bench: $(READY)  ## compare training speed with plain PyTorch; QUICK=1: four minutes; TICKETS=1; DEVICE=cuda
	@$(RUN) -m benchmarks$(if $(TICKETS),.tickets $(RUNS),$(if \
	  $(filter cuda,$(DEVICE)),.gpu,$(if $(QUICK), --quick)))

lint: $(READY)  ## check format and rules (ruff), and which package imports which
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@PYTHONPATH=src:. $(RUN) -c 'from importlinter.cli import lint_imports_command as main; main()' --no-logo

format: $(READY)  ## format the code
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

typecheck: $(READY)  ## check types (mypy)
	@$(RUN) -m mypy

# Versions that are pinned already stay where they fit. The lock leaves out pip, which is installed
# before it is read, and what only a CUDA build of torch needs. What only Ray needs is apart, and so is
# Triton, which a CUDA build of torch brings.
COMPILE = $(RUN) -m piptools compile --quiet --strip-extras --no-header --no-emit-index-url \
  --no-emit-find-links --no-emit-trusted-host --no-annotate --generate-hashes --allow-unsafe
NOT_LOCKED = ^(\#|pip==|torch==|triton==|nvidia-|cuda-)
lock: $(READY)  ## write the files requirements*.lock from pyproject.toml
	@cat requirements.lock requirements-torch.lock requirements-ray.lock >$(VENV)/all.txt
	@$(COMPILE) --all-extras -o $(VENV)/all.txt pyproject.toml
	@cp $(VENV)/all.txt $(VENV)/without-ray.txt
	@$(COMPILE) --extra pipeline --extra onnx --extra dev -o $(VENV)/without-ray.txt pyproject.toml
	@sed -n 's/^\(torch==[^+ ]*\).*/\1/p' $(VENV)/all.txt >requirements-torch.lock
	@awk '/^[^ ]/ { kept = !/$(NOT_LOCKED)/ } NF && kept' $(VENV)/without-ray.txt >requirements.lock
	@awk 'NR == FNR { others[$$1]; next } /^[^ ]/ { kept = !/$(NOT_LOCKED)/ && !($$1 in others) } \
	  NF && kept' $(VENV)/without-ray.txt $(VENV)/all.txt >requirements-ray.lock
	@$(COMPILE) -o requirements-triton.lock requirements-triton.in

audit: $(READY)  ## check the locked versions for known vulnerabilities (needs network)
	@"$(PYTHON)" -m venv --clear $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements-ray.lock
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --no-deps -r requirements-torch.lock
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements-triton.lock
