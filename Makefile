# ptyx: make demo does the main job, make test passes the tests. See README.md.

GO ?= go
LIB := $(CURDIR)/lib
# Tests and benchmarks use the pinned libraries, wherever they run from. They are asked for after lib has been made.
WITH_LIB = PTYX_ONNXRUNTIME=$(LIB) PTYX_HDF5=$(LIB)

.PHONY: demo build dist docs lib test check vet format staticcheck vuln licenses bench fuzz kill soak race reproduce interop clean

demo: build lib
	sh scripts/demo.sh

# Without the state of the repository in the program: the same tree gives the same bytes.
build:
	$(GO) build -trimpath -buildvcs=false -o bin/ptyx ./cmd/ptyx

# One file for other machines, with both libraries inside: dist/ptyx-linux-amd64. For another processor give GOARCH=arm64 and a C
# compiler that makes code for it, CC=aarch64-linux-gnu-gcc.
dist:
	GO="$(GO)" sh scripts/dist.sh

# The pages of docs/commands, of what the commands declare.
docs:
	$(GO) test ./cmd/ptyx -run TestCommandPages -update

# The pinned ONNX Runtime and HDF5 libraries, checksums verified.
lib:
	@$(GO) run ./scripts/fetchlib -dir lib

test: lib
	$(WITH_LIB) $(GO) test ./...

# All tests under the race detector, but for those that are of one goroutine and take long there.
race: lib
	$(WITH_LIB) $(GO) test -race -timeout 60m ./...

check: vet format staticcheck

vet:
	$(GO) vet ./...

format:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w:" $$unformatted; exit 1; fi

staticcheck:
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

# Known holes of what is called, from Go's database, which has to be reached: not part of check.
vuln:
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

# The table of docs/licenses.md, of what is linked.
licenses:
	$(GO) test ./scripts/licenses -run TestPage -count=1 -update

bench: lib
	$(WITH_LIB) $(GO) test -run '^$$' -bench . -benchmem ./bench/...

# Each command killed at KILLS moments, and thousands of damaged files and models read in processes that must live.
KILLS ?= 20
CASES ?= 20000
kill: lib
	$(WITH_LIB) PTYX_KILLS=$(KILLS) $(GO) test ./cmd/ptyx -run TestFaults -count=1 -timeout 30m -v
	$(WITH_LIB) PTYX_CASES=$(CASES) $(GO) test ./internal/scan/source ./internal/recon/reconstruct -run TestDamaged -count=1 -timeout 60m -v

# A server under clients of all kinds for SOAKTIME, and BATCHES batches through one session: nothing may grow.
SOAKTIME ?= 1h
BATCHES ?= 100000
soak: lib
	$(WITH_LIB) PTYX_BATCHES=$(BATCHES) $(GO) test ./runtime -run TestMemoryOfRuns -count=1 -timeout 1h -v
	$(WITH_LIB) PTYX_SOAK=$(SOAKTIME) $(GO) test ./cmd/ptyx -run TestSoak -count=1 -timeout 4h -v

# The program built a second time elsewhere, and what both make, compared to the byte.
reproduce: build lib
	$(WITH_LIB) GO="$(GO)" sh scripts/reproduce.sh

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 30s
fuzz:
	sh scripts/fuzz.sh $(FUZZTIME)

clean:
	rm -rf bin dist demo .venv internal/base/bundled/files

-include bench/bench.mk
-include interop/interop.mk
