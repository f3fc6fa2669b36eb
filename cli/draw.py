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
from ..agents.nn.generator import DrawGenerator, Generation, grid_boxes
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
SIDE = 112  # pixels of a panel
READ, WRITE = (60, 200, 90), (235, 60, 50)  # the lecture's green and red

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


@dataclass
class DrawOptions:
    """How DRAW learns to draw.

    Attributes:
        data: "mnist", "fashion-mnist", "openml:NAME" or a folder of IDX files.
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
        out: folder for weights, metrics.csv, drawing.mp4 and drawing.png.
        film: film the weights in `out` without training.
        progress: show a progress bar.
        threads: CPU threads of PyTorch.
    """

    data: str = "mnist"
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
        if data != kept.data:
            raise FoveateError(
                f"{options.out} learned from {kept.data[:100]!r}: add --data {kept.data[:100]} to read that."
            )
    else:
        torch.manual_seed(options.seed)
        data = options.data
        model = DrawGenerator(**{name: getattr(options, name) for name in SIZES}).to(device)
        settings = {name: getattr(options, name) for name in SIZES} | {"data": data, "image": [1, 28, 28]}
        fit(model, options, device)
        write_tensors(options.out / "weights.safetensors", model.state_dict())
        write_json(options.out / "draw.json", settings)
    nats = bound(model, _images(data, "test", device))
    print(f"bound of the negative log-likelihood on test images: {nats:.2f} nats")
    torch.manual_seed(options.seed)
    real = _images(data, "test", device)
    real = real[:: max(1, len(real) // 6)][:6]  # sources are sorted by class: one of several
    with torch.no_grad():
        drawn, dreamt = model(real), model.generate(6)
    frames = film_frames(model, real, drawn, dreamt)
    write_video(options.out / "drawing.mp4", frames, fps=4)
    write_picture(options.out / "drawing.png", sheet(frames))
    print(f"film: {options.out / 'drawing.mp4'}\npicture: {options.out / 'drawing.png'}")
    return 0


def _images(data: str, split: Literal["train", "test"], device: torch.device) -> Tensor:
    """Images as float (N, 1, H, W) in [0, 1]."""
    return torch.from_numpy(load(data, split).images).to(device)[:, None].float() / 255


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
    if images.shape[1:] != model.image:
        raise FoveateError(f"draw wants images of {model.image}, {options.data} has {tuple(images.shape[1:])}.")
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, options.updates)
    begin = time.process_time()
    with (options.out / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["update", "nats", "cpu_seconds"])
        try:
            for update in tqdm(range(1, options.updates + 1), disable=None if options.progress else True):
                chosen = images[torch.randint(len(images), (options.batch,), device=device)]
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
            rows.append(np.concatenate([_label(("read", "redraw", "dream")[number]), *panels], 1))
        frames.append(np.concatenate(rows, 0))
    return frames


def _label(text: str) -> np.ndarray:
    strip = np.full((SIDE + 4, 76, 3), 24, np.uint8)
    write(strip, text, (4, SIDE // 2), 0.5, LIGHT)
    return strip


def _panel(picture: Tensor, box: Tensor, colour: tuple[int, int, int]) -> np.ndarray:
    """One picture, enlarged, with the outline of a grid."""
    grey = (picture.detach().clamp(0, 1) * 255).byte().cpu().numpy()
    panel = canvas.enlarge(grey, SIDE, SIDE)
    left, top, right, bottom = np.clip(np.round(box.cpu().numpy() * SIDE / len(grey)), -2000, 2000).astype(int).tolist()
    canvas.box(panel, (left, top), (right, bottom), colour, 2)
    return np.pad(panel, ((2, 2), (2, 2), (0, 0)), constant_values=24)


def sheet(frames: list[np.ndarray], shown: int = 4) -> np.ndarray:
    """Some frames, from the first to the last, below one another."""
    picks = np.linspace(0, len(frames) - 1, min(shown, len(frames))).round().astype(int)
    return np.concatenate([frames[i] for i in picks], 0)
