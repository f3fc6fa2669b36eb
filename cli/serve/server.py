"""The server behind the page: nothing is fetched from outside, and who asks under another name gets no answer."""

import contextlib
import warnings
from collections.abc import AsyncIterator, Callable

import uvicorn
from fastapi import FastAPI
from nicegui import ui
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .page import build_page
from .shelf import Shelf

# the browser itself refuses what would be loaded from elsewhere
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
OWN_NAMES = ("127.0.0.1", "localhost")
GRACE = 2  # seconds that open connections have to close


class _Guarded:
    """Puts the policy on every answer."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self.app(scope, receive, with_policy if scope["type"] == "http" else send)


def server_of(shelf: Shelf, host: str, ready: Callable[[], None]) -> uvicorn.Server:
    """A server of the page, to be run on a socket.

    Args:
        shelf: the agents that the page may show.
        host: that the socket listens on.
        ready: called when browsers are answered.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ready()
        yield

    app = FastAPI(openapi_url=None, lifespan=lifespan)

    @ui.page("/", title="foveate")
    def page() -> None:
        build_page(shelf)

    ui.run_with(app, title="foveate", favicon="👁", dark=None, show_welcome_message=False, language="en-US")
    if host in OWN_NAMES:  # a page of somebody else's can't reach this one under a name that it points here
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(OWN_NAMES))
    app.add_middleware(_Guarded)
    # NiceGUI looks at all objects there are for its server, and one of PyTorch's says then that it is deprecated
    warnings.filterwarnings("ignore", message=".*reduce_op.*", category=FutureWarning)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE, lifespan="on")
    return uvicorn.Server(config)
