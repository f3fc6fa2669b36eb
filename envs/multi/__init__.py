"""Worlds with several agents, for PettingZoo and for one policy that all agents share."""

from typing import Any, NoReturn

import pettingzoo

from ...errors import FoveateError
from .base import MultiWorld, TeamScale
from .cocktail_party import CocktailParty
from .hide_and_seek import HideAndSeek
from .shared_gaze import SharedGaze
from .speaker_listener import SpeakerListener
from .team_env import team_env_classes

shared_gaze_v0, SharedGazeVectorEnv = team_env_classes(SharedGaze, "shared_gaze_v0")
cocktail_party_v0, CocktailPartyVectorEnv = team_env_classes(CocktailParty, "cocktail_party_v0")
speaker_listener_v0, SpeakerListenerVectorEnv = team_env_classes(SpeakerListener, "speaker_listener_v0")
hide_and_seek_v0, HideAndSeekVectorEnv = team_env_classes(HideAndSeek, "hide_and_seek_v0")

GAMES = {
    "Multi/SharedGaze-v0": shared_gaze_v0,
    "Multi/CocktailParty-v0": cocktail_party_v0,
    "Multi/SpeakerListener-v0": speaker_listener_v0,
    "Multi/HideAndSeek-v0": hide_and_seek_v0,
}
if hasattr(pettingzoo, "register"):  # since 1.27: pettingzoo.make("parallel", "Multi/SharedGaze-v0")
    for _id, _game in GAMES.items():
        pettingzoo.register("parallel", _id, _game.parallel_env)
        pettingzoo.register("aec", _id, _game.env)


def no_single_face(**_: Any) -> NoReturn:
    """What ``gym.make`` finds behind these ids."""
    raise FoveateError(
        "worlds of several agents have no single face: use gym.make_vec (one row an agent), or PettingZoo's, as in "
        "foveate.envs.multi.shared_gaze_v0.parallel_env()."
    )


__all__ = [
    "GAMES",
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
    "team_env_classes",
]
