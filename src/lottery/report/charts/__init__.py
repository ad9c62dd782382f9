"""The page's charts, as SVG inside the HTML; ``styles`` decides colors, for the figures too."""
