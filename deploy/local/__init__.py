"""Run the whole of Commonlot on one Linux machine, with nothing else to install.

`python -m deploy.local up` is the way in. From Python: `deploy.local.stack.running_stack`,
`deploy.local.postgres.postgres_server` and `deploy.local.nats.nats_server`.
"""
