"""Name the figures that every process shows on `/metrics` about itself."""

from typing import Final

from prometheus_client import Gauge, Info

BUILD: Final = Info("commonlot_build", "Which service and version this process runs.")
CLOCK_OFFSET: Final = Gauge(
    "commonlot_clock_offset_seconds", "How far the database's clock is ahead of this process's."
)
BUS_CONNECTED: Final = Gauge("commonlot_bus_connected", "Whether the link to the bus stands.")
