"""Training, and the model as a function."""

import math

import numpy as np
import onnxruntime
import pytest

import ptyx


def test_training_reports_its_epochs(model):
    assert [epoch.number for epoch in model.history] == [1, 2]
    assert model.history[1].train_loss < model.history[0].train_loss
    assert not math.isnan(model.history[1].val_loss)
    assert "2 epochs" in repr(model)


def test_a_model_reconstructs_its_scan(scan, model):
    result = model.infer(scan, refine=4)
    assert ptyx.compare(result, scan).correlation > 0.99
    assert len(result.residuals) == 4


def test_a_saved_model_is_the_same_model(scan, model, tmp_path):
    model.save(tmp_path / "model.onnx")
    loaded = ptyx.Model(tmp_path / "model.onnx")
    assert loaded.history == ()
    assert loaded.describe() == {**model.describe(), "file": "model.onnx"}
    np.testing.assert_array_equal(loaded(scan.patterns[:3]), model(scan.patterns[:3]))


def test_the_patches_are_those_of_onnxruntime(scan, model, tmp_path):
    model.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    offset = np.stack([scan.x, scan.y], axis=1)
    offset = (offset - np.floor(offset + 0.5)).astype(np.float32)
    inputs = {"amplitude_measured": scan.patterns[:, None], "offset": offset}
    re, im = session.run(["object_re", "object_im"], inputs)
    patches = model(scan.patterns, scan.x, scan.y)
    assert patches.shape == (100, 64, 64)
    np.testing.assert_allclose(patches, (re + 1j * im)[:, 0], atol=2e-5)
    assert not np.allclose(patches, model(scan.patterns), atol=1e-3)  # the offsets have counted


def test_more_patterns_than_a_request_holds(scan, model):
    many = np.concatenate([scan.patterns] * 6)
    np.testing.assert_array_equal(model(many)[300:400], model(scan.patterns))


def test_another_probe_changes_the_patches(scan, model):
    assert not np.allclose(model(scan.patterns[:2]), model(scan.patterns[:2], probe=np.roll(scan.probe, 5)), atol=1e-3)


def test_bad_patterns_are_refused_in_a_sentence(model):
    with pytest.raises(ValueError, match=r"expected shape \(M, N, N\)"):
        model(np.ones((64, 64)))
    with pytest.raises(ptyx.InputError, match=r"^patterns: "):
        model(-np.ones((1, 64, 64)))
    with pytest.raises(ptyx.InputError, match=r"patterns: found dtype complex128.*use numpy\.abs"):
        model(np.ones((1, 64, 64), complex))
    with pytest.raises(ptyx.InputError, match=r"y: found None, expected an array"):
        model(np.ones((1, 64, 64)), x=[1.0])
    with pytest.raises(ptyx.InputError, match=r"x: found shape \(2,\), expected shape \(1,\)"):
        model(np.ones((1, 64, 64)), x=[1.0, 2.0], y=[1.0])
    with pytest.raises(ptyx.InputError, match=r"^probe: "):
        model(np.ones((1, 64, 64)), probe=np.ones((3, 64)))
    assert model(np.ones((0, 64, 64))).shape == (0, 64, 64)


def test_a_damaged_model_is_refused_without_the_private_folder(tmp_path, capfd):
    (tmp_path / "bad.onnx").write_text("a text")
    with pytest.raises(ptyx.InputError, match=r"^model\.onnx: found bytes that are not an ONNX model"):
        ptyx.Model(tmp_path / "bad.onnx")(np.ones((1, 64, 64)))
    assert capfd.readouterr() == ("", "")


def test_two_scans_train_one_model(scan, model):
    other = ptyx.simulate(positions=64, step=6, seed=5)
    both = ptyx.train([scan, other], max_epochs=1)
    assert len(both.history) == 1
    started = ptyx.train(scan, max_epochs=1, init=model)
    assert started.history[0].train_loss < model.history[0].train_loss
    with pytest.raises(ValueError, match="expected the same options"):
        ptyx.train([scan, ptyx.Scan(other.patterns, other.x, other.y, swap_xy=True)])
