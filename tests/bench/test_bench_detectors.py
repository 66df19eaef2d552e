"""What the detectors' benchmark rests on; the figures themselves are in docs."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import LocalOutlierFactor

from data.errors import InputError
from tests.bench import detector_data as data
from tests.bench import detectors as bench
from tests.bench.detector_explanations import measure as measure_explanations
from tests.bench.detector_ranking import measure, rank, summary
from tests.bench.detector_rivals import ours, ours_with_labels, supervised, unsupervised
from tests.bench.detector_speed import (
    local_outlier_factor,
    measure_search,
    neighbour_distances,
    peer_distances,
)
from tests.shared_data import needs_shared


@pytest.mark.parametrize("make", [data.clusters, data.isotropic])
def test_our_lof_is_the_one_that_is_compared_with(make) -> None:
    X = make(1500, 6)
    theirs = -LocalOutlierFactor(20).fit(X).negative_outlier_factor_
    np.testing.assert_allclose(local_outlier_factor(X, 20), theirs, rtol=1e-9)


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize("make", [data.clusters, data.isotropic])
def test_our_search_gives_the_distances_of_the_peers_it_is_timed_against(make, algorithm) -> None:
    X = make(1500, 9)
    # Brute force there goes by |x|^2 + |y|^2 - 2xy, which loses digits.
    np.testing.assert_allclose(
        neighbour_distances(X, 20), peer_distances(X, 20, algorithm), rtol=1e-7, atol=1e-6
    )


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"only": ["speed"]}, "no such section"),
        ({"adbench": Path("/no/such/folder")}, "does not exist"),
        ({"page": Path("/no/such/page.md")}, "does not exist"),
    ],
)
def test_a_wrong_call_says_what_was_expected(asked, word) -> None:
    with pytest.raises(InputError, match=word):
        bench.run(**asked)


def odd_tables(count: int) -> data.Tables:
    random = np.random.default_rng(0)
    made = {}
    for number in range(count):
        X = random.normal(size=(120, 4))
        y = (np.arange(120) < 30).astype(int)
        X[y == 1] += 4
        made[f"table {number}"] = (X, y)
    return made


def test_without_tables_or_peers_the_page_says_what_was_not_measured(tmp_path, monkeypatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- measured -->\nold\n<!-- end -->\nAfter.\n", encoding="utf-8")
    kept = tmp_path / "results.json"
    results = bench.measure(
        ["ranking", "quality"], adbench=tmp_path / "none", quality=tmp_path / "none.csv.gz"
    )
    bench.write(results, kept, page)
    text = page.read_text(encoding="utf-8")
    assert "no table (*.npz) in none/" in text
    assert "no file none.csv.gz" in text
    assert "old" not in text
    assert text.startswith("Before.")
    assert text.endswith("After.\n")

    folder = tmp_path / "adbench"
    folder.mkdir()
    for name, (X, y) in odd_tables(2).items():
        np.savez(folder / name, X=X, y=y)
    monkeypatch.setattr("tests.bench.detector_rivals.find_spec", lambda name: None)
    bench.write(bench.measure(["ranking"], adbench=folder, seeds=1), kept, page)
    text = page.read_text(encoding="utf-8")
    assert "| XGBOD (PyOD) | not installed |" in text
    assert "| **Touchstone LocalDensity** | 1.000 |" in text
    assert "no file none.csv.gz" in text  # the other section stands as it was


def test_networks_learn_from_fewer_rows_than_one_batch_holds() -> None:
    pytest.importorskip("pyod")
    pytest.importorskip("torch")
    rows = np.random.default_rng(0).normal(size=(30, 4))
    methods = unsupervised(0, extras=True)
    for name in ("AutoEncoder (PyOD)", "DeepSVDD (PyOD)"):
        suspicion = methods[name](rows, np.zeros(30, dtype=int), rows + 9)
        assert suspicion.shape == (30,)
        assert np.isfinite(suspicion).all()


def test_each_further_split_is_given_as_soon_as_it_is_measured(monkeypatch) -> None:
    for kind in ("supervised", "unsupervised"):
        monkeypatch.setattr(f"tests.bench.detector_ranking.{kind}", lambda seed, *, extras: {})
    monkeypatch.setattr("tests.bench.detector_ranking.ours_with_labels", lambda: ours("clean"))
    given = [(title, result["seeds"]) for title, result in measure(odd_tables(1), 2, extras=False)]
    titles = [title for title, splits in given if splits == 1]
    assert given == [(title, 1) for title in titles] + [(title, 2) for title in titles]


def test_a_stopped_ranking_leaves_the_protocols_that_it_did_not_reach(tmp_path) -> None:
    def of(cores: int, *titles: str) -> dict:
        machine = {"cores": cores}
        return {
            "ranking": {"machine": machine, "figures": {t: {"machine": machine} for t in titles}}
        }

    kept = tmp_path / "results.json"
    bench.write(of(2, "P1", "P2"), kept)
    bench.write(of(8, "P2"), kept)
    figures = bench.read(kept)["ranking"]["figures"]
    assert {title: result["machine"]["cores"] for title, result in figures.items()} == {
        "P1": 2,
        "P2": 8,
    }


def test_the_search_is_timed_against_three_peers(monkeypatch) -> None:
    peers = ("kd_tree", "ball_tree", "brute")
    monkeypatch.setattr("tests.bench.detector_speed._SIZES", ((600, 5, peers),))
    rows = measure_search(1)
    assert {row["kind"] for row in rows} == {"clusters", "isotropic"}
    for row in rows:
        assert set(row["times_faster"]) == {"kd_tree", "ball_tree", "brute"}
        assert row["differs"] < 1e-5


@needs_shared
@pytest.mark.slow
def test_local_models_are_ahead_of_the_always_available_ones() -> None:
    tables = data.read_tables()
    one_class, few = {}, {}
    rank(data.one_class(tables, 0), ours("clean") | unsupervised(0, extras=False), one_class)
    rank(data.few_labels(tables, 0, 5), ours_with_labels() | supervised(0, extras=False), few)
    for scores in (one_class, few):
        assert summary(scores)[0]["method"] == next(iter(scores))


@needs_shared
@pytest.mark.parametrize("group", data.GROUPS)
def test_lots_of_the_quality_table_stay_on_one_side(group) -> None:
    [task] = data.quality(0, 5, group=group)
    assert task.labels.sum() == 5
    assert task.truth.sum() > 20
    assert len(task.train) > 4000


def test_named_features_raise_the_score_sooner_than_chance_and_counterfactuals_are_found() -> None:
    random = np.random.default_rng(1)
    X = random.normal(size=(200, 6))
    y = (np.arange(200) < 20).astype(int)
    X[y == 1, :2] += 6
    found = measure_explanations({"one": (X, y)}, extras=False)
    assert found["gain"]["parts"] > 0.5
    assert found["top_kept"] > 0.6
    assert found["counterfactual_found"] == 1
    assert found["features_changed"] <= 2
    assert not found["has_shap"]
