"""``params.yaml``, read strictly and checked; the grid of runs that it asks for; plug-ins by
name."""
