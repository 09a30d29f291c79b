"""The page of the awards' report: a template and its style, filled by `api/report_pages.py`."""
