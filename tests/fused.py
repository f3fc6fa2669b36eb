"""Cores in the middle of an episode, and all that a sequence gives of them: what tests of fused kernels compare."""

import torch
from torch import Tensor

from foveate import tree
from foveate.agents.nn.cores.dnc import DNC, DNCState
from foveate.agents.nn.cores.ntm import NTM, NTMState

INPUTS, HIDDEN = 5, 7


def core_of(kind: type[NTM | DNC], dtype: torch.dtype = torch.float64, seed: int = 0, **options: object) -> NTM | DNC:
    """A small core whose numbers are far from those of an untrained one."""
    torch.manual_seed(seed)
    core = kind(INPUTS, HIDDEN, **{"rows": 9, "width": 4, "read_heads": 2, **options}).to(dtype)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in core.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
        core.interface.weight *= 3
    return core


def some_state(core: NTM | DNC, batch: int) -> NTMState | DNCState:
    """A state in the middle of an episode, whose gradient is wanted."""
    begun = core.initial_state(batch, core.interface.weight.device)
    moved = tree.map(lambda x: x + 0.2 * torch.randn_like(x) if x.is_floating_point() else x, begun)
    if isinstance(core, NTM):
        assert isinstance(moved, NTMState)
        state = moved._replace(weights=torch.softmax(2 * torch.randn_like(moved.weights), -1))
    else:
        assert isinstance(moved, DNCState)
        state = _of_dnc(core, moved)
    return tree.map(lambda x: x.detach().requires_grad_() if x.is_floating_point() else x, state)


def _of_dnc(core: DNC, state: DNCState) -> DNCState:
    """Rows that nothing touched keep their usage: some are free, some full, some alike."""
    batch, rows, _ = state.memory.shape
    usage, like = torch.rand_like(state.usage), state.usage
    usage = torch.where(torch.rand_like(like) < 0.5, torch.randint_like(like, 3) / 2, usage)
    touched = (torch.rand_like(like) < 0.7).to(like)

    def part(x: Tensor) -> Tensor:
        return 0.9 * torch.softmax(2 * torch.randn_like(x), -1)

    links, columns = core.sparse_links, state.link_columns
    if links:
        columns = torch.rand(batch, rows, rows).argsort(-1)[..., :links]
        off_diagonal = columns != torch.arange(rows)[:, None]
    else:
        off_diagonal = 1 - torch.eye(rows, dtype=like.dtype, device=like.device)
    return state._replace(
        memory=torch.randn_like(state.memory),
        usage=usage,
        precedence=part(like),
        link=0.5 * part(state.link) * off_diagonal,
        link_columns=columns,
        write_weights=part(like) * touched,
        read_weights=part(state.read_weights) * touched[:, None],
    )


def outcome(
    core: NTM | DNC, fast: str, x: Tensor, state: NTMState | DNCState, starts: Tensor | None = None
) -> dict[str, Tensor]:
    """Outputs, the last state, and the gradients of a weighted sum of them."""
    core.fast = fast  # type: ignore[assignment]
    done = core(x, state, torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device) if starts is None else starts)
    return gradients(core, {"y": done.y, **tree.flatten_names(done.state)}, x, state)


def gradients(core: NTM | DNC, numbers: dict[str, Tensor], x: Tensor, state: NTMState | DNCState) -> dict[str, Tensor]:
    """The numbers, and the gradients of a weighted sum of them with respect to inputs, state and parameters."""
    generator = torch.Generator().manual_seed(1)
    cost = torch.zeros((), dtype=x.dtype, device=x.device)
    for value in numbers.values():
        if value.is_floating_point():
            cost = cost + (torch.randn(value.shape, generator=generator, dtype=torch.float64).to(x) * value).sum()
    wanted = {"x": x, **tree.flatten_names(state), **dict(core.named_parameters())}
    wanted = {name: value for name, value in wanted.items() if value.numel() and value.requires_grad}
    found = torch.autograd.grad(cost, list(wanted.values()), allow_unused=True)
    zero = [torch.zeros_like(value) if d is None else d for value, d in zip(wanted.values(), found, strict=True)]
    numbers = {name: value.detach() for name, value in numbers.items() if value.numel()}
    return numbers | {f"gradient of {name}": d for name, d in zip(wanted, zero, strict=True)}


def difference(found: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, float]:
    """How far each number is from what it should be, relative to the largest of its kind where that is above 1."""
    return {
        name: float((found[name].double() - value.double()).abs().max() / (1 + value.double().abs().max()))
        for name, value in expected.items()
    }


def check(core: NTM | DNC, x: Tensor, state: NTMState | DNCState, starts: Tensor | None = None) -> None:
    """The kernel gives what the plain path gives.

    In float32 it must be as near to float64 as the plain path is, or as float64 is to itself when the inputs alone are
    rounded: where rounding costs digits (a row of memory near zero), it may cost the kernel as many, and the plain path
    may be lucky.
    """
    plain, fused = (outcome(core, fast, x, state, starts) for fast in ("off", "auto"))
    if x.dtype == torch.float64:
        for name, error in difference(fused, plain).items():
            assert error < 1e-10, (name, error)
        return
    wide = [y.detach().double().requires_grad_() if y.is_floating_point() else y for y in (x, *state)]
    exact = outcome(core.to(torch.float64), "off", wide[0], type(state)(*wide[1:]), starts)
    near = [rounded(y) if y.is_floating_point() else y for y in wide]
    by_plain = difference(plain, exact)
    by_rounding = difference(outcome(core, "off", near[0], type(state)(*near[1:]), starts), exact)
    for name, error in difference(fused, exact).items():
        unavoidable = max(by_plain[name], by_rounding[name])
        assert error < 2e-5 + 4 * unavoidable, (name, error, unavoidable)


def rounded(y: Tensor) -> Tensor:
    """Numbers in float64 moved by as much as float32 rounds them, either way."""
    return (
        y.detach() * (1 + torch.finfo(torch.float32).eps / 2 * torch.empty_like(y).uniform_(-1, 1))
    ).requires_grad_()
