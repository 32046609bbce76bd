"""`python -m dzvin` is the command line."""

from dzvin.cli import main

main()
