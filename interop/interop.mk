# make interop checks the files of ptyx with other programs. It needs python3 with venv and pip. The packages go into
# an environment of their own, which is made again only when their list changes.

PYTHON ?= python3
INTEROP_ENV := .venv/interop
# The checked files stay here for inspection.
INTEROP_FILES := .venv/interop-files
INTEROP_NODE := .venv/interop-node

interop: build lib $(INTEROP_ENV)/made $(INTEROP_NODE)/made
	$(WITH_LIB) $(INTEROP_ENV)/bin/python -B interop/check.py --ptyx bin/ptyx --files $(INTEROP_FILES) \
		--node $(INTEROP_NODE)

$(INTEROP_ENV)/made: interop/requirements.txt interop/interop.mk
	rm -rf $(INTEROP_ENV)
	$(PYTHON) -m venv $(INTEROP_ENV)
	$(INTEROP_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement interop/requirements.txt
	@# Only its readers are needed, not its windows. The list above has what they import.
	$(INTEROP_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps ptychodus==1.7.0
	touch $@

# Scripts of packages do not run, because that of ONNX Runtime would fetch CUDA. Without npm, the checks report what
# is missing.
$(INTEROP_NODE)/made: $(wildcard interop/node/*)
	rm -rf $(INTEROP_NODE)
	mkdir -p $(INTEROP_NODE)
	cp interop/node/* $(INTEROP_NODE)
	if command -v npm > /dev/null; then cd $(INTEROP_NODE) && \
		npm install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error; fi
	touch $@
