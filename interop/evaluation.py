"""Compares the figures of ptyx eval with scikit-image, SciPy and NumPy on the same arrays.

The report names the compared region, and the ramp, scale and phase that ptyx removed. The checks remove them from the
same arrays and compute the measures again. With PtychoPINN's conventions, they take only the region from the report."""

import numpy as np
from files import load_json
from scipy.ndimage import fourier_shift, gaussian_filter
from scipy.optimize import minimize
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.registration import phase_cross_correlation

# Both sides start from the same complex64 arrays and compute in double precision. They differ in the order of sums,
# which the variances in SSIM's denominators amplify.
EXACT = 1e-7
# The reference's own ramp is found by iteration, to 1e-6 rad across the region. Every phase may differ by that.
PHASE = 1e-5
DECIBEL = 1e-4
# The place where a curve crosses a threshold is a quotient of small differences.
CROSSING = 1e-4


def check(report, files):
    for pair in ("pair-plain", "pair-covered"):
        check_ptyx(report, files, pair)
    check_compat(report, files, "pair-moved")


def load(files, pair):
    out = []
    for name in ("reference", "recon"):
        with np.load(files / pair / f"{name}.npz", allow_pickle=False) as z:
            obj = z["object"].astype(complex)
            origin = z["origin"] if "origin" in z.files else np.zeros(2, int)
            coverage = z["coverage"] if "coverage" in z.files else np.ones(obj.shape, np.float32)
        out.append((obj, origin, coverage))
    return out


def crop(array, origin, region):
    top, left = region["row"] - origin[0], region["col"] - origin[1]
    return array[top : top + region["height"], left : left + region["width"]]


def well_covered(coverage):
    """Pixels with at least a tenth of the 90th percentile of the coverage."""
    positive = np.sort(coverage[coverage > 0])
    return (coverage > 0) & (coverage >= np.float32(0.10) * positive[positive.size * 9 // 10])


def check_ptyx(report, files, pair):
    got = load_json(files / pair / "metrics.json")
    (reference, at, reference_coverage), (recon, recon_at, coverage) = load(files, pair)
    report.same(f"{pair}: shift found", (got["shift_row"], got["shift_col"]), (0, 0))
    region = got["region"]
    a, b = crop(recon, recon_at, region), crop(reference, at, region)
    mask = crop(well_covered(coverage), recon_at, region) & crop(well_covered(reference_coverage), at, region)
    r, c = np.indices(a.shape)
    a = a * got["scale"] * np.exp(1j * (got["phase_shift"] - got["ramp_row"] * r - got["ramp_col"] * c))
    report.within(f"{pair}: share of well covered pixels, {mask.mean():.3f}", abs(got["covered"] - mask.mean()), EXACT)

    # ptyx reports the least-squares scale.
    rest = abs(np.vdot(a[mask], b[mask]) / np.vdot(a[mask], a[mask]) - 1)
    report.within(f"{pair}: scale and phase against least squares", rest, EXACT)
    da, db = a[mask] - a[mask].mean(), b[mask] - b[mask].mean()
    correlation = abs(np.vdot(da, db)) / np.linalg.norm(da) / np.linalg.norm(db)
    report.within(f"{pair}: complex correlation {correlation:.4f}", abs(got["complex_correlation"] - correlation),
                  EXACT)

    phase, recon_phase = phases(a, b, mask)
    for name, x, y, tolerance in (("amplitude", abs(b), abs(a), EXACT), ("phase", phase, recon_phase, PHASE)):
        span = x[mask].max() - x[mask].min()
        ssim = masked_ssim(x, y, mask, span)
        psnr = peak_signal_noise_ratio(x[mask], y[mask], data_range=span)
        report.within(f"{pair}: {name}: SSIM of scikit-image, {ssim:.4f}", abs(got[name]["ssim"] - ssim), tolerance)
        report.within(f"{pair}: {name}: PSNR of scikit-image, {psnr:.2f} dB", abs(got[name]["psnr_db"] - psnr), DECIBEL,
                      " dB")
        report.within(f"{pair}: {name}: RMSE and MAE of NumPy", max(
            abs(got[name]["rmse"] - np.sqrt(np.mean((x - y)[mask] ** 2))),
            abs(got[name]["mae"] - np.mean(abs(x - y)[mask]))), tolerance)
    check_frc(report, pair, got["frc"], a, b, mask)


def masked_ssim(x, y, mask, span):
    """The mean over the windows inside the image whose centre is a counted pixel."""
    mean, every = structural_similarity(x, y, data_range=span, full=True)
    inner = slice(3, -3)  # the window is 7 pixels
    if mask.all():
        return mean
    return every[inner, inner][mask[inner, inner]].mean()


def phases(a, b, mask):
    """The reference's phase without its own ramp and mean, and the reconstruction's.

    The second differs from the first by the angle between both objects."""
    r, c = np.indices(b.shape)
    counted = np.where(mask, b, 0)

    def height(k):
        return -np.log(abs(np.sum(counted * np.exp(-1j * (k[0] * r + k[1] * c)))))

    padded = abs(np.fft.fft2(counted, [8 * n for n in b.shape]))
    start = [2 * np.pi * np.fft.fftfreq(8 * n)[i] for n,
             i in zip(b.shape, np.unravel_index(padded.argmax(), padded.shape))]
    k = minimize(height, start, method="Nelder-Mead",
                 options={"xatol": 1e-10, "fatol": 1e-15, "maxiter": 2000, "initial_simplex": [
        start, [start[0] + 1e-3, start[1]], [start[0], start[1] + 1e-3]]}).x
    ramp = np.exp(-1j * (k[0] * r + k[1] * c))
    level = np.exp(-1j * np.angle(np.sum(counted * ramp)))
    phase = np.angle(b * ramp * level)
    return phase, phase + np.angle(a * np.conj(b))


def rings(shape):
    k = [np.fft.fftfreq(n) * n for n in shape]
    return np.round(np.hypot(k[0][:, None], k[1][None, :])).astype(int).ravel()


def smooth(n):
    """The largest number up to n without a prime factor above 5."""
    while True:
        rest = n
        for p in (2, 3, 5):
            while rest % p == 0:
                rest //= p
        if rest == 1:
            return n
        n -= 1


def check_frc(report, pair, got, a, b, mask):
    n = smooth(min(a.shape))
    top, left = (a.shape[0] - n) // 2, (a.shape[1] - n) // 2
    inner = slice(top, top + n), slice(left, left + n)
    window = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    counted = mask[inner]
    spectra = [np.fft.fft2(np.where(counted, v[inner] - v[inner][counted].mean(), 0) * np.outer(window, window))
               for v in (a, b)]
    ring, count = rings((n, n)), n // 2 + 1

    def total(v):
        return np.bincount(ring, v.ravel())[:count]

    cross = total((spectra[0] * np.conj(spectra[1])).real)
    curve = cross / np.sqrt(total(abs(spectra[0]) ** 2) * total(abs(spectra[1]) ** 2))
    root = np.sqrt(np.bincount(ring)[:count])
    half_bit = (0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root)
    report.within(f"{pair}: FRC of numpy.fft, {count} rings from {curve.max():.3f} to {curve.min():.3f}",
                  abs(np.array(got["correlation"]) - curve).max(), EXACT)
    report.within(f"{pair}: half-bit threshold", abs(np.array(got["half_bit"]) - half_bit).max(), 1e-12)
    for key, threshold in (("at_half_bit", half_bit), ("at_1_7", np.full(count, 1 / 7))):
        i = 3 + int(np.argmax((threshold > curve)[3:]))
        above, below = curve[i - 1] - threshold[i - 1], threshold[i] - curve[i]
        if not (i > 3 and above >= 0 and below > 0):
            raise ValueError(f"{pair}: the curve never crosses the threshold of {key}, so nothing is compared")
        frequency = (i - 1 + above / (above + below)) / n
        report.within(f"{pair}: frequency {key}, {frequency:.4f} cycles/pixel", abs(got[key]["frequency"] - frequency),
                      CROSSING)


def plane_removed(phase):
    r, c = np.indices(phase.shape)
    basis = np.column_stack([c.ravel(), r.ravel(), np.ones(phase.size)])
    return phase - (basis @ np.linalg.lstsq(basis, phase.ravel(), rcond=None)[0]).reshape(phase.shape)


def ms_ssim(x, y):
    """PtychoPINN's: the full SSIM at five scales, with every second pixel and without a filter."""
    span = max(x.max() - x.min(), y.max() - y.min())
    product = 1.0
    for weight in (0.0448, 0.2856, 0.3001, 0.2363, 0.1333):
        product *= max(structural_similarity(x, y, data_range=span), 0.0001) ** weight
        x, y = x[::2, ::2], y[::2, ::2]
        if min(x.shape) < 7:
            break
    return product


def compat_frc(x, y):
    n = min(x.shape)
    top, left = (x.shape[0] - n) // 2, (x.shape[1] - n) // 2
    a, b = (np.fft.fft2(v[top : top + n, left : left + n]) for v in (x, y))
    ring, cross = rings((n, n)), (a * np.conj(b)).ravel()
    return np.hypot(np.bincount(ring, cross.real), np.bincount(ring, cross.imag)) / np.sqrt(
        np.bincount(ring, abs(a.ravel()) ** 2) * np.bincount(ring, abs(b.ravel()) ** 2))


def check_compat(report, files, pair):
    got = load_json(files / pair / "metrics.json")
    (truth, at, _), (pred, pred_at, _) = load(files, pair)
    truth, pred = crop(truth, at, got["region"]), crop(pred, pred_at, got["region"])
    shift = phase_cross_correlation(abs(truth), abs(pred), upsample_factor=50)[0]
    report.within(f"{pair}: registration of scikit-image, ({shift[0]:.2f}, {shift[1]:.2f}) pixels",
                  max(abs(got["shift_row"] - shift[0]), abs(got["shift_col"] - shift[1])), 1e-9)  # multiples of 1/50
    pred = np.fft.ifft2(fourier_shift(np.fft.fft2(pred), shift))
    truth, pred = truth[4:-4, 4:-4], pred[4:-4, 4:-4]  # 2 pixels of border, 2 of half an offset

    x, y = abs(truth), abs(pred)
    y = y * (x.mean() / y.mean())
    p, q = plane_removed(np.angle(truth)), plane_removed(np.angle(pred))
    ps, qs = ((v + np.pi) / (2 * np.pi) for v in (p, q))
    cases = (
        ("amplitude", x, y, structural_similarity(x, y, data_range=x.max() - x.min()),
         ms_ssim(gaussian_filter(x, 1.0), gaussian_filter(y, 1.0))),
        ("phase", p, q, structural_similarity(ps, qs, data_range=1.0), ms_ssim(ps, qs)),
    )
    for name, want, found, ssim, multi in cases:
        psnr = peak_signal_noise_ratio(want, found, data_range=255)
        report.within(f"{pair}: {name}: SSIM of scikit-image, {ssim:.4f}", abs(got[name]["ssim"] - ssim), EXACT)
        report.within(f"{pair}: {name}: MS-SSIM, {multi:.4f}", abs(got[name]["ms_ssim"] - multi), EXACT)
        report.within(f"{pair}: {name}: PSNR of scikit-image, {psnr:.2f} dB over 255", abs(got[name]["psnr_db"] - psnr),
                      DECIBEL, " dB")
        curve = compat_frc(want, found)
        report.within(f"{pair}: {name}: FRC of numpy.fft, {len(curve)} rings",
                      abs(np.array(got[name]["frc"]) - curve).max(), EXACT)
