"""Scans of arrays and files, and their validation."""

import numpy as np
import pytest

import ptyx


def test_a_file_and_its_arrays_are_the_same_scan(scan, tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, diff3d=scan.patterns, xcoords=scan.x, ycoords=scan.y, probeGuess=scan.probe)
    opened = ptyx.open(path)
    assert len(opened) == len(scan) == 100
    np.testing.assert_array_equal(opened.patterns, scan.patterns)
    np.testing.assert_array_equal(opened.x, scan.x)
    np.testing.assert_array_equal(opened.y, scan.y)
    np.testing.assert_allclose(np.squeeze(opened.probe), scan.probe, rtol=1e-6)
    assert opened.object is None


def test_options_of_reading_reach_the_program(scan, tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, diff3d=scan.patterns, xcoords=scan.x, ycoords=scan.y)
    np.save(tmp_path / "probe.npy", scan.probe)
    assert ptyx.open(path, bin=2).patterns.shape == (100, 32, 32)
    known = ptyx.open(path, crop="32@32,32", swap_xy=True, probe_file=tmp_path / "probe.npy")
    assert known.patterns.shape == (100, 32, 32)
    np.testing.assert_allclose(known.x - known.x[0], (scan.y - scan.y[0]) / 2)


def test_a_good_scan_has_no_findings(scan):
    validation = scan.validate()
    assert validation.ok
    assert validation.findings == ()
    assert validation.facts["patterns"] == 100
    assert "No faults found" in validation._repr_html_()


def test_a_fault_is_found_and_shown_as_a_table(scan):
    shifted = np.fft.fftshift(scan.patterns, axes=(1, 2))
    validation = ptyx.Scan(shifted, scan.x, scan.y, probe=scan.probe).validate()
    keys = {finding.key for finding in validation.findings}
    assert "patterns" in keys, str(validation)
    finding = next(f for f in validation.findings if f.key == "patterns")
    assert finding.fix
    assert finding.fix in str(validation)
    assert "<td>patterns</td>" in validation._repr_html_()


def test_an_unreadable_scan_is_no_exception_of_validate(scan):
    validation = ptyx.Scan(scan.patterns[:, :, :40], scan.x, scan.y).validate()
    assert not validation.ok
    assert validation.findings[0].found == "shape (100, 64, 40)"
    assert validation.facts == {}


def test_a_mask_hides_hot_pixels(scan):
    patterns, mask = scan.patterns.copy(), np.zeros((64, 64), bool)
    patterns[:, 5, 7], mask[5, 7] = 4000, True
    hot = ptyx.Scan(patterns, scan.x, scan.y, probe=scan.probe)
    masked = ptyx.Scan(patterns, scan.x, scan.y, probe=scan.probe, mask=mask)
    assert any("hot" in f.check for f in hot.validate().findings)
    assert not any("hot" in f.check for f in masked.validate().findings)


def test_writing_a_scan_allocates_no_second_copy(tmp_path):
    import tracemalloc

    patterns = np.ones((2000, 64, 64), np.float32)  # 33 MB
    scan = ptyx.Scan(patterns, np.zeros(2000), np.zeros(2000))
    tracemalloc.start()
    try:
        path, _ = scan.write(tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = (tmp_path / "scan.npz").stat().st_size
    assert path == str(tmp_path / "scan.npz")
    assert patterns.nbytes < size < 1.01 * patterns.nbytes + 64_000
    assert peak < 0.6 * patterns.nbytes


@pytest.mark.parametrize("settings", [{"n": 128, "positions": 9}, {"object": "blobs", "positions": 9}])
def test_simulate_takes_its_settings(settings):
    made = ptyx.simulate(**settings)
    assert made.patterns.shape == (9, settings.get("n", 64), settings.get("n", 64))
    assert repr(made).startswith("<ptyx.Scan: patterns (9, ")


def test_the_mask_of_a_masked_array_is_that_of_the_detector(scan, tmp_path):
    damaged = scan.patterns.copy()
    damaged[:, 10, 20] = np.nan
    hidden = np.ma.masked_invalid(damaged)
    np.ma.set_fill_value(hidden, 7)
    assert not ptyx.Scan(damaged, scan.x, scan.y).validate().ok
    masked = ptyx.Scan(hidden, scan.x, scan.y)
    assert masked.validate().ok
    _, flags = masked.write(tmp_path)
    mask = np.load(next(flag for flag in flags if flag.startswith("--mask=")).partition("=")[2])
    assert np.argwhere(mask).tolist() == [[10, 20]]
    both = ptyx.Scan(hidden, scan.x, scan.y, mask=np.eye(64))
    assert np.count_nonzero(both._mask) == 65


def test_a_pixel_that_some_patterns_mask_is_left_out_of_all(scan):
    hidden = np.ma.array(scan.patterns, mask=False)
    hidden[3, 10, 20] = np.ma.masked
    with pytest.warns(ptyx.Caution, match="^1 pixels are masked in some patterns only") as caught:
        ptyx.Scan(hidden, scan.x, scan.y)
    assert caught[0].filename == __file__


def test_masked_positions_are_refused(scan):
    with pytest.raises(ptyx.InputError, match="Scan: x: found 1 masked elements") as caught:
        ptyx.Scan(scan.patterns, np.ma.array(scan.x, mask=np.arange(100) == 5), scan.y)
    assert caught.value.key == "x"


def test_patterns_counted_by_the_last_axis_are_refused_with_the_remedy(scan):
    with pytest.raises(ptyx.InputError, match=r"shape \(64, 64, 100\)") as caught:
        ptyx.Scan(np.moveaxis(scan.patterns, 0, -1), scan.x, scan.y)
    assert caught.value.remedy == "use numpy.moveaxis(patterns, -1, 0)"
