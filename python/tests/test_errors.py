"""Errors of the program as exceptions."""

import stat

import numpy as np
import pytest

import ptyx
from ptyx import child, program


def test_a_fault_of_an_array_names_it(scan):
    with pytest.raises(ptyx.InputError) as caught:
        ptyx.solve(ptyx.Scan(scan.patterns[:, :, :40], scan.x, scan.y))
    error = caught.value
    assert (error.file, error.key, error.found) == ("Scan", "patterns", "shape (100, 64, 40)")
    assert error.expected == "square patterns, shape (M, N, N)"
    assert "crop SIZE" in error.remedy
    assert "--" not in str(error)
    assert str(error).startswith("Scan: patterns: found shape (100, 64, 40), expected")


def test_a_fault_of_a_file_names_the_file_and_its_key(scan, tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, diff3d=scan.patterns[:, :, :40], xcoords=scan.x, ycoords=scan.y)
    with pytest.raises(ptyx.InputError) as caught:
        ptyx.solve(ptyx.open(path))
    assert (caught.value.file, caught.value.key) == (str(path), "diff3d")


def test_a_missing_file(tmp_path):
    with pytest.raises(ptyx.InputError, match="found no such file"):
        len(ptyx.open(tmp_path / "missing.npz"))


@pytest.mark.parametrize(
    ("option", "found"),
    [({"nonsense": 3}, "unknown flag"), ({"batch_size": "many"}, "many"), ({"method": "magic"}, "magic")],
)
def test_a_fault_of_an_option_names_it(scan, option, found):
    with pytest.raises(ptyx.InputError) as caught:
        ptyx.solve(scan, **option)
    assert (caught.value.file, caught.value.key, caught.value.found) == ("", *option, found)


@pytest.mark.parametrize("call", [ptyx.solve, ptyx.infer, ptyx.train])
@pytest.mark.parametrize("given", [np.ones((3, 64, 64)), "scan.h5", None])
def test_what_is_no_scan_is_refused_with_the_remedy(call, given):
    with pytest.raises(ptyx.InputError, match=r"scan: found .*, expected a ptyx\.Scan; .*ptyx\.open\(path\)") as caught:
        call(given)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("start", [None, np.ones((64, 64), complex)])
def test_what_is_no_start_is_refused(scan, start):
    with pytest.raises(ptyx.InputError, match=r"^start: found .*, expected auto, none, network or a ptyx\.Result"):
        ptyx.solve(scan, start=start)


def test_an_array_is_no_value_of_an_option(scan, model):
    with pytest.raises(
        ptyx.InputError, match=r"^probe: found a value of type ndarray, shape \(64, 64\), expected a num"
    ):
        model.infer(scan, probe=scan.probe)


@pytest.mark.parametrize("name", ["patterns", "x", "probe"])
@pytest.mark.parametrize("wrong", [object(), [[1.0, 2.0], [3.0]], {"a": 1}])
def test_what_is_no_array_is_refused(scan, name, wrong):
    arrays = {"patterns": scan.patterns, "x": scan.x, "y": scan.y, "probe": scan.probe, name: wrong}
    with pytest.raises(ptyx.InputError, match=f"^Scan: {name}: found .*, expected an array") as caught:
        ptyx.Scan(**arrays)
    assert caught.value.key == name


def test_remedies_name_what_python_has(scan):
    with pytest.raises(ptyx.InputError, match=r'^unknown flag swapxy, did you mean "swap_xy"\?$'):
        ptyx.Scan(scan.patterns, scan.x, scan.y, swapxy=True).validate()
    with pytest.raises(ptyx.InputError, match=r"^Scan: probe: found no probe.*; give ptyx\.Scan a probe$"):
        ptyx.infer(ptyx.Scan(scan.patterns, scan.x, scan.y))


def test_a_scan_without_an_object_is_no_reference(scan):
    bare = ptyx.Scan(scan.patterns, scan.x, scan.y)
    with pytest.raises(ptyx.InputError, match=r"^reference: found a Scan without object"):
        ptyx.compare(scan, bare)
    with pytest.raises(ptyx.InputError, match=r"^result: found None, expected an array of numbers"):
        ptyx.compare(None, scan)
    with pytest.raises(ptyx.InputError, match=r"^result: .*expected one image"):
        ptyx.compare(scan.object[0], scan)
    assert ptyx.compare(scan.object.tolist(), scan).correlation == pytest.approx(1)


def test_a_path_is_no_flag(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ptyx.InputError, match=r"^\./--help: found no such file"):
        len(ptyx.open("--help"))


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Return a function that replaces the program by a script of the shell."""

    def install(script):
        path = tmp_path / "stand-in"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(program, "path", lambda: str(path))

    return install


def test_a_killed_program_is_an_error_of_memory(stand_in, tmp_path):
    stand_in("kill -9 $$")
    with pytest.raises(ptyx.Error, match="memory runs out"):
        child.run(["solve"], private=tmp_path)


def test_a_program_without_a_result_shows_its_last_words(stand_in, tmp_path):
    stand_in("echo the last words >&2; exit 3")
    with pytest.raises(ptyx.Error, match="exit status 3: the last words"):
        child.run(["solve"], private=tmp_path)


def test_warnings_of_the_log_become_cautions(stand_in, tmp_path):
    stand_in("""echo 'level=WARN msg="a \\"bad\\" scan, use --crop" file=x.npz key=y' >&2; echo '{"a": 1}'""")
    with pytest.warns(ptyx.Caution, match=r'^a "bad" scan, use crop \(file x.npz, key y\)$') as caught:
        assert child.run(["solve"], private=tmp_path) == ({"a": 1}, False)
    assert caught[0].filename == __file__
