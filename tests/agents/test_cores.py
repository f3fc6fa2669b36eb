"""Cores: against slow loops, sequence against steps, episode starts, gradients."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_cores import BUILT, EXTERNAL, REMEMBERING, build
from torch import Tensor

from foveate import tree
from foveate.agents.nn.cores import Core, make_core
from foveate.agents.nn.cores.base import begun, reset_where
from foveate.errors import FoveateError

TEXTBOOK = ["elman", "gru", "lstm", "rnn"]


def slow(core: Core, name: str, x: Tensor) -> Tensor:
    """The textbook equations, one step at a time, from the zero state."""
    p = dict(core.module.named_parameters())
    w, u, b, c = p["weight_ih_l0"], p["weight_hh_l0"], p["bias_ih_l0"], p["bias_hh_l0"]
    h = torch.zeros(x.shape[1], core.output_size, dtype=x.dtype)
    cell, out = torch.zeros_like(h), []
    for x_t in x:
        if name == "rnn":
            h = torch.relu(x_t @ w.T + b + h @ u.T + c)
        elif name == "elman":
            h = torch.tanh(x_t @ w.T + b + h @ u.T + c)
        elif name == "lstm":
            i, f, g, o = (x_t @ w.T + b + h @ u.T + c).chunk(4, -1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            h = o.sigmoid() * cell.tanh()
        else:
            (xr, xz, xn), (hr, hz, hn) = (x_t @ w.T + b).chunk(3, -1), (h @ u.T + c).chunk(3, -1)
            r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
            h = (1 - z) * (xn + r * hn).tanh() + z * h
        out.append(h)
    return torch.stack(out)


@pytest.mark.parametrize("key", REMEMBERING)
@pytest.mark.parametrize("rows", [(), (0, 2), (0, 1, 2)])
def test_rows_that_start_begin_anew_however_many_they_are(key: str, rows: tuple[int, ...]) -> None:
    core = build(key)
    x, starts = torch.randn(1, 3, 3), torch.zeros(3, dtype=torch.bool)
    before = core(x, core.initial_state(3), ~starts[None]).state
    starts[list(rows)] = True
    for learns in (True, False):
        with torch.set_grad_enabled(learns):
            found, expected = begun(core, before, starts), reset_where(before, core.initial_state(3), starts)
        for name, value in tree.flatten_names(expected).items():
            assert torch.equal(tree.flatten_names(found)[name], value), name
            assert learns or not rows or not tree.flatten_names(found)[name].requires_grad


@pytest.mark.parametrize("name", TEXTBOOK)
def test_against_the_textbook(name: str) -> None:
    torch.manual_seed(0)
    core = make_core(name, 3, 4).double()
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    y = core(x, core.initial_state(2), torch.zeros(6, 2, dtype=torch.bool)).y
    assert torch.allclose(y, slow(core, name, x), atol=1e-12)


def sequence_and_steps(core: Core, x: Tensor, starts: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs and last state, as numbers: of a whole sequence, and of the same step by step."""
    first = state = core.initial_state(x.shape[1])
    whole = core(x, first, starts)
    rows = []
    for t in range(len(x)):
        y, state, *_ = core(x[t : t + 1], state, starts[t : t + 1])
        rows.append(y[0])
    return [whole.y, *tree.leaves(whole.state)], [torch.stack(rows), *tree.leaves(state)]


def furthest(found: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference of all numbers."""
    parts = [(a.detach() - b.detach().to(a.dtype)).abs() for a, b in zip(found, expected, strict=True) if a.numel()]
    return max(float(part.max()) for part in parts)


@pytest.mark.parametrize("name", sorted(BUILT))
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 9), batch=st.integers(1, 4))
@example(seed=75558, steps=5, batch=3)  # norms of numbers that nearly agree: a transformer that magnifies rounding
@settings(max_examples=10, deadline=None)
def test_a_sequence_equals_its_steps_across_episode_starts(name: str, seed: int, steps: int, batch: int) -> None:
    torch.manual_seed(seed)
    core = build(name)
    x = torch.randn(steps, batch, 3)
    starts = torch.rand(steps, batch) < 0.3
    apart = furthest(*sequence_and_steps(core, x, starts))
    exact, exact_steps = sequence_and_steps(core.double(), x.double(), starts)
    assert furthest(exact, exact_steps) <= 1e-10
    # float32 may lose what float64 says that weights rounded to float32 cost, times 30: of 400 draws of each core the
    # worst lost 5 times it (or the 1e-6), of 3,000 of the transformer 20 times
    with torch.no_grad():
        for weights in core.parameters():
            weights.mul_(1 + torch.finfo(torch.float32).eps * (torch.rand_like(weights) - 0.5))
    moved, _ = sequence_and_steps(core, x.double(), starts)
    assert apart <= 1e-6 + 30 * furthest(moved, exact)


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_start_forgets_even_a_nan(name: str) -> None:
    core = build(name)
    ruined = tree.map(
        lambda part: torch.full_like(part, torch.nan) if part.is_floating_point() else torch.ones_like(part),
        core.initial_state(2),
    )
    x = torch.randn(1, 2, 3)
    y = core(x, ruined, torch.tensor([[True, False]])).y
    fresh, *_ = core(x, core.initial_state(2), torch.tensor([[True, True]]))
    assert torch.equal(y[0, 0], fresh[0, 0])
    assert y[0, 1].isnan().any()


@pytest.mark.parametrize("name", REMEMBERING)
def test_gradients(name: str) -> None:
    torch.manual_seed(3)
    core = build(name, 2, 4).double()
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    starts = torch.tensor([[True, True], [False, False], [False, True], [False, False]])
    assert torch.autograd.gradcheck(lambda x: core(x, core.initial_state(2), starts).y, (x,))


@pytest.mark.parametrize("name", REMEMBERING)
def test_every_parameter_learns_except_by_choice(name: str) -> None:
    torch.manual_seed(0)
    core = build(name)
    x, starts = torch.randn(6, 2, 3), torch.zeros(6, 2, dtype=torch.bool)
    y, *_ = core(x, core.initial_state(2), starts)
    (y * torch.randn_like(y)).sum().backward()
    unused = {"initial_address"} if name == "ntm-content" else set()  # content alone has no place to begin
    for parameter, value in core.named_parameters():
        if parameter not in unused and value.numel():
            assert value.grad is not None, parameter
            assert value.grad.isfinite().all(), parameter


@pytest.mark.parametrize("name", [key for key in REMEMBERING if BUILT[key][0] in (*EXTERNAL, "transformer")])
def test_attention_maps_are_a_returned_value_and_weights_are_weights(name: str) -> None:
    torch.manual_seed(1)
    core = build(name).double()
    x, starts = 3 * torch.randn(7, 2, 3, dtype=torch.float64), torch.rand(7, 2) < 0.2
    y, state, *_ = core(x, core.initial_state(2), starts)
    again, after, _, maps = core(x, core.initial_state(2), starts, record=True)
    assert torch.allclose(y, again, rtol=0, atol=1e-12)  # a kernel may have made the first
    assert all(torch.allclose(a, b, rtol=0, atol=1e-12) for a, b in zip(state, after, strict=True))
    assert all(len(value) == 7 for value in maps.values())
    read = maps["read_weights"]
    assert (read >= -1e-12).all()
    assert (read.sum(-1) <= 1 + 1e-9).all()
    if BUILT[name][0] in ("ntm", "transformer"):
        assert torch.allclose(read.sum(-1), torch.ones_like(read[..., 0]))
    if BUILT[name][0] == "dnc":
        assert (maps["usage"] >= 0).all()
        assert (maps["usage"] <= 1).all()
        assert (after.precedence.sum(-1) <= 1 + 1e-9).all()
        assert (maps["write_weights"].sum(-1) <= 1 + 1e-9).all()


@pytest.mark.parametrize("name", [key for key in REMEMBERING if BUILT[key][0] in EXTERNAL])
def test_noise_on_the_reads_changes_the_controller_s_next_state(name: str) -> None:
    """The read vectors are an input of the controller at every step, not an afterthought outside the loop."""
    torch.manual_seed(2)
    core = build(name)
    x, no = torch.randn(3, 2, 3), torch.zeros(3, 2, dtype=torch.bool)
    _, state, *_ = core(x[:1], core.initial_state(2), no[:1])
    noisy = state._replace(reads=state.reads + torch.randn_like(state.reads))
    _, plain, *_ = core(x[1:2], state, no[1:2])
    _, other, *_ = core(x[1:2], noisy, no[1:2])
    assert not torch.allclose(plain.hidden, other.hidden, atol=1e-4)


@pytest.mark.parametrize("name", [key for key in REMEMBERING if BUILT[key][0] in EXTERNAL])
def test_gradients_stay_finite_at_zero_memory_and_after_hundreds_of_steps(name: str) -> None:
    torch.manual_seed(3)
    core = build(name)
    zero = core.initial_state(2)._replace(memory=torch.zeros_like(core.initial_state(2).memory))
    for steps, begin in ((2, zero), (300, core.initial_state(2))):
        core.zero_grad()
        y, *_ = core(torch.randn(steps, 2, 3), begin, torch.zeros(steps, 2, dtype=torch.bool))
        y.square().mean().backward()
        assert y.isfinite().all()
        assert all(p.grad.isfinite().all() for p in core.parameters() if p.grad is not None)


def test_memory_is_untouched_where_no_head_writes() -> None:
    torch.manual_seed(4)
    core = build("dnc")
    x, no = torch.randn(1, 2, 3), torch.zeros(1, 2, dtype=torch.bool)
    _, state, *_ = core(x, core.initial_state(2), no)
    gate = sum(core.sizes[:5])  # the write gate's place in the interface
    core.interface.weight.data[gate], core.interface.bias.data[gate] = 0.0, -1000.0
    _, after, _, maps = core(x, state, no, record=True)
    assert bool((maps["write_gate"] < 1e-6).all())
    assert torch.allclose(after.memory, state.memory, atol=1e-6)


def test_the_transformer_s_window() -> None:
    """Beyond its context nothing matters; within it, everything does."""
    torch.manual_seed(5)
    core = make_core("transformer", 3, 8, layers=1, heads=2, context=3)
    x, no = torch.randn(6, 1, 3), torch.zeros(6, 1, dtype=torch.bool)
    changed = x.clone()
    changed[2] += 1
    y, z = (core(inputs, core.initial_state(1), no).y for inputs in (x, changed))
    assert [bool(torch.allclose(a, b)) for a, b in zip(y, z, strict=True)] == [True, True, False, False, False, True]


@pytest.mark.gpu
@pytest.mark.parametrize("name", sorted(BUILT))
def test_the_gpu_computes_the_same(name: str) -> None:
    torch.manual_seed(6)
    core = build(name).double()
    x, starts = torch.randn(9, 4, 3, dtype=torch.float64), torch.rand(9, 4) < 0.2
    here, *_ = core(x, core.initial_state(4), starts)
    there, *_ = core.cuda()(x.cuda(), core.initial_state(4, "cuda"), starts.cuda())
    assert torch.allclose(here, there.cpu(), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ntm", {"rows": 0}, "rows=0"),
        ("ntm", {"rows": 2}, "reach=1"),
        ("ntm", {"addressing": "both ways"}, "addressing"),
        ("ntm", {"controller": "lsmt"}, "Did you mean 'lstm'"),
        ("dnc", {"sparse_links": 100}, "sparse_links=100"),
        ("transformer", {"heads": 3}, "hidden=4"),
    ],
)
def test_impossible_sizes_are_refused(name: str, options: dict, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        make_core(name, 3, 4, **options)


def test_the_forget_gate_begins_open_and_unknown_names_get_a_hint() -> None:
    bias = dict(make_core("lstm", 2, 3).module.named_parameters())["bias_ih_l0"]
    assert bias[3:6].tolist() == [1, 1, 1]
    with pytest.raises(FoveateError, match="Did you mean 'lstm'"):
        make_core("lsmt", 2, 3)


@pytest.mark.parametrize("name", ["ntm", "dnc"])
def test_a_controller_can_begin_forgetful(name: str) -> None:
    """Of the cell before, sigmoid(bias) stays where nothing else is said."""
    for bias, stays in ((1.0, 0.731), (-2.0, 0.119)):
        core = make_core(name, 2, 3, controller="lstm", rows=4, width=2, forget_bias=bias)
        controller = core.controller
        for weight in controller.parameters():
            if weight.ndim > 1:
                weight.data.zero_()
        nothing, cell = torch.zeros(1, 3), torch.ones(1, 3)
        drive = controller.from_input(torch.zeros(1, 2))
        _, after = controller(drive, torch.zeros(1, core.read_heads * 2), nothing, cell)
        torch.testing.assert_close(after, stays * cell, atol=1e-3, rtol=0)
    with pytest.raises(FoveateError, match="forget_bias=-11"):
        make_core(name, 2, 3, rows=4, width=2, forget_bias=-11.0)


@pytest.mark.parametrize("fast", ["auto", "off"])
def test_a_dnc_with_a_largest_strength_is_one_whose_keys_all_have_that_strength_if_they_are_stronger(fast: str) -> None:
    """β = min(oneplus(x), most), of read heads and the write head: against a core that can only say β = most."""
    torch.manual_seed(0)
    most, width, heads = 1.5, 3, 2
    bounded, constant = (
        make_core("dnc", 4, 8, rows=6, width=width, read_heads=heads, max_strength=b, fast=fast) for b in (most, 21.0)
    )
    strengths = slice((heads + 1) * width, (heads + 1) * (width + 1))
    bounded.interface.bias.data[strengths] = 9.0  # strong keys
    constant.load_state_dict(bounded.state_dict())
    constant.interface.weight.data[strengths] = 0
    constant.interface.bias.data[strengths] = math.log(math.expm1(most - 1))  # oneplus gives `most`
    x, starts = torch.randn(5, 2, 4), torch.zeros(5, 2, dtype=torch.bool)
    found = [core(x, core.initial_state(2), starts) for core in (bounded, constant)]
    assert torch.allclose(found[0].y, found[1].y, atol=1e-6)
    assert torch.allclose(found[0].state.memory, found[1].state.memory, atol=1e-6)
    stronger = make_core("dnc", 4, 8, rows=6, width=width, read_heads=heads, fast=fast)
    stronger.load_state_dict(bounded.state_dict())
    assert not torch.allclose(stronger(x, stronger.initial_state(2), starts).y, found[0].y, atol=1e-3)


@pytest.mark.parametrize("most", [0.9, 22.0, float("nan")])
def test_a_largest_strength_that_no_key_can_have_is_refused(most: float) -> None:
    with pytest.raises(FoveateError, match="max_strength"):
        make_core("dnc", 4, 8, rows=6, max_strength=most)
