"""Where an examined script may do as it likes: a scratch copy, and a watch on what leaves it.

Half of this room runs in our process (the copy, the environment), half in the script's own (the watch, the kernel's
rules), so nothing is imported here for all of it.
"""
