"""Run the bids service: `python -m services.bids`."""

from services.bids.app import main
from shared.house import start

if __name__ == "__main__":
    start(main)
