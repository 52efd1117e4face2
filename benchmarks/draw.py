"""Draw every table and picture of the measurements from their CSVs: `python benchmarks/draw.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean

import matplotlib as mpl
import recipe_tables
from matplotlib.figure import Figure as Picture

from menura.bench import results, tables
from menura.bench.comparison import Comparison

HERE = Path(__file__).parent
RESULTS = HERE / "results"
# A colour for each kind of provider.
COLOURS = {"menura": "#d1495b", "torch": "#8d99ae", "sentence-transformers": "#edae49"}
PEER = "#66a182"


def main() -> None:
    operators = results.read(RESULTS / "operators_cpu.csv")
    shapes = results.read(RESULTS / "shapes_cpu.csv")
    steps = results.read(RESULTS / "training_cpu.csv")
    compared = [each for each in tables.headline(operators) if any(figure.median_ms for figure in each.figures)]
    if not compared:
        sys.exit(f"error: [bench] {RESULTS / 'operators_cpu.csv'} has no times to draw; run: make bench")
    redraw(
        HERE.parent / "README.md",
        {
            "speed": tables.speed(operators),
            "memory": tables.memory(operators),
            "training": tables.training(steps),
        },
    )
    redraw(
        HERE / "README.md",
        {"everything": tables.everything(operators), "other shapes": tables.other_shapes(shapes)},
    )
    recipes, answers = (recipe_tables.read(RESULTS / f"{name}.csv") for name in ("recipes", "recipes_compared"))
    redraw(
        HERE.parent / "docs" / "results.md",
        {
            "recipes": recipe_tables.recipes(recipes),
            "answers": recipe_tables.answers(answers),
            "holds": recipe_tables.holds(recipes),
        },
    )
    # The same pictures from the same figures, to the byte.
    mpl.rcParams.update({"svg.hashsalt": "menura", "svg.fonttype": "none", "font.size": 8})
    save(picture(compared), RESULTS / "operators_cpu.svg")
    if any(recipe_tables.budgets(recipes)):
        save(budgets(recipes), RESULTS / "budgets.svg")


def redraw(path: Path, sections: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for section, table in sections.items():
        text = tables.redraw(text, section, table)
    path.write_text(text, encoding="utf-8")


def picture(compared: list[Comparison]) -> Picture:
    """Bars of milliseconds with their 20th and 80th percentiles, a panel for each workload."""
    heights = [len(each.figures) + 1 for each in compared]
    drawn = Picture(figsize=(8, 0.2 * sum(heights)), layout="constrained")
    panels = drawn.subplots(len(compared), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, each in zip(panels, compared, strict=True):
        timed = [figure for figure in each.figures if figure.median_ms is not None]
        medians = [figure.median_ms for figure in timed]
        spread = [
            [figure.median_ms - figure.p20_ms for figure in timed],
            [figure.p80_ms - figure.median_ms for figure in timed],
        ]
        colours = [COLOURS.get(figure.package.split()[0], PEER) for figure in timed]
        panel.barh([figure.provider for figure in timed], medians, xerr=spread, color=colours, ecolor="#333333")
        panel.invert_yaxis()
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_title(f"{each.first.title}, {each.first.precision}, ms", loc="left", fontsize=8)
    return drawn


def budgets(rows: list[dict[str, str]]) -> Picture:
    """nDCG@10 by the budget of a document's terms, for every seed, beside the start; at a point, the terms in use."""
    quality = recipe_tables.QUALITY
    drawn = Picture(figsize=(6, 3.2), layout="constrained")
    panel = drawn.subplots()
    ticks: set[int] = set()
    # Numbers of the first stand above their points, those of the second below.
    styles = ((COLOURS["menura"], max, 5), (PEER, min, -12))
    for (colour, outermost, away), (begun, groups) in zip(styles, recipe_tables.budgets(rows), strict=False):
        start, label = float(begun[quality]), f"start, {float(begun['document_terms']):.0f} terms"
        panel.axhline(start, color=colour, linewidth=1, linestyle=":")
        panel.annotate(label, (0.01, start), xycoords=("axes fraction", "data"), color=colour, va="bottom")
        means = []
        for budget, group in groups.items():
            terms, values = ([float(row[name]) for row in group] for name in ("document_terms", quality))
            panel.plot([budget] * len(values), values, "o", color=colour, markersize=4)
            means.append((budget, fmean(values)))
            shown = {"xytext": (0, away), "textcoords": "offset points", "color": colour, "ha": "center"}
            panel.annotate(f"{fmean(terms):.0f}", (budget, outermost(values)), **shown)
        panel.plot(*zip(*sorted(means), strict=True), color=colour, linewidth=1)
        ticks |= groups.keys()
    panel.margins(y=0.12)
    panel.set_xscale("log")
    panel.set_xticks(sorted(ticks), [str(budget) for budget in sorted(ticks)])
    panel.minorticks_off()
    panel.set_xlabel("budget of active terms a document (at a point: the terms in use)")
    panel.set_ylabel(quality)
    panel.spines[["top", "right"]].set_visible(False)
    return drawn


def save(drawn: Picture, path: Path) -> None:
    drawn.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
