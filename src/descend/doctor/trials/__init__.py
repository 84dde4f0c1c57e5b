"""The search for a proof: remedies tried by re-running the script with each one applied."""
