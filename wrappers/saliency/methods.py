"""The instruments by name, and what each of them can be pointed at."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import FoveateError, check_choice
from . import gradients, perturbing
from .targets import Target
from .views import Inputs, View

Function = Callable[..., list[Tensor]]  # (view, inputs, targets) and options


class Method(NamedTuple):
    """A way to make a map.

    Attributes:
        function: (view, inputs, targets) -> one map a target, float (B, …) like the explained part of the observation.
        about: one line.
        meaning: of red, for legends: a few words.
        by_gradient: whether it differentiates.
        blind: whether it looks at nothing that was learned (a control, or explicit attention).
    """

    function: Function
    about: str
    meaning: str
    by_gradient: bool = False
    blind: bool = False


def attention(view: View, inputs: Inputs, targets: Sequence[Target]) -> list[Tensor]:
    """The policy's own explicit attention: the weights inside it, or of a glimpse wherever its patches have pixels."""
    x = view.explained(inputs.observation)
    if not view.attends:
        return [torch.ones_like(x) for _ in targets]
    with torch.no_grad():
        amount = view.ask(inputs, x).records["attention"]  # (B, H, W)
    return [amount[:, None].expand_as(x) for _ in targets]


def random(view: View, inputs: Inputs, targets: Sequence[Target]) -> list[Tensor]:
    """Uniform noise: what every other method has to beat."""
    x = view.explained(inputs.observation)
    generator = torch.Generator().manual_seed(int(x.double().sum().item() * 1e3) % (1 << 31))  # another for each frame
    return [torch.rand(x.shape, generator=generator).to(x.device) for _ in targets]


METHODS: dict[str, Method] = {
    "jacobian": Method(gradients.jacobian, "|∂y/∂x|", "a small change here changes it", True),
    "jacobian-outputs": Method(
        gradients.jacobian_outputs,
        "the outputs themselves, propagated back as errors",
        "all outputs, sent back as errors",
        True,
    ),
    "integrated-gradients": Method(
        gradients.integrated_gradients,
        "gradients on the way from black, summed",
        "what it owes to this, against black",
        True,
    ),
    "smoothgrad": Method(
        gradients.smoothgrad, "the gradient's mean over noisy copies", "a small change here changes it", True
    ),
    "occlusion": Method(perturbing.occlusion, "what changes as a grey window hides a part", "hiding this changes it"),
    "perturbation": Method(
        perturbing.perturbation, "what changes as a soft spot is blurred", "blurring this changes it"
    ),
    "sarfa": Method(
        perturbing.sarfa, "what matters for one action rather than for all", "matters to this action alone"
    ),
    "attention": Method(
        attention, "where the policy itself says that it looks", "where it says that it looks", blind=True
    ),
    "random": Method(random, "noise, the control", "random numbers, the control", blind=True),
}


def can_attend(view: View) -> bool:
    """Whether a policy has an explicit attention: inside, or because it is asked where to look."""
    return view.attends or (view.key == "glimpse" and "location" in view.parts)


def methods_of(view: View) -> list[str]:
    """The methods that a policy can be looked at with."""
    return [name for name in METHODS if name != "attention" or can_attend(view)]


def check_method(view: View, name: str, targets: Sequence[Target]) -> None:
    """Raise a FoveateError where the policy (or a target) can't have this method; the error says what can be had."""
    check_choice("method", name, METHODS)
    if name not in methods_of(view):
        raise FoveateError(
            f"method {name!r} needs a policy with an explicit attention (inside, or because it is asked where to "
            f"look); this one has: {', '.join(methods_of(view))}."
        )
    if name == "sarfa":
        for target in targets:
            if not target.action:
                raise FoveateError(
                    f"method 'sarfa' explains one action of a Discrete space, not {target.name!r}: ask for the "
                    f"advantage, the centred logit or an action, or for {target.name!r} by another method."
                )
