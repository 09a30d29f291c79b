"""Everything the environment may say to the auctions service."""

from shared.settings import ServiceSettings


class AuctionsSettings(ServiceSettings):
    """The auctions service has no settings beside the house's: rules come with each auction."""
