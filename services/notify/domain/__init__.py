"""The rules of delivering events to receivers outside the house, as plain functions."""
