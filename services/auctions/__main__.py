"""Run the auctions service: `python -m services.auctions`."""

from services.auctions.app import main
from shared.house import start

if __name__ == "__main__":
    start(main)
