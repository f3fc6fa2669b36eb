"""Drawing: canvas, text, panels, plots, videos, pages, windows. Knows arrays; knows no worlds and no agents.

OpenCV and Matplotlib are imported inside the functions that use them: a training that draws nothing loads neither.
"""

from ..moved import modules_of, moved, submodule


def __getattr__(name: str) -> object:
    return submodule(__name__, name, modules_of(__path__)) or moved(__name__, name, {})


def __dir__() -> list[str]:
    return modules_of(__path__)
