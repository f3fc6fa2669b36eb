"""Maps from derivatives of an output with respect to the observation.

Every method is a function (view, inputs, targets) -> one map a target, float (B, …) in the shape of the explained part
of the observation. What is signed in theory is signed here; what is shown and scored is its size.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor

from ...errors import FoveateError
from .targets import Read, Target
from .views import Inputs, Outputs, View

NOISE_SEED = 0
TOGETHER = 2_000_000  # numbers of observations that go through the network together

Column = Callable[[Tensor, Tensor], Tensor]  # variants (N, …) and their rows (N,) -> one output of each, (N,)
Reduce = Callable[[Tensor], Tensor]  # outputs (N, K) -> (N, K')
Attribute = Callable[[Column, Tensor], Tensor]  # an output and the rows -> its map, (B, …)


def gradients(y: Tensor, x: Tensor, again: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """∂y_k/∂x for each column k of y (B, K), a list of tensors like x; zeros where y doesn't depend on x.

    Args:
        y: the outputs.
        x: what they are differentiated by.
        again: the outputs for another x. It is asked where the graph of y doesn't reach x, to tell an output that stays
            the same from one that changes though its gradients are cut.

    Raises:
        FoveateError: y changes with x, but no gradient leads from one to the other.
    """
    maps = []
    for k in range(y.shape[1]):
        g = None
        if y.requires_grad:
            (g,) = torch.autograd.grad(y[:, k].sum(), x, retain_graph=True, allow_unused=True)
        if g is None and _changes(again, x, k):
            raise FoveateError(
                "no gradient leads from this output to what is explained, though it changes with it (the policy "
                "detaches it, rounds it, or runs without gradients): use a method that only asks the policy, as "
                "'perturbation' or 'occlusion'."
            )
        maps.append(torch.zeros_like(x) if g is None else g)
    return maps


@torch.no_grad()
def _changes(again: Callable[[Tensor], Tensor], x: Tensor, k: int) -> bool:
    """Whether output k differs for any of some other x, at the same random numbers."""
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(NOISE_SEED)).to(x)
    answers = []
    for other in (x, torch.zeros_like(x), x + noise, 1 - x):
        with torch.random.fork_rng([]):
            torch.manual_seed(NOISE_SEED)
            answers.append(again(other.detach().clone())[:, k])
    return any(not torch.equal(answer, answers[0]) for answer in answers)


def same(y: Tensor) -> Tensor:
    """The outputs as they are."""
    return y


def half_square(y: Tensor) -> Tensor:
    """½ Σ_k y_k², (B, 1): its derivative is that of the outputs, each with itself as its error."""
    return (0.5 * y.square()).sum(1, keepdim=True)


def size(parts: Sequence[Tensor]) -> Tensor:
    """The norm over the outputs of a vector-valued target; a single output's derivative stays as it is."""
    return parts[0] if len(parts) == 1 else torch.stack(list(parts)).square().sum(0).sqrt()


def jacobian(view: View, inputs: Inputs, targets: Sequence[Target]) -> list[Tensor]:
    """∂y/∂x, for several outputs the norm over them: all targets share one forward pass."""
    x = view.explained(inputs.observation).detach().clone().requires_grad_(True)
    outputs = view.ask(inputs, x)
    return [size(_slopes(view, inputs, target.bind(outputs), outputs, x)) for target in targets]


def _slopes(view: View, inputs: Inputs, read: Read, outputs: Outputs, x: Tensor, reduce: Reduce = same) -> list[Tensor]:
    """`gradients` of what is read from the outputs for x."""
    return gradients(reduce(read(outputs, None)), x, lambda other: reduce(read(view.ask(inputs, other), None)))


def jacobian_outputs(view: View, inputs: Inputs, targets: Sequence[Target]) -> list[Tensor]:
    """Σ_k y_k ∂y_k/∂x: the network's errors are set to its outputs and propagated back (Graves 2012, section 3.3)."""
    x = view.explained(inputs.observation).detach().clone().requires_grad_(True)
    outputs = view.ask(inputs, x)
    return [_slopes(view, inputs, target.bind(outputs), outputs, x, half_square)[0] for target in targets]


def integrated_gradients(view: View, inputs: Inputs, targets: Sequence[Target], steps: int = 32) -> list[Tensor]:
    """The gradient's mean on the way from a black observation, times the difference (Sundararajan et al. 2017).

    The map of a single output sums to what the output is more than on black; how nearly, depends on `steps`.

    Args:
        view: of the policy.
        inputs: prepared, (B, …).
        targets: what is explained.
        steps: of the Gauss-Legendre quadrature along the way.
    """
    from captum.attr import IntegratedGradients  # slow to import: only where it is used

    x = view.explained(inputs.observation).detach()
    together = max(len(x), TOGETHER // max(1, x[0].numel()))

    def attribute(column: Column, rows: Tensor) -> Tensor:
        return IntegratedGradients(column).attribute(
            x, additional_forward_args=(rows,), n_steps=steps, method="gausslegendre", internal_batch_size=together
        )

    return by_output(view, inputs, targets, x, attribute, by_gradient=True)


def smoothgrad(
    view: View, inputs: Inputs, targets: Sequence[Target], samples: int = 16, noise: float = 0.1
) -> list[Tensor]:
    """The gradient's mean over noisy copies of the observation (Smilkov et al. 2017).

    Args:
        view: of the policy.
        inputs: prepared, (B, …).
        targets: what is explained.
        samples: noisy copies.
        noise: its standard deviation; observations of bytes lie in [0, 1].
    """
    from captum.attr import NoiseTunnel
    from captum.attr import Saliency as Gradient

    x = view.explained(inputs.observation).detach()

    def attribute(column: Column, rows: Tensor) -> Tensor:
        torch.manual_seed(NOISE_SEED)  # the same noise for every target, and at every call
        tunnel = NoiseTunnel(Gradient(column))
        return cast(
            Tensor,
            tunnel.attribute(
                x, nt_type="smoothgrad", nt_samples=samples, stdevs=noise, additional_forward_args=(rows,), abs=False
            ),
        )

    return by_output(view, inputs, targets, x, attribute, by_gradient=True)


def by_output(
    view: View, inputs: Inputs, targets: Sequence[Target], x: Tensor, attribute: Attribute, *, by_gradient: bool = False
) -> list[Tensor]:
    """A method of captum, which explains one number a time step, applied to each output of each target.

    Args:
        view: of the policy.
        inputs: prepared, (B, …).
        targets: what is explained.
        x: the explained part, (B, …).
        attribute: the method.
        by_gradient: whether it is one of gradients, which finds a constant where they are cut.

    Raises:
        FoveateError: it is, and they are (see `gradients`).
    """
    rows = torch.arange(len(x), device=x.device)
    with torch.no_grad():
        outputs = view.ask(inputs, x)
    maps = []
    for target in targets:
        read = target.bind(outputs)
        count = read(outputs, None).shape[1]
        parts = [attribute(_column(view, inputs, read, k), rows).detach() for k in range(count)]
        if by_gradient and not all(part.any() for part in parts):
            _check_uncut(view, inputs, target, x)
        maps.append(size(parts))
    return maps


def _check_uncut(view: View, inputs: Inputs, target: Target, x: Tensor) -> None:
    """Raise the error of `gradients` if it has one for this target."""
    with torch.random.fork_rng([]):
        x = x.clone().requires_grad_(True)
        outputs = view.ask(inputs, x)
        _slopes(view, inputs, target.bind(outputs), outputs, x)


def _column(view: View, inputs: Inputs, read: Read, k: int) -> Column:
    """Output k as a function of the explained part, as captum wants it."""

    def function(x: Tensor, rows: Tensor) -> Tensor:
        y = read(view.ask(inputs, x, rows), rows)[:, k]
        return y + 0.0 * x.flatten(1).sum(1) if x.requires_grad else y  # a constant policy has a gradient too: zero

    return function
