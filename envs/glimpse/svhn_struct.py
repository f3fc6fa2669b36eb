"""Reads SVHN's digitStruct.mat in a process of its own: a damaged file may crash HDF5's library.

A script that imports nothing of foveate. It writes a line of JSON for each entry, or one that says what is wrong.
"""

import json
import sys
from typing import Any

FIELDS = ("label", "left", "top", "width", "height")
WRONG = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError, OverflowError, MemoryError)


def main(file: str) -> int:
    """Write the entries of a file (MATLAB 7.3, which is HDF5) to standard output; returns the exit code."""
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            handle: Any = opened  # h5py's types know no references
            root = handle["digitStruct"]
            for name, box in zip(root["name"][:, 0], root["bbox"][:, 0], strict=True):
                text = "".join(chr(int(code)) for code in handle[name][:, 0])
                print(json.dumps([text, *(_numbers(handle, handle[box][key]) for key in FIELDS)]))
    except WRONG as error:
        print(json.dumps(f"{error}"[:500]))
        return 1
    return 0


def _numbers(handle: Any, field: Any) -> list[float]:
    """One number for each digit: MATLAB stores references where there are several, and the number itself for one."""
    if len(field) == 1:
        return [float(field[0, 0])]
    return [float(handle[reference][0, 0]) for reference in field[:, 0]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
