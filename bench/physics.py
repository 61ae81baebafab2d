"""The forward model and the likelihood of ptyx (internal/graph/forward, trainer/step.go) in PyTorch, with torch.fft."""

import math

import numpy as np
import torch
from torch import nn

FLOOR = 0.1  # background in the likelihood, in units of the mean intensity


class Physics(nn.Module):
    """Amplitude and phase of patches -> the mean Poisson loss of the measured patterns.

    offset (B, 2) is the subpixel part of each position, row first. It shifts the probe, not the object."""

    def __init__(self, checkpoint, dtype=torch.float32):
        super().__init__()
        n = checkpoint.n
        probe = checkpoint.probe.astype(np.complex128)
        probe *= n / np.sqrt((np.abs(probe) ** 2).sum())  # an empty object gives a mean intensity of 1
        self.register_buffer("probe_spectrum", torch.fft.fft2(torch.from_numpy(probe)).to(dtype.to_complex()))
        self.register_buffer("frequency", torch.fft.fftfreq(n, dtype=dtype) * n)
        self.n, self.input_scale = n, checkpoint.input_scale

    def shift(self, distance):
        """Factors of a Fourier shift along one axis, (B, N). The Nyquist frequency takes the real part."""
        angle = (-2 * math.pi / self.n) * distance[:, None] * self.frequency
        imaginary = torch.where(self.frequency.abs() < self.n / 2, torch.sin(angle), 0.0)
        return torch.complex(torch.cos(angle), imaginary)

    def intensity(self, amplitude, phase, offset):
        factor = self.shift(offset[:, 0])[:, None, :, None] * self.shift(offset[:, 1])[:, None, None, :]
        probe = torch.fft.ifft2(self.probe_spectrum * factor)
        wave = torch.fft.fft2(probe * torch.polar(amplitude, phase), norm="ortho")
        return torch.fft.fftshift(wave.real.square() + wave.imag.square(), dim=(-2, -1))

    def forward(self, amplitude, phase, patterns, offset):
        modelled = self.intensity(amplitude, phase, offset)
        measured = (2 * self.input_scale * patterns).square()  # mean 1
        ratio = torch.log(modelled + FLOOR) - torch.log(measured + FLOOR)
        return (modelled - measured - (measured + FLOOR) * ratio).mean()


def offsets(x, y):
    """The subpixel parts of positions, (M, 2) float32, row first: in [-0.5, 0.5)."""
    positions = np.stack([y, x], axis=1)
    return torch.from_numpy((positions - np.floor(positions + 0.5)).astype(np.float32))
