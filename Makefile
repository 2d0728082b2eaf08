# Everything is made with two commands: `make grade` and `make test`. Each sets up what it needs.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: grade test validate release check setup lint bench help

grade: $(READY) data/sst-dev.txt  ## grade the ten sample submissions of q2, start to end
	$(BIN)/autograder samples q2 samples
	$(BIN)/autograder grade q2 samples || [ $$? -eq 1 ]

test: $(READY) data/sst-dev.txt  ## run the kit's own tests
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

validate: $(READY)  ## test the hidden tests: misconceptions, variants, reference, skeleton
	$(BIN)/autograder validate

release: $(READY)  ## write what students receive, from the sources
	$(BIN)/autograder release q2

check: $(READY)  ## lint, types, and whether what is released is fresh, tight and runs
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/autograder release q2 --check

bench: $(READY) data/sst-dev.txt  ## one epoch of minBERT beside the library's BERT (minutes)
	$(BIN)/python benchmarks/minbert_training.py --checkpoint data/checkpoints/all-MiniLM-L6-v2

setup: $(READY) data/sst-dev.txt  ## only set up: environment, system packages, data, weights

$(READY): setup.sh pyproject.toml constraints.txt autograder/kernel/spec/kernel.json
	PYTHON=$(PYTHON) sh setup.sh
	touch $@

data/sst-dev.txt: $(READY) data/prepare.py
	$(BIN)/python data/prepare.py sst --source vader
	$(BIN)/python data/prepare.py weights

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12
