"""Reading a script's source and changing it: what stands where, where it comes from, how to write something else."""
