"""DRAW as a generator: its loss against the formula, its film, and that it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from commands import command

from foveate.agents.nn.attention.draw import grid
from foveate.agents.nn.generator import DrawGenerator, grid_boxes
from foveate.cli.draw import scattered, views

ROOT = Path(__file__).resolve().parents[2]


def small(**changed: int) -> DrawGenerator:
    torch.manual_seed(0)
    return DrawGenerator((1, 8, 8), **{"steps": 3, "hidden": 12, "latent": 2, **changed})


def test_the_loss_is_cross_entropy_and_divergence_written_out() -> None:
    model = small(steps=1)
    image = torch.bernoulli(torch.full((2, 1, 8, 8), 0.3))
    torch.manual_seed(1)
    generation = model(image)
    torch.manual_seed(1)
    loss = model.loss(image)
    p = generation.logits.sigmoid()
    cross = -(image * p.log() + (1 - image) * (1 - p).log()).flatten(1).sum(1)
    # the divergence of N(μ, σ) from N(0, 1), by torch's own formula
    zero = torch.zeros(2, 12)
    error = image - model.blank.expand(2, -1, -1, -1).sigmoid()
    where = grid(model.to_reading(zero), 5, 8, 8)
    from foveate.agents.nn.attention.draw import read

    seen = read(torch.cat([image, error], 1), where, 5).flatten(1)
    hidden, _ = model.encoder(torch.cat([seen, zero], 1), (zero, zero))
    mean, log_std = model.to_latent(hidden).chunk(2, -1)
    normal = torch.distributions.Normal
    divergence = torch.distributions.kl_divergence(normal(mean, log_std.exp()), normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(generation.latent_loss, divergence)
    torch.testing.assert_close(loss, (cross + divergence).mean())


def test_it_dreams_without_an_image_and_writes_what_its_boxes_say() -> None:
    generation = small().generate(4)
    assert generation.canvas.shape == (3, 4, 1, 8, 8)
    assert generation.reading is None
    assert generation.latent_loss.sum() == 0
    boxes = grid_boxes(generation.writing, 5)
    assert boxes.shape == (3, 4, 4)
    assert (boxes[..., 2] > boxes[..., 0]).all()


def test_the_box_of_a_grid_over_everything_is_everything() -> None:
    where = grid(torch.zeros(1, 5), 5, 9, 9)  # δ = 2: filters at the pixels 1, 3, 5, 7, 9
    assert grid_boxes(where, 5)[0].tolist() == pytest.approx([0.5, 0.5, 8.5, 8.5])


def test_it_learns_to_redraw_a_few_images() -> None:
    model = small(hidden=24)
    image = torch.zeros(4, 1, 8, 8)
    for i in range(4):
        image[i, 0, 2 * i : 2 * i + 2] = 1.0
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    begin = model.loss(image).item()
    for _ in range(150):
        optimizer.zero_grad()
        loss = model.loss(image)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * begin


def test_pictures_with_several_images_show_each_of_them_once() -> None:
    torch.manual_seed(0)
    images = torch.zeros(3, 1, 28, 28)
    for number in range(3):
        images[number, 0, 10, 10] = (1 + number) / 4
    picture = scattered(images, 2, 50)
    assert picture.shape == (50, 1, 60, 60)
    for each in picture:
        bright = each[each > 0]
        assert len(bright) in (1, 2)  # one where they fell upon each other
        assert set(bright.tolist()) <= {0.25, 0.5, 0.75}
    assert sum(int((each > 0).sum()) for each in picture) > 90
    same = [scattered(images, 2, 5, torch.Generator().manual_seed(3)) for _ in range(2)]
    torch.testing.assert_close(*same)


def test_views_are_what_grids_see() -> None:
    image = torch.zeros(1, 28, 28)
    image[:, 13:15, 13:15] = 1.0  # a point in the middle
    near, far, blurred = np.split(views(image), 3)
    seen = [part[:, -112:, 0].astype(int) for part in (near, far, blurred)]
    assert seen[0].sum() > 1.5 * seen[1].sum() > 0  # near it is large, far it is small
    assert seen[2].max() < seen[1].max()  # and blurred it is grey
    assert (seen[2] > 4).sum() > (seen[1] > 4).sum()


@pytest.mark.parametrize("digits", [1, 2])
def test_the_command_trains_keeps_and_films(tmp_path: Path, digits: int) -> None:
    words = ["draw", "--updates", "2", "--batch", "4", "--steps", "2", "--hidden", "8", "--out", str(tmp_path / "out")]
    done = command(ROOT, "train.py", *words, "--digits", str(digits), "--no-progress")
    assert done.returncode == 0, done.stderr
    again = command(ROOT, "train.py", "draw", "--film", "--out", str(tmp_path / "out"))
    assert again.stdout.splitlines()[0] == done.stdout.splitlines()[0]  # the bound of the same test pictures
    for name in ("weights.safetensors", "draw.json", "metrics.csv", "drawing.png", "drawing.mp4", "views.png"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    (tmp_path / "out" / "draw.json").write_text("{}")
    failed = command(ROOT, "train.py", "draw", "--film", "--out", str(tmp_path / "out"))
    assert failed.returncode == 2
    assert "holds no generator" in failed.stderr
