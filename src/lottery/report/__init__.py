"""The report: one HTML file from tidy tables. Nothing of it trains, and nothing of it decides."""
