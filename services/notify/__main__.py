"""Run the notify service: `python -m services.notify`."""

from services.notify.app import main
from shared.house import start

if __name__ == "__main__":
    start(main)
