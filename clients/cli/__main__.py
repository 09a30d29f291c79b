"""Run the command line as `python -m clients.cli`."""

from clients.cli import main

if __name__ == "__main__":
    main()
