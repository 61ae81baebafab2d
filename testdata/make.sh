#!/bin/sh
# Makes testdata/scan.npz: nine patterns of a thousand photons, from ptyx's own simulator. Run it after `make build`, at
# the top of the repository. Tests of internal/scan/simulate compare the simulator with the file.
exec bin/ptyx simulate --out testdata/scan.npz --positions 9 --nphotons 1e3 --seed 1
