"""Makes golden.json: the metrics of scikit-image and of PtychoPINN's evaluation, on images given by formulas.

    python3 -m venv venv && venv/bin/pip install numpy scipy scikit-image && venv/bin/python make_golden.py

The Go test golden_test.go samples the same formulas.
"""
import json
from pathlib import Path

import numpy as np
import scipy
import skimage
from scipy.ndimage import fourier_shift, gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.registration import phase_cross_correlation

H, W = 61, 84


def scene(r, c):
    amplitude = 0.8 + 0.1 * np.sin(0.21 * r + 0.13 * c) + 0.07 * np.cos(0.004 * (r - 30) * (c - 40))
    amplitude += 0.05 * np.sin(0.9 * c - 0.5 * r)
    phase = 0.4 * np.sin(0.31 * c) * np.cos(0.27 * r) + 0.03 * r - 0.02 * c + 0.2 * np.sin(0.002 * r * c)
    return amplitude * np.exp(1j * phase)


def other(r, c):
    """The scene displaced by (0.62, -1.38), with an error and a ramp of its own."""
    error = 0.04 * np.sin(1.7 * r + 0.3 * c) + 0.03j * np.cos(0.2 * r - 1.3 * c)
    return 1.3 * (scene(r - 0.62, c + 1.38) + error) * np.exp(1j * (0.01 * c + 0.4))


def grains(r, c):
    """A rough image, which phase correlation needs, from 1 to 1.25."""
    v = 1000 * np.sin(12.9898 * r + 78.233 * c)
    return 1 + 0.25 * (v - np.floor(v))


def ms_ssim(x, y):
    span = max(x.max() - x.min(), y.max() - y.min())
    product = 1.0
    for weight in (0.0448, 0.2856, 0.3001, 0.2363, 0.1333):
        product *= max(structural_similarity(x, y, data_range=span), 0.0001) ** weight
        x, y = x[::2, ::2], y[::2, ::2]
        if min(x.shape) < 7:
            break
    return product


def plane_removed(phase):
    r, c = np.indices(phase.shape)
    basis = np.column_stack([c.ravel(), r.ravel(), np.ones(phase.size)])
    return phase - (basis @ np.linalg.lstsq(basis, phase.ravel(), rcond=None)[0]).reshape(phase.shape)


def frc(x, y):
    n = min(x.shape)
    top, left = (x.shape[0] - n) // 2, (x.shape[1] - n) // 2
    a, b = (np.fft.fft2(v[top:top + n, left:left + n]) for v in (x, y))
    k = np.fft.fftfreq(n) * n
    ring = np.round(np.hypot(k[:, None], k[None, :])).astype(int).ravel()
    total = lambda v: np.bincount(ring, v.ravel())
    cross = a * np.conj(b)
    return np.hypot(total(cross.real), total(cross.imag)) / np.sqrt(total(abs(a) ** 2) * total(abs(b) ** 2))


def first_below(curve, threshold):
    below = np.where(curve < threshold)[0]
    if below.size == 0:
        return float(len(curve))
    i = below[0]
    return 0.0 if i == 0 else float(i - 1 + (threshold - curve[i - 1]) / (curve[i] - curve[i - 1]))


def quality(truth, pred, ssim_truth, ssim_pred, span, ms):
    mse = np.mean((truth - pred) ** 2)
    curve = frc(truth, pred)
    return {
        "mae": np.mean(abs(truth - pred)), "mse": mse, "psnr_db": 10 * np.log10(255**2 / mse),
        "ssim": structural_similarity(ssim_truth, ssim_pred, data_range=span), "ms_ssim": ms,
        "frc50": first_below(curve, 0.5), "frc1over7": first_below(curve, 1 / 7), "frc": list(curve),
    }


def main():
    r, c = np.indices((H, W)).astype(float)
    # The Go test passes complex64 objects.
    truth, pred = (f(r, c).astype(np.complex64).astype(complex) for f in (scene, other))
    x, y = abs(truth), abs(pred)
    plain = {
        "ssim_amplitude": structural_similarity(x, y, data_range=x.max() - x.min()),
        "ssim_range_3": structural_similarity(x, y, data_range=3.0),
        "psnr_amplitude": peak_signal_noise_ratio(x, y, data_range=x.max() - x.min()),
    }
    rough = grains(*np.indices((H, W + 1)).astype(float))  # odd sides: no Nyquist frequency to disagree about
    displaced = np.fft.ifft2(fourier_shift(np.fft.fft2(rough), (2.34, -1.62))).real
    plain["shift"] = list(phase_cross_correlation(rough, displaced, upsample_factor=50)[0])
    shift, _, _ = phase_cross_correlation(x, y, upsample_factor=50)
    moved = np.fft.ifft2(fourier_shift(np.fft.fft2(pred), shift))
    truth, moved = truth[4:-4, 4:-4], moved[4:-4, 4:-4]  # 2 pixels of border, 2 of offset/2
    a, b = abs(truth), abs(moved)
    b = b * (a.mean() / b.mean())
    p, q = plane_removed(np.angle(truth)), plane_removed(np.angle(moved))
    ps, qs = ((v + np.pi) / (2 * np.pi) for v in (p, q))
    compat = {
        "shift": list(shift),
        "amplitude": quality(a, b, a, b, a.max() - a.min(), ms_ssim(gaussian_filter(a, 1.0), gaussian_filter(b, 1.0))),
        "phase": quality(p, q, ps, qs, 1.0, ms_ssim(ps, qs)),
    }
    made_with = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-image": skimage.__version__}
    text = json.dumps({"made_with": made_with, "plain": plain, "compat": compat}, indent=1, default=float)
    Path(__file__).with_name("golden.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
