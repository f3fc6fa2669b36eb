"""Reads a source of numbers and says at each item a symbol or nothing: connectionist temporal classification."""

from gymnasium import spaces

from ...errors import FoveateError, check_range
from ..nn.cores import make_core
from ..nn.encoders import ITEM_ENCODERS, AnyItemEncoder, FlatEncoder, make_passage_encoder
from ..nn.encoders.passage import parts_beside
from ..nn.heads import TranscriptHead
from .policy import WHOLE, Policy


class Transcriber(Policy):
    """Transcribes a source at once, without attention: an encoder annotates its items, each says a symbol or nothing.

    What is written is what all items say in a row, where repeats count once. In training the probability of the right
    string is that of all ways to spell it, so that nobody needs to say where each symbol is (Graves et al. 2006,
    "Connectionist temporal classification").

    Args:
        observation_space: Dict with a part `source`, as in `Attend`, and others.
        action_space: MultiDiscrete of numbers that are alike, the string; 0 stands behind its end.
        encoder: from the items to annotations, as in `Attend`.
        embedding: numbers that stand for an item before it is encoded.
        readout: units of a hidden layer between an annotation and its symbol; 0 for none.
        beam: prefixes that a search for the likeliest string keeps, in evaluation; 1 takes the likeliest path.
        **options: the encoder's own; one that the chosen one doesn't have is ignored.
    """

    configures = (ITEM_ENCODERS,)

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        encoder: AnyItemEncoder = "lstm",
        embedding: int = 64,
        readout: int = 0,
        beam: int = 1,
        **options: object,
    ):
        check_range("embedding", embedding, 1)
        check_range("readout", readout, 0)
        if not isinstance(action_space, spaces.MultiDiscrete):
            raise FoveateError(
                f"this agent writes a whole string: actions must be a MultiDiscrete, got {action_space}. "
                'Sequence/PenReading-v0 and Sequence/Speech-v0 have one with answer="string".'
            )
        reader = make_passage_encoder(observation_space, embedding, encoder, 1, **options)
        beside = FlatEncoder(spaces.Dict(parts_beside(observation_space)))
        core = make_core("none", beside.output_size, 1)
        head = TranscriptHead(core.output_size, action_space, reader.item_size, readout, beam)
        super().__init__(observation_space, action_space, beside, core, {WHOLE: head}, source_encoder=reader)
