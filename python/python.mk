# The package for Python: make wheel packs it, make python checks it. Both need python3 with venv and pip, and make
# their environment again only when its list changes.

PYTHON_ENV := .venv/python

.PHONY: wheel python

# dist/ptyx-*.whl, with the one-file program inside.
wheel: dist $(PYTHON_ENV)/made
	GO="$(GO)" sh scripts/wheel.sh $(PYTHON_ENV)/bin/python

python: wheel
	$(PYTHON_ENV)/bin/ruff check python
	$(PYTHON_ENV)/bin/ruff format --check python
	cd python && ../$(PYTHON_ENV)/bin/mypy
	sh scripts/wheel-check.sh $(PYTHON) dist/ptyx-*.whl

$(PYTHON_ENV)/made: python/requirements.txt
	rm -rf $(PYTHON_ENV)
	$(PYTHON) -m venv $(PYTHON_ENV)
	$(PYTHON_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement python/requirements.txt
	touch $@
