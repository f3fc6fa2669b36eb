"""What the glimpse worlds do: rewards, gazes, views, refusals."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded

from foveate.errors import FoveateError

ID = "Glimpse/TranslatedDigits-v0"


def play(env: gym.Env, label: str = "right", seed: int = 0, **extra: object) -> list[float]:
    """Rewards of an episode in which every answer is right (or wrong)."""
    _, info = env.reset(seed=seed)
    rewards, over = [], False
    while not over:
        answer = info["target"] if label == "right" else (info["target"] + 1) % 10
        action = {"location": np.zeros(2, np.float32), "label": answer, **extra}
        _, reward, over, _, info2 = env.step(action)
        info = info2 if not over else info
        rewards.append(reward)
    assert info2["score"] == (label == "right")
    assert "target" not in info2  # nothing is left to answer
    return rewards


def test_rewards() -> None:
    assert play(gym.make(ID, glimpses=4)) == [0, 0, 0, 1]
    assert play(gym.make(ID, glimpses=4), "wrong") == [0, 0, 0, 0]
    assert play(gym.make(ID, glimpses=4, reward="every")) == [0.25] * 4
    assert play(gym.make(ID, glimpses=4, price=0.125)) == [-0.125, -0.125, -0.125, 1]
    assert play(gym.make(ID, glimpses=4, ready=True), ready=1) == [1]
    assert play(gym.make(ID, glimpses=4, ready=True, reward="every"), ready=1) == [1]
    assert play(gym.make(ID, glimpses=4, ready=True, reward="every"), ready=0) == [0.25] * 4
    assert play(gym.make(ID, glimpses=1)) == [1]


def test_target_mask_says_which_answers_are_rewarded() -> None:
    env = gym.make(ID, glimpses=3)
    _, info = env.reset(seed=0)
    masks = [info["target_mask"]]
    for _ in range(2):
        info = env.step(env.action_space.sample())[4]
        masks.append(info["target_mask"])
    assert masks == [False, False, True]
    assert gym.make(ID, reward="every").reset(seed=0)[1]["target_mask"] is True


def test_the_gaze_goes_where_it_is_sent_and_the_glimpse_is_of_that_place() -> None:
    env = gym.make(ID, relevance=True)
    _, info = env.reset(seed=1)
    rows, columns = np.nonzero(info["relevance"])
    middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5]) / 30 - 1
    away = np.where(middle > 0, -1.0, 1.0).astype(np.float32)
    on, *_ = env.step({"location": middle.astype(np.float32), "label": 0})
    off, *_ = env.step({"location": away, "label": 0})
    assert np.allclose(on["location"], middle)
    assert np.allclose(off["location"], away)
    assert on["glimpse"][0].mean() > 0.15
    assert off["glimpse"][0].mean() < 0.02


def test_tiles_and_moves() -> None:
    env = gym.make(ID, location="tiles", tiles=3)
    env.reset(seed=0)
    places = [env.step({"location": tile, "label": 0})[0]["location"].tolist() for tile in (0, 5)]
    assert np.allclose(places, [[-2 / 3, -2 / 3], [2 / 3, 0]])
    env = gym.make(ID, location="moves", reach=0.5, first="centre")
    env.reset(seed=0)
    for expected in ([0.5, -0.25], [1.0, -0.5], [1.0, -0.75]):  # clipped at the border
        seen, *_ = env.step({"location": np.array([1.0, -0.5], np.float32), "label": 0})
        assert np.allclose(seen["location"], expected)


def test_zoom_zero_is_the_usual_retina_and_zoom_one_is_twice_as_wide() -> None:
    flat = np.full((20, 28, 28), 200, np.uint8)
    arguments = {"images": flat, "labels": np.zeros(20, int), "size": 64, "patch": 8, "scales": 1, "zoom": True}
    env = gym.make("Glimpse/Digits-v0", first="centre", **arguments)
    plain = gym.make("Glimpse/Digits-v0", first="centre", **{**arguments, "zoom": False})
    assert np.allclose(env.reset(seed=3)[0]["glimpse"], plain.reset(seed=3)[0]["glimpse"], atol=1e-6)
    shares = []
    for zoom in (-1.0, 0.0, 1.0):
        env.reset(seed=3)
        seen, *_ = env.step({"location": np.zeros(2, np.float32), "zoom": np.array([zoom], np.float32), "label": 0})
        shares.append((seen["glimpse"] > 0).mean())
        assert seen["zoom"] == zoom
    assert shares[0] >= shares[1] >= shares[2]


@pytest.mark.parametrize("size", [28, 60, 200])
def test_what_reaches_the_network_depends_on_the_retina_alone(size: int) -> None:
    space = gym.make("Glimpse/Digits-v0", size=size).observation_space
    assert space == gym.make("Glimpse/Digits-v0").observation_space


def test_both_views_are_the_same_episode() -> None:
    glimpse, image = gym.make(ID, split="test"), gym.make(ID, split="test", view="image")
    for seed in range(3):
        (_, a), (picture, b) = glimpse.reset(seed=seed), image.reset(seed=seed)
        assert a == b
        seen = glimpse.step({"location": np.zeros(2, np.float32), "label": 3})
        whole = image.step(3)
        assert seen[1:] == whole[1:]
        crop = picture[0, 24:36, 24:36] / 255  # the finest patch at the centre
        assert np.allclose(seen[0]["glimpse"][0], crop, atol=1e-6)


def test_relevance_is_the_ink_in_image_coordinates_and_only_on_request() -> None:
    assert "relevance" not in gym.make(ID).reset(seed=0)[1]
    env = gym.make("Glimpse/ClutteredDigits-v0", view="image", relevance=True)
    for seed in range(5):
        picture, info = env.reset(seed=seed)
        assert info["relevance"].dtype == bool
        assert info["relevance"].shape == (60, 60)
        assert (picture[0][info["relevance"]] >= 64).all()  # all of it is bright
        assert info["relevance"].sum() < (picture[0] >= 64).sum()  # and clutter is not in it


def test_clutter_is_pieces_of_other_images_and_new_at_every_reset() -> None:
    env = gym.make("Glimpse/ClutteredDigits-v0", view="image", relevance=True)
    amounts, pictures = [], []
    for seed in range(40):
        picture, info = env.reset(seed=seed)
        amounts.append(int(((picture[0] >= 64) & ~info["relevance"]).sum()))
        pictures.append(picture.tobytes())
    assert 0 < np.mean(amounts) < 4 * 64
    assert len(set(pictures)) == 40


@pytest.mark.parametrize("value", [np.nan])
def test_nan_is_refused(value: float) -> None:
    env = gym.make(ID)
    env.reset(seed=0)
    with pytest.raises(FoveateError, match=r"action\['location'\] has NaN"):
        env.step({"location": np.array([value, 0.0], np.float32), "label": 0})
    vector = gym.make_vec(ID, num_envs=2)
    vector.reset(seed=0)
    with pytest.raises(FoveateError, match="NaN"):
        vector.step({"location": np.array([[0, 0], [0, value]], np.float32), "label": np.zeros(2, int)})
    with pytest.raises(FoveateError, match="whole numbers"):
        vector.step({"location": np.zeros((2, 2), np.float32), "label": np.array([0.0, value])})


def test_infinities_and_places_outside_are_clipped() -> None:
    env = gym.make(ID)
    env.reset(seed=0)
    seen, *_ = env.step({"location": np.array([np.inf, -7.0], np.float32), "label": 0})
    assert seen["location"].tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"location": np.zeros(3), "label": 0}, r"shape \(1, 3\), allowed is \(1, 2\)"),
        ({"location": np.zeros(2), "label": 10}, "allowed is 0 to 9"),
        ({"location": np.zeros(2), "label": -1}, "allowed is 0 to 9"),
        ({"location": np.zeros(2), "label": 0.5}, "whole numbers"),
        ({"location": np.zeros(2), "label": [1, 2]}, "shape"),
        ({"location": np.zeros(2)}, "keys"),
        ({"location": np.zeros(2), "label": 0, "zoom": 0}, "keys"),
        (np.zeros(3), "mapping"),
        ({"location": np.zeros(2), "label": "three"}, "no array of numbers"),
    ],
)
def test_wrong_actions_are_refused_with_what_is_allowed(action: object, message: str) -> None:
    env = gym.make(ID).unwrapped
    env.reset(seed=0)
    with pytest.raises(FoveateError, match=message):
        env.step(action)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"glimpses": 0}, "glimpses=0"),
        ({"size": 20}, "between 28"),
        ({"patch": 0}, "patch=0"),
        ({"scales": 0}, "scales=0"),
        ({"price": -1}, "price=-1"),
        ({"price": float("nan")}, "price=nan"),
        ({"view": "glimse"}, "Did you mean 'glimpse'"),
        ({"location": "polar"}, "continuous, moves, tiles"),
        ({"glimpse": 3}, "Did you mean 'glimpses'"),
        ({"render_mode": "rgb"}, "rgb_array"),
        ({"images": np.zeros((9, 5, 5), np.uint8)}, "belong together"),
        ({"piece": 40, "clutter": 1}, "piece=40"),
    ],
)
def test_impossible_arguments_are_refused_with_what_is_allowed(arguments: dict, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        gym.make(ID, **arguments)


def test_stepping_when_the_episode_is_over_asks_for_a_reset() -> None:
    env = gym.make(ID, glimpses=1).unwrapped
    with pytest.raises(ResetNeeded):
        env.step(env.action_space.sample())
    env.reset(seed=0)
    env.step(env.action_space.sample())
    with pytest.raises(ResetNeeded):
        env.step(env.action_space.sample())
    vector = gym.make_vec(ID, num_envs=2, glimpses=1, autoreset_mode="Disabled")
    vector.reset(seed=0)
    vector.step(vector.action_space.sample())
    with pytest.raises(ResetNeeded, match="reset_mask"):
        vector.step(vector.action_space.sample())


def test_seeds_of_a_vector_may_be_a_list_and_masks_are_checked() -> None:
    vector = gym.make_vec(ID, num_envs=3)
    a, _ = vector.reset(seed=[5, 5, 6])
    assert np.array_equal(a["glimpse"][0], a["glimpse"][1])
    for wrong in ([1, 2], [1, 2.5, 2], ["1", 2, 3], "123", 1.5, [True, 1, 2]):
        with pytest.raises(FoveateError, match="seed"):
            vector.reset(seed=wrong)
    with pytest.raises(FoveateError, match="reset_mask"):
        vector.reset(options={"reset_mask": np.array([1, 0, 1])})


def test_torch_output_stays_tensors() -> None:
    vector = gym.make_vec(ID, num_envs=3, output="torch", autoreset_mode="SameStep", glimpses=1)
    vector.reset(seed=0)
    seen, reward, _, _, info = vector.step({"location": torch.zeros(3, 2), "label": torch.zeros(3, dtype=torch.int64)})
    assert isinstance(reward, torch.Tensor)
    assert isinstance(seen["glimpse"], torch.Tensor)
    assert info["_final_obs"].all()
    assert info["final_info"]["score"].shape == (3,)


def test_catch_bounces_and_scores_as_it_should() -> None:
    env = gym.make("Glimpse/Catch-v0", size=6, balls=3, drift=5, view="image").unwrapped
    for seed in range(20):
        picture, _ = env.reset(seed=seed)
        rewards, over, landing = [], False, int(env.world.landing_column())
        while not over:
            assert (picture > 0).sum() in (2, 3)  # a paddle of two and a ball, perhaps on it
            assert int(env.world.landing_column()) == landing  # bounces change nothing about where it lands
            picture, reward, over, _, info = env.step(int(env.world.oracle()))
            rewards.append(reward)
            if len(rewards) % 5 == 0 and not over:
                landing = int(env.world.landing_column())
        assert rewards == pytest.approx([0, 0, 0, 0, 1 / 3] * 3)
        assert info["score"] == 1.0
        assert int(env.world.state["column"]) == landing


class Catcher:
    """A scripted player of Catch with the default retina, from observations alone: find the ball and follow it."""

    def __init__(self, worlds: int, size: int = 24, patch: int = 6):
        self.size, self.patch = size, patch
        self.column, self.speed = np.full(worlds, np.nan), np.zeros(worlds)
        self.sharp = np.zeros(worlds, bool)  # whether the column is known to the pixel
        self.paddle = np.full(worlds, size // 2 - 1)  # it starts there, and moves as it is told

    def act(self, seen: dict[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
        for world in range(len(self.column)):
            self._look(world, seen["glimpse"][world], seen["location"][world], row)
        known = np.nan_to_num(self.column, nan=self.size / 2)
        last = self.size - 1
        landing = np.abs((known + self.speed * (last - row) + last) % (2 * last) - last)  # the walls mirror its way
        move = 1 + np.sign(np.round(landing).clip(0, self.size - 2) - self.paddle).astype(int)
        self.paddle = (self.paddle + move - 1).clip(0, self.size - 2)
        after = (known + self.speed).clip(0, last)
        # a quarter of a pixel off the middle, so that no rounding decides where a patch begins
        place = np.stack([after + 0.75, np.full_like(after, row + 1.75)], -1) / (self.size / 2) - 1
        place[np.isnan(self.column)] = 0.0  # from the centre the widest patch shows the whole screen
        return {"move": move, "location": place.astype(np.float32)}

    def _look(self, world: int, glimpse: np.ndarray, location: np.ndarray, row: int) -> None:
        centre = (location.astype(np.float64) + 1) * self.size / 2
        for k, patch in enumerate(glimpse):  # the finest that shows the ball, which is in row `row`
            left, top = np.floor(centre - self.patch * 2**k / 2 + 0.5).astype(int)
            i = (row - top) // 2**k
            if not 0 <= i < self.patch or patch[i].max() == 0:
                continue
            column = left + (patch[i].argmax() + 0.5) * 2**k - 0.5
            if k == 0 and self.sharp[world]:
                self.speed[world] = column - self.column[world]
            self.column[world], self.sharp[world] = column, k == 0
            return
        self.sharp[world] = False


def test_someone_who_sees_can_catch_every_ball() -> None:
    worlds = 300
    env = gym.make_vec("Glimpse/Catch-v0", num_envs=worlds, autoreset_mode="Disabled")
    seen, _ = env.reset(seed=0)
    catcher, total = Catcher(worlds), np.zeros(worlds)
    for row in range(23):
        seen, reward, *_ = env.step(catcher.act(seen, row))
        total += reward
    assert total.mean() > 0.9
