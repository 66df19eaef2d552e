"""The benchmark's results as Markdown, put between the markers of a page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

_START, _END = "<!-- measured -->", "<!-- end -->"


def write(page: Path, results: dict[str, dict[str, Any]]) -> None:
    """Put the tables between the page's markers."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_START)
    _, _, after = rest.partition(_END)
    body = "\n\n".join(f"### {title}\n" + "\n".join(lines) for title, lines in made(results))
    page.write_text(f"{before}{_START}\n{body}\n{_END}{after}", encoding="utf-8")


def made(results: dict[str, dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Every table, titled, in the order of the page."""
    tables: list[tuple[str, list[str]]] = []
    for section, make in _TABLES.items():
        if section not in results:
            continue
        result = results[section]
        if result["figures"] is None:
            tables.append((section.capitalize(), [f"Not measured here: {result['skipped']}."]))
        else:
            shown = make(result["figures"])
            own = result["figures"] if section in ("ranking", "quality") else {}
            for title, lines in shown:
                machine = own.get(title, {}).get("machine", result["machine"])
                tables.append((title, [*lines, "", _machine(machine)]))
    return tables


def _machine(machine: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"<sub>{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"Python {machine['python']}; {packages}</sub>"
    )


def _ranking(figures: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(title, _ranked(result)) for title, result in figures.items()]


def _ranked(result: dict[str, Any]) -> list[str]:
    lines = [
        f"| method | AUC | AP | mean rank | {result['first']} wins on | Wilcoxon p | s a table |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["methods"]:
        is_first = row["method"] == result["first"]
        wins = "" if is_first else f"{row['wins']} of {result['tables']}"
        p = "" if row["p"] is None else f"{row['p']:.3f}"
        is_ours = row["method"].startswith("Touchstone")
        name = f"**{row['method']}**" if is_ours else row["method"]
        lines.append(
            f"| {name} | {row['auc']:.3f} | {row['ap']:.3f} | {row['rank']:.1f} | {wins} | {p} "
            f"| {row['seconds']:.2f} |"
        )
    for name in result["not_installed"] or ():
        lines.append(f"| {name} | not installed | | | | | |")
    if result["not_installed"] is None:
        lines.append("| PyOD, XGBoost and deep models | left out | | | | | |")
    splits = "one split" if result["seeds"] == 1 else f"{result['seeds']} splits"
    return [*lines, "", f"Means of {splits}."]


def _curves(figures: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        ("P2 by the number of rows to learn from: mean AUC", _curve(figures["rows"], "rows")),
        ("P3 by the number of labels: mean AUC", _curve(figures["labels"], "labels")),
    ]


def _curve(curves: dict[str, dict[str, float]], unit: str) -> list[str]:
    points = list(next(iter(curves.values())))
    lines = [f"| {unit} | " + " | ".join(points) + " |", "|---" * (len(points) + 1) + "|"]
    for name, values in curves.items():
        shown = f"**{name}**" if name.startswith("Touchstone") else name
        lines.append(f"| {shown} | " + " | ".join(f"{values[at]:.3f}" for at in points) + " |")
    return lines


def _search(figures: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    lines = [
        "| data | rows | features | ours, processor s | times less than kd-tree | than ball tree "
        "| than brute force | wall time, times faster than each | distances differ by at most |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in figures:
        peers = ("kd_tree", "ball_tree", "brute")
        less = "".join(
            f"| {row['times_less_processor'][p]:.1f} ({row['processor_s'][p]:.2f} s) "
            for p in peers
        )
        faster = ", ".join(f"{row['times_faster'][p]:.1f}" for p in peers)
        lines.append(
            f"| {row['kind']} | {row['rows']:,} | {row['features']} "
            f"| {row['processor_s']['ours']:.3f} {less}| {faster} | {row['differs']:.0e} |"
        )
    title = "Exact search, index and nearest 20 of all rows, against scikit-learn on all cores"
    return [(title, lines)]


def _lof(figures: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    lines = [
        "| data | rows | features | ours, s | scikit-learn n_jobs=-1, s | times faster "
        "| times less processor time | ours, MB | scikit-learn, MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['kind']} | {row['rows']:,} | {row['features']} | {row['ours']:.3f} "
        f"| {row['sklearn']:.3f} | {row['times_faster']:.1f} | {row['times_less_processor']:.1f} "
        f"| {row['ours_mb']} | {row['sklearn_mb']} |"
        for row in figures
    ]
    return [("Exact LOF, 20 neighbours, all rows", lines)]


def _start(figures: dict[str, float | None]) -> list[tuple[str, list[str]]]:
    words = {
        "import_of_peers": "import of NumPy, SciPy, scikit-learn",
        "import_on_top": "import of our search on top, numba with it",
        "first_call_compiling": "first search of 1,000 rows, nothing compiled yet",
        "first_call_from_cache": "first search of 1,000 rows, compiled once before",
        "first_call_of_sklearn": "first search of 1,000 rows by scikit-learn",
    }
    lines = ["| | processor s |", "|---|---|"]
    for name, word in words.items():
        taken = "not measured" if figures[name] is None else f"{figures[name]:.2f}"
        lines.append(f"| {word} | {taken} |")
    return [("Start of a process", lines)]


def _decision(figures: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    lines = ["| | alone, µs | in a batch of 1,000, µs a row |", "|---|---|---|"]
    for row in figures:
        batch = f"{row['batch_us']:.0f}" if "batch_us" in row else ""
        lines.append(f"| {row['what']} | {row['alone_us']:.0f} | {batch} |")
    return [("One decision, 2,000 reference rows of 20 features, processor time", lines)]


def _quantised(figures: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    lines = [
        "| prototypes, odd + authentic | bits a feature | AUC | AP | bytes of prototypes "
        "| multiply-adds | pJ by the model | ns of processor time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in figures:
        odd, authentic = row["prototypes"]
        bits = "32, float" if row["bits"] == 64 else row["bits"]
        lines.append(
            f"| {odd} + {authentic} | {bits} | {row['auc']:.3f} | {row['ap']:.3f} "
            f"| {row['prototype_bytes']} | {row['multiply_adds']} | {row['picojoule']:,} "
            f"| {row['measured_ns']:,} |"
        )
    features = figures[0]["features"]
    title = (
        f"Prototypes of few bits: P3 with 20 labels; cost of one decision of {features} features"
    )
    return [(title, lines)]


def _explanations(figures: dict[str, Any]) -> list[tuple[str, list[str]]]:
    lines = [
        "| explanation | cost, scored rows | gain over a chance order "
        "| ours at least as good, share of rows |",
        "|---|---|---|---|",
    ]
    cost = figures["cost_in_scored_rows"]
    lines.append(f"| **Touchstone parts** | {cost:.0f} | {figures['gain']['parts']:.2f} | |")
    for multiple, share in figures["at_least_as_good"].items():
        lines.append(
            f"| kernel SHAP | {max(2, round(cost * int(multiple)))} "
            f"| {figures['gain'][multiple]:.2f} | {share:.2f} |"
        )
    if not figures["has_shap"]:
        lines.append("| kernel SHAP | not installed | | |")
    kept, found = 100 * figures["top_kept"], 100 * figures["counterfactual_found"]
    lines += [
        "",
        f"{figures['rows']} odd rows. Of the three features named first, {kept:.0f} % stay among "
        f"the first three when the reference is drawn anew. A counterfactual was found for "
        f"{found:.0f} % of the rows; the median one changes {figures['features_changed']:.0f} "
        "features.",
    ]
    return [("Explanations: deletion test, stability, counterfactual", lines)]


def _worlds(figures: dict[str, Any]) -> list[tuple[str, list[str]]]:
    words = {
        "lot": "Own tasks: lots of simulated months",
        "labelled": "Own tasks: lots, learned from half of them with ten attacks labelled",
        "edge": "Own tasks: trade relations by month",
        "site": "Own tasks: sites by month",
        "trajectory": "Own tasks: distinct ways of packs",
    }
    tables = []
    for level, title in words.items():
        if level not in figures:
            continue
        worlds = list(figures["odd"][level])
        missing = figures["not_installed"]
        left_out = (
            "PyOD, XGBoost and deep models were left out."
            if missing is None
            else "Not installed: " + ", ".join(missing) + "."
        )
        odd = [
            f"{name}: {count:,} of {total:,} odd"
            for name, (count, total) in figures["odd"][level].items()
        ]
        lines = [
            "| AP (AUC) | " + " | ".join(odd) + " |",
            "|---" * (len(worlds) + 1) + "|",
        ]
        by_mean = sorted(
            figures[level].items(), key=lambda one: -sum(v[0] for v in one[1].values())
        )
        for method, values in by_mean:
            shown = f"**{method}**" if method.startswith("Touchstone") else method
            cells = [f"{values[name][0]:.3f} ({values[name][1]:.2f})" for name in worlds]
            lines.append(f"| {shown} | " + " | ".join(cells) + " |")
        tables.append((title, lines if missing == [] else [*lines, "", left_out]))
    return tables


def _reliability(figures: dict[str, Any]) -> list[tuple[str, list[str]]]:
    alphas = [a for a in figures["alphas"] if 0.005 < a < 0.9]
    lines = [
        "![Share of honest rows with a p-value up to alpha](benchmarks/reliability.svg)",
        "",
        "| level | world | honest rows | " + " | ".join(f"p ≤ {a:g}" for a in alphas) + " |",
        "|---" * (len(alphas) + 3) + "|",
    ]
    for level, worlds in figures["levels"].items():
        for name, world in worlds.items():
            of = dict(zip(figures["alphas"], world["shares"], strict=True))
            cells = ["" if of[a] is None else f"{of[a]:.3f}" for a in alphas]
            lines.append(f"| {level} | {name} | {world['rows']:,} | " + " | ".join(cells) + " |")
    return [("How far p-values hold on honest rows of simulated worlds", lines)]


_TABLES: dict[str, Callable[[Any], list[tuple[str, list[str]]]]] = {
    "ranking": _ranking,
    "curves": _curves,
    "quality": _ranking,
    "search": _search,
    "lof": _lof,
    "start": _start,
    "decision": _decision,
    "quantised": _quantised,
    "explanations": _explanations,
    "worlds": _worlds,
    "reliability": _reliability,
}
