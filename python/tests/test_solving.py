"""Solvers and the general network, against the truth of the simulation."""

import numpy as np
import pytest

import ptyx


def test_solve_finds_object_and_probe(scan, solved):
    assert ptyx.compare(solved, scan).correlation > 0.99
    assert solved.object.dtype == np.complex64
    assert solved.probe.shape == (2, 64, 64)
    assert len(solved.residuals) == 8
    assert solved.residuals[-1] < 0.1 * solved.residuals[0]
    assert not solved.interrupted
    np.testing.assert_array_equal(solved.x, scan.x)


def test_the_same_seed_gives_the_same_bytes(scan):
    a, b = (ptyx.solve(scan, iterations=2, seed=3, threads=1) for _ in range(2))
    np.testing.assert_array_equal(a.object, b.object)


def test_positions_are_refined(scan):
    wrong = scan.x + np.random.default_rng(0).uniform(-1, 1, len(scan))
    result = ptyx.solve(ptyx.Scan(scan.patterns, wrong, scan.y, probe=scan.probe), iterations=40, positions=True)
    before, after = (np.std(x - scan.x) for x in (wrong, result.x))
    assert after < 0.4 * before


def test_solve_starts_from_a_result(scan, solved):
    refined = ptyx.solve(scan, start=solved, iterations=2)
    assert len(refined.residuals) == 2
    assert refined.residuals[0] < 1.5 * solved.residuals[-1]


def test_epie_is_chosen_by_name(scan):
    result = ptyx.solve(scan, iterations=2, method="epie")
    assert str(result.arrays["method"]) == "epie"


@pytest.mark.filterwarnings("ignore::ptyx.Caution")  # the network may be unsure of this scan
def test_the_general_network_needs_no_training(scan):
    alone = ptyx.infer(scan)
    assert 0 < alone.unexplained < 1
    assert alone.sigma.shape == alone.object.shape
    refined = ptyx.infer(scan, refine=5)
    assert ptyx.compare(refined, scan).correlation > 0.99 > ptyx.compare(alone, scan).correlation > 0.8


def test_an_object_that_does_not_explain_its_patterns_is_a_caution(scan):
    shuffled = np.random.default_rng(1).permutation(len(scan))
    wrong = ptyx.Scan(scan.patterns[shuffled], scan.x, scan.y, probe=scan.probe)
    with pytest.warns(ptyx.Caution, match="the object does not explain its patterns") as caught:
        assert ptyx.infer(wrong).unexplained > 0.8
    assert caught[0].filename == __file__


def test_progress_shows_every_pass(scan, capsys):
    ptyx.solve(scan, iterations=3, progress=True)
    shown = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in shown] == ["pass 1/3", "pass 2/3", "pass 3/3"]
    ptyx.solve(scan, iterations=3)
    assert capsys.readouterr().err == ""
