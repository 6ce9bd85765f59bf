"""Lets `python -m encours` do what the command does."""

from encours.cli import main

if __name__ == "__main__":
    main()
