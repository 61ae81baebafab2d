# make bench-peers compares ptyx with other programs that run the same network, in turns on this machine. It needs
# python3 with venv, pip and the headers, and a C++ compiler (for torch.compile). The packages go into an environment
# of their own, which is made again only when their list changes. It writes bench/results.md and bench/results.json.
#
#	make bench-peers                            everything, about three quarters of an hour
#	make bench-peers BENCH_QUICK=1              a little of everything; writes to .venv/peers-files
#	make bench-peers BENCH_ONLY="infer whole"   some sections; the others keep their figures
#	make bench-peers BENCH_SCAN=scan.npz        a scan of your own (N = 64) for the complete commands
#
# make bench-solvers compares ptyx solve and refine with pty-chi's LSQML. It writes bench/solvers.md and
# bench/solvers.json. It has the same variables. With BENCH_SCAN=scan.npz BENCH_REFERENCE=reference.npz the races run
# on a scan of your own, and the quality is the correlation with the reference's objectGuess.

# make bench-network measures the default network: quality against time, speed, memory, two probes in one training, and
# the share of errors within one sigma. It writes bench/network.md and bench/network.json in about twenty minutes, and
# has the variables of bench-solvers.

PYTHON ?= python3
PEERS_ENV := .venv/peers
# Scans, models and what the commands write.
PEERS_FILES := .venv/peers-files

.PHONY: bench-peers
# OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE select kernels of old libraries. No setting of the shell may slow down or
# help a program.
bench-peers: build lib $(PEERS_ENV)/made
	$(GO) build -trimpath -o .venv/measure ./bench/measure
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(WITH_LIB) $(PEERS_ENV)/bin/python -B bench/peers.py \
		--ptyx bin/ptyx --measure .venv/measure --files $(PEERS_FILES) --results bench \
		$(if $(BENCH_QUICK),--quick) $(if $(BENCH_ONLY),--only $(BENCH_ONLY)) $(if $(BENCH_SCAN),--scan $(BENCH_SCAN))

.PHONY: bench-solvers
bench-solvers: build lib $(PEERS_ENV)/made
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(WITH_LIB) $(PEERS_ENV)/bin/python -B bench/solvers.py \
		--ptyx bin/ptyx --files $(PEERS_FILES) --results bench \
		$(if $(BENCH_QUICK),--quick) $(if $(BENCH_ONLY),--only $(BENCH_ONLY)) \
		$(if $(BENCH_SCAN),--scan $(BENCH_SCAN)) $(if $(BENCH_REFERENCE),--reference $(BENCH_REFERENCE))

# make bench-probes solves scans of four optics with probes that ptyx guesses, and with the true ones. It writes
# bench/probes.md and bench/probes.json in about ten minutes. With BENCH_SCAN=scan.npz
# BENCH_REFERENCE=reference.npz it solves a scan of your own, too, without its probe and with it.
.PHONY: bench-probes
bench-probes: build lib $(PEERS_ENV)/made
	$(WITH_LIB) $(PEERS_ENV)/bin/python -B bench/probes.py --ptyx bin/ptyx --files $(PEERS_FILES) --results bench \
		$(if $(BENCH_QUICK),--quick) $(if $(BENCH_ONLY),--only $(BENCH_ONLY)) \
		$(if $(BENCH_SCAN),--scan $(BENCH_SCAN)) $(if $(BENCH_REFERENCE),--reference $(BENCH_REFERENCE))

$(PEERS_ENV)/made: bench/requirements.txt
	rm -rf $(PEERS_ENV)
	$(PYTHON) -m venv $(PEERS_ENV)
	$(PEERS_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt
	touch $@

# make results trains on simulated scans of three kinds, over photons and gridsizes, and with many seeds against
# collapse. It writes the tables of docs/results.md and docs/photons.png. It keeps the figures of each case, so a
# stopped run resumes. It takes about two hours on two cores.
#
#	make results                       everything, three seeds a case
#	make results RESULTS_SEEDS=1       one seed: half an hour
#	make results RESULTS_ONLY=collapse one part: photons or collapse
#	make results RESULTS_QUICK=1       an epoch each; writes to .venv/results-files
.PHONY: results
RESULTS_SEEDS ?= 3
results: build lib
	$(WITH_LIB) $(GO) run ./bench/simulated -ptyx bin/ptyx -files .venv/results-files -docs docs \
		-seeds $(RESULTS_SEEDS) $(if $(RESULTS_ONLY),-only $(RESULTS_ONLY)) $(if $(RESULTS_QUICK),-quick)

# make which measures which command to use for a scan: a pretrained network with and without refinement or fine-tuning,
# a training, the solver and pty-chi, over photons, overlap, kinds of object and sizes of patterns. It writes
# docs/which.md and bench/which.json, and resumes when it was stopped.
#
#	make which                                   everything, a seed each: an hour and a half on two idle cores, and
#	                                             about a minute for each of 36 scans if pty-chi is installed
#	make which WHICH="--seeds 3"                 three seeds: three times as long
#	make which WHICH="--sizes 64 --seeds 3"      a part, see bench/which.py --help
#	make which MODEL=pretrained                  another general network than that inside the program
.PHONY: which
which: build lib $(PEERS_ENV)/made
	$(WITH_LIB) $(PEERS_ENV)/bin/python -B bench/which.py --ptyx bin/ptyx --files $(PEERS_FILES) --results bench \
		--page docs/which.md $(if $(MODEL),--model $(MODEL)) $(WHICH)

# make bench-sigma measures the share of errors within one sigma of the general network, for each decade of photons. It
# writes bench/sigma.md and bench/sigma.json in about five minutes, and shares its scans with make which. BENCH_QUICK=1
# takes one seed; SIGMA="--sizes 64 128" takes larger patterns, too; MODEL is another general network.
.PHONY: bench-sigma
bench-sigma: build lib $(PEERS_ENV)/made
	$(WITH_LIB) $(PEERS_ENV)/bin/python -B bench/trust.py --ptyx bin/ptyx --files $(PEERS_FILES) --results bench \
		$(if $(MODEL),--model $(MODEL)) $(if $(BENCH_QUICK),--quick) $(SIGMA)

# make bench-general measures the general network without training and after five epochs. It writes bench/general.md and
# bench/general.json in a quarter of an hour. With BENCH_SCAN=scan.npz BENCH_REFERENCE=reference.npz it measures a scan
# of your own, too.
.PHONY: bench-general
bench-general: build lib $(PEERS_ENV)/made
	$(WITH_LIB) $(PEERS_ENV)/bin/python -B bench/general.py --ptyx bin/ptyx --files $(PEERS_FILES) --results bench \
		$(if $(BENCH_QUICK),--quick) $(if $(BENCH_ONLY),--only $(BENCH_ONLY)) \
		$(if $(BENCH_SCAN),--scan $(BENCH_SCAN)) $(if $(BENCH_REFERENCE),--reference $(BENCH_REFERENCE))

# make samples draws docs/experiments.png, the contact sheet of docs/experiments.md.
.PHONY: samples
samples:
	$(GO) run ./bench/samples -out docs/experiments.png

# make bench-serve measures ptyx serve under load, compared with the bare session and a Python server (FastAPI,
# uvicorn, onnxruntime), and scans sent frame by frame. It writes bench/serving.md and bench/serving.json in about ten
# minutes. BENCH_QUICK=1 and BENCH_ONLY work as above.
SERVERS_ENV := .venv/servers

.PHONY: bench-serve
bench-serve: build lib $(SERVERS_ENV)/made
	$(GO) build -trimpath -o .venv/measure ./bench/measure
	$(GO) build -trimpath -o .venv/load ./bench/load
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(WITH_LIB) $(SERVERS_ENV)/bin/python -B bench/serving.py \
		--ptyx bin/ptyx --measure .venv/measure --load .venv/load --files .venv/serving-files --results bench \
		$(if $(BENCH_QUICK),--quick) $(if $(BENCH_ONLY),--only $(BENCH_ONLY))

# make bench-sharing measures how a pretraining speeds up with workers: 1, 2 and 4, each pinned to a core. It writes
# bench/sharing.md and bench/sharing.json in about ten minutes. BENCH_QUICK=1 writes a short run to .venv/sharing-files.
.PHONY: bench-sharing
bench-sharing: build lib
	$(WITH_LIB) $(PYTHON) -B bench/sharing.py --ptyx bin/ptyx --files .venv/sharing-files --results bench \
		$(if $(BENCH_QUICK),--quick)

# make bench-stream measures ptyx watch on the stream of a detector, at 64 and 128 pixels: frames per second without
# loss, of the network alone and beside a solver, the times from a frame's last byte to the page and to the files, a
# sender that is too fast, a kill in the middle of a series, and the memory of a long scan. It writes the tables of
# docs/live.md. The networks are trained for one epoch only, which does not change their speed. BENCH_QUICK=1 sends few
# frames and writes no table. BENCH_LONG=1000000 makes the long scan longer. BENCH_FRAMES=0 measures the memory alone.
STREAM_FILES := .venv/stream-files

.PHONY: bench-stream
bench-stream: build lib
	mkdir -p $(STREAM_FILES)
	for n in 64 128; do \
		test -e $(STREAM_FILES)/$$n/model.onnx || { \
			$(WITH_LIB) bin/ptyx simulate --n $$n --positions 100 --seed 5 --out $(STREAM_FILES)/$$n.npz && \
			$(WITH_LIB) bin/ptyx train --train-data-file $(STREAM_FILES)/$$n.npz --output-dir $(STREAM_FILES)/$$n \
				--max-epochs 1 --n-images 16 --gridsize 1 --device cpu; } || exit 1; \
	done
	$(WITH_LIB) $(GO) run ./bench/stream -frames $(or $(BENCH_FRAMES),$(if $(BENCH_QUICK),60,4000)) \
		-long $(or $(BENCH_LONG),$(if $(BENCH_QUICK),2000,100000)) $(if $(BENCH_QUICK),,-page docs/live.md) \
		$(foreach n,64 128,$(STREAM_FILES)/$(n)/model.onnx $(STREAM_FILES)/$(n).npz)

# make bench-live sends the measured star as a stream. It prints how the object during the scan correlates with the
# last one, and with that of ptyx solve: with the general network and the solver, and with the solver alone. make star
# obtains the scan.
LIVE_SCAN ?= star/star.npz

.PHONY: bench-live
bench-live: lib
	$(WITH_LIB) $(GO) run ./bench/stream -refine 60 -rate 50 general $(LIVE_SCAN) none $(LIVE_SCAN)

.PHONY: bench-network
bench-network: build lib $(SERVERS_ENV)/made
	$(WITH_LIB) $(SERVERS_ENV)/bin/python -B bench/learning.py \
		--ptyx bin/ptyx --files .venv/network-files --results bench \
		$(if $(BENCH_QUICK),--quick) $(if $(BENCH_ONLY),--only $(BENCH_ONLY)) \
		$(if $(BENCH_SCAN),--scan $(BENCH_SCAN)) $(if $(BENCH_REFERENCE),--reference $(BENCH_REFERENCE))

$(SERVERS_ENV)/made: bench/requirements-serve.txt
	rm -rf $(SERVERS_ENV)
	$(PYTHON) -m venv $(SERVERS_ENV)
	$(SERVERS_ENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement bench/requirements-serve.txt
	touch $@

# make geometry draws docs/geometry.png and docs/orientations.png, the pictures of docs/geometry.md, in a minute. It
# needs python3 with numpy and matplotlib.
.PHONY: geometry
geometry: build lib
	$(WITH_LIB) $(PYTHON) -B bench/geometry.py --ptyx bin/ptyx --files .venv/geometry-files --docs docs

# make troubleshooting renews the pictures of docs/troubleshooting.md and the lines below them, in a minute: each fault
# that ptyx validate finds, in a simulated scan, and what the solver makes of it. It uses the package for Python.
.PHONY: troubleshooting
troubleshooting: wheel
	$(PYTHON_ENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/ptyx-*.whl
	$(PYTHON_ENV)/bin/python -B bench/troubleshooting.py --page docs/troubleshooting.md

# make gallery writes docs/gallery.md and its pictures in a minute, with the package for Python.
.PHONY: gallery
gallery: wheel
	$(PYTHON_ENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/ptyx-*.whl
	$(PYTHON_ENV)/bin/python -B bench/gallery.py --page docs/gallery.md

# make claims writes docs/claims.md: the figures of README.md and docs that the records bench/*.json hold.
.PHONY: claims
claims:
	$(PYTHON) -B bench/claims.py

# make bench-python prints how much longer a call of the package for Python takes than the same command, in seconds and
# in seconds of processor time. Both have to be below 0.3 s.
.PHONY: bench-python
bench-python: wheel
	$(PYTHON_ENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/ptyx-*.whl
	cd python && ../$(PYTHON_ENV)/bin/python -m pytest tests/test_overhead.py
