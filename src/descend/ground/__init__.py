"""What both wings stand on: bounds, grids, intervals, quantiles, chance, objects by their names, files, errors."""
