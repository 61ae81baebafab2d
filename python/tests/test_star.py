"""The scripts of `make star` and `make nanoprobe`: their conversions, on simulated scans in the layouts of the measured
ones, and their times."""

import bz2
import io
import json
import pickle
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from star import convert, nanoprobe, timed

import ptyx


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    scan = ptyx.simulate(n=128, positions=100, step=8, probe_size=30, seed=4)
    counts = np.fft.ifftshift(np.square(scan.patterns), axes=(1, 2))
    packed = io.BytesIO()
    places = np.stack([scan.y - 300, scan.x + 70], axis=1).astype(np.float32)
    np.savez(packed, data=counts[None], scan=places[None], probe=scan.probe[None, None, None, None])
    data = bz2.compress(packed.getvalue())
    return packed_as(convert.MEASURED, data, tmp_path_factory.mktemp("star"))


def packed_as(name, data, folder):
    path = folder / "tike.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        entry = tarfile.TarInfo("tike" + name)
        entry.size = len(data)
        file.addfile(entry, io.BytesIO(data))
    return path


def test_the_converted_star_is_a_good_scan(archive):
    arrays = convert.convert(convert.load(archive))
    assert arrays["diff3d"].shape == (100, 64, 64)
    assert arrays["xcoords"].min() == arrays["ycoords"].min() == 32
    scan = ptyx.Scan(arrays["diff3d"], arrays["xcoords"], arrays["ycoords"], probe=arrays["probeGuess"])
    validation = scan.validate()
    assert validation.ok, validation
    assert validation.facts["orientations"][0]["name"] == "as given"
    assert validation.facts["calibrated_agreement"] > 0.99
    before, after = (np.sum(np.abs(p) ** 2) for p in (convert.load(archive)["probe"], arrays["probeGuess"]))
    assert after == pytest.approx(before, rel=0.05)  # some light falls beyond the central half of the detector


def test_the_time_of_a_command_is_kept(tmp_path):
    work = "import time\nwhile time.process_time() < 0.2: pass"
    assert timed.main(str(tmp_path / "times.json"), sys.executable, "-c", work) == 0
    seconds = json.loads((tmp_path / "times.json").read_text())
    assert 0.15 < seconds["processor"] < 2
    assert seconds["elapsed"] > 0.15


def test_a_command_that_fails_leaves_no_time(tmp_path):
    assert timed.main(str(tmp_path / "times.json"), sys.executable, "-c", "raise SystemExit(3)") == 3
    assert not (tmp_path / "times.json").exists()


def test_the_converted_nanoprobe_is_a_good_scan_at_its_corrected_positions(tmp_path):
    scan = ptyx.simulate(n=64, positions=100, step=5, probe_size=24, seed=4)
    counts = np.fft.ifftshift(np.square(scan.patterns), axes=(1, 2)).astype(np.uint16)
    corrected = np.stack([scan.y, scan.x], axis=1) + 17
    given = corrected + np.random.default_rng(1).normal(size=corrected.shape)
    modes = np.repeat(scan.probe[None, None, None].astype(complex), 3, axis=2)
    data = bz2.compress(pickle.dumps([counts, given, corrected, modes], protocol=4))
    arrays, right = nanoprobe.convert(nanoprobe.load(packed_as(nanoprobe.MEASURED, data, tmp_path)))
    assert arrays["xcoords"].min() == arrays["ycoords"].min() == 32
    np.testing.assert_allclose(right[:, 0] - arrays["xcoords"], (corrected - given)[:, 1], atol=1e-9)
    assert ptyx.Scan(arrays["diff3d"], *right.T, probe=arrays["probeGuess"]).validate().ok


def test_a_file_of_arrays_runs_nothing(tmp_path):
    data = bz2.compress(pickle.dumps([subprocess.check_output]))
    with pytest.raises(pickle.UnpicklingError, match="in a file of arrays"):
        nanoprobe.load(packed_as(nanoprobe.MEASURED, data, tmp_path))
