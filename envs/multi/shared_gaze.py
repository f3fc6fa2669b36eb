"""Several retinas on one image, and a narrow channel between them."""

from functools import cached_property
from typing import Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError, check_choice, check_range
from ...tree import Tree
from ...viz.team import Looker, team_frame
from ..batch import State
from ..counter_rng import CounterRNG
from ..glimpse import retina
from ..glimpse.layers import Eye, Layers
from ..glimpse.scene import around_picture
from ..scale import Certified
from .base import Actions, TeamScale, others, vote
from .pictures import PictureWorld

GAZE = ("location", "zoom", "trail")  # what a state says of an agent's gaze


class SharedGaze(PictureWorld):
    """Several agents look at one image through retinas of their own, talk, and give one answer.

    Description:
        A digit lies somewhere on a canvas of 60x60. The canvas is cut into `parts` vertical strips, and agent a sees
        strip a modulo `parts` only (all of it with parts=1). At each step every agent says which digit it believes to
        see, where in its strip it looks next, and one symbol that all others hear at the next step.

    Observation space:
        of each agent ``Dict(glimpse=Box(0, 1, (scales, patch, patch)), location=Box(-1, 1, (2,)))``: the patches around
        its gaze, black outside its strip, and where in its strip the gaze is; with a channel and company also
        ``heard=Box(0, 1, (agents - 1, channel))``, the last symbol of each other agent, one-hot, the next agent's first
        (zeros at the first step).

    Action space:
        of each agent ``Dict(label=Discrete(classes), location=Box(-1, 1, (2,)))``, and with a channel and company
        ``say=Discrete(channel)``. `location` as in `GazeWorld`.

    Rewards:
        the same for all agents. The team's one answer at a step is the label that most agents give; of several with as
        many votes a fair coin picks one, and the reward is the chance that it is right. reward="every": a share of
        1/glimpses at each step; "end": at the last. The best return is 1.

    Starting state:
        A random image of the split at a random place; every gaze at a random place of its strip; nothing said.

    Episode end:
        After `glimpses` steps. Never truncated.

    Info:
        of each agent target: the class; target_mask: whether the answer at this step is rewarded; index: which image of
        the split it is; score: the chance that the team's answer was right; relevance (on request): where the image's
        ink is, bool (size, size).

    Args:
        agents: how many retinas.
        parts: into how many strips the canvas is cut, one for each agent in turn; 1 lets all see everything.
        channel: how many symbols there are to say; 0 for no channel.
        glimpses: the number of glimpses, which is the number of steps.
        reward: "end" or "every".
        price: what each glimpse after the first costs.
        **picture: the picture and the retina, see `ImageScene` and `GlimpseSensor`.

    Source:
        The task of Mnih et al. 2014, section 4.1, divided among agents; the division is ours.

    Version history:
        v0: first version.
    """

    scale = TeamScale(
        oracle=Certified(1.0, 0.0),
        alone=Certified(0.640, 0.03),
        random=Certified(0.1, 0.02),
        silent=Certified(0.640, 0.03),
    )
    derived = frozenset({"sprite", "levels", "canvas"})

    def __init__(
        self,
        *,
        agents: int = 2,
        parts: int = 2,
        channel: int = 16,
        size: int = 60,
        patch: int = 12,
        scales: int = 3,
        glimpses: int = 6,
        reward: Literal["end", "every"] = "end",
        price: float = 0.0,
        **picture: object,
    ):
        check_range("agents", agents, 1, 16)
        check_range("parts", parts, 1, 16)
        check_range("channel", channel, 0, 10_000)
        check_range("glimpses", glimpses, 1, 1000)
        check_range("price", price, 0.0)
        check_choice("reward", reward, ["end", "every"])
        self.set_picture({"size": size, "patch": patch, "scales": scales, **picture})
        self.parts, self.channel = parts, channel if agents > 1 else 0
        self.glimpses, self.reward, self.price = glimpses, reward, price
        self.episode_length, self.items = glimpses, self.scene.items
        sees = self.sensor.observation_parts()
        does: dict[str, spaces.Space] = {"label": spaces.Discrete(self.scene.classes), **self.sensor.action_parts()}
        if self.channel:
            sees["heard"] = spaces.Box(0.0, 1.0, (agents - 1, channel), np.float32)
            does["say"] = spaces.Discrete(channel)
        names = [f"looker_{a}" for a in range(agents)]
        self.set_agents(dict.fromkeys(names, sees), dict.fromkeys(names, does))

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        gazes = [self.sensor.start(rng, f"first {a}") for a in range(len(self.agents))]
        gaze = {name: torch.stack([one[name] for one in gazes], 1) for name in gazes[0]}  # (B, A, …)
        nothing = torch.full((len(rng), len(self.agents)), -1, device=rng.key.device)
        state = around_picture(self.scene.start(rng), {"answer": nothing, **gaze})
        return {**state, "spoken": nothing.clone()}

    def derive(self, state: State) -> State:
        sprite = self.scene.derive(state)
        if self.direct:
            whole = {**state, **sprite}
            return sprite if self.scene.layers(whole) else {**sprite, "canvas": self.scene.picture(whole)}
        picture = self.scene.picture({**state, **sprite}).float() / 255  # (B, H, W)
        strip = self._strip(torch.arange(picture.shape[-1], device=picture.device))  # (W,)
        shown = strip == torch.arange(self.parts, device=strip.device)[:, None]  # (parts, W)
        apart = picture[:, None] * shown[:, None]  # (B, parts, H, W)
        levels = retina.pool(apart.flatten(0, 1)[:, None], self.sensor.pooled_scales).levels
        return {**sprite, "levels": levels.unflatten(0, apart.shape[:2])}  # (B, parts, K, 1, P, P')

    def advance(self, state: State, action: Tree, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        acts = [action[name] for name in self.agents]
        answer = torch.stack([act["label"] for act in acts], 1)  # (B, A)
        last = state["clock"] + 1 >= self.glimpses
        if self.reward == "end" and self.device.type == "cpu" and not bool(last.any()):
            right = torch.zeros(
                len(answer), dtype=torch.float32
            )  # counting votes takes longer than asking whether they count
        else:
            right = vote(answer, self.scene.classes, state["label"])  # (B,)
        reward = right / self.glimpses if self.reward == "every" else right * last
        if self.price:
            reward = reward - self.price * (~last).float()
        gaze = {name: state[name].flatten(0, 1) for name in GAZE if name in state}  # (B·A, …)
        gaze["clock"] = state["clock"].repeat_interleave(len(acts))
        looks = {name: torch.stack([act[name] for act in acts], 1).flatten(0, 1) for name in self.sensor.action_parts()}
        moved = self.sensor.move(gaze, looks, last.repeat_interleave(len(acts)))
        after = {**state, **{name: value.unflatten(0, answer.shape) for name, value in moved.items()}, "answer": answer}
        if self.channel:
            after["spoken"] = torch.stack([act["say"] for act in acts], 1)
        return after, self.each(reward), last

    def observe(self, state: State) -> dict[str, dict[str, Tensor]]:
        together = self.observe_together(state)
        return {name: {part: x[:, a] for part, x in together.items()} for a, name in enumerate(self.agents)}

    def observe_together(self, state: State) -> dict[str, Tensor]:
        seen = {"glimpse": self._glimpses(state), "location": state["location"].clone()}
        if self.sensor.zoom:
            seen["zoom"] = state["zoom"].clone()
        if self.channel:
            seen["heard"] = others(state["spoken"], self.channel)
        return seen

    def annotate(self, state: State) -> dict[str, Tensor]:
        mask = torch.ones_like(state["label"]).bool() if self.reward == "every" else state["clock"] + 1 >= self.glimpses
        told = {"target": state["label"], "target_mask": mask, "index": state["index"]}
        return {name: self.each(value) for name, value in told.items()}

    def score(self, state: State) -> Tensor:
        return self.each(vote(state["answer"], self.scene.classes, state["label"]))

    def relevance(self, state: State) -> Tensor:
        return self.each(self.scene.relevance(state))

    # ---- who sees what ----

    def _strip(self, column: Tensor) -> Tensor:
        """The strip that a column of the canvas lies in."""
        return (column * self.parts).div(self.scene.size, rounding_mode="floor")

    def _on_canvas(self, place: Tensor, agent: int) -> Tensor:
        """Where on the canvas a place of an agent's strip is, (…, 2); its own coordinates span its strip."""
        middle = (2 * (agent % self.parts) + 1) / self.parts - 1
        return torch.stack([middle + place[..., 0] / self.parts, place[..., 1]], -1)

    def _on_picture(self, state: State, agent: int) -> State:
        """One agent's gaze on the whole canvas."""
        return {"location": self._on_canvas(state["location"][:, agent], agent), "zoom": state["zoom"][:, agent]}

    def _glimpses(self, state: State) -> Tensor:
        """What all agents see, float (B, A, scales, patch, patch)."""
        agents = range(len(self.agents))
        if not self.direct:
            gazes = [self._on_picture(state, a) for a in agents]
            return torch.stack([self.look(state["levels"][:, a % self.parts], gazes[a]) for a in agents], 1)
        shown = (self.scene.layers(state) or Layers.of(state["canvas"]))._replace(divide=True)
        place = state["location"].clone(memory_format=torch.contiguous_format)  # (B, A, 2)
        place[..., 0].div_(self.parts).add_(self._middles)
        eye = Eye(shown, self.sensor.patch, self.sensor.scales, self._strips)
        return eye.look(place.numpy(), self.patches)

    @cached_property
    def _middles(self) -> Tensor:
        """Where on the canvas the middle of each agent's strip is, (A,)."""
        nowhere = torch.zeros(2, dtype=torch.float32)
        return torch.stack([self._on_canvas(nowhere, a)[0] for a in range(len(self.agents))])

    @cached_property
    def _strips(self) -> list[tuple[int, int]]:
        """The columns of each agent's strip, as `_strip` counts them: the first, and the one behind the last."""
        parts, size = [a % self.parts for a in range(len(self.agents))], self.scene.size
        return [(-(-part * size // self.parts), -(-(part + 1) * size // self.parts)) for part in parts]

    # ---- the certified policies ----

    def oracle(self) -> Actions:
        return self._answering([self.state["label"]] * len(self.agents))

    def alone(self) -> Actions:
        """Each agent names the image of the split that is nearest to this one in its own strip, itself left out."""
        return self._answering([self._nearest(a) for a in range(len(self.agents))])

    def silent(self) -> Actions:
        return self.alone()  # what each believes, and a vote

    def _nearest(self, agent: int) -> Tensor:
        sprite, images = self.state["sprite"].flatten(1).float(), self.scene.images.flatten(1).float()  # (B, P), (N, P)
        width = self.scene.images.shape[-1]
        columns = self.state["corner"][:, 1:] + torch.arange(width, device=sprite.device)  # (B, w)
        seen = (self._strip(columns) == agent % self.parts).float().repeat(1, self.scene.images.shape[1])  # (B, P)
        distance = seen @ images.square().T - 2 * (seen * sprite) @ images.T  # (B, N), but for what is common to all
        distance.scatter_(1, self.state["index"][:, None], torch.inf)
        return self.scene.labels[distance.argmin(1)]

    def _answering(self, labels: list[Tensor]) -> Actions:
        still = self.sensor.still(self.num_worlds, self.device)
        if self.channel:
            still["say"] = torch.zeros_like(self.state["label"])
        return {name: {"label": label, **still} for name, label in zip(self.agents, labels, strict=True)}

    # ---- the picture ----

    def frame(self, index: int) -> np.ndarray:
        """As `BatchWorld.frame`.

        Raises:
            FoveateError: the worlds were made without a render_mode.
        """
        if not self.keep_trail:
            raise FoveateError("this batch of worlds was made without a render_mode.")
        one = {name: value[index : index + 1] for name, value in self.state.items()}
        step, truth = int(one["clock"]), int(one["label"])
        lookers = []
        for a, name in enumerate(self.agents):
            outlines = self.sensor.outlines(self._on_picture(one, a), self.scene.shape)[0]
            path = self._on_canvas(one["trail"][0, a, : step + 1], a)  # the trail ends with the last glimpse
            answer, said = int(one["answer"][0, a]), int(one["spoken"][0, a])
            notes = [
                "answers nothing yet"
                if answer < 0
                else f"answers {answer} {'(right)' if answer == truth else '(wrong)'}"
            ]
            if self.channel:
                notes.append("says nothing yet" if said < 0 else f"tells the other symbol {said}")
            patches = self._glimpses(one)[0, a].cpu().numpy()
            lookers.append(Looker(name, notes, outlines.cpu().numpy(), path.cpu().numpy(), patches))
        picture = np.repeat(self.scene.picture(one)[0].cpu().numpy()[:, :, None], 3, 2)
        edges = 1 + self._strip(torch.arange(self.scene.size)).diff().nonzero()[:, 0].numpy()
        picture[:, edges] = np.maximum(picture[:, edges], 70)  # where one strip ends
        caption = f"glimpse {min(step + 1, self.glimpses)}/{self.glimpses}   truth {truth}"
        if len(edges):
            caption += "   grey line: between what one and the other can see"
        return team_frame(picture, caption, lookers)
