"""How runs are compared."""

from dataclasses import dataclass
from pathlib import Path

from ...errors import check_range


@dataclass
class CompareOptions:
    """How to compare.

    Attributes:
        report: folder for the page (report.html), its figures (report.json) and one CSV a table.
        episodes: test episodes of each run.
        images: test images on which it is measured where they look.
        attack_images: test images that are attacked; 0 leaves attacks out.
        gradients: budget of an attack: gradients of single episodes for each image, the same for every arm.
        samples: of these, how many are spent on one step against an arm that chooses places at random.
        device: "auto" (the GPU if there is one), "cpu", "cuda", …
        threads: CPU threads of PyTorch.
        data: folders of images and openml:NAMEs that the runs may use; they name none by themselves.
    """

    report: Path = Path("report")
    episodes: int = 2000
    images: int = 200
    attack_images: int = 100
    gradients: int = 80
    samples: int = 4
    device: str = "auto"
    threads: int = 1
    data: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("episodes", "images", "threads"):
            check_range(name, getattr(self, name), 1)
        check_range("samples", self.samples, 2)  # the choice of places is attacked by comparing samples
        check_range("attack_images", self.attack_images, 0)
        check_range("gradients", self.gradients, self.samples)
