"""Pointing: equation 3 and the copied item in slow loops, what is behind the end, sets, and lengths never trained."""

from functools import partial
from typing import Any

import gymnasium as gym
import pytest
import ragged
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS, Backprop, BackpropOptions
from foveate.agents.nn.attention import make_item_attention
from foveate.agents.nn.cores import GRU
from foveate.agents.nn.cores.base import Source
from foveate.agents.nn.encoders import ITEM_ENCODERS, make_item_encoder
from foveate.agents.nn.heads import PointerHead
from foveate.agents.policies.attend import ReadingCore
from foveate.agents.policies.pointer import CopyingCore, Pointer
from foveate.errors import FoveateError

ID = "Sequence/ConvexHull-v0"
SMALL = {"hidden": 8, "units": 8, "embedding": 6, "key": 4, "attention_heads": 2, "pointer_units": 8}


def policy_of(agent: str = "pointer", **options: Any) -> Any:
    env = gym.make(ID, view="whole", min_length=2, max_length=6)
    torch.manual_seed(0)
    small = {name: value for name, value in SMALL.items() if agent == "pointer" or name != "pointer_units"}
    return AGENTS[agent](env.observation_space, env.action_space, **{**small, **options})


sources = partial(ragged.sources, size=3, least=0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_head_is_the_paper_s_loop_and_never_points_behind_the_end(seed: int) -> None:
    source = sources(4, seed)
    head = PointerHead(6, spaces.Discrete(6), 3, 7).double()
    d = torch.randn(2, 4, 6, dtype=torch.float64)
    p = head.distribution(head(d, source)).probs
    w1, w2, v = head.score.from_key.weight, head.score.from_query.weight, head.score.v.weight[0]
    for t in range(2):
        for b in range(4):
            e = [head.end, *source.items[b, : source.length[b]]]
            u = torch.stack([v @ torch.tanh(w1 @ e_j + w2 @ d[t, b] + head.score.from_query.bias) for e_j in e])  # (3)
            wanted = torch.cat([u.exp() / u.exp().sum(), torch.zeros(6 - len(e), dtype=torch.float64)])
            torch.testing.assert_close(p[t, b], wanted)
    torch.testing.assert_close(head(d, source)[1], head(d[1], source))
    assert (head.sample(head(d[0], source)) <= source.length).all()


def test_the_gradients_of_pointing_reach_features_and_items() -> None:
    source = sources(3, 1)
    head = PointerHead(4, spaces.Discrete(6), 3, 5).double()
    items = torch.where(source.mask()[..., None], source.items, 0.0).requires_grad_()
    d = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    target = torch.stack([source.length, 0 * source.length])  # the last item, the end

    def cost(d: Tensor, items: Tensor) -> Tensor:
        return head.loss(head(d, source._replace(items=items)), target)

    assert torch.autograd.gradcheck(cost, (d, items))


def test_the_core_gets_the_item_that_was_written_last() -> None:
    source = sources(3, 2)
    source = source._replace(length=torch.tensor([5, 2, 3]))
    source = source._replace(items=torch.where(source.mask()[..., None], torch.randn(3, 5, 3).double(), torch.nan))
    attention = make_item_attention("uniform", 3, 4)
    core = CopyingCore(ReadingCore(attention, GRU(3 + 1 + 3, 4)), 3).double()
    torch.nn.init.normal_(core.begin)
    written = torch.tensor([[0, 0, 0], [5, 1, 3], [2, 2, 0]])
    beside = torch.randn(3, 3, 1, dtype=torch.float64)
    x = torch.cat([torch.nn.functional.one_hot(written, 6).double(), beside], -1)
    starts = torch.zeros(3, 3, dtype=torch.bool)
    starts[0] = True
    found = core(x, core.initial_state(3), starts, source=source).y
    cell = torch.nn.GRUCell(7, 4).double()
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in core.inner.inner.module.state_dict().items()})
    for b in range(3):
        state, known = torch.zeros(4, dtype=torch.float64), source.items[b, : source.length[b]]
        for t in range(3):
            copied = known[written[t, b] - 1] if written[t, b] else core.begin
            state = cell(torch.cat([copied, beside[t, b], known.mean(0)]), state)
            torch.testing.assert_close(found[t, b], torch.cat([state, known.mean(0)]))


def observations(steps: int, batch: int, seed: int = 3) -> dict[str, Tensor]:
    """Points that stay for all steps, and numbers of some of them."""
    env = gym.make_vec(ID, num_envs=batch, view="whole", min_length=2, max_length=6, output="torch")
    seen, _ = env.reset(seed=seed)
    written = (torch.rand(steps, batch) * (seen["length"] + 1)).long()
    written[0] = 0
    still = {name: seen[name].expand(steps, *seen[name].shape) for name in ("source", "length")}
    return {**still, "written": written}


OPTIONS = [
    {"output": output, "attention": attention, "core": core}
    for output, attention, core in (
        ("pointer", "uniform", "gru"),
        ("pointer", "content", "lstm"),
        ("pointer", "last", "ntm"),
        ("index", "uniform", "gru"),
    )
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options.values()))
def test_an_answer_equals_its_numbers_across_episode_starts(options: dict) -> None:
    policy = policy_of(**options)
    seen, starts = observations(6, 3), torch.zeros(6, 3, dtype=torch.bool)
    starts[0], starts[3, 1] = True, True
    with torch.no_grad():
        whole = policy(seen, policy.initial_state(3), starts, record=True)
        state, rows = policy.initial_state(3), []
        for t in range(6):
            one = policy(tree.index(seen, slice(t, t + 1)), state, starts[t : t + 1], record=True)
            state = one.state
            rows.append((one.parameters["action"][0], one.records["source_weights"][0]))
    torch.testing.assert_close(whole.parameters["action"], torch.stack([row[0] for row in rows]))
    torch.testing.assert_close(whole.records["source_weights"], torch.stack([row[1] for row in rows]))
    if options["output"] == "pointer":
        pointed = whole.parameters["action"].softmax(-1)[..., 1:]
        torch.testing.assert_close(whole.records["source_weights"][:, :, 0], pointed)
        assert not pointed[(torch.arange(50) >= seen["length"][..., None])].any()


@pytest.mark.parametrize("encoder", ["embedding", "transformer"])
@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(6)), seed=st.integers(0, 1000))
def test_points_are_a_set_whoever_comes_first(encoder: str, order: list[int], seed: int) -> None:
    policy = policy_of(encoder=encoder, places=False).double()
    seen = observations(3, 1, seed)
    turn = torch.tensor(order)[None]
    turn = turn[turn < seen["length"][0]][None]  # (1, n)
    places = torch.cat([torch.zeros(1, 1, dtype=torch.int64), turn + 1, torch.arange(turn.shape[1] + 1, 51)[None]], 1)
    other = {**seen, "source": seen["source"][:, :, places[0, 1:] - 1]}
    other["written"] = (places[0] == seen["written"][..., None]).long().argmax(-1)  # where that point is now
    starts = torch.zeros(3, 1, dtype=torch.bool)
    with torch.no_grad():
        one, two = (policy(each, policy.initial_state(1), starts).parameters["action"] for each in (seen, other))
    torch.testing.assert_close(one[..., places[0]], two)


@pytest.mark.parametrize("encoder", [name for name, e in ITEM_ENCODERS.items() if not (e.reads_words or e.reads_query)])
@pytest.mark.parametrize("agent", ["pointer", "attend"])
def test_every_parameter_learns_from_points(agent: str, encoder: str) -> None:
    policy = policy_of(agent, encoder=encoder, attention="content", halvings=0)  # an annotation for each point
    seen, starts = observations(4, 3), torch.zeros(4, 3, dtype=torch.bool)
    starts[0] = True
    said = policy(seen, policy.initial_state(3), starts)
    logits = said.parameters["action"]
    (torch.where(logits > -torch.inf, logits, 0.0).square().sum() + said.value.sum()).backward()
    idle = {"core.attention.to_key.bias", "core.inner.attention.to_key.bias"}  # behind a softmax
    lame = {name for name, value in policy.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0}
    assert lame <= idle


def test_without_places_an_encoder_is_blind_to_order() -> None:
    torch.manual_seed(0)
    items, turn = torch.randn(1, 5, 4, dtype=torch.float64), torch.tensor([3, 0, 4, 1, 2])
    for places in (True, False):
        encoder = make_item_encoder("transformer", 4, units=8, attention_heads=2, places=places).double()
        one, other = (encoder(each, torch.tensor([5])) for each in (items, items[:, turn]))
        assert torch.allclose(one[:, turn], other) != places


def test_what_a_pointer_cannot_write_is_refused_in_a_sentence() -> None:
    env = gym.make(ID, view="whole")
    with pytest.raises(FoveateError, match=r"actions must be Discrete\(51\)"):
        Pointer(env.observation_space, spaces.Discrete(50))
    parts = dict(env.observation_space.spaces)
    written, length = parts.pop("written"), parts.pop("length")
    with pytest.raises(FoveateError, match="'written'"):
        Pointer(spaces.Dict({**parts, "length": length, "other": written}), env.action_space)
    with pytest.raises(FoveateError, match="'length'"):
        Pointer(spaces.Dict({**parts, "written": written}), env.action_space)
    with pytest.raises(FoveateError, match='view="whole"'):
        Pointer(gym.make(ID).observation_space, env.action_space)
    source = Source(torch.zeros(1, 4, 3), torch.ones(1).long())
    with pytest.raises(FoveateError, match="6 numbers"):
        PointerHead(4, spaces.Discrete(6), 3)(torch.zeros(1, 1, 4), source)


def right_of(policy: Any, points: int) -> float:
    """The share of hulls that are wholly right."""
    options: dict[str, Any] = {"view": "whole", "min_length": points, "max_length": points, "output": "torch"}
    env = gym.make_vec(ID, num_envs=200, **options)
    world = env.unwrapped.world
    seen, _ = env.reset(seed=10**6)
    state, starts = policy.initial_state(200), torch.ones(200, dtype=torch.bool)
    score, over = torch.zeros(200), torch.zeros(200, dtype=torch.bool)
    with torch.no_grad():
        while not bool(over.all()):
            said = policy.step(seen, state, starts, deterministic=True)
            world.step(said.action)
            score = torch.where(over, score, world.score(world.state))
            seen, state, starts, over = (
                world.observe(world.state),
                said.state,
                torch.zeros_like(starts),
                over | world.over,
            )
    return float(score.mean())


def test_a_pointer_writes_of_more_points_than_it_ever_saw() -> None:
    options: dict[str, Any] = {"view": "whole", "min_length": 3, "max_length": 5}
    env = gym.make_vec(ID, num_envs=128, autoreset_mode="SameStep", output="torch", **options)
    sizes = {"units": 32, "embedding": 32, "hidden": 32, "pointer_units": 32, "layers": 2, "places": False}
    learner = Backprop(
        "pointer", env, BackpropOptions(worlds=128, batch=64, lr=5e-3), policy_kwargs=sizes, seed=0, device="cpu"
    )
    learner.learn(128 * 5 * 70)
    right = [right_of(learner.policy, points) for points in (4, 6)]
    assert right[0] > 0.2, right  # untrained it is 0
    assert right[1] > 0.02, right


def test_it_may_know_where_it_read_before() -> None:
    policy = policy_of(attention="content", location_filters=2, location_width=3)
    env = gym.make_vec(ID, num_envs=3, view="whole", min_length=2, max_length=6, output="torch")
    seen, _ = env.reset(seed=0)
    said = policy.step(seen, policy.initial_state(3), torch.ones(3, dtype=torch.bool))
    torch.testing.assert_close(said.state.core.read.sum(-1), torch.ones(3))
