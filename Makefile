# Everything is made with two commands: `make grade` and `make test`. Each sets up what it needs.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DATA := data/sst-dev.txt data/hf/.ready
ASSIGNMENTS := q1 q2 hw3
PROCESSORS := $(shell getconf _NPROCESSORS_ONLN)
# Tests at a time: two more than processors, since many wait for kernels and disks.
WORKERS ?= $(shell expr $(PROCESSORS) + 2)

.PHONY: grade test validate release check setup bench docs docs-serve redteam faults operations load fuzz findings help

grade: $(READY) $(DATA)  ## grade the ten sample submissions of hw4, start to end
	$(BIN)/autograder samples hw4 grading/samples
	$(BIN)/autograder grade hw4 grading/samples || [ $$? -eq 1 ]

test: $(READY) $(DATA)  ## run the kit's own tests
	PYTHON=$(PYTHON) sh setup.sh tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

validate: $(READY) $(DATA)  ## test the hidden tests: misconceptions, variants, reference, skeleton
	$(BIN)/autograder validate

release: $(READY) $(DATA)  ## write what students receive, from the sources
	for name in $(ASSIGNMENTS); do $(BIN)/autograder release $$name || exit; done

check: $(READY) $(DATA)  ## lint, types, imports, and whether what is released is fresh and tight
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	printf '%s\n' $(ASSIGNMENTS) | xargs -P $(PROCESSORS) -I{} $(BIN)/autograder release {} --check

redteam: $(READY) $(DATA)  ## attack the grader; the last line says what was gained (ARGS=--long for all)
	cd tests && PYTHONPATH=.:../data ../$(BIN)/python -m redteam $(ARGS)

faults: $(READY) $(DATA)  ## kill a batch over and over; the last line says what was lost
	cd tests && PYTHONPATH=.:../data ../$(BIN)/python -m faults $(ARGS)

operations: $(READY)  ## three graders at a desk, killed at random; the last line says if anything is lost
	cd tests && PYTHONPATH=.:../data ../$(BIN)/python -m desk.operations $(ARGS)

load: $(READY) $(DATA)  ## judge a class at rest and on a busy machine; the last line says what differed
	cd tests && PYTHONPATH=.:../data ../$(BIN)/python -m faults.load $(ARGS)

fuzz: $(READY) $(DATA)  ## thousands of broken inputs; the last line says what was not handled
	cd tests && PYTHONPATH=.:../data ../$(BIN)/python -m fuzz $(ARGS)

findings:  ## what libraries do against expectation: a line for each script of findings/
	@changed=0; for script in findings/*.sh; do \
		if said=$$(sh $$script 2>&1); then echo "as described  $$script"; \
		else changed=1; echo "CHANGED       $$script: $$(echo "$$said" | tail -1)"; fi; \
	done; exit $$changed

bench: $(READY) $(DATA)  ## how fast, beside nbgrader, otter-grader and the floor (half an hour)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/minbert_training.py --checkpoint data/checkpoints/all-MiniLM-L6-v2
	cd benchmarks && ../$(BIN)/python -m throughput $(ARGS)

docs: $(READY)  ## build the documentation's site, strictly: .build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

docs-serve: $(READY)  ## show the site while it is written, at 127.0.0.1:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

setup: $(READY) $(DATA)  ## only set up: environment, system packages, data, weights

$(READY): setup.sh pyproject.toml constraints.txt autograder/kernel/spec/kernel.json
	PYTHON=$(PYTHON) sh setup.sh
	touch $@

data/sst-dev.txt: $(READY) data/prepare.py
	$(BIN)/python data/prepare.py sst --source vader
	$(BIN)/python data/prepare.py weights

data/hf/.ready: $(READY) data/prepare.py $(wildcard data/offline/*.py data/offline/checkpoints/*/* data/offline/metrics/*/*)
	$(BIN)/python data/prepare.py hub
	touch $@

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12
