"""Files of a user's, as docs/how-to/your-own-source.md wants them: pairs of sentences, and recordings."""

from pathlib import Path

import numpy as np
from scipy.io import wavfile

PAIRS = """the old king | le vieux roi
the young queen | la jeune reine
a king and a queen | un roi et une reine
the queen reads | la reine lit
"""
RATE = 8000  # of the recordings, a second


def write_sources(folder: Path) -> None:
    """Write pairs.txt and sounds/NAME.wav, tones of a quarter to half a second."""
    (folder / "pairs.txt").write_text(PAIRS, encoding="utf-8")
    (folder / "sounds").mkdir(exist_ok=True)
    for number, name in enumerate(("one", "two", "three")):
        time = np.arange(RATE // 4 + number * RATE // 8) / RATE
        tone = 8000 * np.sin(2 * np.pi * 300 * (number + 1) * time)
        wavfile.write(folder / "sounds" / f"{name}.wav", RATE, tone.astype(np.int16))
