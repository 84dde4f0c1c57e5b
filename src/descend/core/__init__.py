"""Building blocks that every other package uses: limits, statistics, grids, files, errors."""
