"""`python -m fasciaseg_cli` is `fasciaseg`."""

from . import main

main()
