"""What benchmarks/peers.py times, ours and others': the rows by name, as in rows.py.

Each is run in a process of its own, others' in an environment of their own: a package is imported where its row begins.
"""

import subprocess
import sys
from functools import partial
from typing import Any
from unittest import mock

import torch
from rows import MANY, Rows, Work, command, importing, make_worlds, single_steps

MAZE = "Memory/TMaze-v0"
ROUNDS = 24  # steps of all worlds in one piece of work: whole episodes of a glimpse world
SINGLE = 300  # steps of the single face
UPDATES = 16  # of four episodes, in one piece of work
GOING_ON: dict[str, dict[str, Any]] = {  # worlds by name
    "TranslatedDigits": {"env_id": "Glimpse/TranslatedDigits-v0"},
    "ClutteredDigits": {"env_id": "Glimpse/ClutteredDigits-v0"},
    "ClutteredDigits, 448 px": {"env_id": "Glimpse/ClutteredDigits-v0", "size": 448},
    "Copy": {"env_id": "Memory/Copy-v0"},
    "TMaze": {"env_id": MAZE},
    "Driving": {"env_id": "Probe/Driving-v0"},
    "Probe/Catch": {"env_id": "Probe/Catch-v0"},
    "SharedGaze": {"env_id": "Multi/SharedGaze-v0"},
}


# ---- cores ----


def core(model: str, size: int, length: int = 20, **options: Any) -> Work:
    """A training step of a core on Copy.

    Args:
        model: one of ours, or "plain", "peer-ntm" or "peer-dnc".
        size: episodes at once.
        length: bit vectors in each.
        **options: of the core.
    """
    import cores

    torch.manual_seed(0)
    others = {"plain": cores.Plain, "peer-ntm": cores.PeerNTM, "peer-dnc": cores.PeerDNC}
    built = others[model](**options) if model in others else cores.Model(model, **options)
    return cores.training_step(built, size, length=length)


# ---- recurrent PPO ----


def stock_ppo(dummy: bool = False, memories: int = 1) -> Work:
    """A turn of sb3-contrib's RecurrentPPO with the shipped settings: playing, then learning from it.

    Args:
        dummy: whether single environments are stepped by Stable-Baselines3's DummyVecEnv instead of our adapter.
        memories: 2, as is its default, is an LSTM each for actor and critic; 1 is one that both share, as ours.
    """
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.logger import Logger

    from foveate import sb3

    chosen = sb3.settings("ppo_lstm", MAZE)
    shared = {"shared_lstm": True, "enable_critic_lstm": False} if memories == 1 else {}
    model = sb3.make_algorithm("ppo_lstm", MAZE, 0, "cpu", policy_kwargs={**chosen["policy_kwargs"], **shared})
    model.set_logger(Logger(None, []))  # as of ours
    if dummy:
        model.set_env(make_vec_env(MAZE, chosen["n_envs"]))
    turn = chosen["n_envs"] * chosen["n_steps"]
    return lambda: model.learn(turn, reset_num_timesteps=False)


def own_ppo() -> Work:
    """The same of our `lstm` by PPO: worlds, steps, passes, minibatches and size of the LSTM are those settings'."""
    import rows_agents

    from foveate import sb3

    chosen = sb3.settings("ppo_lstm", MAZE)
    options = {"objective": "ppo", "worlds": chosen["n_envs"], "horizon": chosen["n_steps"], "lr": 0.002}
    options |= {"epochs": chosen["n_epochs"], "gamma": chosen["gamma"], "gae_lambda": chosen["gae_lambda"]}
    options |= {"minibatches": chosen["n_envs"] * chosen["n_steps"] // chosen["batch_size"], "entropy_coef": 0.01}
    size = chosen["policy_kwargs"]["lstm_hidden_size"]
    return rows_agents.update("PolicyGradient", "lstm", {"env_id": MAZE}, options, hidden=size)


# ---- a whole update ----


def ntm_update() -> Work:
    """A turn of back-propagation on Copy of length 20: 64 episodes are collected and learned from, 4 at a time."""
    import rows_agents

    copies = {"env_id": "Memory/Copy-v0", "min_length": 20, "max_length": 20}
    return rows_agents.update("Backprop", "ntm", copies, {"worlds": 4 * UPDATES, "batch": 4})


def ntm_kernel() -> Work:
    """The kernel alone, forwards and backwards, as often and on what such a turn gives to it."""
    from foveate import tree
    from foveate.agents.nn.kernels import ntm

    turn, run = ntm_update(), ntm.ntm_sequence
    with mock.patch.object(ntm, "ntm_sequence", side_effect=run) as watched:
        turn()
    shape, drive, parameters, begin = watched.call_args.args
    drive, parameters, begin = tree.map(lambda x: x.detach().requires_grad_(), (drive, parameters, begin))
    wanted = tree.leaves((drive, parameters, begin))
    outer = torch.randn_like(run(shape, drive, parameters, begin)[0])

    def work() -> None:
        for _ in range(UPDATES):
            torch.autograd.grad(run(shape, drive, parameters, begin)[0], wanted, outer)

    return work


# ---- worlds ----


def going_on(worlds: int, env_id: str, rounds: int = ROUNDS, **arguments: Any) -> Work:
    """Steps of many worlds, episodes ending as they may.

    Args:
        worlds: how many.
        env_id: of the environment.
        rounds: steps of all in one piece of work.
        **arguments: of the environment.
    """
    import speed

    return speed.stepping(make_worlds(env_id, worlds, **arguments), rounds)


def cartpole(worlds: int, rounds: int = ROUNDS) -> Work:
    """The same of Gymnasium's own vector of CartPole, in NumPy."""
    import gymnasium as gym
    import speed

    return speed.stepping(gym.make_vec("CartPole-v1", worlds, vectorization_mode="vector_entry_point"), rounds)


# ---- saliency ----


def driver(*targets: str, method: str = "jacobian", **options: int) -> Work:
    """Maps of the driver's picture; without targets a forward pass, which is what playing takes anyway."""
    import looking

    from foveate.wrappers.saliency import METHODS
    from foveate.wrappers.saliency.undisturbed import undisturbed

    watched = looking.watched_driver()
    view, inputs = watched.view, watched.inputs
    wanted = [target for target in watched.targets if target.name in targets]

    def forward() -> None:
        with torch.no_grad():
            view.outputs(inputs)

    def maps() -> None:
        with undisturbed(view):
            METHODS[method].function(view, inputs, wanted, **options)

    return maps if targets else forward


# ---- starting ----


def importing_torch() -> Work:
    """Importing torch in a new process, which no command of ours can do without where it trains."""
    return lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True)


# ---- the rows ----


def rows() -> Rows:
    """The rows by name."""
    found: Rows = {}
    for size in (1, 16):
        found |= {f"{name}, batch {size}": partial(core, name, size) for name in ("plain", "ntm", "peer-ntm")}
        found[f"ntm off, batch {size}"] = partial(core, "ntm", size, fast="off")
    for n in (16, 64, 128, 256):
        found |= {f"{name}, {n} rows": partial(core, name, 16, rows=n) for name in ("dnc", "peer-dnc")}
        found[f"dnc off, {n} rows"] = partial(core, "dnc", 16, rows=n, fast="off")
    found |= {"ppo": own_ppo, "ppo native": stock_ppo, "ppo native, two": partial(stock_ppo, memories=2)}
    found["ppo dummy"] = partial(stock_ppo, dummy=True)
    found |= {"ntm update": ntm_update, "ntm kernel": ntm_kernel}
    for worlds in (MANY, 16384):
        found |= {f"{name}, {worlds}": partial(going_on, worlds, **kind) for name, kind in GOING_ON.items()}
        found[f"CartPole, {worlds}"] = partial(cartpole, worlds)
    found |= {f"single {i}": partial(single_steps, i, SINGLE) for i in ("Memory/Copy-v0", MAZE)}
    found |= {"forward": driver, "one map": partial(driver, "value"), "two maps": partial(driver, "value", "advantage")}
    masks = partial(driver, "value", "advantage", method="perturbation")
    found |= {"masks together": masks, "masks one by one": partial(masks, chunk=1)}
    found |= {"import torch": importing_torch, "help": partial(command, "train.py", "--help")}
    found["import"] = partial(importing, "torch, gymnasium", "foveate")
    return found
