"""In Stable-Baselines3's company: its own algorithms on our environments, our networks in its algorithms."""

from .stock import ALGORITHMS, algorithm_class, make_algorithm, make_vec_env, settings, settings_file

__all__ = ["ALGORITHMS", "algorithm_class", "make_algorithm", "make_vec_env", "settings", "settings_file"]
