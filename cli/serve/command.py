"""``evaluate.py serve [RUN …]``: a page in the browser, from this machine alone."""

import socket
import sys
import webbrowser
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ...errors import FoveateError, check_range
from ..options import parse
from ..output import STOPPED
from ..words import split_at_options

if TYPE_CHECKING:
    from .shelf import Shelf

PROG = "evaluate.py serve [RUN …]"
ABOUT = "Show the agents of the zoo, and these runs, in a browser: look, remember, write, translate, drive, compare."
HOME = "127.0.0.1"
LOOPBACK = (HOME, "localhost", "::1")


@dataclass
class ServeOptions:
    """Where to serve.

    Attributes:
        port: of the server; 0 takes a free one.
        host: the address to listen on. Others than 127.0.0.1 let other machines in, without a password.
        open: open a browser.
        threads: CPU threads of PyTorch.
    """

    port: int = 8008
    host: str = HOME
    open: Annotated[bool, tyro.conf.arg(help="open a browser.")] = True
    threads: int = 1

    def __post_init__(self) -> None:
        check_range("port", self.port, 0, 65535)
        check_range("threads", self.threads, 1)


def run(arguments: list[str], imports: list[str]) -> int:
    """Serve until Ctrl-C.

    Raises:
        FoveateError: a run can't be read, the extra is missing, or the port can't be had.
    """
    words, rest = split_at_options(arguments)
    options = parse(ServeOptions, rest, PROG, ABOUT)
    if find_spec("nicegui") is None:
        raise FoveateError('serve needs NiceGUI: pip install "foveate[serve]".')
    listening = listen(options.host, options.port)
    try:
        import torch

        from .shelf import Shelf

        torch.set_num_threads(options.threads)
        shelf = Shelf([Path(word) for word in words])
        host, port = listening.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        if options.host not in LOOPBACK:
            print(
                f"note: {options.host} is reached from other machines, and nothing asks for a password.",
                file=sys.stderr,
            )
        serve(shelf, listening, address, options)
        return STOPPED  # by a signal that was to be ignored, as in a background job of a shell
    finally:
        listening.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        FoveateError: it can't; the message says why.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        advice = " --port 0 takes a free one." if port else ""
        raise FoveateError(f"--host {host} --port {port} can't be used: {reason.lower()}.{advice}") from error
    return listening


def serve(shelf: "Shelf", listening: socket.socket, address: str, options: ServeOptions) -> None:
    """Serve the page on a socket until Ctrl-C.

    Args:
        shelf: the agents.
        listening: the socket.
        address: of the page.
        options: how.
    """
    from .server import server_of

    def ready() -> None:
        print(f"foveate is at {address} (Ctrl-C ends it)", flush=True)
        if options.open:
            webbrowser.open(address)

    server_of(shelf, options.host, ready).run([listening])
