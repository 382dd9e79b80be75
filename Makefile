# Every target sets itself up: Python 3.11 and make are all that has to be there.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The run that is named by SET, else by the configuration; without either the demo.
SAID = $(patsubst run=%,%,$(filter run=%,$(SET)))
NAMED = $(shell sed -nE "s/^run: *[\"']?([^\"' \#]+).*/\1/p" "$(CONFIG)")
RUN = results/$(or $(SAID),$(if $(CONFIG),$(NAMED)),demo)
SHELL := bash
# Snakemake's lines that tell a person nothing: which jobs it selects, when, under which number.
HIDDEN := ^(Select jobs|Execute [0-9]+ jobs|Finished jobid|Using workflow specific profile|\[[A-Z][a-z]{2} )
WORKFLOW := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake
# What a run was started with, said again: the report is of the files that these settings ask for.
VALUES = $(if $(ROOT),images_root="$(ROOT)") $(if $(WEIGHTS),weights="$(WEIGHTS)") $(SET)
SETTINGS = $(if $(CONFIG),--configfile "$(CONFIG)") $(if $(strip $(VALUES)),--config $(VALUES))
# Packs the report of a finished run as html or zip, unless nothing that it shows is newer.
SHOWN := -name '*.html' -o -name '*.svg' -o -name '*.rst' -o -name '*.css'
PACK = test -e $(RUN)/report.$(1) && test -z "$$(find $(RUN) workflow/report \( $(SHOWN) \) -newer $(RUN)/report.$(1))" || $(WORKFLOW) $(SETTINGS) --quiet --report $(RUN)/report.$(1) --report-stylesheet workflow/report/style.css > $(RUN)/logs/report.log 2>&1 || { cat $(RUN)/logs/report.log; exit 1; }

.PHONY: help setup demo demo-cues plan report score test test-all lint codec fetch-codec scale compare rulegraph verify unlock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

$(READY): envs/venv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: no Python 3.11 or later found; name one: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement envs/venv.txt
	@touch $(READY)

setup: $(READY) ## make the virtual environment .venv/

# These are of the default configuration, whatever else is named.
demo demo-cues codec: override CONFIG :=
demo demo-cues codec: override SET :=
demo demo-cues: override SETTINGS :=

demo: $(READY) ## the whole experiment on images and weights made by the product; minutes on two cores
	@set -o pipefail; $(WORKFLOW) --cores all --quiet rules host 2>&1 | grep --line-buffered -vE '$(HIDDEN)' || { ! ls .snakemake/locks/* > /dev/null 2>&1 || echo "error: .snakemake/locks: left by a killed run, or held by one that is alive. If no run is alive in this folder: make unlock demo"; exit 1; }
	@$(call PACK,html)
	@PYTHONPATH=workflow/lib $(BIN)/python -m latentprint.steps.print_summary --scores $(RUN)/scores.tsv --results $(RUN)

demo-cues: $(READY) ## the three forensic cues on pictures and weights made by the product; minutes on two cores
	@set -o pipefail; $(WORKFLOW) --cores all --quiet rules host -- cues 2>&1 | grep --line-buffered -vE '$(HIDDEN)' || { ! ls .snakemake/locks/* > /dev/null 2>&1 || echo "error: .snakemake/locks: left by a killed run, or held by one that is alive. If no run is alive in this folder: make unlock demo-cues"; exit 1; }
	@PYTHONPATH=workflow/lib $(BIN)/python -m latentprint.steps.print_cues --results $(RUN)/cues

report: $(READY) ## a finished run as one page and as a zip: make report CONFIG=config/faces.yaml ROOT=FACES
	@test -d $(RUN)/logs || { echo "error: $(RUN): no such run. Make it first: make demo, or snakemake --cores all --configfile FILE, then make report CONFIG=FILE"; exit 2; }
	@$(call PACK,html)
	@$(call PACK,zip)
	@ls -sh1 $(RUN)/report.html $(RUN)/report.zip

score: $(READY) ## what the detector of a run says of a folder of images: make score IMAGES=FOLDER
	@test -n "$(IMAGES)" || { echo "error: IMAGES is empty; give a folder of images: make score IMAGES=FOLDER"; exit 2; }
	@set -o pipefail; $(WORKFLOW) score --cores all --quiet rules host $(if $(CONFIG),--configfile "$(CONFIG)") --config images="$(IMAGES)" $(VALUES) 2>&1 | grep --line-buffered -vE '$(HIDDEN)'
	@PYTHONPATH=workflow/lib $(BIN)/python -m latentprint.steps.print_scores --results $(RUN) --images "$(IMAGES)"

plan: $(READY) ## what a run will do and cost, before it starts: make plan CONFIG=config/thesis.yaml
	@PYTHONPATH=workflow/lib $(BIN)/python -m latentprint.steps.print_plan $(if $(CONFIG),--config "$(CONFIG)") $(if $(ROOT),--images-root "$(ROOT)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(CORES),--cores $(CORES)) $(if $(MEM_MB),--memory-mb $(MEM_MB))

lint: $(READY) ## ruff, snakefmt, snakemake --lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --lint

PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH" OMP_NUM_THREADS=1 $(BIN)/python -m pytest

test: lint ## lint, then all tests but the longest, several at a time; about 20 minutes on two cores
	$(PYTEST) -m "not whole" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-all: test ## all tests: also conda environments, a Slurm cluster, a kill in every rule
	$(PYTEST) -m whole

codec: $(READY) ## train the embedded weights anew and measure them: make codec PHOTOS=FOLDER KODAK=FOLDER
	@test -n "$(PHOTOS)" || { echo "error: PHOTOS is empty; give a folder of photographs to train on: make codec PHOTOS=FOLDER KODAK=FOLDER"; exit 2; }
	@test -n "$(KODAK)" || { echo "error: KODAK is empty; give a folder of photographs to measure on: make codec PHOTOS=FOLDER KODAK=FOLDER"; exit 2; }
	$(WORKFLOW) --cores all train_codec --config training='{"photos": "$(PHOTOS)"}'
	cp -r $(RUN)/codec/VM_bop $(RUN)/codec/VM_common_int $(RUN)/codec/training.json resources/codec/
	$(WORKFLOW) --cores all write_model_card --config rd_curve='{"photos": "$(KODAK)", "transforms": "$(TRANSFORMS)"}'
	cp $(RUN)/rd_curve/model_card.md $(RUN)/rd_curve/rd_curve.png resources/codec/
	cp $(RUN)/rd_curve/measured.tsv resources/codec/rd_curve.tsv
	cp $(RUN)/rd_curve/measured.json resources/codec/rd_curve.json

fetch-codec: $(READY) ## how to get the official weights, what a folder of them holds and can run: make fetch-codec WEIGHTS=FOLDER
	@PYTHONPATH=workflow/lib $(BIN)/python -m latentprint.steps.fetch_codec $(if $(WEIGHTS),--weights "$(WEIGHTS)")

scale: $(READY) ## time, memory and disk of 10,000 images, copies of a few: make scale ROOT=FACES; an hour on two cores
	@test -n "$(ROOT)" || { echo "error: ROOT is empty; give a folder of faces to copy: make scale ROOT=FOLDER"; exit 2; }
	@PYTHONPATH=workflow/lib $(BIN)/python -m latentprint.steps.repeat_images --root "$(ROOT)" --n-train $(or $(N_TRAIN),9000) --n-test $(or $(N_TEST),1000) --output results/scale_images
	$(WORKFLOW) --cores all --configfile config/scale.yaml --config n_train=$(or $(N_TRAIN),9000) n_test=$(or $(N_TEST),1000) $(if $(WEIGHTS),weights="$(WEIGHTS)")
	@PYTHONPATH=workflow/lib $(BIN)/python benchmarks/scale.py --run results/scale $(if $(SIZES),--sizes $(SIZES)) --markdown docs/scale.md

compare: $(READY) ## two finished runs side by side: make compare RUNS=demo,faces
	@PYTHONPATH=workflow/lib $(BIN)/python -m latentprint.steps.compare_runs --runs "$(RUNS)" --by "$(or $(BY),bpp)"

rulegraph: $(READY) ## draw which rule follows which into docs/images/rules.svg; needs Graphviz' dot
	@command -v dot > /dev/null || { echo "error: no dot found; install Graphviz (Debian: apt install graphviz)"; exit 2; }
	@$(WORKFLOW) --rulegraph dot 2> /dev/null | dot -Tsvg -o docs/images/rules.svg

verify: $(READY) ## is every store and file of a run still what was made: make verify RUN=results/demo
	@PYTHONPATH=workflow/lib $(BIN)/python -m latentprint.steps.verify_run --results $(RUN)

unlock: $(READY) ## after a run was killed: remove its lock, when no run is alive here
	@$(WORKFLOW) --quiet --unlock

clean: ## remove the results of every run and all caches; the environment stays
	rm -rf results/* .snakemake .pytest_cache .ruff_cache
	@touch results/.gitkeep
