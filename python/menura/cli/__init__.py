"""The command line: `run` and its steps, `compare`, `report`, `key`, `import`, `export`, `bench`, `doctor`."""

from __future__ import annotations

import sys
from typing import Any

from menura.errors import MenuraError


def _not_installed(error: ModuleNotFoundError) -> int:
    package = (error.name or "").partition(".")[0]
    print(f"error: {package} is not installed; run: pip install 'menura[train]'", file=sys.stderr)
    return 2


try:
    import typer
    from typer.core import TyperGroup

    from menura.cli.annotate import annotate
    from menura.cli.bench import bench
    from menura.cli.compare import compare
    from menura.cli.distil import demo, evaluate, mine, train
    from menura.cli.doctor import doctor
    from menura.cli.formats import export, formats, import_
    from menura.cli.key import key
    from menura.cli.recipes import recipes
    from menura.cli.report import report
    from menura.cli.run import run
except ModuleNotFoundError as missing:
    raise SystemExit(_not_installed(missing)) from None

__all__ = ["main"]


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        # Typer would end the process without a word.
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("interrupted; what was scored and saved is kept; the same command goes on from it.", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    help="Distil a cross-encoder teacher into ColBERT and SPLADE students.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo, recipes, run, mine, annotate, train, evaluate, compare, import_, export, formats, bench, doctor):
    app.command(command.__name__.rstrip("_"))(command)
app.add_typer(key, name="key")
app.add_typer(report, name="report")


def main() -> None:
    """Run the command line. What a user can mend is one line and exit code 2."""
    try:
        app()
    except MenuraError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        sys.exit(_not_installed(error))
