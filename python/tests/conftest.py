"""A simulated scan and its solution, which most tests share."""

import pytest

import ptyx


@pytest.fixture(scope="session")
def scan():
    """100 patterns of a star with 10^6 photons each; object and probe are the truth."""
    return ptyx.simulate(positions=100, step=6, seed=2)


@pytest.fixture(scope="session")
def solved(scan):
    return ptyx.solve(scan, iterations=8, modes=2)


@pytest.fixture(scope="session")
def model(scan):
    return ptyx.train(scan, max_epochs=2, seed=1)
