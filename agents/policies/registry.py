"""The agents by name; a user's own is added to `AGENTS`."""

from ...errors import check_choice
from .attend import Attend
from .cnn import CNNAgent
from .core_agent import DNCAgent, FastWeightsAgent, GRUAgent, LSTMAgent, NTMAgent, TransformerAgent
from .dram import DRAM
from .dueling import DuelingAgent
from .hopfield import HopfieldAgent
from .mlp import MLPAgent
from .npi import NPIAgent
from .pointer import Pointer
from .policy import Policy
from .ram import RAM, RandomGlimpse
from .soft import SoftAttention
from .thinking import PonderingAgent, PonderNetAgent
from .transcriber import Transcriber
from .vit import ViTAgent

AGENTS: dict[str, type[Policy]] = {
    "ram": RAM,
    "random-glimpse": RandomGlimpse,
    "dram": DRAM,
    "soft-attention": SoftAttention,
    "cnn": CNNAgent,
    "vit": ViTAgent,
    "mlp": MLPAgent,
    "dueling": DuelingAgent,
    "lstm": LSTMAgent,
    "gru": GRUAgent,
    "ntm": NTMAgent,
    "dnc": DNCAgent,
    "transformer": TransformerAgent,
    "fast-weights": FastWeightsAgent,
    "pondering": PonderingAgent,
    "ponder-net": PonderNetAgent,
    "hopfield": HopfieldAgent,
    "npi": NPIAgent,
    "attend": Attend,
    "pointer": Pointer,
    "transcriber": Transcriber,
}


def agent_class(name: str) -> type[Policy]:
    """The class behind an agent's name; an unknown name gets an error with the closest one."""
    check_choice("agent", name, AGENTS)
    return AGENTS[name]


def agent_name(policy_class: type[Policy]) -> str:
    """The registered name of an agent's class, or the class's own name (which can't be loaded by name)."""
    return next((name for name, known in AGENTS.items() if known is policy_class), policy_class.__name__)
