"""DRAW as a generator: images written on a canvas step by step (Gregor et al. 2015, section 3)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import check_range
from .attention.draw import Grid, grid, read, write
from .bounds import bounded


class Generation(NamedTuple):
    """What a generator did with a batch of images.

    Attributes:
        canvas: what stands on the canvas after each step, as probabilities of a white pixel, (T, B, C, H, W).
        reading: where it read at each step, each (T, B); None where it had no image.
        writing: where it wrote.
        latent_loss: L^z of each image in nats, (B,) (eq. 11); zero where it had no image.
        logits: of the pixels at the end, (B, C, H, W).
    """

    canvas: Tensor
    reading: Grid | None
    writing: Grid
    latent_loss: Tensor
    logits: Tensor


class DrawGenerator(nn.Module):
    """A recurrent variational auto-encoder that reads and writes through grids of Gaussian filters.

    Args:
        image: (C, H, W).
        steps: T, how often it writes.
        hidden: units of the encoder's and of the decoder's LSTM.
        latent: size of z at each step.
        read_filters: N of the reading grid.
        write_filters: N of the writing grid.

    Source:
        Gregor, Danihelka, Graves, Rezende & Wierstra 2015, "DRAW: A Recurrent Neural Network For Image Generation"
        (MNIST: 64 steps, 256 units, z of 100, reading 2x2, writing 5x5). The recurrent states begin at zero here; the
        paper learns them as biases.
    """

    def __init__(
        self,
        image: tuple[int, int, int] = (1, 28, 28),
        steps: int = 16,
        hidden: int = 256,
        latent: int = 32,
        read_filters: int = 5,
        write_filters: int = 5,
    ):
        super().__init__()
        for name, value in (("steps", steps), ("hidden", hidden), ("latent", latent)):
            check_range(name, value, 1)
        self.image, self.steps, self.latent = image, steps, latent
        self.read_filters, self.write_filters = read_filters, write_filters
        channels = image[0]
        self.encoder = nn.LSTMCell(2 * channels * read_filters**2 + hidden, hidden)
        self.decoder = nn.LSTMCell(latent, hidden)
        self.to_latent = nn.Linear(hidden, 2 * latent)  # μ and log σ, eqs. 1 and 2
        self.to_reading, self.to_writing = nn.Linear(hidden, 5), nn.Linear(hidden, 5)  # eq. 21
        self.to_patch = nn.Linear(hidden, channels * write_filters**2)
        # the first canvas is learned: most pixels of a picture stay black
        self.blank = nn.Parameter(torch.full(image, -2.0))

    def forward(self, image: Float[Tensor, "batch channels height width"]) -> Generation:
        """Encode images (B, C, H, W) in [0, 1] and write them anew."""
        return self._run(len(image), image)

    @torch.no_grad()
    def generate(self, count: int) -> Generation:
        """Write images from the prior, z ~ N(0, 1) (section 3.3)."""
        return self._run(count, None)

    def loss(self, image: Float[Tensor, "batch channels height width"]) -> Float[Tensor, ""]:
        """L = L^x + L^z, the mean over the batch in nats: an upper bound of the negative log-likelihood (eq. 12)."""
        generation = self(image)
        reconstruction = F.binary_cross_entropy_with_logits(generation.logits, image, reduction="none")  # eq. 9
        return (reconstruction.flatten(1).sum(1) + generation.latent_loss).mean()

    def _run(self, batch: int, image: Tensor | None) -> Generation:
        _, height, width = self.image
        canvas = self.blank.expand(batch, *self.image)
        zero = canvas.new_zeros(batch, self.decoder.hidden_size)
        encoder, decoder = (zero, zero), (zero, zero)
        latent_loss = canvas.new_zeros(batch)
        canvases, readings, writings = [], [], []
        for _ in range(self.steps):
            if image is None:
                z = torch.randn(batch, self.latent, device=canvas.device)
            else:
                error = image - canvas.sigmoid()  # eq. 3
                where = grid(self.to_reading(decoder[0]), self.read_filters, width, height)
                glimpse = read(torch.cat([image, error], 1), where, self.read_filters)  # eq. 4 with eq. 27
                encoder = self.encoder(torch.cat([glimpse.flatten(1), decoder[0]], 1), encoder)  # eq. 5
                mean, log_std = self.to_latent(encoder[0]).chunk(2, -1)
                log_std = bounded(log_std)
                z = mean + log_std.exp() * torch.randn_like(mean)  # eq. 6
                # eq. 11, for this step
                latent_loss = latent_loss + 0.5 * (mean**2 + (2 * log_std).exp() - 2 * log_std - 1).sum(1)
                readings.append(where)
            decoder = self.decoder(z, decoder)  # eq. 7
            place = grid(self.to_writing(decoder[0]), self.write_filters, width, height)
            patch = self.to_patch(decoder[0]).unflatten(1, (self.image[0], self.write_filters, self.write_filters))
            canvas = canvas + write(patch, place, width, height)  # eq. 8 with eq. 29
            canvases.append(canvas.sigmoid())
            writings.append(place)
        reading = Grid(*(torch.stack(part) for part in zip(*readings, strict=True))) if readings else None
        writing = Grid(*(torch.stack(part) for part in zip(*writings, strict=True)))
        return Generation(torch.stack(canvases), reading, writing, latent_loss, canvas)


def grid_boxes(where: Grid, filters: int) -> Float[Tensor, "*batch 4"]:
    """The outline of a grid in pixels, from its first filter to its last: (…, 4) as left, top, right, bottom."""
    reach = (filters - 1) / 2 * where.stride
    x, y = where.centre_x - 0.5, where.centre_y - 0.5  # the paper counts pixels from 1
    return torch.stack([x - reach, y - reach, x + reach, y + reach], -1)
