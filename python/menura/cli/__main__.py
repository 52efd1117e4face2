"""`python -m menura.cli`, as torchrun starts it."""

from menura.cli import main

main()
