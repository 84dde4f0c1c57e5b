"""The assessment of one run: its progress, its logged metrics, its stability and its stages."""
