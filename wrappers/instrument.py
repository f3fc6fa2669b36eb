"""What instruments share: the ones inside stay within reach."""

import gymnasium as gym


class Instrument(gym.Wrapper):
    """A wrapper that hands on questions about what it has not: ``env.maps()``, though a recorder is around the maps.

    Gymnasium's own wrappers hand on nothing; through them it is ``env.get_wrapper_attr("maps")()``.
    """

    def __getattr__(self, name: str) -> object:
        if name.startswith("_") or name == "env":  # a copy that is being put together has no environment yet
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.env.get_wrapper_attr(name)
