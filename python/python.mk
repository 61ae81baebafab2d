# The package for Python: make wheel packs it, make python checks it. make star reconstructs measured data. All need
# python3 with venv and pip, and make their environment again only when its lists change. make site builds the site.

PYTHON_ENV := .venv/python

.PHONY: wheel python python-docs notebooks star nanoprobe site

# dist/ptyx-*.whl, with the one-file program inside.
wheel: dist $(PYTHON_ENV)/made
	GO="$(GO)" sh scripts/wheel.sh $(PYTHON_ENV)/bin/python

SCRIPTS := $(addprefix ../scripts/,star deploy site)
python: wheel
	cd python && ../$(PYTHON_ENV)/bin/ruff check . $(SCRIPTS) --config pyproject.toml
	cd python && ../$(PYTHON_ENV)/bin/ruff format --check . $(SCRIPTS) --config pyproject.toml
	cd python && ../$(PYTHON_ENV)/bin/mypy
	sh scripts/wheel-check.sh $(PYTHON) dist/ptyx-*.whl
	$(PYTHON_ENV)/bin/python scripts/deploy/check.py

# Writes docs/python-api.md from the docstrings.
python-docs: wheel
	$(PYTHON_ENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/ptyx-*.whl
	$(PYTHON_ENV)/bin/python python/reference.py docs/python-api.md

# Executes the notebooks of docs/notebooks and saves their new outputs. Look at the pictures before you commit them.
notebooks: wheel
	$(PYTHON_ENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/ptyx-*.whl
	$(PYTHON_ENV)/bin/python python/notebooks.py --save docs/notebooks/*.ipynb

# The measured star of README.md, in about two minutes on two cores. It writes to star, records its figures in
# bench/star.json, and executes its notebook. make claims then lists the figures, and make site names the pages that
# state others. make star SAVE=1 saves the new outputs of the notebook. It must not find the program of an older wheel.
star: build lib $(PYTHON_ENV)/made
	$(PYTHON_ENV)/bin/pip uninstall --quiet --quiet --yes ptyx
	$(WITH_LIB) SAVE=$(SAVE) sh scripts/star/star.sh $(CURDIR)/$(PYTHON_ENV)/bin/python

# A measured scan with wrong positions, in about three minutes on two cores. It writes to star/nanoprobe, and records
# its figures in bench/nanoprobe.json.
nanoprobe: build lib $(PYTHON_ENV)/made
	$(WITH_LIB) sh scripts/star/nanoprobe.sh $(CURDIR)/$(PYTHON_ENV)/bin/python

# The site of docs, in dist/site. A broken link, a page without a place, a figure that its record contradicts, or
# anything from a host is an error. To read it with its search: python3 -m http.server --directory dist/site
site: $(PYTHON_ENV)/made
	$(PYTHON_ENV)/bin/python -B bench/claims.py --check
	NO_MKDOCS_2_WARNING=1 $(PYTHON_ENV)/bin/mkdocs build --quiet --strict --config-file scripts/site/mkdocs.yml

$(PYTHON_ENV)/made: python/requirements.txt python/tests/requirements.txt scripts/site/requirements.txt
	rm -rf $(PYTHON_ENV)
	$(PYTHON) -m venv $(PYTHON_ENV)
	$(PYTHON_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement python/requirements.txt \
		--requirement scripts/site/requirements.txt
	touch $@
