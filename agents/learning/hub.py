"""Agents from a hub: ``hf://OWNER/NAME[@REVISION]`` is a model repository of Hugging Face, read by its ordinary client.

Only run.json, the weights and the model card are taken, and only after the hub said how large they are: no pickle, no
code, and what they hold is read as any checkpoint of others. The client keeps them in its cache, which serves without a
network.
"""

import functools
import importlib
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ... import __version__
from ...errors import FoveateError
from ...files import reason

SCHEME, RUN, WEIGHTS, CARD = "hf:", "run.json", "weights.safetensors", "README.md"
MOST_BYTES = {RUN: 8 * 2**20, WEIGHTS: 2 * 2**30, CARD: 2**20}  # of what is taken, and of what is pushed
_ADDRESS = re.compile(r"hf:/+([\w.-]{1,96}/[\w.-]{1,96})(?:@([\w./-]{1,200}))?")
_PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")


class Address(NamedTuple):
    """Where an agent is.

    Attributes:
        repository: OWNER/NAME.
        revision: a branch, a tag or a commit; None is the main branch.
    """

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"hf://{self.repository}{f'@{self.revision}' if self.revision else ''}"


def is_address(path: str | Path) -> bool:
    """Whether a word, or the path that was made of it, is an address of the hub."""
    return Path(path).parts[:1] == (SCHEME,)


def address_of(path: str | Path) -> Address:
    """The address that a word means.

    Raises:
        FoveateError: it is none.
    """
    match = _ADDRESS.fullmatch(Path(path).as_posix())
    if match is None:
        raise FoveateError(f"{path} is no address: it must be hf://OWNER/NAME, or hf://OWNER/NAME@REVISION.")
    return Address(check_repository(match[1]), match[2])


def check_repository(name: str) -> str:
    """The name of a repository, OWNER/NAME, if it is one.

    Raises:
        FoveateError: it isn't.
    """
    parts = name.split("/")
    if len(parts) != 2 or not all(_PART.fullmatch(part) and ".." not in part and "--" not in part for part in parts):
        raise FoveateError(
            f"{name[:200]!r} is no repository: it must be OWNER/NAME, of letters, digits, and - _ . in between."
        )
    return name


def client() -> Any:
    """The hub's own client.

    Raises:
        FoveateError: it isn't installed.
    """
    if find_spec("huggingface_hub") is None:
        raise FoveateError('hf://… needs huggingface_hub: pip install "foveate[hub]".')
    hub: Any = importlib.import_module("huggingface_hub")
    return hub.HfApi(library_name="foveate", library_version=__version__)


@functools.cache  # one command looks at a run several times: it must be the same
def fetch(address: Address) -> Path:
    """The folder with an agent from the hub; says on standard error which commit it is.

    Args:
        address: of the agent.

    Raises:
        FoveateError: there is no such agent, it is too large, or the hub can't be reached and nothing is kept of it.
    """
    api = client()
    hub: Any = importlib.import_module("huggingface_hub")
    errors: Any = importlib.import_module("huggingface_hub.errors")
    kept = ""
    try:
        _check(api, address)
        # by its branch and not by the commit that was checked: so the cache knows what the branch is
        folder = Path(
            api.snapshot_download(address.repository, revision=address.revision, allow_patterns=list(MOST_BYTES))
        )
    except FoveateError:
        raise
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.GatedRepoError) as error:
        raise FoveateError(f"{address} can't be read: {_said(error)}") from error
    except Exception as error:  # the client's, its transport's and the system's, all for want of a network
        try:
            folder = Path(
                hub.snapshot_download(
                    address.repository,
                    revision=address.revision,
                    allow_patterns=list(MOST_BYTES),
                    local_files_only=True,
                )
            )
        except Exception:
            raise FoveateError(f"{address} can't be read, and nothing of it is kept here: {_said(error)}") from error
        kept = ", as it is kept here: the hub can't be reached"
    check_sizes({name: (folder / name).stat().st_size for name in MOST_BYTES if (folder / name).is_file()}, address)
    print(f"{address}: commit {folder.name}{kept}", file=sys.stderr, flush=True)
    return folder


def _check(api: Any, address: Address) -> None:
    """See that the hub has an agent of a bearable size there."""
    info = api.model_info(address.repository, revision=address.revision, files_metadata=True)
    check_sizes({file.rfilename: file.size or 0 for file in info.siblings or ()}, address)


def check_sizes(sizes: dict[str, int], where: object) -> None:
    """See that files are an agent of ours, and not too large.

    Args:
        sizes: in bytes by name.
        where: what messages call it.

    Raises:
        FoveateError: a file is missing, or too large.
    """
    missing = [name for name in (RUN, WEIGHTS) if name not in sizes]
    if missing:
        pickles = [name for name in sizes if name.endswith((".zip", ".pkl", ".pt", ".pth", ".bin", ".ckpt"))]
        beside = f"; {pickles[0]} may hold pickles, which are never read" if pickles else ""
        raise FoveateError(f"{where} is no agent of foveate: it has no {' and no '.join(missing)}{beside}.")
    for name, most in MOST_BYTES.items():
        if sizes.get(name, 0) > most:
            raise FoveateError(f"{where}: {name} has {sizes[name]:,} bytes, at most {most:,} are allowed.")


def _said(error: Exception) -> str:
    """What an error of the client says, in a sentence."""
    return f"{reason(error)}."
