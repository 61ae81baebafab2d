"""The scripts of `make star`: its conversion, on a simulated star in the layout of the measured one, and its times."""

import bz2
import io
import json
import sys
import tarfile

import numpy as np
import pytest
from star import convert, timed

import ptyx


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    scan = ptyx.simulate(n=128, positions=100, step=8, probe_size=30, seed=4)
    counts = np.fft.ifftshift(np.square(scan.patterns), axes=(1, 2))
    packed = io.BytesIO()
    places = np.stack([scan.y - 300, scan.x + 70], axis=1).astype(np.float32)
    np.savez(packed, data=counts[None], scan=places[None], probe=scan.probe[None, None, None, None])
    data = bz2.compress(packed.getvalue())
    path = tmp_path_factory.mktemp("star") / "tike.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        entry = tarfile.TarInfo("tike" + convert.MEASURED)
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
