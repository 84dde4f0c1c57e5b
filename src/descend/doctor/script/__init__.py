"""The user's script or notebook: its source, the plan of a consultation, and the edits that are made to the source."""
