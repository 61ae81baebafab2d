"""Results: figures, pictures and files."""

import base64

import numpy as np
import pytest

import ptyx
from ptyx import picture

PNG = b"\x89PNG"


def test_the_phase_has_no_ramp(scan):
    row, col = np.indices(scan.object.shape)
    ramped = scan.object * np.exp(1j * (0.3 * row - 0.2 * col + 1))
    flat, given = picture.flat_phase(ramped), picture.flat_phase(scan.object)
    inner = np.s_[30:-30, 30:-30]
    assert np.abs(np.angle(np.exp(1j * (flat - given))))[inner].max() < 0.01


def test_a_notebook_shows_the_figure(solved):
    shown = solved._repr_mimebundle_()
    assert base64.b64decode(shown["image/png"]).startswith(PNG)
    titles = [axes.get_title() for axes in solved.plot().axes]
    assert [t for t in titles if t] == [
        "amplitude",
        "phase (rad), ramp removed",
        *(f"probe, {share} of the light" for share in shares(solved)),
        "residual",
    ]


def shares(result):
    power = np.sum(np.abs(result.probe) ** 2, axis=(1, 2))
    return [f"{share:.0%}" for share in power / power.sum()]


def test_without_matplotlib_it_shows_the_pictures_of_the_program(solved, monkeypatch):
    monkeypatch.setattr(picture, "find_spec", lambda name: None)
    html = solved._repr_mimebundle_()["text/html"]
    assert html.count("data:image/png;base64,") == 3
    assert all(data.startswith(PNG) for data in solved.pictures.values())


def test_a_model_draws_its_losses(model):
    assert base64.b64decode(model._repr_mimebundle_()["image/png"]).startswith(PNG)


def test_a_terminal_shows_the_figures(solved):
    h, w = solved.object.shape
    assert repr(solved).startswith(f"<ptyx.Result: object {h} x {w}, 100 patterns, 8 passes, residual 0.00")


def test_save_and_load(solved, tmp_path):
    solved.save(tmp_path / "result.npz")
    loaded = ptyx.Result.load(tmp_path / "result.npz")
    assert loaded.origin == solved.origin
    np.testing.assert_array_equal(loaded.object, solved.object)
    np.testing.assert_array_equal(loaded.residuals, solved.residuals)


def test_compare_finds_shift_and_noise(scan, solved):
    same = ptyx.compare(solved, solved)
    assert same.ssim == pytest.approx(1)
    assert same.phase_ssim == pytest.approx(1)
    assert same.correlation == pytest.approx(1)
    noise = np.random.default_rng(0).normal(0, 0.2, scan.object.shape)
    noisy = ptyx.compare(scan.object + noise, scan)
    assert noisy.correlation < 0.98
    assert noisy.ssim < 0.9
    assert noisy.frc[1][-1] < same.frc[1][-1]
    assert noisy.picture.startswith(PNG)
    assert f"{noisy.correlation:.4f}" in str(noisy)


def test_the_optics_of_a_file_reach_the_files_of_other_programs(scan, tmp_path):
    path, optics = tmp_path / "scan.npz", {"probe_energy_eV": 8000.0, "detector_object_distance_m": 2.0}
    arrays = {"diff3d": scan.patterns, "xcoords": scan.x, "ycoords": scan.y, "probeGuess": scan.probe}
    np.savez(path, detector_pixel_width_m=75e-6, detector_pixel_height_m=75e-6, **optics, **arrays)
    result = ptyx.solve(ptyx.open(path), iterations=1)
    result.save(tmp_path / "result.npz")
    for each, name in ((result, "new.h5"), (ptyx.Result.load(tmp_path / "result.npz"), "loaded.cxi")):
        (each.to_ptychodus if name == "new.h5" else each.to_cxi)(tmp_path / name)  # a missing figure is a Caution
        assert ptyx.compare(tmp_path / name, result).correlation == pytest.approx(1, abs=1e-5)
    with pytest.raises(ptyx.InputError, match=r"^result: found no pixel size of the object"):
        ptyx.solve(scan, iterations=1).to_cxi(tmp_path / "object.cxi")


def test_a_file_without_a_reconstruction_is_not_loaded(scan, tmp_path):
    for name, content, found in (("text", b"a text", "no NPZ file"), ("empty", b"", "no NPZ file")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ptyx.InputError, match=f"{name}: found {found}, expected a reconstruction"):
            ptyx.Result.load(tmp_path / name)
    np.savez(tmp_path / "scan.npz", diff3d=scan.patterns)
    with pytest.raises(ptyx.InputError, match="found no object, origin, coverage, xcoords, ycoords, only diff3d"):
        ptyx.Result.load(tmp_path / "scan.npz")


def test_files_of_other_programs(solved, tmp_path):
    solved.to_cxi(tmp_path / "object.cxi", pixel_size_nm=12, energy_ev=8000)
    back = ptyx.compare(tmp_path / "object.cxi", solved)
    assert back.correlation == pytest.approx(1, abs=1e-5)
    with pytest.warns(ptyx.Caution, match="energy or distance"):
        solved.to_ptychodus(tmp_path / "product.h5", pixel_size_nm=12)
    assert ptyx.compare(tmp_path / "product.h5", solved).correlation == pytest.approx(1, abs=1e-5)
    solved.to_tiff(tmp_path / "object.tif")
    assert (tmp_path / "object.tif").read_bytes()[:2] in (b"II", b"MM")
