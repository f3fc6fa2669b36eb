"""Worlds that need memory (introspective attention)."""

from ..face import faces
from .copying import Copy, ReverseCopy
from .script import Script, SequenceWorld

CopyEnv, CopyVectorEnv = faces(Copy)
ReverseCopyEnv, ReverseCopyVectorEnv = faces(ReverseCopy)

__all__ = ["Copy", "ReverseCopy", "Script", "SequenceWorld"]
