"""`descend.watch` as one line for those who train by a framework's Trainer."""
