"""The peer of benchmarks/training.py: one step of pix2pix with a 9-block ResNet, in the plainest PyTorch."""

import torch
from torch import nn

SIDE = 256


class Block(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(True),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features after the block."""
        return features + self.layers(features)


def generator() -> nn.Module:
    """Return the 9-block ResNet, images in [-1, 1] to images in [-1, 1]."""
    return nn.Sequential(
        nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7, bias=False), nn.BatchNorm2d(64), nn.ReLU(True),
        nn.Conv2d(64, 128, 3, 2, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(True),
        nn.Conv2d(128, 256, 3, 2, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU(True),
        *(Block(256) for _ in range(9)),
        nn.ConvTranspose2d(256, 128, 3, 2, 1, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(True),
        nn.ConvTranspose2d(128, 64, 3, 2, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True),
        nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh(),
    )  # fmt: skip


def discriminator() -> nn.Module:
    """Return the 70x70 PatchGAN on hazy and image stacked."""
    return nn.Sequential(
        nn.Conv2d(6, 64, 4, 2, 1), nn.LeakyReLU(0.2, True),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2, True),
        nn.Conv2d(128, 256, 4, 2, 1, bias=False), nn.BatchNorm2d(256), nn.LeakyReLU(0.2, True),
        nn.Conv2d(256, 512, 4, 1, 1, bias=False), nn.BatchNorm2d(512), nn.LeakyReLU(0.2, True),
        nn.Conv2d(512, 1, 4, 1, 1),
    )  # fmt: skip


class PlainPix2Pix:
    """L_GAN (least squares) + 10 L1, Adam at 2e-4, 32 bits."""

    def __init__(self) -> None:
        self.generator, self.discriminator = generator(), discriminator()
        rates = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), **rates)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), **rates)
        self.gan, self.pixel = nn.MSELoss(), nn.L1Loss()

    def step(self, hazy: torch.Tensor, clear: torch.Tensor) -> None:
        """Update both networks on images in [-1, 1], [N, 3, H, W]."""
        dehazed = self.generator(hazy)
        for parameter in self.discriminator.parameters():
            parameter.requires_grad = True
        self.discriminator_optimizer.zero_grad()
        for image, wanted in ((clear, 1.0), (dehazed.detach(), 0.0)):
            scores = self.discriminator(torch.cat([hazy, image], 1))
            (0.5 * self.gan(scores, torch.full_like(scores, wanted))).backward()
        self.discriminator_optimizer.step()
        for parameter in self.discriminator.parameters():
            parameter.requires_grad = False
        self.generator_optimizer.zero_grad()
        scores = self.discriminator(torch.cat([hazy, dehazed], 1))
        loss = self.gan(scores, torch.ones_like(scores)) + 10.0 * self.pixel(dehazed, clear)
        loss.backward()
        self.generator_optimizer.step()
