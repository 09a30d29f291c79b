"""The rules of pooling, bidding, scoring and awarding, as plain functions."""
