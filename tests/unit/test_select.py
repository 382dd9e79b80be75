"""The balanced choice: balance, determinism, independence of the splits, the thesis' order."""

import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from latentprint.errors import UserError
from latentprint.image_tables import Chosen, read_images, write_table
from latentprint.images import SAMPLINGS, choose


def pool(**counts):
    """Rows of an index: train_real=5 gives five training reals, in an order that is not sorted."""
    rows = []
    for group, count in counts.items():
        split, label = group.split("_")
        names = [f"{label[0]}{split[:2]}{k:04d}" for k in range(count)]
        random.Random(group).shuffle(names)
        rows += [Chosen(name, label, split, f"{split}/{label}/{name}.png", "ab") for name in names]
    return rows


IMAGES = pool(
    train_real=60, train_fake=50, test_real=30, test_fake=40, valid_real=10, valid_fake=10
)


def pick(images=IMAGES, sampling="stratified", n_train=20, n_test=10, seed=7):
    return choose(images, sampling=sampling, n_train=n_train, n_test=n_test, seed=seed)


def of_split(chosen, split):
    return [image for image in chosen if image.split == split]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n_train", "n_test"), [(2, 2), (40, 60), ("all", "all"), ("34", 8)])
def test_balance(sampling, seed, n_train, n_test):
    chosen = pick(sampling=sampling, n_train=n_train, n_test=n_test, seed=seed)
    half_train = 50 if n_train == "all" else int(n_train) // 2
    half_test = 30 if n_test == "all" else int(n_test) // 2
    assert Counter((image.split, image.label) for image in chosen) == {
        ("train", "real"): half_train,
        ("train", "fake"): half_train,
        ("test", "real"): half_test,
        ("test", "fake"): half_test,
    }
    assert len({image.id for image in chosen}) == len(chosen)
    assert set(chosen) <= set(IMAGES)
    splits = [image.split for image in chosen]
    assert splits == sorted(splits, reverse=True)


def test_first_is_the_order_of_the_csv_file():
    """Thesis: the first N/2 rows with label 1, then the first N/2 rows with label 0."""
    chosen = pick(sampling="first", n_train=20, n_test=10)
    expected = []
    for split, half in (("train", 10), ("test", 5)):
        for label in ("real", "fake"):
            rows = [image for image in IMAGES if (image.split, image.label) == (split, label)]
            expected += rows[:half]
    assert chosen == expected
    assert chosen == pick(sampling="first", n_train=20, n_test=10, seed=8)


def test_first_does_not_mind_mixed_classes():
    rows = pool(train_real=6, train_fake=6, test_real=2, test_fake=2)
    mixed = [image for pair in zip(rows[:6], rows[6:12], strict=True) for image in pair]
    chosen = pick(mixed + rows[12:], sampling="first", n_train=6, n_test=2)
    assert of_split(chosen, "train") == rows[:3] + rows[6:9]


def test_rows_at_the_end_of_a_list_come_behind_all_others():
    """Full shards stay as they are when images are added to the folder."""
    before = pick(IMAGES[:40] + IMAGES[60:100] + IMAGES[110:], sampling="listed", n_train="all")
    grown = pick(IMAGES[:60] + IMAGES[60:110] + IMAGES[110:], sampling="listed", n_train="all")
    assert [image.label for image in grown] == ["real", "fake"] * (len(grown) // 2)
    assert len(of_split(before, "train")) == 80
    assert len(of_split(grown, "train")) == 100
    assert of_split(grown, "train")[:80] == of_split(before, "train")
    assert grown == pick(sampling="listed", n_train="all", seed=8)


@pytest.mark.parametrize("seed", range(5))
def test_choice_does_not_depend_on_the_order_of_the_index(seed):
    shuffled = random.Random(seed).sample(IMAGES, len(IMAGES))
    assert pick(shuffled) == pick()


def test_seeds_choose_differently():
    choices = {tuple(image.id for image in pick(seed=seed)) for seed in range(20)}
    assert len(choices) == 20


def test_every_image_is_about_equally_likely():
    """5 of 20 in 400 draws: 100 expected, standard deviation 8.7; a biased rank would show."""
    images = pool(train_real=20, train_fake=20, test_real=1, test_fake=1)
    counts = Counter(
        image.id for seed in range(400) for image in pick(images, n_train=10, n_test=2, seed=seed)
    )
    for image in images[:40]:
        assert 60 <= counts[image.id] <= 140


def test_test_images_do_not_change_the_training_choice():
    train = of_split(pick(), "train")
    more = IMAGES + pool(test_real=90, test_fake=90)[70:]
    assert of_split(pick(more), "train") == train
    assert of_split(pick(n_test=60), "train") == train
    fewer = [image for image in IMAGES if image.split != "test" or image.id.endswith("1")]
    assert of_split(pick(fewer, n_test=2), "train") == train


def test_a_larger_choice_begins_with_the_smaller_one():
    """Shards that are full stay as they are when n_train grows."""
    assert of_split(pick(n_train=60), "train")[:20] == of_split(pick(n_train=20), "train")


def test_a_lost_image_changes_one_place():
    lost = of_split(pick(), "train")[4]
    remaining = [image for image in IMAGES if image != lost]
    after = of_split(pick(remaining), "train")
    assert set(of_split(pick(), "train")) - set(after) == {lost}
    assert len(after) == 20


def test_stratified_takes_the_classes_in_turn():
    labels = [image.label for image in pick()]
    assert labels == ["real", "fake"] * 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_train": 21}, "n_train: expected an even number from 2 .* got '21'"),
        ({"n_test": 0}, "n_test: expected an even number from 2 .* got '0'"),
        ({"n_test": -2}, "n_test: expected an even number"),
        ({"n_test": "some"}, "n_test: expected an even number .* got 'some'"),
        ({"n_train": 102}, "102 images need 51 of each class, found 60 real and 50 fake .* 100"),
        (
            {"sampling": "random"},
            "sampling: expected one of stratified, listed, first, got 'random'",
        ),
        ({"images": IMAGES[:60]}, "found 60 real and 0 fake"),
        ({"images": IMAGES[:60], "n_train": "all"}, "'all' needs images of both classes"),
    ],
)
def test_impossible_choices(options, message):
    with pytest.raises(UserError, match=message):
        pick(**options)


def test_step(root, tmp_path):
    write_table(tmp_path / "images.tsv", Chosen._fields, rows=IMAGES)
    command = [sys.executable, "-m", "latentprint.steps.select_images", "--seed", "7"]
    command += ["--images", tmp_path / "images.tsv", "--output", tmp_path / "selection.tsv"]
    command += ["--sampling", "stratified", "--n-train", "20", "--n-test"]
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow/lib")}
    done = subprocess.run([*command, "10"], env=environment, check=False)
    assert done.returncode == 0
    text = (tmp_path / "selection.tsv").read_text()
    assert text.startswith("id\tlabel\tsplit\tpath\tsha256\n")
    assert read_images(tmp_path / "selection.tsv") == pick()
    odd = subprocess.run(
        [*command, "9"], env=environment, check=False, capture_output=True, text=True
    )
    assert odd.returncode == 2
    assert odd.stderr.startswith("error: n_test: expected an even number")
    assert (tmp_path / "selection.tsv").read_text() == text


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_second_test_split_comes_last_and_changes_nothing_else(sampling):
    given = {"sampling": sampling, "n_train": 20, "n_test": 10, "seed": 7}
    without, with_it = choose(IMAGES, **given), choose(IMAGES, **given, n_valid=6)
    assert with_it[: len(without)] == without
    rest = with_it[len(without) :]
    assert Counter((image.split, image.label) for image in rest) == {
        ("valid", "real"): 3,
        ("valid", "fake"): 3,
    }
