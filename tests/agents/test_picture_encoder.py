"""Pictures as sources: their cells, what an annotation sees and knows, and every encoder of items on them."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from ids import short
from torch.nn import functional as F

from foveate.agents import AGENTS
from foveate.agents.nn.encoders import ITEM_ENCODERS, PictureEncoder, make_passage_encoder
from foveate.agents.nn.encoders.pictures import CELL, Grid, PictureConvolution
from foveate.agents.nn.places import centres
from foveate.envs.sequence.picture_passage import cells_of
from foveate.errors import FoveateError

ID = "Sequence/Caption-v0"
WHOLE: dict[str, Any] = {"view": "whole", **short(ID)}
SMALL = {"units": 8, "attention_heads": 2, "layers": 2}


def space_of(*shape: int) -> spaces.Dict:
    return spaces.Dict(source=spaces.Box(0, 255, shape, np.uint8), written=spaces.Discrete(3))


@pytest.mark.parametrize("encoder", [name for name, e in ITEM_ENCODERS.items() if not (e.reads_words or e.reads_query)])
def test_every_encoder_annotates_the_cells_of_a_picture(encoder: str) -> None:
    torch.manual_seed(0)
    made = make_passage_encoder(space_of(1, 64, 64), 6, encoder, **SMALL)
    assert isinstance(made, PictureEncoder)
    observation = {"source": torch.randint(256, (3, 1, 64, 64), dtype=torch.uint8)}
    source = made(observation)
    count = -(-64 // made.encoder.shrink)
    assert source.items.shape == (3, made.max_length, made.item_size) == (3, count, made.item_size)
    assert source.length.tolist() == [count] * 3
    cells, _ = made.items(observation)
    torch.testing.assert_close(cells, cells_of(observation["source"][:, 0], CELL).float() / 255)


def test_a_picture_has_no_words_to_be_read() -> None:
    with pytest.raises(FoveateError, match="reads sentences word by word"):
        make_passage_encoder(space_of(1, 64, 64), 6, "hierarchical")


def test_a_picture_of_any_size_and_colours_has_room_for_all_its_pixels() -> None:
    made = make_passage_encoder(space_of(3, 20, 33), 6, "convolution", units=8)
    assert made.max_length == 3 * 5
    pictures = torch.randint(256, (2, 3, 20, 33), dtype=torch.uint8)
    cells, length = made.items({"source": pictures})
    assert length.tolist() == [15, 15]
    whole = F.fold(cells.mT, (24, 40), CELL, stride=CELL)
    torch.testing.assert_close(whole[:, :, :20, :33], pictures.float() / 255)
    assert not whole[:, :, 20:].any()
    assert made({"source": pictures}).items.shape == (2, 15, 8)


def test_the_convolution_is_the_one_on_the_whole_picture() -> None:
    torch.manual_seed(0)
    encoder = PictureConvolution(Grid(1, 4, 5), units=8, layers=2).double()
    picture = torch.rand(2, 1, 32, 40, dtype=torch.float64)
    found = encoder(F.unfold(picture, CELL, stride=CELL).mT, torch.tensor([20, 20]))
    seen = encoder.features(picture)
    where = torch.zeros(2, 2, 4, 5, dtype=torch.float64)
    for row in range(4):
        for column in range(5):
            where[:, 0, row, column] = (2 * column + 1) / 5 - 1
            where[:, 1, row, column] = (2 * row + 1) / 4 - 1
    seen = torch.cat([seen, where], 1)
    for layer in encoder.layers:
        seen = F.conv2d(seen, layer.weight, layer.bias, padding=1).relu()
    for place in range(20):
        torch.testing.assert_close(found[:, place], seen[:, :, place // 5, place % 5])
    assert torch.equal(centres((4, 5), where.device, where.dtype), where[0].flatten(1).mT)


def test_an_annotation_sees_its_cell_and_those_around_it_alone() -> None:
    torch.manual_seed(0)
    encoder = PictureConvolution(Grid(1, 8, 8), units=8, layers=1).double()
    cells = torch.rand(1, 64, 64, dtype=torch.float64, requires_grad=True)
    encoder(cells, torch.tensor([64]))[0, 27].sum().backward()  # row 3, column 3
    touched = (cells.grad[0] != 0).any(-1).view(8, 8).nonzero()
    assert (touched >= 1).all()
    assert (touched <= 5).all()
    assert [3, 3] in touched.tolist()


def test_the_gradients_of_annotations() -> None:
    torch.manual_seed(0)
    encoder = PictureConvolution(Grid(1, 1, 2), units=3, layers=1).double()
    cells = torch.rand(1, 2, 64, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: encoder(x, torch.tensor([2])), (cells,))


@pytest.mark.parametrize("encoder", ["convolution", "gru", "embedding", "transformer"])
def test_every_parameter_learns(encoder: str) -> None:
    env = gym.make_vec(ID, num_envs=5, output="torch", **WHOLE)
    torch.manual_seed(0)
    made = (env.single_observation_space, env.single_action_space)
    policy = AGENTS["attend"](*made, encoder=encoder, hidden=8, embedding=6, key=0, core="lstm", **SMALL)
    seen, _ = env.reset(seed=0)
    seen = {name: value.expand(4, *value.shape) for name, value in seen.items()}
    starts = torch.zeros(4, 5, dtype=torch.bool)
    starts[0] = True
    said = policy(seen, policy.initial_state(5), starts)
    (said.parameters["action"].square().sum() + said.value.sum()).backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in policy.parameters())


def test_a_picture_with_nothing_beside_it_is_refused() -> None:
    space = spaces.Dict(source=spaces.Box(0, 255, (1, 16, 16), np.uint8))
    with pytest.raises(FoveateError, match="must have other parts beside it"):
        AGENTS["attend"](space, spaces.Discrete(3))
