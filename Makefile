# ptyx: make demo does the main job, make test passes the tests. See README.md.

GO ?= go
LIB := $(CURDIR)/lib
# Tests and benchmarks use the pinned libraries, whatever directory they run in.
WITH_LIB = PTYX_ONNXRUNTIME=$(LIB) PTYX_HDF5=$(LIB)

.PHONY: demo build dist docs general lib test test-all check vet format staticcheck lines vuln licenses bench \
	fuzz kill soak race reproduce interop clean

demo: build lib
	sh scripts/demo.sh

# Without the state of the repository in the program: the same tree gives the same bytes.
build:
	$(GO) build -trimpath -buildvcs=false -o bin/ptyx ./cmd/ptyx

# One file for other machines, with both libraries inside: dist/ptyx-linux-amd64. For another processor give
# GOARCH=arm64 and a C compiler for it, CC=aarch64-linux-gnu-gcc.
dist:
	GO="$(GO)" sh scripts/dist.sh

# Writes docs/commands from what the commands declare.
docs:
	$(GO) test ./cmd/ptyx -run TestCommandPages -update

# The pinned ONNX Runtime and HDF5 libraries, checksums verified.
lib:
	@$(GO) run ./scripts/fetchlib -dir lib

# Trains a general network from nothing: simulated patterns of seed 0, the defaults of ptyx pretrain. A million patterns
# take about an hour on two cores; Ctrl-C saves, and the same command resumes. It writes
# .venv/general-PATTERNS/model.onnx, whose contract states seed, patterns and their digest. The committed weights,
# internal/recon/general/general.onnx, are better: docs/general.md says how they were made, and by how much.
#
#	make general
#	make general GENERAL_PATTERNS=2000    a try of a minute
GENERAL_PATTERNS ?= 1000000
GENERAL_RUN = .venv/general-$(GENERAL_PATTERNS)
general: build lib
	$(WITH_LIB) sh scripts/general.sh $(GENERAL_PATTERNS) $(GENERAL_RUN)

test: lib
	$(WITH_LIB) $(GO) test -timeout 30m ./...

# The tests that `make test` skips as slow, too: kills, soaks, many trainings.
test-all: lib
	$(WITH_LIB) PTYX_SLOW=1 $(GO) test -timeout 30m ./...

# The packages in RACE under the race detector. Continuous integration takes the services alone, to be quick.
RACE ?= ./...
race: lib
	$(WITH_LIB) $(GO) test -race -timeout 60m $(RACE)

check: vet format lines staticcheck

vet:
	$(GO) vet ./...

format:
	@unformatted=$$(gofmt -l .); \
		if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w:" $$unformatted; exit 1; fi

staticcheck:
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

# No line of code or prose is wider than 120 columns.
lines:
	@sh scripts/lines.sh

# Known vulnerabilities of the code that ptyx calls. It needs Go's database on the network, so it is no part of check.
vuln:
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

# Writes the table of docs/licenses.md, which lists what is linked.
licenses:
	$(GO) test ./scripts/licenses -run TestPage -count=1 -update

bench: lib
	$(WITH_LIB) $(GO) test -run '^$$' -bench . -benchmem ./bench/...

# Kills each command at KILLS moments, and reads CASES damaged files and models in processes that must survive.
KILLS ?= 20
CASES ?= 20000
kill: lib
	$(WITH_LIB) PTYX_SLOW=1 PTYX_KILLS=$(KILLS) $(GO) test ./cmd/ptyx -run TestFaults -count=1 -timeout 30m -v
	$(WITH_LIB) PTYX_CASES=$(CASES) $(GO) test ./internal/scan/source ./internal/format/hdf5 \
		./internal/recon/reconstruct -run TestDamaged -count=1 -timeout 60m -v

# Runs three servers under clients of all kinds for SOAKTIME each: alone, with --store, with workers. Sends BATCHES
# batches through one session. Nothing may grow.
SOAKTIME ?= 1h
BATCHES ?= 100000
soak: lib
	$(WITH_LIB) PTYX_SLOW=1 PTYX_BATCHES=$(BATCHES) $(GO) test ./runtime -run TestMemoryOfRuns -count=1 -timeout 1h -v
	$(WITH_LIB) PTYX_SLOW=1 PTYX_SOAK=$(SOAKTIME) $(GO) test ./cmd/ptyx -run TestSoak -count=1 -timeout 4h -v

# Builds the program a second time in another place, and compares both programs and their outputs to the byte.
reproduce: build lib
	$(WITH_LIB) GO="$(GO)" sh scripts/reproduce.sh

# Runs each fuzz target for FUZZTIME.
FUZZTIME ?= 30s
fuzz:
	sh scripts/fuzz.sh $(FUZZTIME)

clean:
	rm -rf bin dist demo .venv internal/base/bundled/files

-include bench/bench.mk
-include interop/interop.mk
-include python/python.mk
