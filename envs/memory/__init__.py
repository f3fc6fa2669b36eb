"""Worlds that need memory (introspective attention)."""

from ..gym_env import env_classes
from .arithmetic import Arithmetic
from .copying import Allocation, Copy, RepeatCopy, ReverseCopy
from .graph_tasks import GraphTraversal, ShortestPath
from .graph_world import GraphWorld
from .inference import GraphInference
from .logic import Logic, Parity
from .named_graphs import FamilyTree, Underground, UndergroundShortestPath
from .ngrams import DynamicNGrams
from .previous import RepeatPrevious
from .recall import AssociativeRecall
from .script import AnswerWorld, Script, SequenceWorld
from .sorting import PrioritySort, Sort
from .tape import Tape
from .tmaze import TMaze

CopyEnv, CopyVectorEnv = env_classes(Copy)
ReverseCopyEnv, ReverseCopyVectorEnv = env_classes(ReverseCopy)
RepeatCopyEnv, RepeatCopyVectorEnv = env_classes(RepeatCopy)
AllocationEnv, AllocationVectorEnv = env_classes(Allocation)
RepeatPreviousEnv, RepeatPreviousVectorEnv = env_classes(RepeatPrevious)
AssociativeRecallEnv, AssociativeRecallVectorEnv = env_classes(AssociativeRecall)
DynamicNGramsEnv, DynamicNGramsVectorEnv = env_classes(DynamicNGrams)
PrioritySortEnv, PrioritySortVectorEnv = env_classes(PrioritySort)
SortEnv, SortVectorEnv = env_classes(Sort)
ParityEnv, ParityVectorEnv = env_classes(Parity)
LogicEnv, LogicVectorEnv = env_classes(Logic)
ArithmeticEnv, ArithmeticVectorEnv = env_classes(Arithmetic)
TapeEnv, TapeVectorEnv = env_classes(Tape)
TMazeEnv, TMazeVectorEnv = env_classes(TMaze)
GraphTraversalEnv, GraphTraversalVectorEnv = env_classes(GraphTraversal)
ShortestPathEnv, ShortestPathVectorEnv = env_classes(ShortestPath)
GraphInferenceEnv, GraphInferenceVectorEnv = env_classes(GraphInference)
UndergroundEnv, UndergroundVectorEnv = env_classes(Underground)
UndergroundShortestPathEnv, UndergroundShortestPathVectorEnv = env_classes(UndergroundShortestPath)
FamilyTreeEnv, FamilyTreeVectorEnv = env_classes(FamilyTree)

__all__ = [
    "Allocation",
    "AnswerWorld",
    "Arithmetic",
    "AssociativeRecall",
    "Copy",
    "DynamicNGrams",
    "FamilyTree",
    "GraphInference",
    "GraphTraversal",
    "GraphWorld",
    "Logic",
    "Parity",
    "PrioritySort",
    "RepeatCopy",
    "RepeatPrevious",
    "ReverseCopy",
    "Script",
    "SequenceWorld",
    "ShortestPath",
    "Sort",
    "TMaze",
    "Tape",
    "Underground",
    "UndergroundShortestPath",
]
