"""Hold what every part of the record is built on."""

from shared.db import Pool
from shared.journal import Journal
from shared.vault import Vault


class Record:
    """The service's pool, the journal of what it tells, and the vault of what it keeps secret."""

    def __init__(self, pool: Pool, journal: Journal, vault: Vault) -> None:
        """Use the service's pool; events go out through the journal's outbox."""
        self._pool = pool
        self._journal = journal
        self._vault = vault
