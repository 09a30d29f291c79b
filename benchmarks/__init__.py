"""Measure the targets, each by a program of its own: `make bench BENCH=<name>`. See README.md."""
