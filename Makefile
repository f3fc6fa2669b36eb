# Everything happens in .venv; `make demo` and `make test` are all that a fresh machine needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# the PyTorch that the tests are known to pass with; any version that pyproject.toml allows should do
TORCH ?= torch==2.13.0
ROOMS := viz envs agents wrappers analysis sb3 cli tests benchmarks docs/site train.py evaluate.py

# tests of every room that take little, for versions of Python and of packages that aren't the usual ones
SAMPLE := $(addprefix tests/,test_public_names.py test_introspect.py test_zoo.py envs/test_spaces.py agents/test_heads.py \
	wrappers/test_recording.py viz cli/test_imports.py)
# what needs an extra: trackers, the hub, the viewer, sweeps
EXTRAS := $(addprefix tests/cli/,test_tracking.py test_hub.py test_serve.py test_serve_page.py test_serve_command.py test_sweep.py)

.PHONY: setup demo test nightly zoo-check release-check cluster lowest another fuzz check types style duplicates bench results docs notebooks clean

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable ".[dev]"  # the checkout is the package: meant
	touch $@

# trains RAM and, on the other core, the same model on random glimpses; then compares and films them
demo: setup
	$(BIN)/python benchmarks/demo.py --out demo

test: setup
	$(BIN)/python -m pytest -c tests/pytest.ini tests

# what learns for longer than a change can wait for
nightly: setup
	$(BIN)/python -m pytest -c tests/pytest.ini -m nightly tests

# every agent of the zoo plays again what its card has the figure of
zoo-check: setup
	$(BIN)/python -m pytest -c tests/pytest.ini -m "nightly or not nightly" tests/test_zoo.py

# before a version is released: see CONTRIBUTING.md
release-check: setup
	$(BIN)/python -m pytest -c tests/pytest.ini -m "nightly or not nightly" tests/test_release.py tests/cli/test_package.py \
		tests/test_public_names.py tests/test_site.py tests/test_notebooks.py tests/test_zoo.py

# what `make test` tries a little of: worlds, files and kills at length, which takes hours
fuzz: setup
	FOVEATE_FUZZ=full $(BIN)/python -m pytest -c tests/pytest.ini tests/fuzz

# a Ray cluster of two machines on this one; Ray is no part of `make setup`: it takes 245 MB
cluster: setup
	$(BIN)/python -m pip install --quiet --editable ".[ray]"
	$(BIN)/python -m pytest -c tests/pytest.ini -n0 tests/cli/test_cluster.py

# the oldest versions that pyproject.toml allows, those of the extras among them (Ray's are `make cluster`'s), in a virtual
# environment of their own, with the tests of every room and of what extras are for
lowest:
	rm -rf .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest --resolution lowest-direct --editable ".[dev,wandb,mlflow]"
	.venv-lowest/bin/python -m pytest -c tests/pytest.ini $(SAMPLE) $(EXTRAS)

# another Python, in a virtual environment of its own, with the same tests: make another PYTHON=python3.13
another:
	$(MAKE) PYTHON=$(PYTHON) VENV=.venv-another setup
	.venv-another/bin/python -m pytest -c tests/pytest.ini $(SAMPLE)

# what is quick comes first
check: style duplicates types

# with room, since Node otherwise clears what is known of types again and again
types: setup
	NODE_OPTIONS="--max-semi-space-size=128 --max-old-space-size=6000" $(BIN)/pyright --pythonpath $(BIN)/python

style: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# pylint knows signatures, which may be alike, but is slow: it looks where symilar, its own, finds something
duplicates: setup
	$(BIN)/symilar --duplicates=7 --ignore-comments --ignore-docstrings $$(find $(ROOMS) -name '*.py') \
		| sed -n 's/^==\(.*\):\[.*/\1/p' | sort -u | xargs -r $(BIN)/pylint --disable=all --enable=duplicate-code \
		--min-similarity-lines=8 --ignore-signatures=y

# others' packages, in environments of their own in the user's cache folder, beside ours; then how cost grows
bench: setup
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/growth.py

results: setup
	$(BIN)/python benchmarks/results.py

# the notebooks of docs/notebooks, run in full, which takes a quarter of an hour of one core
notebooks: setup
	cd $$(mktemp -d) && cp $(CURDIR)/docs/notebooks/*.ipynb . && $(CURDIR)/$(BIN)/jupyter nbconvert --execute --inplace \
		--ExecutePreprocessor.timeout=3000 *.ipynb && cp *.ipynb $(CURDIR)/docs/notebooks/

# the site, in build/site/html, from docs/ and from what foveate says of itself; it asks nothing of the network
docs: setup
	$(BIN)/python docs/site/build.py

clean:
	rm -rf build dist *.egg-info demo .pytest_cache .ruff_cache
