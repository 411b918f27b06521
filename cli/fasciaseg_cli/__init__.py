"""The command line of fasciaseg: a thin layer over `fasciaseg.api`."""

from __future__ import annotations


def main() -> None:
    """Run the `fasciaseg` command; always ends in `SystemExit` with a code of the design."""
    try:
        # Here, so that Ctrl-C while modules load is met as well.
        from .guard import run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
