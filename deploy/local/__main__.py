"""Run `python -m deploy.local`."""

from deploy.local.cli import main

if __name__ == "__main__":
    main()
