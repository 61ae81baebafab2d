# make interop: what other programs make of the files that ptyx writes. Needs python3 with venv and pip; the packages go
# into an environment of their own, which is only made anew when their list changes.

PYTHON ?= python3
INTEROP_ENV := .venv/interop
# The files that were checked stay here to be looked at.
INTEROP_FILES := .venv/interop-files

interop: build lib $(INTEROP_ENV)/made
	$(WITH_LIB) $(INTEROP_ENV)/bin/python -B interop/check.py --ptyx bin/ptyx --files $(INTEROP_FILES)

$(INTEROP_ENV)/made: interop/requirements.txt interop/interop.mk
	rm -rf $(INTEROP_ENV)
	$(PYTHON) -m venv $(INTEROP_ENV)
	$(INTEROP_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement interop/requirements.txt
	@# Its readers are what is wanted, not its windows: what they import is in the list above.
	$(INTEROP_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps ptychodus==1.7.0
	touch $@
