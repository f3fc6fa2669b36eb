"""The registered ids as test parameters; one whose data are missing here is skipped, and says so."""

import pytest

from foveate.envs import IDS
from foveate.envs.glimpse.data import load
from foveate.errors import FoveateError


def _have_fashion() -> bool:
    try:
        load("fashion-mnist", "train")
    except FoveateError:
        return False
    return True


no_fashion = pytest.mark.skipif(not _have_fashion(), reason="Fashion-MNIST is not on this machine")
ALL_IDS = [pytest.param(i, marks=no_fashion if "Fashion" in i else ()) for i in IDS]
