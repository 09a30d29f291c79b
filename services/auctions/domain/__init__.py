"""The rules of a live auction: pure, without a clock and without I/O."""
