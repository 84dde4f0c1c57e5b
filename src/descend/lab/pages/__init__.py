"""Charts and tables of the laboratory's pages, built from a record or from computed trajectories."""
