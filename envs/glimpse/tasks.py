"""The classification worlds that are registered: Mnih et al. 2014's, and Fashion-MNIST."""

from typing import Any

from ..scale import Certified, ScoreScale
from .classification import Classification

CLASSES = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(0.1, 0.02), random=Certified(0.1, 0.02))


class Digits(Classification):
    """One digit of 28x28 pixels, seen in six glimpses of 8x8.

    Everything else is as in `Classification`: the observation is what the retina sees, the action a label and where
    to look next, the reward 1 for the right label at the end. A blind guess is right in a tenth of all episodes.

    Source:
        Mnih et al. 2014, section 4.1, "Centered digits" (28x28 MNIST, 1.29 % error with six glimpses in arXiv v1).

    Version history:
        v0: first version.
    """

    scale = CLASSES


class TranslatedDigits(Classification):
    """One digit anywhere on a black canvas of 60x60, seen in six glimpses of three scales, 12x12 each.

    Everything else is as in `Classification`. The widest patch covers 48 pixels: a single glimpse shows roughly where
    the digit is, and a second one, well placed, shows it sharply.

    Source:
        Mnih et al. 2014, section 4.1, "Non-centered digits" (60x60 translated MNIST).

    Version history:
        v0: first version.
    """

    scale = CLASSES

    def __init__(self, *, size: int = 60, patch: int = 12, scales: int = 3, **rest: Any):
        super().__init__(size=size, patch=patch, scales=scales, **rest)


class ClutteredDigits(TranslatedDigits):
    """One digit anywhere on a canvas of 60x60 among four 8x8 pieces of other digits.

    Everything else is as in `Classification`. The pieces are drawn anew at every reset, from the same split; where ink
    overlaps, the brighter pixel counts.

    Source:
        Mnih et al. 2014, section 4.1, "Cluttered non-centered digits" (60x60 cluttered translated MNIST).

    Version history:
        v0: first version.
    """

    scale = CLASSES

    def __init__(self, *, clutter: int = 4, **rest: Any):
        super().__init__(clutter=clutter, **rest)


class ClutteredDigits100(ClutteredDigits):
    """One digit anywhere on a canvas of 100x100 among eight 8x8 pieces of other digits; four scales, eight glimpses.

    Everything else is as in `ClutteredDigits`.

    Source:
        Mnih et al. 2014, section 4.1, "Cluttered non-centered digits" (100x100 cluttered translated MNIST).

    Version history:
        v0: first version.
    """

    scale = CLASSES

    def __init__(self, *, size: int = 100, clutter: int = 8, scales: int = 4, glimpses: int = 8, **rest: Any):
        super().__init__(size=size, clutter=clutter, scales=scales, glimpses=glimpses, **rest)


class Fashion(Classification):
    """One piece of clothing of 28x28 pixels (Fashion-MNIST), seen in six glimpses of two scales, 8x8 each.

    Everything else is as in `Classification`. The data are not in any package: see `data` for where they are sought.

    Source:
        Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST"; the task is ours, after `Digits`.

    Version history:
        v0: first version.
    """

    scale = CLASSES

    def __init__(self, *, data: str = "fashion-mnist", scales: int = 2, **rest: Any):
        super().__init__(data=data, scales=scales, **rest)
