"""python train.py draw: the generator of the lecture, and the film of its boxes."""

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from msgspec import Meta, Struct
from torch import Tensor
from tqdm import tqdm

from ..agents.learning.tensors import read_tensors, write_tensors
from ..agents.nn.attention.draw import Grid, read
from ..agents.nn.generator import DrawGenerator, Generation, grid_boxes
from ..envs.glimpse.canvas import pixels_at
from ..envs.glimpse.data import load
from ..envs.outside import INSIDE
from ..errors import FoveateError, check_range
from ..files import check_output_folder, conform, read_json, reason, write_json
from ..viz import canvas
from ..viz.palette import LIGHT
from ..viz.pictures import write_picture
from ..viz.text import write
from ..viz.video import write_video
from .device import pick_device
from .options import parse

ABOUT = "Train DRAW to draw digits, and film how it reads (green) and writes (red)."
SIDE, EDGE, GROUND = 112, 12, 24  # pixels of a panel and around it, where windows may reach; the grey there
ROOM = 60  # pixels of the side of pictures with several images
READ, WRITE = (60, 200, 90), (235, 60, 50)  # the lecture's green and red
ROWS = ("reads\ngreen: the window", "redraws it\nred: where it writes", "draws by itself\nred: where it writes")

SIZES = ("steps", "hidden", "latent", "read_filters", "write_filters")

Size = Annotated[int, Meta(ge=1, le=4096)]


class Kept(Struct):
    """The content of draw.json."""

    data: Annotated[str, Meta(max_length=4096)]
    image: tuple[
        Annotated[int, Meta(ge=1, le=4)], Annotated[int, Meta(ge=1, le=256)], Annotated[int, Meta(ge=1, le=256)]
    ]
    steps: Size
    hidden: Size
    latent: Size
    read_filters: Annotated[int, Meta(ge=1, le=64)]
    write_filters: Annotated[int, Meta(ge=1, le=64)]
    digits: Annotated[int, Meta(ge=1, le=9)] = 1


@dataclass
class DrawOptions:
    """How DRAW learns to draw.

    Attributes:
        data: "mnist", "fashion-mnist", "openml:NAME" or a folder of IDX files.
        digits: images that are on one picture; several stand at random places of 60x60 pixels, as in the paper's
            section 4.3.
        updates: gradient steps.
        batch: images of each.
        lr: learning rate of Adam; it falls to a twentieth.
        steps: T, how often it reads and writes.
        hidden: units of each LSTM.
        latent: size of z at each step.
        read_filters: N of the reading grid.
        write_filters: N of the writing grid.
        seed: seeds weights and sampling.
        device: "auto" (the GPU if there is one), "cpu", "cuda", …
        out: folder for weights, metrics.csv, drawing.mp4, drawing.png and views.png (what a grid sees, near and far).
        film: film the weights in `out` without training.
        progress: show a progress bar.
        threads: CPU threads of PyTorch.
    """

    data: str = "mnist"
    digits: int = 1
    updates: int = 3000
    batch: int = 64
    lr: float = 1e-3
    steps: int = 16
    hidden: int = 256
    latent: int = 32
    read_filters: int = 5
    write_filters: int = 5
    seed: int = 0
    device: str = "auto"
    out: Path = Path("runs/draw")
    film: bool = False
    progress: bool = True
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("updates", "batch", "threads"):
            check_range(name, getattr(self, name), 1)
        check_range("digits", self.digits, 1, 9)
        check_range("lr", self.lr, 0.0)


def run(arguments: list[str], imports: list[str]) -> int:
    """Train, or film what was trained.

    Raises:
        FoveateError: a user's mistake.
    """
    options = parse(DrawOptions, arguments, "train.py draw", ABOUT)
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    check_output_folder(options.out, "--out")
    if options.film:
        model, kept = load_generator(options.out, device)
        data = options.data if kept.data not in INSIDE["data"] else kept.data
        digits = kept.digits
        if data != kept.data:
            raise FoveateError(
                f"{options.out} learned from {kept.data[:100]!r}: add --data {kept.data[:100]} to read that."
            )
    else:
        torch.manual_seed(options.seed)
        data, digits = options.data, options.digits
        image = (1, 28, 28) if digits == 1 else (1, ROOM, ROOM)
        model = DrawGenerator(image, **{name: getattr(options, name) for name in SIZES}).to(device)
        settings = {name: getattr(options, name) for name in SIZES} | {"data": data, "image": image, "digits": digits}
        fit(model, options, device)
        write_tensors(options.out / "weights.safetensors", model.state_dict())
        write_json(options.out / "draw.json", settings)
    real = _tests(data, digits, device)
    print(f"bound of the negative log-likelihood on test images: {bound(model, real):.2f} nats")
    torch.manual_seed(options.seed)
    real = real[:: max(1, len(real) // 6)][:6]  # sources are sorted by class: one of several
    with torch.no_grad():
        drawn, dreamt = model(real), model.generate(6)
    frames = film_frames(model, real, drawn, dreamt)
    write_video(options.out / "drawing.mp4", frames, fps=4)
    write_picture(options.out / "drawing.png", sheet(frames))
    write_picture(options.out / "views.png", views(real[0]))
    print(f"film: {options.out / 'drawing.mp4'}\npicture: {options.out / 'drawing.png'}")
    print(f"what a grid sees, near and far: {options.out / 'views.png'}")
    return 0


def _images(data: str, split: Literal["train", "test"], device: torch.device) -> Tensor:
    """Images as float (N, 1, H, W) in [0, 1]."""
    return torch.from_numpy(load(data, split).images).to(device)[:, None].float() / 255


def _tests(data: str, digits: int, device: torch.device) -> Tensor:
    """The test images, or as many pictures of several of them, always the same."""
    images = _images(data, "test", device)
    if digits == 1:
        return images
    return scattered(images, digits, len(images), torch.Generator(device).manual_seed(0))


def scattered(images: Tensor, digits: int, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Pictures with some images at random places, which may lie over each other, float (count, 1, 60, 60).

    Args:
        images: float (N, 1, h, w) in [0, 1].
        digits: how many on each picture.
        count: of pictures.
        generator: of random numbers; None is PyTorch's own.
    """
    height, width = images.shape[2:]
    device, shape = images.device, (count, digits)
    chosen = images[torch.randint(len(images), shape, generator=generator, device=device)]  # (count, digits, 1, h, w)
    place = [torch.randint(ROOM - size + 1, shape, generator=generator, device=device) for size in (height, width)]
    pixels = pixels_at(torch.stack(place, -1), (height, width), ROOM)  # (count, digits, h w)
    ground = images.new_zeros(count, ROOM * ROOM)
    ground.scatter_reduce_(1, pixels.flatten(1), chosen.reshape(count, -1), "amax")
    return ground.view(count, 1, ROOM, ROOM)


def load_generator(folder: Path, device: torch.device) -> tuple[DrawGenerator, Kept]:
    """A generator from the folder that `run` wrote; nothing in it is code.

    Raises:
        FoveateError: the folder holds none.
    """
    try:
        kept = conform(read_json(folder / "draw.json"), Kept, folder / "draw.json")
        model = DrawGenerator(kept.image, **{name: getattr(kept, name) for name in SIZES})
        room = sum(value.nbytes for value in model.state_dict().values())
        model.load_state_dict(read_tensors(folder / "weights.safetensors", room))
    except (ValueError, RuntimeError) as error:
        raise FoveateError(f"{folder} holds no generator: {reason(error)}") from error
    return model.to(device).eval(), kept


def fit(model: DrawGenerator, options: DrawOptions, device: torch.device) -> None:
    """Train by Adam on binarised images, and log to metrics.csv; Ctrl-C stops in good order.

    Raises:
        FoveateError: the images are not of the model's size.
    """
    images = _images(options.data, "train", device)
    if images.shape[1:] != (1, 28, 28):
        raise FoveateError(f"draw wants images of (1, 28, 28), {options.data} has {tuple(images.shape[1:])}.")
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, options.updates)
    begin = time.process_time()
    with (options.out / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["update", "nats", "cpu_seconds"])
        try:
            for update in tqdm(range(1, options.updates + 1), disable=None if options.progress else True):
                if options.digits == 1:
                    chosen = images[torch.randint(len(images), (options.batch,), device=device)]
                else:
                    chosen = scattered(images, options.digits, options.batch)
                loss = model.loss(torch.bernoulli(chosen))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
                optimizer.step()
                schedule.step()
                if update % 100 == 0 or update == 1:
                    log.writerow([update, f"{loss.item():.3f}", f"{time.process_time() - begin:.1f}"])
                    file.flush()
        except KeyboardInterrupt:
            print("\nstopped: what was learned so far is kept")


@torch.no_grad()
def bound(model: DrawGenerator, images: Tensor) -> float:
    """The mean bound on binarised images, in nats."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        parts = [float(model.loss(torch.bernoulli(part))) * len(part) for part in images.split(200)]
    return sum(parts) / len(images)


def film_frames(model: DrawGenerator, real: Tensor, drawn: Generation, dreamt: Generation) -> list[np.ndarray]:
    """A frame a step: images being read (green), redrawn (red), and drawn from nothing (red), uint8 (H, W, 3).

    Args:
        model: what drew them.
        real: the images that were read, float (B, C, H, W) in [0, 1].
        drawn: what the model did with them.
        dreamt: B images it drew from nothing.
    """
    frames = []
    for t in range(model.steps):
        rows = []
        for number, (pictures, where, filters, colour) in enumerate((
            (real, drawn.reading, model.read_filters, READ),
            (drawn.canvas[t], drawn.writing, model.write_filters, WRITE),
            (dreamt.canvas[t], dreamt.writing, model.write_filters, WRITE),
        )):  # fmt: skip
            assert where is not None
            outlines = grid_boxes(where, filters)[t]
            panels = [_panel(p[0], box, colour) for p, box in zip(pictures, outlines, strict=True)]
            rows.append(np.concatenate([_label(ROWS[number]), *panels], 1))
        frames.append(np.concatenate([_header(f"step {t + 1} of {model.steps}", rows[0].shape[1]), *rows], 0))
    return frames


def _label(text: str) -> np.ndarray:
    """What stands before a row, a line for each of the text's."""
    strip = np.full((SIDE + 2 * EDGE, 150, 3), GROUND, np.uint8)
    for number, line in enumerate(text.split("\n")):
        write(strip, line, (4, SIDE // 2 + 18 * number), 0.42 if number else 0.5, LIGHT)
    return strip


def _header(text: str, width: int) -> np.ndarray:
    """A line above the rows of a step."""
    strip = np.full((26, width, 3), GROUND, np.uint8)
    write(strip, text, (4, 19), 0.5, LIGHT)
    return strip


def _panel(picture: Tensor, box: Tensor | None, colour: tuple[int, int, int]) -> np.ndarray:
    """One picture, enlarged, with the outline of a grid if there is one."""
    grey = (picture.detach().clamp(0, 1) * 255).byte().cpu().numpy()
    panel = np.pad(canvas.enlarge(grey, SIDE, SIDE), ((EDGE, EDGE), (EDGE, EDGE), (0, 0)), constant_values=GROUND)
    if box is not None:
        left, top, right, bottom = (
            np.clip(np.round(box.cpu().numpy() * SIDE / len(grey)) + EDGE, -2000, 2000).astype(int).tolist()
        )
        canvas.box(panel, (left, top), (right, bottom), colour, 2)
    return panel


def views(image: Tensor, filters: int = 12) -> np.ndarray:
    """Three grids on one image, and what each sees of it: near, far and sharp, far and blurred (the paper's figure 3).

    Args:
        image: float (C, H, W) in [0, 1].
        filters: N.
    """
    height, width = image.shape[1:]
    rows = []
    # strides in pixels and standard deviations in strides: a grid upon a part, one over all, and that with wide filters
    for name, stride, deviation in (
        ("near", 0.4 * height / filters, 0.5),
        ("far", height / filters, 0.3),
        ("blurred", height / filters, 1.6),
    ):
        one = image.new_ones(1)
        where = Grid(one * (width + 1) / 2, one * (height + 1) / 2, one * (deviation * stride) ** 2, one * stride, one)
        seen = read(image[None], where, filters)[0, 0]
        box = grid_boxes(Grid(*(part[None] for part in where)), filters)[0, 0]
        rows.append(np.concatenate([_label(name), _panel(image[0], box, READ), _panel(seen, None, READ)], 1))
    return np.concatenate(rows, 0)


def sheet(frames: list[np.ndarray], shown: int = 4) -> np.ndarray:
    """Some frames, from the first to the last, below one another."""
    picks = np.linspace(0, len(frames) - 1, min(shown, len(frames))).round().astype(int)
    return np.concatenate([frames[i] for i in picks], 0)
