"""API."""


def pages() -> dict[str, bytes]:
    """All pages."""
    return {}
