"""Files of tensors (safetensors): the header is believed only after it was compared with the file.

The header says the shapes, so what doesn't fit is refused before any memory is taken for it.
"""

import json
import math
from pathlib import Path

from msgspec import Struct
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...errors import FoveateError
from ...files import check_limits, conform, open_regular, reason

MOST_BYTES = 2**40  # of a file: weights are compared with what they are for, this is only for the sum
MOST_HEADER = 8 * 2**20
MOST_DIMENSIONS = 16
_SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4}
_SIZES |= {"U16": 2, "U32": 4, "I64": 8, "U64": 8, "F64": 8}


class Header(Struct):
    """What the header of a file says of a tensor."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]

    @property
    def bytes(self) -> int:
        """The size of its data."""
        return self.data_offsets[1] - self.data_offsets[0]


def read_headers(file: Path) -> dict[str, Header]:
    """What a file of safetensors holds, by name: nothing but the header is read.

    Raises:
        FoveateError: it can't be read, is no such file, or says what isn't so.
    """
    with open_regular(file, MOST_BYTES) as handle:
        size = handle.seek(0, 2)
        handle.seek(0)
        length = int.from_bytes(handle.read(8), "little")
        if size < 8 or length > min(MOST_HEADER, size - 8):
            raise FoveateError(f"{file} can't be read as safetensors: its header doesn't fit into it.")
        try:
            plain = check_limits(json.loads(handle.read(length)), file)
        except (ValueError, RecursionError) as error:
            raise FoveateError(f"{file} can't be read as safetensors: {error}.") from error
    plain = (
        {name: entry for name, entry in plain.items() if name != "__metadata__"} if isinstance(plain, dict) else plain
    )
    headers = conform(plain, dict[str, Header], file)
    for name, header in headers.items():
        fits = len(header.shape) <= MOST_DIMENSIONS and all(n >= 0 for n in header.shape)
        if not fits or _SIZES.get(header.dtype, -1) * math.prod(header.shape) != header.bytes:
            raise FoveateError(f"{file} is damaged: {name[:60]!r} can't be {header.dtype} {header.shape[:20]}.")
    if sum(header.bytes for header in headers.values()) != size - 8 - length:
        raise FoveateError(f"{file} is damaged: its tensors aren't as long as it says.")
    return headers


def read_tensors(file: Path, most: int) -> dict[str, Tensor]:
    """The tensors of a file.

    Args:
        file: of safetensors.
        most: bytes that they may take.

    Raises:
        FoveateError: it can't be read, is damaged, or holds more.
    """
    size = sum(header.bytes for header in read_headers(file).values())
    if size > most:
        raise FoveateError(f"{file} holds {size:,} bytes of tensors, at most {most:,} are allowed here.")
    try:
        return load_file(file)
    except (OSError, SafetensorError, ValueError) as error:
        raise FoveateError(f"{file} can't be read as safetensors: {reason(error)}.") from error


def write_tensors(file: Path, tensors: dict[str, Tensor], apart: bool = False) -> None:
    """Write tensors, wherever they live.

    Args:
        file: where.
        tensors: by name.
        apart: they live on the host and share no memory, so that no copy is needed.

    Raises:
        OSError: there is no room, or it can't be written.
    """
    try:
        save_file(tensors if apart else {n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}, file)
    except SafetensorError as error:  # which wraps what the system said, such as that the disk is full
        raise OSError(f"{file} can't be written: {reason(error)}") from error
