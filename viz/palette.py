"""The colours of all pictures, (red, green, blue) in 0 … 255."""

from typing import Final

Colour = tuple[int, int, int]

# dark pictures: glimpses, maps
NIGHT: Final[Colour] = (24, 26, 32)
LIGHT: Final[Colour] = (230, 232, 236)  # text on it
DIM: Final[Colour] = (150, 154, 162)  # legends on it
RED: Final[Colour] = (235, 40, 30)  # what a map marks
PALE_RED: Final[Colour] = (255, 120, 110)  # red letters on it: what red means, what is wrong
BLUE: Final[Colour] = (86, 140, 200)  # bars
YELLOW: Final[Colour] = (255, 214, 64)  # a path, the chosen bar

# bright pictures: sequences, tapes, mazes, traces of a memory
PAPER: Final[Colour] = (250, 250, 250)
WHITE: Final[Colour] = (255, 255, 255)
INK: Final[Colour] = (40, 40, 40)
SOFT: Final[Colour] = (225, 225, 225)  # nothing there
GREY: Final[Colour] = (224, 224, 224)  # the same in a trace
LATER: Final[Colour] = (214, 226, 240)  # moments that a trace has not come to
RIGHT: Final[Colour] = (60, 150, 80)
WRONG: Final[Colour] = (200, 60, 60)
NOW: Final[Colour] = (40, 90, 200)

# colours that people with colour blindness can tell apart (Okabe & Ito 2008): scales of a retina, agents
OKABE_ITO: Final[tuple[Colour, ...]] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (240, 228, 66),
)
# the darker of them first, for lines on white
OKABE_ITO_LINES: Final[tuple[str, ...]] = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#000000",
)


def colour_of(number: int) -> Colour:
    """A colour for the agent, scale or line of this number; after six they come again."""
    return OKABE_ITO[number % len(OKABE_ITO)]


def hexadecimal(colour: Colour) -> str:
    """A colour as Matplotlib and HTML write it, ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
