"""What is examined: a script or a notebook, where its text lies, how much is looked at, and what is changed in it."""
