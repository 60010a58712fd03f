"""Lets `python -m colorizer` run the `colorize` command."""

from colorizer.cli import main

if __name__ == "__main__":
    main()
