"""The network of ptyx (models/) in PyTorch: an encoder and two decoders, one for amplitude, one for phase."""

import math

import torch
from torch import nn

ENCODER = {64: [32, 64, 128], 128: [16, 32, 64, 128], 256: [8, 16, 32, 64, 128]}
DECODER = {64: [64, 32], 128: [128, 64, 32], 256: [256, 128, 64, 32]}


def conv(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class Down(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(conv(inputs, outputs), nn.ReLU(), conv(outputs, outputs), nn.ReLU(), nn.MaxPool2d(2))


class Up(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(conv(inputs, outputs), nn.ReLU(), conv(outputs, outputs), nn.ReLU(),
                         nn.Upsample(scale_factor=2, mode="nearest"))


def decoder(inputs, filters):
    sizes = [inputs, *filters]
    return nn.Sequential(*(Up(a, b) for a, b in zip(sizes, sizes[1:])), conv(sizes[-1], 1))


class Network(nn.Module):
    """Patterns (B, 1, N, N), raw amplitudes -> amplitude and phase of the object patch, (B, 1, N, N) each."""

    def __init__(self, n, filters_scale, extent, input_scale, amplitude_max):
        super().__init__()
        self.input_scale, self.amplitude_max = input_scale, amplitude_max
        encoder = [f * filters_scale for f in ENCODER[n]]
        filters = [f * filters_scale for f in DECODER[n]]
        self.margin = n // 4 if extent == "centre" else 0
        if extent == "full":
            filters.append(filters[-1] // 2)
        self.encoder = nn.Sequential(*(Down(a, b) for a, b in zip([1, *encoder], encoder)))
        self.amplitude = decoder(encoder[-1], filters)
        self.phase = decoder(encoder[-1], filters)

    def forward(self, patterns):
        latent = self.encoder(patterns * self.input_scale)
        amplitude = self.amplitude_max * torch.sigmoid(self.amplitude(latent))
        phase = math.pi * torch.tanh(self.phase(latent))
        if self.margin:
            amplitude, phase = (nn.functional.pad(x, [self.margin] * 4) for x in (amplitude, phase))
        return amplitude, phase


def from_checkpoint(checkpoint):
    """The network with the weights of a checkpoint, whose order is the order of construction here."""
    network = Network(checkpoint.n, checkpoint.filters_scale, checkpoint.extent, checkpoint.input_scale,
                      checkpoint.amplitude_max)
    found = sum(p.numel() for p in network.parameters())
    if found != checkpoint.parameter_count():
        raise SystemExit(f"the network in PyTorch has {found} parameters, "
                             f"that of ptyx {checkpoint.parameter_count()}: they differ")
    with torch.no_grad():
        for parameter, weight in zip(network.parameters(), checkpoint.weights.values(), strict=True):
            parameter.copy_(torch.from_numpy(weight.copy()))
    return network
