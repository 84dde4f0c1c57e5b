"""Changes to prove or to compare that come from the user and not from the catalog."""
