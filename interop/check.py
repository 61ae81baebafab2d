"""Checks the files of ptyx with other programs, and its server with tritonclient.

The programs are onnx, ONNX Runtime for Python and for Node.js, Netron, NumPy, scikit-image, h5py, ptychodus, libzmq,
p4p and simulators of detectors.

    make interop

It prints one line for each comparison, with the figure and its bound. The exit status is 1 if any fails. --keep checks
the existing files of an earlier run."""

import argparse
import sys
from pathlib import Path

import arrays
import detector
import epics
import evaluation
import exchange
import files
import forward
import growing
import masters
import model_file
import netron_view
import pages
import patches
import pictures
import scan_page
import server
import variants
import watch_page
from report import Report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True, help="the program")
    parser.add_argument("--files", required=True, type=Path, help="directory for the files; what it holds is removed")
    parser.add_argument("--node", required=True, type=Path, help="directory of what npm has installed")
    parser.add_argument("--keep", action="store_true", help="do not make the files anew")
    args = parser.parse_args()

    ptyx = files.Ptyx(args.ptyx, args.files)
    if not args.keep:
        files.make(ptyx)
        exchange.make(ptyx)
        masters.make(ptyx)
        variants.make(ptyx)
        pages.make(ptyx)
    report = Report()
    for case in files.CASES:
        report.section(f"{case.name}: model file", model_file.check, args.files, case)
        report.section(f"{case.name}: ONNX Runtime for Python", patches.check, args.files, case)
    report.section("default: Netron", netron_view.check, args.files, files.CASES[0], args.node)
    report.section("variants: onnx, ONNX Runtime for Python and for Node.js", variants.check, args.files, args.node)
    report.section("report in a browser", pages.check, args.files, args.node)
    report.section("live view in a browser", pages.check_live, args.files, args.node, ptyx)
    report.section("server: tritonclient", server.check, args.files, ptyx)
    report.section("server: a scan and its page", scan_page.check, args.files, args.node, ptyx)
    report.section("server: frames by EPICS", epics.check, args.files, ptyx)
    report.section("watch: files that grow", growing.check, args.files, ptyx)
    report.section("watch: streams of detectors", detector.check, args.files, ptyx)
    report.section("watch: its page", watch_page.check, args.files, args.node, ptyx)
    report.section("patterns", forward.check, args.files)
    report.section("arrays", arrays.check, args.files)
    report.section("pictures", pictures.check, args.files)
    report.section("files of other programs", exchange.check, args.files)
    report.section("masters of detectors", masters.check, args.files)
    report.section("evaluation", evaluation.check, args.files)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
