"""Worlds with several agents, for PettingZoo and for one policy that all agents share."""

from typing import Any, NoReturn

from ...errors import FoveateError
from .base import MultiWorld, TeamScale
from .cocktail_party import CocktailParty
from .faces import team_faces
from .hide_and_seek import HideAndSeek
from .shared_gaze import SharedGaze
from .speaker_listener import SpeakerListener

shared_gaze_v0, SharedGazeVectorEnv = team_faces(SharedGaze, "shared_gaze_v0")
cocktail_party_v0, CocktailPartyVectorEnv = team_faces(CocktailParty, "cocktail_party_v0")

speaker_listener_v0, SpeakerListenerVectorEnv = team_faces(SpeakerListener, "speaker_listener_v0")

hide_and_seek_v0, HideAndSeekVectorEnv = team_faces(HideAndSeek, "hide_and_seek_v0")


def no_single_face(**_: Any) -> NoReturn:
    """What ``gym.make`` finds behind these ids."""
    raise FoveateError(
        "worlds of several agents have no single face: use gym.make_vec (one row an agent), or PettingZoo's, as in "
        "foveate.envs.multi.shared_gaze_v0.parallel_env()."
    )


__all__ = [
    "CocktailParty",
    "HideAndSeek",
    "MultiWorld",
    "SharedGaze",
    "SpeakerListener",
    "TeamScale",
    "cocktail_party_v0",
    "hide_and_seek_v0",
    "shared_gaze_v0",
    "speaker_listener_v0",
    "team_faces",
]
