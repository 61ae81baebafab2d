# The package for Python: make wheel packs it, make python checks it. make star reconstructs measured data. All need
# python3 with venv and pip, and make their environment again only when its list changes.

PYTHON_ENV := .venv/python

.PHONY: wheel python python-docs notebooks star

# dist/ptyx-*.whl, with the one-file program inside.
wheel: dist $(PYTHON_ENV)/made
	GO="$(GO)" sh scripts/wheel.sh $(PYTHON_ENV)/bin/python

python: wheel
	cd python && ../$(PYTHON_ENV)/bin/ruff check . ../scripts/star ../scripts/deploy --config pyproject.toml
	cd python && ../$(PYTHON_ENV)/bin/ruff format --check . ../scripts/star ../scripts/deploy --config pyproject.toml
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

# The measured star of README.md, in about a minute and a half on two cores. It writes to star.
star: build lib $(PYTHON_ENV)/made
	$(WITH_LIB) sh scripts/star/star.sh $(PYTHON_ENV)/bin/python

$(PYTHON_ENV)/made: python/requirements.txt
	rm -rf $(PYTHON_ENV)
	$(PYTHON) -m venv $(PYTHON_ENV)
	$(PYTHON_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement python/requirements.txt
	touch $@
