"""``evaluate.py push RUN OWNER/NAME``: a run's agent, with a model card, to a repository of the Hugging Face hub."""

import contextlib
import importlib
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..agents.learning import checkpoint, hub
from ..agents.learning.run_folder import CONFIG, read_config
from ..agents.learning.tensors import read_headers
from ..analysis.generalisation import Figures
from ..analysis.measure import EVALUATION_SEED, usual_episodes
from ..analysis.model_card import Facts, model_card
from ..envs.registry import check_id
from ..errors import FoveateError, check_range
from ..files import check_output_folder, reason, write_json, write_text
from .options import parse
from .words import split_at_options, take

PROG = "evaluate.py push RUN OWNER/NAME"
ABOUT = (
    "Push a run's agent, as weights (safetensors), run.json and a model card, to a model repository of the Hugging "
    "Face hub, which is made if need be. `hf auth login` (or HF_TOKEN) says who you are. evaluate.py hf://OWNER/NAME "
    "and foveate.agents.load read it back."
)
# of no use to others, and the names of TensorBoard's files say what this machine is called
_OWN = ("event_sizes", "log_rows", "recent_episodes")


@dataclass
class PushOptions:
    """What is pushed, and how.

    Attributes:
        private: whether a new repository is private.
        revision: the branch that it is pushed to; empty is the main one.
        license: of the weights, for the card, as the hub calls it ("mit", "cc-by-4.0", …); empty says nothing.
        checkpoint: which checkpoint of a run.
        episodes: how many are played for the card's figure, on the test split; 0 leaves it out, None is 1000 (20 of an
            Atari game).
        message: of the commit.
        out: write what would be pushed into this folder, and push nothing.
        progress: show a progress bar.
    """

    private: bool = False
    revision: str = ""
    license: str = ""
    checkpoint: Literal["best", "last"] = "best"
    episodes: int | None = None
    message: str = ""
    out: Path | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        check_range("episodes", self.episodes or 0, 0)


def run(arguments: list[str], imports: list[str]) -> int:
    """Push an agent.

    Raises:
        FoveateError: there is no such run, it is too large, or the hub refuses it.
    """
    words, rest = split_at_options(arguments)
    options = parse(PushOptions, rest, PROG, ABOUT)
    if len(words) != 2:
        raise FoveateError(f"push needs a run and a repository, got {len(words)} words: {PROG}.")
    path, repository = Path(words[0]), hub.check_repository(words[1])
    if options.out is not None:
        check_output_folder(options.out, "--out")
        prepare(path, repository, options, options.out)
        print(f"written, and not pushed: {options.out}")
        return 0
    api = hub.client()  # before anything is played
    with tempfile.TemporaryDirectory() as name:
        prepare(path, repository, options, Path(name))
        url = push(api, Path(name), repository, options)
    print(f"pushed: {url}")
    print(f'  python evaluate.py hf://{repository}\n  foveate.agents.load("hf://{repository}")')
    return 0


def prepare(path: Path, repository: str, options: PushOptions, folder: Path) -> None:
    """Write what is pushed into a folder: run.json, the weights and the card.

    Args:
        path: of the run.
        repository: OWNER/NAME.
        options: what is pushed.
        folder: is made if need be.

    Raises:
        FoveateError: the checkpoint is damaged or too large, or can't be measured.
    """
    kept = checkpoint.find(path, options.checkpoint)
    run = checkpoint.read_run(kept)
    check_id(run["env_id"])
    read_headers(kept / checkpoint.WEIGHTS)
    hub.check_sizes({name: (kept / name).stat().st_size for name in (hub.RUN, hub.WEIGHTS)}, path)
    command = str(run.get("command") or "")
    if (path / CONFIG).is_file():
        command = str(read_config(path).get("command", ""))
    command = as_typed(command)
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: value for name, value in run.items() if name not in _OWN} | {"command": command}
    write_json(folder / hub.RUN, plain)
    shutil.copyfile(kept / checkpoint.WEIGHTS, folder / hub.WEIGHTS)
    episodes = usual_episodes(run["env_id"]) if options.episodes is None else options.episodes
    figures = _measured(kept, episodes, options) if episodes else None
    facts = Facts(repository, f"hf://{repository}", command, licence=options.license)
    write_text(folder / hub.CARD, model_card(facts, plain, figures, episodes, EVALUATION_SEED))


def as_typed(command: str) -> str:
    """A command as anybody would type it, without places on this machine; empty if it trains nothing."""
    words: list[str] = []
    with contextlib.suppress(ValueError):  # unbalanced quotes
        words = shlex.split(command)
    names = [Path(word).name for word in words]
    for script in ("train.py", "foveate-train", "train"):
        if script in names:
            asked = words[names.index(script) + 1 :]
            with contextlib.suppress(FoveateError):
                asked = take(asked, "--log-dir")[1]
            return shlex.join(["python", "train.py", *asked])
    return ""


def _measured(kept: Path, episodes: int, options: PushOptions) -> Figures:
    from .score import ScoreOptions, score

    how = ScoreOptions(episodes, "test", (), EVALUATION_SEED, "auto", options.checkpoint, options.progress)
    try:
        return score(kept, how, {})
    except FoveateError as error:
        raise FoveateError(f"{error} Without a figure on the card: --episodes 0.") from error


def push(api: Any, folder: Path, repository: str, options: PushOptions) -> str:
    """Push a folder; returns the address of the commit.

    Args:
        api: the hub's client.
        folder: what `prepare` wrote.
        repository: OWNER/NAME.
        options: how.

    Raises:
        FoveateError: the hub refuses it, or can't be reached.
    """
    errors: Any = importlib.import_module("huggingface_hub.errors")
    try:
        # where nothing is said, an organisation's own rule holds
        api.create_repo(repository, private=options.private or None, repo_type="model", exist_ok=True)
        if options.private and not api.model_info(repository).private:
            raise FoveateError(f"{repository} is there already, and public: --private is for a new repository.")
        if options.revision:
            api.create_branch(repository, branch=options.revision, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            revision=options.revision or None,
            commit_message=options.message or "Push an agent of foveate",
            allow_patterns=list(hub.MOST_BYTES),
        )
    except FoveateError:
        raise
    except errors.LocalTokenNotFoundError as error:
        raise FoveateError("the hub doesn't know who you are: hf auth login, or set HF_TOKEN.") from error
    except Exception as error:  # the client's, its transport's and the system's
        raise FoveateError(f"{repository} can't be pushed to: {reason(error)}.") from error
    return str(commit.commit_url)
