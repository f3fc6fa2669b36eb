"""The contracts of cores, sources and heads, by toys: own costs, nested states, kernels, a pointer."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cores import Ponder, ponder_policy
from torch import Tensor, nn

from foveate import tree
from foveate.agents.nn.cores import GRU, Feedforward
from foveate.agents.nn.cores.base import NoState, Source
from foveate.agents.nn.encoders import Encoder, SourceEncoder
from foveate.agents.nn.heads import CategoricalHead
from foveate.agents.policies.outputs import SourceState
from foveate.agents.policies.policy import Policy
from foveate.errors import FoveateError


def test_a_core_s_own_costs_and_records_come_out_of_the_policy() -> None:
    policy = ponder_policy()
    x, starts = torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool)
    starts[0], starts[3, 1] = True, True
    prediction = policy(x, policy.initial_state(2), starts, record=True)
    assert prediction.losses["ponder"].shape == (5, 2)
    assert prediction.records["steps"].T.tolist() == [[1, 2, 3, 4, 5], [1, 2, 3, 1, 2]]
    assert policy(x, policy.initial_state(2), starts).records == {}
    evaluation = policy.evaluate(x, {"action": torch.zeros(5, 2).long()}, policy.initial_state(2), starts)
    assert torch.equal(evaluation.losses["ponder"], prediction.losses["ponder"])
    evaluation.losses["ponder"].sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in policy.core.parameters())
    assert policy.step(x[0], policy.initial_state(2), starts[0], record=True).records["steps"].tolist() == [1, 1]


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 7), batch=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_a_kernel_stands_in_for_the_loop(seed: int, steps: int, batch: int) -> None:
    torch.manual_seed(seed)
    core = Ponder(3, 4).double()
    x, starts = torch.randn(steps, batch, 3).double(), torch.rand(steps, batch) < 0.3
    slow = core(x, core.initial_state(batch), starts)
    core.fast = True
    for a, b in zip(tree.leaves(slow), tree.leaves(core(x, core.initial_state(batch), starts)), strict=True):
        torch.testing.assert_close(a, b)


def test_an_encoder_may_take_whole_sequences() -> None:
    class Difference(Encoder):
        """What changed since the step before; nothing where an episode starts."""

        output_size, over_time = 3, True

        def forward(self, observation: Tensor, starts: Tensor) -> Tensor:
            change = torch.cat([torch.zeros_like(observation[:1]), observation.diff(dim=0)])
            return torch.where(starts[..., None], 0.0, change)

    space = spaces.Box(-1, 1, (3,), np.float32)
    core = Feedforward(3, 0)
    policy = Policy(space, spaces.Discrete(2), Difference(), core)
    x, starts = torch.randn(4, 2, 3), torch.zeros(4, 2, dtype=torch.bool)
    starts[2, 0] = True
    expected = policy.head("action")(torch.stack([x[0] * 0, x[1] - x[0], x[2] - x[1], x[3] - x[2]]))
    found = policy(x, NoState(), starts).parameters["action"]
    torch.testing.assert_close(found[:, 1], expected[:, 1])
    torch.testing.assert_close(found[2, 0], policy.head("action").layers.bias)


# ---- a source, and a head that points into it ----

LONGEST, WIDTH = 5, 4


class Read(SourceEncoder):
    """The items as they are, each through one layer."""

    max_length, item_size = LONGEST, 8

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, 8)
        self.calls = 0

    def forward(self, observation: dict[str, Tensor]) -> Source:
        self.calls += 1
        return Source(self.layer(observation["source"]).tanh(), observation["length"].long())


class PointerHead(CategoricalHead):
    """Points at an item of the source (Vinyals et al. 2015, "Pointer networks", eq. 3 with a scaled dot product)."""

    needs_source = True

    def __init__(self, features: int, space: spaces.Discrete, item: int):
        super().__init__(features, space)
        self.layers = nn.Linear(features, item)

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        assert source is not None
        scores = torch.einsum("tbd,bld->tbl", self.layers(features), source.items) / 8**0.5
        return scores.masked_fill(~source.mask(), -torch.inf)


SPACE = spaces.Dict(
    source=spaces.Box(-3, 3, (LONGEST, WIDTH), np.float32),
    length=spaces.Discrete(LONGEST + 1),
    query=spaces.Box(-3, 3, (WIDTH,), np.float32),
)


class Query(Encoder):
    output_size = WIDTH

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        return observation["query"]


def pointing_policy() -> Policy:
    torch.manual_seed(0)
    head = PointerHead(16, spaces.Discrete(LONGEST), 8)
    return Policy(
        SPACE, spaces.Discrete(LONGEST), Query(), GRU(WIDTH, 16), {"action": head}, source_encoder=Read()
    )  # fmt: skip


def lookup(batch: int, steps: int) -> tuple[dict[str, Tensor], Tensor]:
    """Sources of several lengths, and at each step a query that equals one of the items: where does it stand?"""
    source, length = torch.randn(batch, LONGEST, WIDTH), torch.randint(1, LONGEST + 1, (batch,))
    target = (torch.rand(steps, batch) * length).long()
    query = source[torch.arange(batch), target]
    source = torch.where((torch.arange(LONGEST) < length[:, None])[..., None], source, 9.0)  # padding is no zero
    still = {"source": source.expand(steps, -1, -1, -1), "length": length.expand(steps, -1)}
    return {**still, "query": query}, target


def test_a_pointer_learns_to_point_and_never_points_at_padding() -> None:
    policy = pointing_policy()
    optimizer = torch.optim.Adam(policy.parameters(), 0.01)
    starts = torch.zeros(3, 64, dtype=torch.bool)
    starts[0] = True
    for _ in range(250):
        seen, target = lookup(64, 3)
        prediction = policy(seen, policy.initial_state(64), starts)
        loss = policy.head("action").loss(prediction.parameters["action"], target).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seen, target = lookup(64, 3)
    logits = policy(seen, policy.initial_state(64), starts).parameters["action"]
    beyond = torch.arange(LONGEST) >= seen["length"][..., None]  # (T, B, L)
    assert (logits.softmax(-1)[beyond] == 0).all()
    assert (logits.argmax(-1) == target).float().mean() > 0.9


def test_a_source_is_read_once_an_episode_and_kept_in_the_state() -> None:
    policy = pointing_policy()
    reader = policy.source_encoder
    assert isinstance(reader, Read)
    seen, _ = lookup(3, 4)
    starts = torch.tensor([[True] * 3, [False] * 3, [False, True, False], [False] * 3])
    whole = policy(seen, policy.initial_state(3), starts)
    assert reader.calls == 2
    other = {**seen, "source": torch.cat([seen["source"][:3], torch.zeros_like(seen["source"][:1])])}
    again = policy(other, policy.initial_state(3), starts)
    assert torch.equal(whole.parameters["action"], again.parameters["action"])  # later it is not looked at again
    state, rows = policy.initial_state(3), []
    reader.calls = 0
    for t in range(4):
        output = policy.step(tree.index(seen, t), state, starts[t])
        state, rows = output.state, [*rows, output.parameters["action"]]
    assert reader.calls == 2
    torch.testing.assert_close(torch.stack(rows), whole.parameters["action"])
    assert isinstance(state, SourceState)
    assert torch.equal(state.source.length, seen["length"][0])
    action, _ = policy.predict(tree.to_numpy(tree.index(seen, 0)), deterministic=True)
    assert np.shape(action) == (3,)


def test_a_pointer_without_a_source_is_refused() -> None:
    head = PointerHead(16, spaces.Discrete(LONGEST), 8)
    with pytest.raises(FoveateError, match="source_encoder"):
        Policy(SPACE, spaces.Discrete(LONGEST), Query(), GRU(WIDTH, 16), {"action": head})
