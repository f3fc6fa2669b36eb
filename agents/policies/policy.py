"""encoder + core + heads = policy."""

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ... import tree
from ...envs.observations import ObservationReader, seen_space
from ...envs.space_checks import check_same, check_space
from ...errors import FoveateError, check_choice
from ...tree import Tree
from ..nn.cores import Core
from ..nn.cores.base import Source, State, reset_where
from ..nn.cores.episode_rows import episode_rows
from ..nn.cores.unroll import unroll_pieces
from ..nn.encoders import Encoder, SourceEncoder
from ..nn.finite import samplable
from ..nn.heads import Head, make_critic, make_head
from ..nn.noise import is_noisy
from ..nn.parts import Parts
from .numpy_border import predict
from .outputs import Named, PolicyEvaluation, PolicyOutput, PolicyPrediction, SourceState

WHOLE = "action"  # the name of the only part of an action that is no Dict


def action_parts(space: spaces.Space) -> dict[str, spaces.Space]:
    """The parts of an action by name; a space that is no Dict has one part, called "action"."""
    return dict(space.spaces) if isinstance(space, spaces.Dict) else {WHOLE: space}


class Policy(nn.Module):
    """A recurrent policy over any mix of action parts, with a critic.

    Args:
        observation_space: of one world; of pictures (H, W, C) the policy sees (C, H, W).
        action_space: of one world; a Dict has one head a part.
        encoder: observation (N, …) -> (N, D), with `output_size`; an `Encoder` may instead take whole sequences.
        core: the recurrent core on top of it.
        heads: given heads, by part; the other parts get `make_head`.
        isolated: parts whose head reads the core's output without sending gradients back into it, and likewise
            the critic if it contains "critic".
        critic: the critic, features -> (…, 1); by default one linear layer.
        inner_parts: choices that are no part of the action (where to look inside an image): each gets a head too.
        source_encoder: reads a whole source when an episode starts. What it read is kept in the state, for the heads
            and the core if they need it.
    """

    _place: Tensor

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        encoder: nn.Module,
        core: Core,
        heads: Mapping[str, Head] | None = None,
        isolated: frozenset[str] = frozenset(),
        critic: nn.Module | None = None,
        inner_parts: dict[str, spaces.Space] | None = None,
        source_encoder: SourceEncoder | None = None,
    ):
        super().__init__()
        check_space(observation_space, "observation")
        check_space(action_space, "action")
        self.observation_space, self.action_space = seen_space(observation_space), action_space
        self._reader = ObservationReader(self.observation_space)
        self.encoder, self.core, self.isolated = encoder, core, isolated
        parts = {**action_parts(action_space), **(inner_parts or {})}
        for name in heads or {}:
            check_choice("heads", name, parts)
        for name in isolated:
            check_choice("isolated", name, [*parts, "critic"])
        self.heads = Parts(
            {name: (heads or {}).get(name) or make_head(core.output_size, part) for name, part in parts.items()}
        )
        self.critic = critic or make_critic(core.output_size)
        self.source_encoder = source_encoder
        self._quiet_core, self._quiet_reader = not is_noisy(core), not is_noisy(source_encoder)
        self.register_buffer("_place", torch.empty(0), persistent=False)  # lies where the weights do
        if source_encoder is None and (core.needs_source or any(self.head(name).needs_source for name in self.heads)):
            raise FoveateError("a core or a head of this policy needs a source, and there is no source_encoder.")
        if torch.get_default_dtype() is not torch.float32:  # observations, and what a device is sure to have
            self.float()

    @property
    def attends(self) -> bool:
        """Whether it looks by itself, inside the observation: `attention`, (T, B, H, W), is then among its records."""
        return False

    @property
    def device(self) -> torch.device:
        return self._place.device

    def read(self, observation: Tree, raw: bool = False) -> Tree:
        """Observations (B, …) of any environment with this space as the tensors that the other methods take.

        Whoever brings observations from an environment reads them here first: an actor, `predict`, an instrument.

        Args:
            observation: arrays, or tensors that may have been read before.
            raw: tensors too are as the environment gave them (see `ObservationReader`).

        Raises:
            FoveateError: they are of another space; the message names the shapes.
        """
        return self._reader(observation, self.device, raw=raw)

    def lead_of(self, observation: Tree) -> int:
        """How many dimensions stand before an observation's own: 1 of a batch, 0 of a single one.

        Raises:
            FoveateError: neither fits.
        """
        return self._reader.lead_of(observation)

    def read_any(self, observation: Tree) -> tuple[Tree, bool]:
        """As `read`, of a batch or of one observation, which becomes a batch; and whether it was one."""
        lead = self.lead_of(observation)
        tensors = self._reader(observation, self.device, lead)
        return (tensors if lead else tree.unsqueeze(tensors)), not lead

    def check_plays(self, observation_space: spaces.Space, action_space: spaces.Space) -> None:
        """Refuse an environment with other spaces than those that the policy was made for.

        Raises:
            FoveateError: they differ; the message names both.
        """
        check_same(self.observation_space, observation_space, "observations")
        check_same(self.action_space, action_space, "actions")

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Within, whatever keeps gradients out of a part while learning lets them through: instruments ask for them."""
        isolated, self.isolated = self.isolated, frozenset()
        try:
            yield
        finally:
            self.isolated = isolated

    def rates(self) -> dict[float, list[nn.Parameter]]:
        """The parameters by their learning rate as a share of the learner's; all of them, each once."""
        return {1.0: list(self.parameters())}

    def initial_state(self, batch: int) -> State:
        """The state before an episode."""
        core = self.core.initial_state(batch, self.device)
        if self.source_encoder is None:
            return core
        return SourceState(self.source_encoder.empty(batch, self.device), core)

    def prepare(self, observation: Tree) -> Source | None:
        """What is read of the source when an episode starts, from observations (B, …); None without a source."""
        return None if self.source_encoder is None else self.source_encoder(observation)

    def head(self, name: str) -> Head:
        """The head of one part of the action."""
        head = self.heads[name]
        assert isinstance(head, Head)
        return head

    def learned_parts(self) -> set[str]:
        """The parts whose distribution depends on the features (all but uniformly random ones)."""
        return {name for name in self.heads if self.head(name).learned}

    def forward(self, observation: Tree, state: State, starts: Tensor, record: bool = False) -> PolicyPrediction:
        """Run over a sequence.

        Args:
            observation: tensors (T, B, …).
            state: before the first step.
            starts: bool, (T, B), where episodes start.
            record: also say what was attended to at each step.
        """
        encoded = self._encode(observation, starts)  # (T, B, D)
        if self.source_encoder is None:
            y, state, losses, records = self.core(encoded, state, starts, record)  # (T, B, H)
            return PolicyPrediction(*self.read_out(y, None, observation), state, losses, records)
        assert isinstance(state, SourceState)
        inputs = (observation, encoded, starts)
        return unroll_pieces(partial(self._run, record), inputs, state, starts, self._read_source)

    def _encode(self, observation: Tree, starts: Tensor) -> Tensor:
        if isinstance(self.encoder, Encoder) and self.encoder.over_time:
            return self.encoder(observation, starts)
        return self.encoder(tree.map(lambda o: o.flatten(0, 1), observation)).view(*starts.shape, -1)

    def _read_source(self, state: SourceState, inputs: tuple, starts: Tensor) -> SourceState:
        """The state with the source of the episodes that start; reading costs more than asking, on any device."""
        count = int(starts.count_nonzero())
        if not count:
            return state
        observation = inputs[0]
        rows = None
        if count < len(starts) and self._quiet_reader:  # noise is drawn for all rows together
            rows = starts.int().argsort(descending=True, stable=True)[:count]  # `nonzero` would ask the device again
            observation = tree.map(lambda part: part.index_select(0, rows), observation)
        source = self.prepare(observation)
        assert source is not None
        if rows is not None:
            source = tree.map(lambda old, new: old.to(new.dtype).index_copy(0, rows, new), state.source, source)
        elif count < len(starts):  # else nothing of what was read before is kept, and that is as large
            source = reset_where(state.source, source, starts)
        return state._replace(source=source)

    def _run(self, record: bool, inputs: tuple[Tree, Tensor, Tensor], state: SourceState) -> PolicyPrediction:
        """A piece of a sequence in which the source stays."""
        observation, encoded, starts = inputs
        known = {"source": state.source} if self.core.needs_source else {}
        y, core, losses, records = self.core(encoded, state.core, starts, record, **known)
        reader, ponder = self.source_encoder, state.source.ponder
        assert reader is not None
        for name, cost in reader.costs(state.source).items():  # (B,), once an episode
            losses = {**losses, name: torch.where(starts, cost, 0.0)}
        if record and ponder is not None:
            records = {**records, "source_ponder": ponder.expand(len(starts), -1, -1)}
        parameters, value = self.read_out(y, state.source, observation)
        return PolicyPrediction(parameters, value, SourceState(state.source, core), losses, records)

    def read_out(self, features: Tensor, source: Source | None, observation: Tree) -> tuple[Named, Tensor]:
        """Each head's parameters (T, B, …) and the values (T, B).

        Args:
            features: the core's output, (T, B, H).
            source: what the episodes are about, where there is one.
            observation: what was seen, tensors (T, B, …), for heads that look themselves.
        """
        apart = features.detach()
        parameters = {
            name: self.read_head(name, apart if name in self.isolated else features, source, observation)
            for name in self.heads
        }
        return parameters, self.critic(apart if "critic" in self.isolated else features)[..., 0]

    def read_head(self, name: str, features: Tensor, source: Source | None, observation: Tree) -> Tensor:
        """One head's parameters (T, B, …), from its features and what else it asks for.

        Args:
            name: of the head.
            features: what it reads, (T, B, H).
            source: as of `read_out`.
            observation: as of `read_out`.
        """
        head = self.head(name)
        known: dict[str, Tree] = {"source": source} if head.needs_source else {}
        known |= {"observation": observation} if head.needs_observation else {}
        return head(features, **known)

    def step(
        self,
        observation: Tree,
        state: State,
        starts: Tensor,
        deterministic: bool = False,
        greedy: frozenset[str] = frozenset(),
        record: bool = False,
        log_probs: bool = True,
        bias: float = 0.0,
    ) -> PolicyOutput:
        """Choose actions for one moment.

        Args:
            observation: tensors (B, …).
            state: from `initial_state` or the step before.
            starts: bool, (B,), where an episode starts now.
            deterministic: take the most likely action of every part.
            greedy: parts for which to do so anyway.
            record: also say what was attended to.
            log_probs: also say how probable each choice is.
            bias: how far samples are drawn towards what is likely, by heads that can (see `Head.sharpened`).
        """
        prediction = self(tree.unsqueeze(observation), state, starts[None], record)
        return self.choose(prediction, deterministic, greedy, log_probs, bias)

    def choose(
        self,
        prediction: PolicyPrediction,
        deterministic: bool = False,
        greedy: frozenset[str] = frozenset(),
        log_probs: bool = True,
        bias: float = 0.0,
    ) -> PolicyOutput:
        """Choose by a prediction of one step, (1, B, …); arguments as in `step`."""
        choices, log_prob = {}, {}
        parameters = {name: values[0] for name, values in prediction.parameters.items()}
        for name, now in parameters.items():
            head = self.head(name)
            now = parameters[name] = head.sharpened(now, bias) if bias else now
            choices[name] = head.mode(now) if deterministic or name in greedy else head.sample(samplable(name, now))
            if log_probs:
                log_prob[name] = head.log_prob(now, choices[name])
        records = {name: values[0] for name, values in prediction.records.items()}
        action = self.as_action(choices)
        return PolicyOutput(action, choices, log_prob, prediction.value[0], prediction.state, parameters, records)

    def q_values(self, parameters: Tensor, value: Tensor) -> Tensor:
        """The Q-values of a Discrete action under Q-learning, (…, n): the head's numbers themselves.

        Args:
            parameters: the head's, (…, n).
            value: the critic's, (…).
        """
        return parameters

    def as_action(self, choices: Mapping[str, Tensor]) -> Tree:
        """The part of the choices that the environment wants, in its form."""
        if not isinstance(self.action_space, spaces.Dict):
            return choices[WHOLE]
        return {name: choices[name] for name in self.action_space.spaces}

    def evaluate(self, observation: Tree, choices: Named, state: State, starts: Tensor) -> PolicyEvaluation:
        """Evaluate the choices of whole sequences, (T, B, …); other arguments as in `forward`."""
        return self.evaluate_choices(self.predict_rollout(observation, state, starts), choices)

    def predict_rollout(self, observation: Tree, state: State, starts: Tensor) -> PolicyPrediction:
        """As `forward`, of what was played before, with the heads' own costs among the losses.

        Nobody asks for the state after it, and there is none.
        """
        prediction = self._predict_rollout(observation, state, starts)
        losses = dict(prediction.losses)
        for name, parameters in prediction.parameters.items():
            losses |= self.head(name).costs(parameters, observation)
        return prediction._replace(losses=losses)

    def _predict_rollout(self, observation: Tree, state: State, starts: Tensor) -> PolicyPrediction:
        remembers = bool(tree.leaves(state)) and self.source_encoder is None and self._quiet_core
        plan = episode_rows(starts) if remembers and not self.core.runs_through(starts) else None
        if plan is None:
            return Policy.forward(self, observation, state, starts)._replace(state=())
        y, _, losses, records = plan.run(self.core, self._encode(observation, starts), state)
        return PolicyPrediction(*self.read_out(y, None, observation), (), losses, records)

    def evaluate_choices(self, prediction: PolicyPrediction, choices: Named) -> PolicyEvaluation:
        """Log-probability and entropy of choices (T, B, …) under a prediction."""
        parameters = prediction.parameters
        log_prob, entropy = {}, {}
        for name in sorted(self.learned_parts()):
            log_prob[name], entropy[name] = self.head(name).judged(parameters[name], choices[name])
        return PolicyEvaluation(log_prob, entropy, prediction.value, parameters, prediction.losses)

    predict = predict

    def set_training_mode(self, mode: bool) -> None:
        """Stable-Baselines3's name for `train`."""
        self.train(mode)
