"""From tidy tables to one HTML page and a folder of figures. It trains and decides nothing."""
