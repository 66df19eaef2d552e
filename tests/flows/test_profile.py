"""``touchstone run --profile``: every step and model is there, and the parts add up."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data.warehouse.connection import open_read_only
from data.warehouse.models import BuiltModel, read_models
from flows.command_line import app
from flows.profile import Watch, write_profile
from tests.flows.test_inbox import deliver


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiled")
    deliver(folder / "in" / "one.json", 1)
    deliver(folder / "in" / "two.json", 2)
    places = {"warehouse": folder / "w.duckdb", "out": folder / "out", "profile": folder / "prof"}
    options = [str(word) for name, path in places.items() for word in (f"--{name}", path)]
    words = ["run", str(folder / "in"), "--direct", "--as-of", "2026-02-01T00:00:00Z", *options]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    return folder


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "profile.json").read_text(encoding="utf-8"))
    return rows


def test_each_model_is_one_part_with_the_rows_that_it_has(profiled: Path) -> None:
    parts = [row for row in rows_of(profiled / "prof") if row["level"] == "part"]
    built = {row["part"]: row["rows"] for row in parts if row["step"].startswith("build_layers")}
    models = [model.file.name for model in read_models()]
    assert sorted(built) == sorted(models)
    with open_read_only(profiled / "w.duckdb") as con:
        counted = {
            name: con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]  # noqa: S608
            for name in models
        }
    assert built == counted
    landed = [(row["part"], row["rows"]) for row in parts if row["step"] == "land_files"]
    assert landed == [("epcis", 2)]


def test_parts_lie_in_their_step_and_steps_in_the_run(profiled: Path) -> None:
    run, *rest = rows_of(profiled / "prof")
    steps = [row for row in rest if row["level"] == "step"]
    names = [row["step"] for row in steps]
    assert names[0] == "land_files"
    assert {"build_layers", "build_layers 2", "build_layers 3", "score_lots", "publish"} <= {*names}
    assert len(set(names)) == len(names)
    for measure in ("seconds", "cpu_s"):
        assert 0 < sum(row[measure] for row in steps) <= run[measure] + 1e-6
        for step in steps:
            parts = [r[measure] for r in rest if r["level"] == "part" and r["step"] == step["step"]]
            assert sum(parts) <= step[measure] + 1e-6
    starts = [row["started_s"] for row in steps]
    assert starts == sorted(starts)
    if run["peak_mb"] is not None:  # where the system tells
        assert run["peak_mb"] == max(row["peak_mb"] for row in [run, *rest])


def test_the_table_and_the_picture_show_what_the_json_holds(profiled: Path) -> None:
    rows = rows_of(profiled / "prof")
    with (profiled / "prof" / "profile.csv").open(encoding="utf-8", newline="") as file:
        assert [(r["step"], r["part"]) for r in csv.DictReader(file)] == [
            (r["step"], r["part"]) for r in rows
        ]
    page = (profiled / "prof" / "profile.html").read_text(encoding="utf-8")
    assert page.count("<rect ") == len(rows)
    assert page.count('<tr><td class="n">') == len(rows) - 1
    widths = [float(width) for width in re.findall(r'<rect [^>]* width="([\d.]+)"', page)]
    assert max(widths) == widths[0] == 1200
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(page)
    assert not {"script", "link", "img"} & set(tags)
    assert "http" not in page


def test_a_step_that_fails_or_comes_twice_is_told_apart(tmp_path: Path) -> None:
    said: list[object] = []
    watch = Watch(said.append)

    def build(rows: int) -> int:
        watch.say(BuiltModel("some_model", "core", rows, 0.0))
        if rows > 1:
            raise ValueError("too many")
        return rows

    assert watch.step(build)(1) == 1
    with pytest.raises(ValueError, match="too many"):
        watch.step(build)(2)
    spans = watch.spans()
    assert [(s.level, s.step, s.part, s.rows) for s in spans] == [
        ("run", "run", "", None),
        ("step", "build", "", None),
        ("part", "build", "some_model", 1),
        ("step", "build 2", "", None),
        ("part", "build 2", "some_model", 2),
    ]
    assert [str(one) for one in said] == ["built some_model: 1 rows", "built some_model: 2 rows"]


def test_names_are_escaped_in_the_picture(tmp_path: Path) -> None:
    watch = Watch(lambda _said: None)

    def build() -> None:
        watch.say(BuiltModel("<b>&", "core", 1, 0.0))

    watch.step(build)()
    write_profile(tmp_path, watch.spans())
    page = (tmp_path / "profile.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page
